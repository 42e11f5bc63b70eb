"use strict";
// The rules of Max and of Live that a device must keep. Breaking one throws and is remembered, so
// that a device that swallows the error is found out too.

class RuleBroken extends Error {}

class Rules {
  constructor() {
    this.broken = [];
    this.posted = [];
  }

  break(message) {
    this.broken.push(message);
    throw new RuleBroken(message);
  }
}

const LONGEST_SYMBOL = 32767;

// A message of Max is a list of numbers and symbols.
function checkAtoms(rules, atoms) {
  for (const atom of atoms) {
    if (typeof atom === "string") {
      // Whether Max counts characters or bytes is not written down: the larger number must do.
      const length = Buffer.byteLength(atom);
      if (length > LONGEST_SYMBOL) {
        rules.break(`a symbol has ${length} characters; Max ends it at ${LONGEST_SYMBOL}`);
      }
    } else if (typeof atom !== "number" || !Number.isFinite(atom)) {
      rules.break(`${atom === null ? "null" : typeof atom} (${String(atom)}) is no atom of Max`);
    }
  }
  return atoms;
}

module.exports = { Rules, RuleBroken, checkAtoms, LONGEST_SYMBOL };
