"use strict";
const { Thing, text } = require("./thing");

class Parameter extends Thing {
  constructor(set, parent, { name, value = 0, min = 0, max = 1, items = null, enabled = true }) {
    super(set, "DeviceParameter", parent);
    this.property("name", name);
    this.property("min", min);
    this.property("max", items ? min + items.length - 1 : max);
    this.property("is_enabled", enabled ? 1 : 0);
    this.property("is_quantized", items ? 1 : 0);
    this.property("automation_state", 0);
    if (items) this.derived("value_items", () => items);
    this.items = items;
    // Each value that is set is a step of undo by itself, as in Live.
    this.property("value", value, { check: this.kept, alone: true });
    this.function("str_for_value", (number) =>
      items ? items[Math.round(number) - min] : `${Math.round(number * 100) / 100}`,
    );
  }

  kept(value) {
    const number = Number(value);
    if (!Number.isFinite(number)) throw new Error("the value is no number");
    if (!this.get("is_enabled")) throw new Error("the parameter is disabled");
    if (number < this.get("min") || number > this.get("max")) throw new Error("out of range");
    return this.items ? Math.round(number) : number;
  }
}

class Device extends Thing {
  constructor(set, track, { name, kind = "PluginDevice", parameters = [] }) {
    super(set, "Device", track);
    this.property("name", name, { check: text });
    this.property("class_name", kind);
    this.parameters = parameters.map((each) => new Parameter(set, this, each));
    this.child("parameters", () => this.parameters);
  }

  picture() {
    return this.parameters.map((each) => each.get("value"));
  }
}

class Mixer extends Thing {
  constructor(set, track) {
    super(set, "MixerDevice", track);
    this.volume = new Parameter(set, this, { name: "Track Volume", value: 0.85 });
    this.panning = new Parameter(set, this, { name: "Track Panning", min: -1 });
    this.sends = [new Parameter(set, this, { name: "A-Reverb" })];
    this.child("volume", () => this.volume);
    this.child("panning", () => this.panning);
    this.child("sends", () => this.sends);
  }

  picture() {
    return [this.volume, this.panning, ...this.sends].map((each) => each.get("value"));
  }
}

module.exports = { Device, Mixer, Parameter };
