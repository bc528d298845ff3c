// Preloaded into Azurite (node --require): its clock runs ahead by as many milliseconds as stand in a file, which may
// change while it runs. Timers and time-outs go by another clock and don't notice.
//
// Why not libfaketime: it would have to be installed by a system's own packages, and it moves Node's timers, too.
// Azurite asks `new Date()` and `Date.now()` and nothing else for the times of messages, leases and signatures.
//
// Signatures alone are judged by the right time: they are made by clients, whose clocks aren't moved.
"use strict";

const { readFileSync } = require("node:fs");
const Module = require("node:module");

const file = process.env.CLOCK_AHEAD_FILE;
const LOOK_EVERY_MS = 20;
const RightDate = Date;
const JUDGES_SIGNATURES = /[\\/]azurite[\\/].*[\\/]authentication[\\/]/;

let ahead = 0;
let looked = -Infinity;

function now() {
  const right = RightDate.now();
  if (right - looked >= LOOK_EVERY_MS) {
    looked = right;
    ahead = Number(readFileSync(file, "utf8"));
  }
  return right + ahead;
}

globalThis.Date = new Proxy(RightDate, {
  construct: (target, given, newTarget) => Reflect.construct(target, given.length ? given : [now()], newTarget),
  apply: () => new RightDate(now()).toString(),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});
globalThis.RightDate = RightDate;

const compile = Module.prototype._compile;
Module.prototype._compile = function (code, name, ...rest) {
  const meant = JUDGES_SIGNATURES.test(name) ? `"use strict"; const Date = globalThis.RightDate; ${code}` : code;
  return compile.call(this, meant, name, ...rest);
};
