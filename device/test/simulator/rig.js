"use strict";
// A device in a set, wired as README.md says: four scripts, `route` and `deferlow` between them.

const path = require("node:path");
const { Time } = require("./time");
const { JsObject } = require("./js-object");
const { NodeScript } = require("./node-script");

const FOLDER = path.resolve(__dirname, "..", "..");
const DEVICE = { name: "Conduit", kind: "MxDeviceMidiEffect" };
const SCRIPTS = {
  conversation: "conversation.js",
  context: "session-context.js",
  midi: "midi-applicator.js",
  parameters: "param-applicator.js",
};

class Rig {
  // With `bridge: false`, what the [js] say to it is kept in `toBridge` and goes nowhere. `kept` is
  // what Live stored of the device with the set.
  constructor(set, { bridge = true, time = new Time(), kept = "" } = {}) {
    this.set = set;
    this.time = time;
    this.kept = kept;
    this.track = set.song.tracks.at(-1);
    this.device = this.track.addDevice(DEVICE);
    this.toBridge = [];
    this.said = { text: "", status: [] };
    this.node = bridge
      ? new NodeScript(set.rules, path.join(FOLDER, "conduit-bridge.js"), (atoms) =>
          this.route(atoms),
        )
      : null;
    for (const [name, file] of Object.entries(SCRIPTS)) {
      const out = (atoms) => this.bridge(atoms);
      this[name] = new JsObject(set, time, path.join(FOLDER, file), out, this.device);
    }
  }

  // The bang of live.thisdevice.
  ready() {
    this.set.ready = true;
    for (const name of Object.keys(SCRIPTS)) this.defer(() => this[name].send("bang"));
    if (this.node) this.keep(this.kept);
    if (this.node) this.defer(() => this.conversation.send("settle"));
    this.time.pass(0);
    return this;
  }

  // [pattr]: stores what it is sent, and says it.
  keep(id) {
    this.kept = id;
    this.defer(() => this.conversation.send("stored", id || "bang"));
  }

  // A person deletes the device, or closes the set.
  remove() {
    for (const name of Object.keys(SCRIPTS)) {
      const script = this[name];
      if (script.scope.notifydeleted) script.send("notifydeleted");
    }
    this.close();
    this.track.removeDevice(this.device);
  }

  defer(work) {
    this.time.after(0, work);
  }

  bridge(atoms) {
    this.toBridge.push(atoms);
    if (this.node) this.node.send(...atoms);
  }

  route([selector, ...rest]) {
    if (selector === "midi") this.defer(() => this.midi.send(...rest));
    if (selector === "parameters") this.defer(() => this.parameters.send(...rest));
    if (selector === "text") this.said.text = rest.join(" ");
    if (selector === "status") {
      this.said.status.push(rest);
      if (rest[0] === "context") this.defer(() => this.context.send(...rest));
      if (rest[0] === "conversation") this.keep(rest[1]);
    }
  }

  // Real time and Max's time side by side, until something holds.
  async until(holds, what = String(holds), limit = 15000) {
    const end = Date.now() + limit;
    for (;;) {
      this.time.pass(5);
      if (holds()) return;
      if (Date.now() > end) throw new Error(`this did not come: ${what}\n${this.story()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  story() {
    return JSON.stringify({ ...this.said, posted: this.set.rules.posted.slice(-5) });
  }

  status(word) {
    const found = this.said.status.filter((each) => each[0] === word).pop();
    return found ? found.slice(1).join(" ") : "";
  }

  close() {
    if (this.node) this.node.close();
  }
}

module.exports = { Rig };
