"use strict";
const { Thing, text, between, switched } = require("./thing");
const { Clip } = require("./clip");
const { Mixer, Device } = require("./device");

class Slot extends Thing {
  constructor(set, track) {
    super(set, "ClipSlot", track);
    this.clip = null;
    this.child("clip", () => this.clip);
    this.derived("has_clip", () => (this.clip ? 1 : 0), { observe: true });
    this.derived("is_group_slot", () => track.get("is_foldable"));
    this.function("create_clip", this.create);
    this.function("delete_clip", this.remove);
  }

  create(length) {
    if (this.clip) throw new Error("the slot has a clip already");
    if (!this.parent.get("has_midi_input") || this.parent.get("is_foldable")) {
      throw new Error("a clip can only be made on a MIDI track");
    }
    if (this.parent.get("is_frozen")) throw new Error("the track is frozen");
    if (!(length > 0)) throw new Error("the length must be above 0");
    const clip = new Clip(this.set, this, { length });
    this.change(null, clip);
  }

  // What a person does who drops a file there.
  drop(sound, more = {}) {
    this.change(null, new Clip(this.set, this, { length: 4, sound, ...more }));
    return this.clip;
  }

  remove() {
    if (!this.clip) throw new Error("the slot has no clip");
    this.change(this.clip, null);
  }

  change(from, to) {
    let fresh = to;
    const put = (clip) => {
      if (this.clip) this.clip.retire();
      this.clip = clip;
      if (clip && clip !== fresh) clip.revive();
      fresh = null;
      this.notify("has_clip");
    };
    this.set.history.change(
      () => put(to),
      () => put(from),
    );
  }
}

class Track extends Thing {
  constructor(set, { name, kind = "midi", scenes = 0, frozen = false }) {
    super(set, "Track", set.song);
    this.kind = kind;
    this.property("name", name, { check: text, alone: true });
    this.property("mute", 0, { check: switched });
    this.property("solo", 0, { check: switched });
    this.property("arm", 0, { check: switched });
    this.property("is_frozen", frozen ? 1 : 0);
    this.derived("is_foldable", () => (kind === "group" ? 1 : 0));
    this.derived("has_midi_input", () => (kind === "midi" ? 1 : 0));
    this.derived("has_audio_input", () => (kind === "audio" ? 1 : 0));
    this.derived("can_be_armed", () => (kind === "midi" || kind === "audio" ? 1 : 0));
    this.slots = Array.from(
      { length: kind === "return" || kind === "master" ? 0 : scenes },
      () => new Slot(set, this),
    );
    this.clips = [];
    this.devices = [];
    this.mixer = new Mixer(set, this);
    this.child("clip_slots", () => this.slots);
    this.child("arrangement_clips", () => this.clips);
    this.child("devices", () => this.devices);
    this.child("mixer_device", () => this.mixer);
    if (set.version >= 12.1) this.function("create_midi_clip", this.createInArrangement);
    this.function("duplicate_clip_to_arrangement", this.duplicate);
    this.function("delete_clip", this.deleteClip);
  }

  addDevice(description) {
    const device = new Device(this.set, this, description);
    this.devices.push(device);
    this.notify("devices");
    return device;
  }

  // A person deletes one: Live has no step of undo for it here.
  removeDevice(device) {
    this.devices = this.devices.filter((each) => each !== device);
    device.retire();
    this.notify("devices");
  }

  createInArrangement(start, length) {
    if (!this.get("has_midi_input") || this.get("is_frozen")) throw new Error("not on this track");
    between(0, 1e6)(start);
    if (!(length > 0)) throw new Error("the length must be above 0");
    return this.place(new Clip(this.set, this, { length, start, arrangement: true }));
  }

  duplicate(source, start) {
    const clip = new Clip(this.set, this, {
      length: source.get("length"),
      start,
      name: source.get("name"),
      arrangement: true,
    });
    clip.notes = source.notes.map((note) => ({ ...note }));
    clip.nextNote = source.nextNote;
    return this.place(clip);
  }

  // Live cuts what lies there; nothing that we make may come to that.
  place(clip) {
    for (const other of this.clips) {
      if (
        clip.get("start_time") < other.get("end_time") &&
        other.get("start_time") < clip.get("end_time")
      ) {
        this.set.rules.break("a clip of the arrangement was written over");
      }
    }
    this.list(
      [...this.clips, clip],
      () => clip.retire(),
      () => clip.revive(),
    );
    return clip;
  }

  deleteClip(clip) {
    if (!this.clips.includes(clip)) throw new Error("the clip is not of this track");
    clip.retire();
    this.list(
      this.clips.filter((each) => each !== clip),
      () => clip.revive(),
      () => clip.retire(),
    );
  }

  list(clips, undone, redone) {
    const before = this.clips;
    let first = true;
    this.set.history.change(
      () => {
        this.clips = clips;
        if (!first) redone();
        first = false;
        this.notify("arrangement_clips");
      },
      () => {
        this.clips = before;
        undone();
        this.notify("arrangement_clips");
      },
    );
  }

  picture() {
    return {
      name: this.get("name"),
      slots: this.slots.map((slot) => slot.clip && slot.clip.picture()),
      arrangement: this.clips.map((clip) => clip.picture()),
      devices: this.devices.map((device) => device.picture()),
      mixer: this.mixer.picture(),
    };
  }
}

module.exports = { Track, Slot };
