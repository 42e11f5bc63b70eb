"use strict";
// What the bridge says to the panel and to the applicators. Runs in [node.script].

const max = require("max-api");
const { Problem } = require("./conduit-client");

const STEADY = new Set(["provider", "providers", "circuit", "lights", "presets", "preset"]);
const LONGEST_SHOWN = 30000;
const SHOW_EVERY_MS = 50;

const lastShown = new Map();

function out(...atoms) {
  // Max answers when it has taken a message; when it is closing it never does.
  Promise.resolve(max.outlet(...atoms)).catch(() => {});
}

// What is shown all the time is said when it changes: a menu that is filled anew closes.
function status(word, ...atoms) {
  if (STEADY.has(word)) {
    const what = word === "circuit" ? `circuit ${atoms[0]}` : word;
    const now = JSON.stringify(atoms);
    if (lastShown.get(what) === now) return;
    lastShown.set(what, now);
  }
  out("status", word, ...atoms);
}

// A symbol of Max ends at 32,767; in bytes, to be on the safe side.
function fitting(text) {
  const data = Buffer.from(text);
  return data.length > LONGEST_SHOWN ? `${data.toString("utf8", 0, LONGEST_SHOWN - 4)} …` : text;
}

function say(text) {
  status("say", fitting(String(text).replace(/\s+/g, " ")));
}

function complain(problem) {
  const { message, hint } =
    problem instanceof Problem ? problem : { message: `the device failed: ${problem}` };
  say(hint ? `${message} (${hint})` : message);
}

// The next time it is said though it is the same: people may have changed what is shown.
function anew(word) {
  lastShown.delete(word);
}

// The answer as it is shown while it comes: not more often than anybody can read.
class Shown {
  constructor() {
    this.text = "";
    this.later = null;
    this.show();
  }

  take(name, data) {
    if (name === "text") this.add(String(data.text));
    if (name === "retracted") this.replace(String(data.text));
    if (name === "provider") status("provider", String(data.provider), String(data.model));
    if (name === "tool_call") say(`${data.block} …`);
    if (name === "approval") say(`${data.block} needs your consent: open Studio in a browser`);
  }

  add(text) {
    if (this.text.length < LONGEST_SHOWN) this.text += text; // no more than that is ever shown
    if (!this.later) this.later = setTimeout(() => this.show(), SHOW_EVERY_MS);
  }

  // What was said does not count; the model is asked once more.
  replace(text) {
    this.text = text;
    this.add("");
  }

  show() {
    clearTimeout(this.later);
    this.later = null;
    out("text", fitting(this.text));
  }

  end(whole) {
    if (typeof whole === "string") this.text = whole;
    this.show();
  }
}

module.exports = { Shown, anew, complain, fitting, out, say, status };
