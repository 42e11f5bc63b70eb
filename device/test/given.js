"use strict";
// What the tests share: a set, a device in it, and what its applicators say.

const path = require("node:path");
const assert = require("node:assert/strict");
const pieces = require("../pieces");
const { LiveSet } = require("./simulator/set");
const { Rig } = require("./simulator/rig");

const KIT = {
  name: "Kit",
  parameters: [
    { name: "Device On", items: ["Off", "On"], value: 1 },
    { name: "Cutoff", value: 0.5 },
    { name: "Drive", value: 3, min: -12, max: 36 },
    { name: "Filter", items: ["LP", "HP", "Band"], value: 0 },
    { name: "Macro", enabled: false },
    { name: "Voices", items: ["One", "Two", "Four"], min: 1, value: 1 },
  ],
};
const TRACKS = [
  { name: "Drums", devices: [KIT] },
  { name: "Vox", kind: "audio" },
  { name: "Stems", kind: "group" },
  { name: "Old", frozen: true },
  { name: "Pad" },
  { name: "Pad" },
  { name: "Hall", kind: "return" },
];

function liveSet(more = {}) {
  return new LiveSet({ tracks: TRACKS, grooves: ["MPC 16 Swing"], ...more });
}

// A device whose [js] are alone: what they say is kept.
function alone(more = {}) {
  const set = liveSet(more);
  return { set, rig: new Rig(set, { bridge: false }).ready() };
}

let sent = 0;

// Gives a block to an applicator and returns its report.
function give(rig, kind, block) {
  const before = reports(rig).length;
  for (const message of pieces.split(`t${++sent}`, block)) rig[kind].send(...message);
  const now = reports(rig);
  assert.equal(now.length, before + 1, "one report for each block");
  return now.at(-1);
}

function reports(rig) {
  return assembled(rig, "applied");
}

function contexts(rig) {
  return assembled(rig, "session");
}

function assembled(rig, selector) {
  const assembly = new pieces.Assembly();
  const found = [];
  for (const [name, word, ...rest] of rig.toBridge) {
    if (name !== selector) continue;
    if (word === "begin") assembly.begin(...rest);
    const value = word === "piece" ? assembly.piece(...rest) : undefined;
    if (value !== undefined) found.push(value);
  }
  return found;
}

// Numbers that look random and are the same each time (a generator of Lehmer).
function dice(seed) {
  let state = seed;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return {
    next,
    whole: (n) => Math.floor(next() * n),
    one: (list) => list[Math.floor(next() * list.length)],
  };
}

function block(notes, target = {}, more = {}) {
  return { type: "midi", name: "Dub", notes, target, ...more };
}

const plain = (value) => JSON.parse(JSON.stringify(value));
const fixture = (name) => require(path.join(__dirname, "fixtures", `${name}.json`));

module.exports = { liveSet, alone, give, reports, contexts, dice, block, plain, fixture };
