// The queues over the last hour, and why discovery waits.

import { clock, element, foreign, lasting, number, settle, shape } from "./drawing.js";

const HOUR = 3_600_000;
// Where less is known, a line isn't drawn into a corner.
const SHORTEST = 60_000;
const WIDE = 300;
const HIGH = 48;
const MEANS = {
  discover: "pages of catalogs",
  copy: "what runs ask for",
  "copy-live": "what events ask for",
  "copy-later": "put off for a while",
  publish: "items to be published",
};
let readings = [];

export function drawLanes(report) {
  remember(report);
  const { limit, saturation, capacity } = report.withholding;
  settle(document.getElementById("mark"), limit === null
    ? "Discovery never waits for the queue (saturation inf)."
    : limit === 0 ? "Discovery is paused: saturation is 0."
    : `Discovery waits while ${number(limit)} or more copy requests are outstanding (${saturation} × ${number(capacity)}).`);
  settle(document.getElementById("waits"), waits(report));
  settle(document.getElementById("lanes"), Object.entries(report.queues).map(([name, each]) => lane(name, each, limit, report)));
  settle(document.getElementById("span"), spanTold(report));
}

// What the app has kept, once; then what this page sees itself.
function remember(report) {
  const now = Date.parse(report.at);
  const kept = (report.history ?? []).map((each) => ({ now: Date.parse(each.at), outstanding: each.outstanding, isKept: true }));
  const seen = { now, outstanding: Object.fromEntries(Object.entries(report.queues).map(([name, each]) => [name, each.outstanding])), isKept: false };
  const own = readings.filter((each) => !each.isKept);
  readings = [...(kept.length ? kept : readings.filter((each) => each.isKept)), ...own, seen]
    .filter((each) => now - each.now < HOUR)
    .sort((one, other) => one.now - other.now);
}

function spanTold(report) {
  const now = Date.parse(report.at);
  const kept = readings.filter((each) => each.isKept).length;
  const from = isWhole(now) ? "The last hour" : `Since ${clock(readings[0].now)}`;
  return kept ? `${from}: what the app has kept, and what this page has seen since it was opened.` : `${from}, when this page was opened: the app has kept no reading of the last hour.`;
}

// How much time the lines show; all of the hour, but for a gap between two readings.
const spanOf = (now) => Math.min(HOUR, Math.max(SHORTEST, now - readings[0].now));
const isWhole = (now) => now - readings[0].now > HOUR - 360_000;

function waits(report) {
  const found = Object.entries(report.withholding.waiting).map(([name, each]) => [name, `has waited for ${lasting(new Date(report.at) - new Date(each.since))}: ${each.because}`]);
  for (const [name, { hold }] of Object.entries(report.datasets)) {
    if (hold?.paused_since) found.push([name, `is paused by ${hold.paused_by}`]);
    else if (hold?.deferred_until) found.push([name, `waits for its host for ${lasting(new Date(hold.deferred_until) - new Date(report.at))} more: ${hold.deferred_because}`]);
  }
  if (!found.length) return [];
  return [element("ul", { class: "waits" }, found.map(([name, told]) => element("li", {}, element("strong", {}, foreign(name, { code: false })), " ", foreign(told, { code: false }))))];
}

function lane(name, each, limit, report) {
  const mark = name === "copy" ? limit : null;
  return element(
    "li", { class: "lane", "data-key": name },
    element("h3", {}, name, element("span", {}, MEANS[name] ?? "")),
    graph(name, each, mark, Date.parse(report.at)),
    element("dl", {},
      element("div", {}, element("dt", {}, "Outstanding"), element("dd", { class: each.outstanding ? null : "none" }, number(each.outstanding))),
      element("div", {}, element("dt", {}, "Poison"), element("dd", { class: each.poison ? "bad" : "none" }, number(each.poison)))),
  );
}

function graph(name, each, mark, now) {
  const span = spanOf(now);
  const points = readings.map((one) => [WIDE * (1 - (now - one.now) / span), one.outstanding[name] ?? 0]);
  const most = Math.max(...points.map(([, value]) => value));
  const top = Math.max(1, most, mark ?? 0) * 1.08;
  const y = (value) => HIGH * (1 - value / top);
  const line = points.map(([x, value], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const told = `${name} over the last ${isWhole(now) ? "hour" : lasting(span)}: ${number(each.outstanding)} now, ${number(most)} at most${mark ? `; discovery waits at ${number(mark)}` : ""}`;
  const drawn = shape(
    "svg", { class: "spark", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": told },
    shape("line", { class: "base", x1: 0, x2: WIDE, y1: HIGH, y2: HIGH }),
    shape("path", { class: "area", d: `${line}L${WIDE} ${HIGH}L${points[0][0].toFixed(1)} ${HIGH}Z` }),
    mark ? shape("line", { class: "limit", x1: 0, x2: WIDE, y1: y(mark).toFixed(1), y2: y(mark).toFixed(1) }) : null,
    shape("path", { class: "line", d: points.length > 1 ? line : `${line}h0.01` }),
  );
  if (!mark) return element("div", { class: "graph" }, drawn);
  const word = element("span", { class: "limit-name", "aria-hidden": "true" }, `waits at ${number(mark)}`);
  word.style.top = `${(100 * y(mark)) / HIGH}%`;
  return element("div", { class: "graph" }, drawn, word);
}
