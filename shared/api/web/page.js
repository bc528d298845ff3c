// Asks the app every ten seconds how it stands, as long as somebody looks, and shows it.

import { AskError, ask, key, signedIn } from "./asking.js";
import { startAsset } from "./asset.js";
import { drawDatasets, drawNeeds } from "./datasets.js";
import { clock, plain, several } from "./drawing.js";
import { drawLanes } from "./lanes.js";
import { drawPoison, startPoison } from "./poison.js";

const EVERY = 10_000;
const part = (id) => document.getElementById(id);
let timer = null;
let isHeld = false;
let hasHistory = false;
let lastNeeds = null;
let lastSeen = null;

function start() {
  part("place").textContent = location.host;
  part("key-form").addEventListener("submit", open);
  part("forget").addEventListener("click", forget);
  part("hold").addEventListener("click", hold);
  document.addEventListener("visibilitychange", () => (document.hidden ? wait() : refresh()));
  startPoison({ changed: refresh });
  startAsset();
  refresh();
}

async function refresh() {
  wait();
  try {
    show(await ask(address()));
  } catch (error) {
    if (!(error instanceof AskError)) {
      trouble("This page has a fault; `sluice status` tells the same. It is tried again.");
      reportError(error);
    } else if (error.isRefusal) return shut();
    else {
      const seen = lastSeen ? ` What is shown is of ${clock(lastSeen)}.` : "";
      trouble(`${error.message}${seen} It is tried again.`);
    }
  }
  if (!isHeld && !document.hidden) timer = setTimeout(refresh, EVERY);
}

// The last hour is asked for once: what comes after it this page sees itself.
function address() {
  return `status?reasons=true${hasHistory ? "" : "&history=true"}`;
}

function wait() {
  clearTimeout(timer);
  timer = null;
}

function show(report) {
  hasHistory = hasHistory || report.history !== undefined;
  lastSeen = report.at;
  trouble(null);
  part("door").hidden = true;
  part("content").hidden = false;
  part("hold").hidden = false;
  part("forget").hidden = key.get() === null;
  part("as-of").textContent = `As of ${clock(report.at)}`;
  const needs = drawNeeds(report);
  drawDatasets(report);
  drawLanes(report);
  drawPoison(report);
  document.title = needs ? `(${needs}) Sluice` : "Sluice";
  // Said only when it changes: a voice every ten seconds helps nobody.
  if (needs !== lastNeeds) part("said").textContent = needs ? `${several(needs, "thing needs", "things need")} you.` : "Nothing needs you.";
  lastNeeds = needs;
}

function trouble(text) {
  part("trouble").hidden = text === null;
  part("trouble").textContent = text === null ? "" : plain(text);
}

function shut() {
  key.forget();
  lastNeeds = null;
  for (const id of ["content", "hold", "forget"]) part(id).hidden = true;
  part("as-of").textContent = "";
  trouble(null);
  part("door").hidden = false;
  part("key").focus();
  greet();
}

async function open(event) {
  event.preventDefault();
  const typed = part("key").value.trim();
  part("key-wrong").textContent = "";
  if (!typed) return;
  try {
    const report = await ask(address(), { as: typed });
    key.set(typed);
    part("key").value = "";
    show(report);
    part("main").focus();
    refresh();
  } catch (error) {
    if (!(error instanceof AskError)) throw error;
    part("key-wrong").textContent = error.isRefusal ? "The app doesn't know this key." : error.message;
    part("key").focus();
  }
}

function forget() {
  key.forget();
  location.reload();
}

function hold() {
  isHeld = !isHeld;
  part("hold").setAttribute("aria-pressed", String(isHeld));
  if (isHeld) wait();
  else refresh();
}

// Where the platform signs people in, it says who they are; whether it lets them in is its own matter.
async function greet() {
  const who = await signedIn();
  if (who === undefined) return;
  part("signed-in").hidden = who.name === null;
  part("signed-in").textContent = `You are signed in as ${plain(who.name ?? "")}; the app asks for a key all the same.`;
  part("sign-in").hidden = who.name !== null;
}

start();
