// Elements, numbers and times. Whatever came from elsewhere becomes text, and nothing else.

const SVG = "http://www.w3.org/2000/svg";
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const SPANS = [["d", 86400], ["h", 3600], ["min", 60]];
const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
// What turns the direction of text, hides in it, or moves the cursor.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

// element("p", { class: "lead" }, "text", child): children that are null or undefined are left out.
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function shape(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((each) => each !== null && each !== undefined));
  return made;
}

// Text of others: as it is written, in an island of its own direction, with what can't be seen made visible.
export function foreign(text, { code = true } = {}) {
  return element("bdi", { class: code ? "foreign" : null }, plain(text));
}

export function plain(text) {
  return String(text).replace(UNSEEN, (each) =>
    each === "\n" ? each : `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// A sentence of ours, in which what is to be typed stands between backticks.
export function sentence(text) {
  return plain(text).split("`").map((each, index) => (index % 2 ? element("code", {}, each) : each)).filter((each) => each !== "");
}

// [["name", child or text], ...]; entries that are null are left out.
export function facts(entries, attributes = { class: "facts" }) {
  const there = entries.filter((each) => each && each[1] !== null && each[1] !== undefined);
  return element("dl", attributes, there.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

export const number = (value) => whole.format(value);
export const several = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export function bytes(value) {
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? number(Math.round(size)) : short.format(size)} ${UNITS[unit]}`;
}

export const rate = (value) => (value < 10 ? short.format(value) : number(Math.round(value)));

// A time in its largest unit: "3 h".
export function lasting(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  for (const [name, size] of SPANS) if (seconds >= size) return `${Math.floor(seconds / size)} ${name}`;
  return `${seconds} s`;
}

export function ago(then, now) {
  return element("time", { datetime: then, title: moment(then) }, `${lasting(new Date(now) - new Date(then))} ago`);
}

// In UTC, to the second.
export const moment = (at) => `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
export const clock = (at) => `${new Date(at).toISOString().slice(11, 19)} UTC`;
export const at = (then) => element("time", { datetime: then }, moment(then));

// Make a place's children like new ones, and leave alone what is the same: focus, selection, what is unfolded.
export function settle(place, ...children) {
  const made = children.flat().filter((each) => each !== null && each !== undefined);
  liken(place, made.map((each) => (each instanceof Node ? each : document.createTextNode(each))));
}

function liken(place, made) {
  const old = [...place.childNodes];
  made.forEach((each, index) => {
    const before = old[index];
    if (before === undefined) place.append(each);
    else if (!isAlike(before, each)) before.replaceWith(each);
    else if (each.nodeType === Node.TEXT_NODE) {
      if (before.data !== each.data) before.data = each.data;
    } else {
      likenAttributes(before, each);
      // What a visitor has opened there is theirs.
      if (!each.hasAttribute("data-theirs")) liken(before, [...each.childNodes]);
    }
  });
  old.slice(made.length).forEach((each) => each.remove());
}

function isAlike(before, after) {
  return before.nodeName === after.nodeName && before.nodeType === after.nodeType
    && (before.nodeType === Node.TEXT_NODE || before.getAttribute("data-key") === after.getAttribute("data-key"));
}

function likenAttributes(before, after) {
  for (const { name } of [...before.attributes]) {
    if (!after.hasAttribute(name) && name !== "open" && name !== "aria-expanded") before.removeAttribute(name);
  }
  for (const { name, value } of after.attributes) {
    if (name !== "aria-expanded" && before.getAttribute(name) !== value) before.setAttribute(name, value);
  }
}
