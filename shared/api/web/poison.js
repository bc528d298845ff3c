// What failed for good: why, with its evidence, and sent back once somebody has said so.

import { AskError, ask } from "./asking.js";
import { ago, at, element, facts, foreign, number, plain, sentence, several, settle } from "./drawing.js";

const CLASS = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MOST_SHOWN = 20;
const NEEDS_ADMIN = "This needs the admin key (_master): forget the key, and type that one.";
let change = async () => {};
let order = null;

export function startPoison({ changed }) {
  change = changed;
  document.getElementById("poison").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (!button) return;
    const { act, queue, error } = button.dataset;
    if (act === "show") toggle(button, { queue, error });
    else openRedrive({ queue, error });
  });
  document.getElementById("redrive-go").addEventListener("click", go);
  document.getElementById("redrive-cancel").addEventListener("click", () => dialog().close());
  dialog().addEventListener("close", () => {
    // The button that opened it may be gone with its messages.
    if (document.activeElement === document.body) document.getElementById("poison-title").focus();
  });
}

export function drawPoison(report) {
  const reasons = Object.entries(report.reasons ?? {}).flatMap(([queue, each]) =>
    Object.entries(each.errors).map(([error, count]) => reason({ queue, error, count, seen: each.seen, all: report.queues[queue].poison })));
  const total = Object.values(report.queues).reduce((sum, each) => sum + each.poison, 0);
  settle(document.getElementById("poison-lead"), total
    ? `${several(total, "message")} failed for good; ${total === 1 ? "it stays" : "they stay"} until somebody sends ${total === 1 ? "it" : "them"} back or drops ${total === 1 ? "it" : "them"}.`
    : "Nothing has failed for good.");
  settle(document.getElementById("poison"), reasons.length ? [element("div", { class: "panel" }, reasons)] : []);
}

function reason({ queue, error, count, seen, all }) {
  const isClass = CLASS.test(error);
  const told = `in ${queue}-poison${all > seen ? `, of the first ${seen} of ${number(all)}` : ""}`;
  const place = `evidence-${queue}-${error.replace(/\W/g, "-")}`;
  const what = { "data-queue": queue, "data-error": error, type: "button" };
  return element(
    "article", { class: "reason", "data-key": `${queue} ${error}`, "aria-label": `${plain(error)} in ${queue}-poison` },
    element("div", { class: "reason-head" },
      element("div", {}, element("h3", {}, element("b", {}, number(count)), " × ", foreign(error, { code: false })), element("p", {}, told)),
      element("div", { class: "actions" },
        element("button", { ...what, "data-act": "show", "aria-expanded": "false", "aria-controls": place }, "Evidence"),
        isClass ? element("button", { ...what, "data-act": "redrive" }, "Send back…") : null)),
    element("div", { class: "evidence", id: place, "data-theirs": true }),
  );
}

const filtersOf = ({ queue, error }) => (CLASS.test(error) ? { queue, class: error } : { queue });

async function toggle(button, chosen) {
  const place = document.getElementById(button.getAttribute("aria-controls"));
  const isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  if (isOpen) {
    place.replaceChildren();
    return;
  }
  place.replaceChildren(element("p", { role: "status" }, "Looking …"));
  try {
    const query = new URLSearchParams({ ...filtersOf(chosen), limit: MOST_SHOWN });
    place.replaceChildren(...evidence(await ask(`poison?${query}`)));
  } catch (error) {
    place.replaceChildren(element("p", { class: "wrong", role: "alert" }, told(error)));
  }
}

function evidence({ messages, classes, more }) {
  if (!messages.length) return [element("p", { role: "status" }, "No message can be seen now: somebody else may have it, for a minute at most.")];
  const advice = [...new Set(Object.values(classes).map((each) => each.advice))];
  const rest = more ? element("p", {}, sentence(`There are more: these are the first ${messages.length}; \`sluice poison list\` shows all.`)) : null;
  return [...advice.map((each) => element("p", { class: "advice" }, sentence(each))), ...messages.map(message), rest].filter(Boolean);
}

function message(each) {
  const now = new Date().toISOString();
  return element(
    "article", { class: "message" },
    element("h4", {}, foreign(each.message, { code: false })),
    facts([
      ["Dataset", each.dataset && foreign(each.dataset, { code: false })],
      ["Failed", ago(each.failed_at, now)],
      ["Asked by", each.cause && foreign(each.cause)],
      each.items.length > 0 && ["Items", foreign(each.items.join("\n"))],
      each.note && ["Mind", element("span", {}, sentence(each.note))],
    ]),
    ...each.assets.map((one) => asset(one, each.message)),
    element("details", {}, element("summary", {}, "The message"), element("pre", { tabindex: "0" }, plain(each.body))),
  );
}

function asset(each, reason) {
  return facts([
    ["File", foreign(each.href)],
    ["Blob", foreign(each.name)],
    each.error && each.message !== reason && ["Error", foreign(`${each.error}: ${each.message}`, { code: false })],
    each.attempts && ["Attempts", `${number(each.attempts)}, first ${new Date(each.first_at).toISOString().slice(0, 16).replace("T", " ")} UTC`],
    each.copied_at && ["Copied since", at(each.copied_at)],
  ]);
}

const dialog = () => document.getElementById("redrive");

// Counts first: nothing is sent before somebody has seen how many there are.
async function openRedrive(chosen) {
  const filters = filtersOf(chosen);
  order = null;
  show("Send back?", ["Counting …"], { go: null });
  dialog().showModal();
  try {
    const found = await ask("poison/redrive", { body: { ...filters, dry_run: true } });
    if (!dialog().open) return;
    const title = found.done ? `Send ${several(found.done, "message")} back?` : "Nothing can be sent back now";
    order = found.done ? { ...filters, limit: found.done } : null;
    show(title, chosenTold(filters, found), { go: found.done ? `Send ${number(found.done)} back` : null });
  } catch (error) {
    show("Nothing was sent", [told(error)], { go: null });
  }
}

function chosenTold(filters, { done, left, more }) {
  return [
    facts([["Queue", `${filters.queue}-poison`], ["Error", filters.class], ["Messages", `${number(done)}${more ? ", and there are more" : ""}`]]),
    done ? "What is sent back begins anew: hosts are asked again, and what is still broken comes back." : "Somebody else may have the messages, for a minute at most.",
    left ? `${several(left, "message")} can't ever work and will be left.` : null,
  ];
}

async function go() {
  if (!order) return;
  const body = { ...order, dry_run: false };
  order = null;
  show("Sending …", ["This may take a while."], { go: null });
  try {
    const found = await ask("poison/redrive", { body });
    const lost = found.lost ? ` ${number(found.lost)} more may be worked twice, which is harmless.` : "";
    show("Sent back", [`${several(found.done, "message was", "messages were")} sent back.${lost}`], { go: null, close: "Close" });
  } catch (error) {
    show("It may not have been done", [told(error)], { go: null, close: "Close" });
  }
  await change();
}

function show(title, content, { go: label, close = label ? "Cancel" : "Close" }) {
  document.getElementById("redrive-title").textContent = title;
  document.getElementById("redrive-told").replaceChildren(
    ...content.filter(Boolean).map((each) => (each instanceof Node ? each : element("p", {}, foreign(each, { code: false })))));
  const button = document.getElementById("redrive-go");
  const hadFocus = document.activeElement === button;
  button.hidden = !label;
  button.disabled = !label;
  if (label) button.textContent = label;
  const cancel = document.getElementById("redrive-cancel");
  cancel.textContent = close;
  if (hadFocus && !label) cancel.focus();
}

function told(error) {
  if (!(error instanceof AskError)) throw error;
  return error.isRefusal ? NEEDS_ADMIN : error.message;
}
