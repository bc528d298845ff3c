// What became of one file.

import { AskError, ask } from "./asking.js";
import { at, bytes, element, facts, foreign, number, sentence } from "./drawing.js";

const GOOD = "as recorded";

export function startAsset() {
  document.getElementById("asset-form").addEventListener("submit", (event) => {
    event.preventDefault();
    look(document.getElementById("what").value);
  });
}

async function look(what) {
  const place = document.getElementById("asset");
  place.replaceChildren(element("p", {}, "Looking … an address that stands in no item may take two minutes."));
  try {
    const { found, notes } = await ask("assets", { body: { what } });
    place.replaceChildren(...notes.map((each) => element("p", { class: "lead" }, sentence(each))), ...found.map(card));
  } catch (error) {
    if (!(error instanceof AskError)) throw error;
    place.replaceChildren(element("p", { class: "wrong", role: "alert" }, sentence(error.message)));
  }
}

function card({ dataset, item, key, row, url, standing, failure }) {
  return element(
    "article", { class: "card" },
    element("header", {}, element("h3", {}, foreign(key === item ? key : `${item} ${key}`, { code: false })), state({ row, standing, failure })),
    facts([
      ["Dataset", foreign(dataset, { code: false })],
      row && ["From", foreign(row.href)],
      row && ["Blob", foreign(url)],
      row && ["Size", row.length < 1000 ? bytes(row.length) : `${bytes(row.length)} (${number(row.length)} bytes)`],
      row && ["Digests", foreign(row.digests.join("\n"))],
      row && ["Verified by", foreign(row.verified_by)],
      row?.validator && ["Source's version", foreign(row.validator)],
      !row && failure && ["From", foreign(failure.href)],
    ]),
    element("ol", { class: "timeline" }, events({ row, failure, standing })),
  );
}

function state({ row, standing, failure }) {
  if (failure) return element("span", { class: "badge bad" }, row ? "copied, failed since" : "failed");
  if (!row) return element("span", { class: "badge still" }, "not copied");
  return element("span", { class: `badge ${standing === GOOD ? "good" : "bad"}` }, standing === GOOD ? "stands as recorded" : `blob: ${standing}`);
}

function events({ row, failure, standing }) {
  const found = [];
  if (row) {
    found.push([row.described_at, "", ["described so by its catalog"]]);
    found.push([row.completed_at, "good", ["copied and verified, asked for by ", foreign(row.cause)]]);
  }
  if (failure) {
    if (failure.attempts > 1) found.push([failure.first_at, "bad", ["failed for the first time"]]);
    found.push([failure.last_at, "bad", [`failed, attempt ${number(failure.attempts)}: `, foreign(`${failure.error}: ${failure.message}`, { code: false })]]);
  }
  found.sort(([one], [other]) => Date.parse(one) - Date.parse(other));
  const made = found.map(([then, look, words]) => element("li", { class: look }, at(then), words));
  if (row) made.push(element("li", { class: standing === GOOD ? "good" : "bad" }, element("time", {}, "now"), `the blob: ${standing}`));
  return made;
}
