"use strict";
// Live's undo: steps of changes, each with its inverse.

class History {
  constructor(rules) {
    this.rules = rules;
    this.steps = [];
    this.undone = [];
    this.open = null;
    this.notifying = 0;
    this.travelling = false;
  }

  // Make a change. `alone`: Live gives it a step of its own, whatever is open.
  change(make, inverse, alone = false) {
    this.allowed();
    const result = make();
    const entry = { make, inverse };
    this.undone = [];
    if (this.open && !alone) this.open.push(entry);
    else this.steps.push([entry]);
    return result;
  }

  allowed() {
    if (this.notifying) {
      this.rules.break(
        "Changes cannot be triggered by notifications. You will need to defer your response.",
      );
    }
    if (this.travelling) this.rules.break("Changes cannot be triggered during undo or redo.");
  }

  begin() {
    this.allowed();
    this.end(); // Live does not count: another begin closes the step before it
    this.open = [];
  }

  end() {
    if (this.open && this.open.length) this.steps.push(this.open);
    this.open = null;
  }

  undo() {
    this.allowed();
    this.end();
    const step = this.steps.pop();
    if (!step) return;
    this.travel(() => [...step].reverse().forEach((each) => each.inverse()));
    this.undone.push(step);
  }

  redo() {
    this.allowed();
    const step = this.undone.pop();
    if (!step) return;
    this.travel(() => step.forEach((each) => each.make()));
    this.steps.push(step);
  }

  travel(work) {
    this.travelling = true;
    try {
      work();
    } finally {
      this.travelling = false;
    }
  }
}

module.exports = { History };
