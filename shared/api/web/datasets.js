// Datasets, their newest runs, and what isn't as it should be.

import { ago, bytes, element, foreign, lasting, moment, number, rate, several, settle } from "./drawing.js";

const RATE_OVER = 60_000;
// As DISCOVER_STALL_MINUTES, unless that is set.
const STALLED = 75 * 60_000;
const LOOKS = { running: "busy", complete: "good", incomplete: "bad", failed: "bad", cancelled: "warn", capped: "warn" };
const HEADS = ["Dataset", "State", "Window", "Began", "Took", "Items", "Filtered", "Refused", "Files asked for", "There already", "Bytes asked for"];
const looks = new Map();

export function drawDatasets(report) {
  const cards = Object.entries(report.datasets).map(([name, each]) => card(name, each, report));
  settle(document.getElementById("datasets"), cards.length ? cards : element("p", { class: "lead" }, "datasets.toml has none yet."));
  drawRuns(report);
}

// Sentences: [what it is about, what is the matter, what to do].
export function needsOf(report) {
  const needs = [];
  for (const [name, each] of Object.entries(report.queues)) {
    if (each.poison) needs.push([`${name}-poison`, `holds ${several(each.poison, "message")} that failed for good: see Poison below.`]);
  }
  for (const [name, { run, hold, fresh_at: freshAt }] of Object.entries(report.datasets)) {
    if (run && (run.state === "incomplete" || run.state === "failed")) needs.push([name, `its run is ${run.state}: ${run.reason ?? ""}`]);
    if (run?.state === "running" && new Date(report.at) - new Date(run.progress_at) >= STALLED) {
      needs.push([name, `its run has made no progress for ${since(run.progress_at, report)}.`]);
    }
    if (hold?.paused_since) needs.push([name, `is paused for ${since(hold.paused_since, report)} by ${hold.paused_by}.`]);
    else if (hold) needs.push([name, `its host is given time: ${hold.deferred_because}`]);
    if (report.stale.includes(name)) needs.push([name, freshAt ? `is stale: it was read whole ${since(freshAt, report)} ago.` : "is stale: it was never read whole."]);
  }
  return needs;
}

export function drawNeeds(report) {
  const needs = needsOf(report);
  const place = document.getElementById("needs");
  if (!needs.length) settle(place, element("p", { class: "calm" }, element("span", { class: "badge good" }, "All is well"), element("span", {}, "Nothing needs you.")));
  else settle(place, element("ul", {}, needs.map(([what, told]) => element("li", {}, element("strong", {}, foreign(what, { code: false })), " ", foreign(told, { code: false })))));
  return needs.length;
}

function card(name, each, report) {
  const { run, copied_today: today } = each;
  const speed = speedOf(name, today, report.at);
  const heading = `dataset-${name}`;
  return element(
    "article",
    { class: "card", "data-key": name, "aria-labelledby": heading },
    element("header", {}, element("h3", { id: heading }, foreign(name, { code: false })), freshness(name, each, report)),
    figures([
      ["Files today", number(today.assets)],
      ["Bytes today", bytes(today.bytes)],
      ["Rate", speed ? `${bytes(speed.bytes)}/s` : "–", speed && `${rate(speed.assets)} files a second, over the last minute`],
      each.counts && ["Items listed", number(each.counts.available)],
      each.counts && ["Were whole", number(each.counts.items_already), "All files of these items were there, as described, when the run came by"],
      each.counts && ["Asked for", number(each.counts.items_sent), "Items of which the run has asked for at least one file"],
    ]),
    element("p", { class: "why" }, run ? [badge(run.state), " ", element("span", {}, runTold(run, report))] : badge("no run yet", "still")),
  );
}

// [[name, number, what it means], ...]
function figures(entries) {
  return element("dl", { class: "figures" }, entries.filter(Boolean).map(([name, value, title]) =>
    element("div", { title }, element("dt", {}, name), element("dd", {}, value))));
}

// Fresh or stale is what says how fresh it has to be; of any other it is told when it was read whole.
function freshness(name, { fresh_at: freshAt, freshness: goal }, report) {
  const isStale = report.stale.includes(name);
  if (!freshAt) return badge(isStale ? "stale: never read whole" : "not read whole yet", isStale ? "bad" : "still");
  const old = since(freshAt, report);
  const word = isStale ? "stale" : goal ? "fresh" : "read whole";
  const look = isStale ? "bad" : goal ? "good" : "still";
  return element("span", { class: `badge ${look}`, title: `Read whole up to ${moment(freshAt)}` }, `${word}, ${old} ago`);
}

function runTold(run, report) {
  if (run.ended_at) return ["run ended ", ago(run.ended_at, report.at)];
  if (run.withheld_since) return ["waits for ", since(run.withheld_since, report)];
  return ["run began ", ago(run.began_at, report.at)];
}

// What was copied in a second since a look a minute ago; undefined at the first one, and where the day has begun anew.
function speedOf(name, today, reportedAt) {
  const now = Date.parse(reportedAt);
  let seen = looks.get(name) ?? [];
  const last = seen.at(-1);
  if (last && (today.bytes < last.bytes || today.assets < last.assets)) seen = [];
  if (!last || now > last.now) seen.push({ now, ...today });
  while (seen.length > 2 && now - seen[1].now >= RATE_OVER) seen.shift();
  looks.set(name, seen);
  const seconds = (now - seen[0].now) / 1000;
  if (seconds <= 0) return undefined;
  return { assets: (today.assets - seen[0].assets) / seconds, bytes: (today.bytes - seen[0].bytes) / seconds };
}

function drawRuns(report) {
  const rows = Object.entries(report.datasets).filter(([, each]) => each.run).map(([name, each]) => row(name, each, report));
  const place = document.getElementById("runs");
  if (!rows.length) {
    settle(place, element("p", { class: "reason" }, "No run has begun yet."));
    return;
  }
  // Roles, as a table that is laid out in another way on a narrow screen isn't one any more to some readers.
  settle(place, element(
    "table", { role: "table" },
    element("caption", { class: "unseen" }, "The newest run of each dataset, with its window and counts"),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, HEADS.map((each, index) =>
      element("th", { scope: "col", role: "columnheader", class: index > 3 ? "number" : null }, each)))),
    element("tbody", { role: "rowgroup" }, rows),
  ));
}

function row(name, { run, counts }, report) {
  const numbers = counts ? [counts.available, counts.filtered, counts.refused, counts.sent, counts.already].map(number) : Array(5).fill("");
  const cell = (index, attributes, ...content) => element("td", { role: "cell", "data-label": HEADS[index], ...attributes }, ...content);
  const why = run.reason ?? (run.withheld_since ? run.withheld_because : null);
  return element(
    "tr", { "data-key": name, role: "row" },
    element("th", { scope: "row", role: "rowheader" }, foreign(name, { code: false })),
    cell(1, {}, badge(run.state), why ? element("span", { class: "why" }, foreign(why, { code: false })) : null),
    cell(2, {}, windowTold(run)),
    cell(3, { class: "keep" }, ago(run.began_at, report.at)),
    cell(4, { class: "number" }, lasting(new Date(run.ended_at ?? report.at) - new Date(run.began_at))),
    [...numbers, counts ? bytes(counts.sent_bytes) : ""].map((each, index) => cell(5 + index, { class: "number" }, each)),
  );
}

function windowTold(run) {
  const { since: from, until } = run.window;
  if (!from && !until) return run.kind === "plan" ? "everything, counted only" : "everything";
  const by = run.by === "datetime" ? "" : `${run.by} `;
  return `${by}${from ? `from ${from.slice(0, 16).replace("T", " ")} ` : ""}${until ? `to ${until.slice(0, 16).replace("T", " ")}` : ""}`.trim();
}

const badge = (text, look = LOOKS[text] ?? "still") => element("span", { class: `badge ${look}` }, text);
const since = (then, report) => lasting(new Date(report.at) - new Date(then));
