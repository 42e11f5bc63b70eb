"use strict";
// Runs the patcher of a device that was built: its own boxes and lines, from the bytes of the file.
// Knows the objects of Max that it has, and no others.

const fs = require("node:fs");
const path = require("node:path");
const { Time } = require("./time");
const { JsObject } = require("./js-object");
const { NodeScript } = require("./node-script");

const NODE_STARTS_MS = 150;

// The patcher of an unfrozen `.amxd`: JSON behind the tag `ptch` and a size.
function patcherOf(file) {
  const data = fs.readFileSync(file);
  const at = data.indexOf("ptch") + 8;
  return JSON.parse(
    data.toString("utf8", at, data.indexOf(0, at) < 0 ? data.length : data.indexOf(0, at)),
  ).patcher;
}

class Patch {
  // On the last track of the set. `kept` is what Live stored of the device with the set, by names.
  constructor(set, file, { kept = {} } = {}) {
    this.set = set;
    this.time = new Time();
    this.folder = path.dirname(file);
    this.kept = { ...kept };
    this.track = set.song.tracks.at(-1);
    this.device = this.track.addDevice({ name: "Conduit", kind: "MxDeviceMidiEffect" });
    this.shown = new Map(); // what a thing on the panel shows
    const patcher = patcherOf(file);
    this.boxes = new Map(patcher.boxes.map(({ box }) => [box.id, this.boxOf(box)]));
    this.named = new Map([...this.boxes.values()].map((box) => [box.name, box]));
    for (const { patchline } of patcher.lines) {
      const [from, outlet] = patchline.source;
      this.boxes.get(from).lines.push({ outlet, to: this.boxes.get(patchline.destination[0]) });
    }
    // Max sends to what lies on the right first.
    for (const box of this.boxes.values())
      box.lines.sort((a, b) => b.to.x - a.to.x || b.to.y - a.to.y);
  }

  boxOf(box) {
    const [x, y] = box.patching_rect;
    const made = { name: box.varname, x, y, lines: [], text: box.text || "" };
    const [name, ...given] = made.text.split(" ");
    const kind = box.maxclass === "newobj" ? name : box.maxclass;
    const take = this.objects()[kind];
    if (!take) throw new Error(`the simulator knows no object ${kind}`);
    made.stored = (box.saved_object_attributes || {}).parameter_enable === 1;
    made.take = take.call(this, made, given);
    return made;
  }

  send(box, outlet, atoms) {
    for (const line of box.lines) if (line.outlet === outlet) line.to.take(atoms);
  }

  objects() {
    const through = (work) => (box, given) => (atoms) => work(box, given, atoms);
    const panel = (box) => (atoms) => this.show(box, atoms);
    return {
      midiin: () => () => {},
      midiout: () => () => {},
      "live.thisdevice": () => () => {},
      deferlow: through((box, _, atoms) => this.time.after(0, () => this.send(box, 0, atoms))),
      prepend: through((box, given, atoms) => this.send(box, 0, [...given, ...atoms])),
      message: (box) => () => this.send(box, 0, box.text.split(" ")),
      route: through((box, given, [first, ...rest]) => {
        const at = given.indexOf(String(first));
        if (at < 0) this.send(box, given.length, [first, ...rest]);
        else this.send(box, at, rest.length ? rest : ["bang"]);
      }),
      t: through((box, given, atoms) => {
        const each = (word) => (word === "b" ? ["bang"] : word === "l" ? atoms : [word]);
        for (let at = given.length - 1; at >= 0; at--) this.send(box, at, each(given[at]));
      }),
      pattr: through((box, [name], [first, ...rest]) => {
        if (first !== "bang" && box.stored) this.kept[name] = [first, ...rest];
        this.send(box, 0, this.kept[name] || ["bang"]);
      }),
      zl: through((box, [what, size], atoms) => {
        const n = Number(size);
        if (atoms[0] === "bang") return; // the list before it again, of which there is none
        if (what === "slice") {
          if (atoms.length > n) this.send(box, 1, atoms.slice(n));
          this.send(box, 0, atoms.slice(0, n));
        } else
          for (let at = 0; at < atoms.length; at += n) this.send(box, 0, atoms.slice(at, at + n));
      }),
      js: (box, [file]) => {
        const out = (atoms) => this.send(box, 0, atoms);
        const script = path.join(this.folder, file);
        box.js = new JsObject(this.set, this.time, script, out, this.device);
        return (atoms) => box.js.send(...atoms);
      },
      "node.script":
        (box, [file]) =>
        (atoms) => {
          if (atoms[0] === "script") this.startNode(box, file);
          else if (box.node) box.node.send(...atoms); // before it runs, Max drops what comes
        },
      "live.comment": panel,
      "live.text": panel,
      "live.menu": panel,
      textedit: panel,
      umenu: panel,
    };
  }

  startNode(box, file) {
    this.time.after(NODE_STARTS_MS, () => {
      box.node = new NodeScript(this.set.rules, path.join(this.folder, file), (atoms) =>
        this.send(box, 0, atoms),
      );
      this.send(box, 1, ["loadend", file]);
    });
  }

  // `set` and `setsymbol` replace what is shown, `append` and `clear` are for menus; a bang makes a
  // field say what is in it.
  show(box, [word, ...rest]) {
    const now = this.shown.get(box.name);
    if (word === "set" || word === "setsymbol") this.shown.set(box.name, rest.join(" "));
    else if (word === "clear") this.shown.set(`${box.name} items`, []);
    else if (word === "append") this.shown.get(`${box.name} items`).push(rest.join(" "));
    else if (word === "bang" && box.name === "prompt")
      this.send(box, 0, ["text", ...String(now || "").split(" ")]);
    else if (word === "bang" && box.name === "mode") this.send(box, 1, [now || "auto"]);
    else throw new Error(`${box.name} does not know ${word}`);
  }

  // ---- what a person does ----------------------------------------------------------------------

  load() {
    this.set.ready = true;
    this.send(this.named.get("ready"), 0, ["bang"]);
    return this;
  }

  write(text) {
    this.shown.set("prompt", text);
  }

  press(name) {
    this.send(this.named.get(name), 0, ["bang"]);
  }

  choose(name, item) {
    this.shown.set(name, item);
    this.send(this.named.get(name), 1, [item]);
  }

  async until(holds, what, limit = 15000) {
    const end = Date.now() + limit;
    for (;;) {
      this.time.pass(5);
      if (holds()) return;
      if (Date.now() > end)
        throw new Error(`this did not come: ${what}; ${JSON.stringify([...this.shown])}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close() {
    const { node } = this.named.get("bridge");
    if (node) node.close();
  }

  // A person deletes the device, or closes the set.
  remove() {
    for (const { js } of this.boxes.values()) {
      if (js && js.scope.notifydeleted) js.send("notifydeleted");
    }
    this.close();
    this.track.removeDevice(this.device);
  }
}

module.exports = { Patch };
