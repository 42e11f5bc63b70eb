"use strict";
// A Live set: the song, its view, tracks and scenes, and the ids of everything in it.

const { Rules } = require("./rules");
const { History } = require("./history");
const { Thing, text, between, switched } = require("./thing");
const { Track, Slot } = require("./track");

// Live refusing a call, or doing something else than was asked.
class Faults {
  constructor() {
    this.refused = [];
    this.twisted = [];
    this.countdown = 0;
  }

  // The `n`th call or change from now on is refused, whatever it is; but for the steps of undo.
  refuseAt(n, spared = /_undo_step$/) {
    this.countdown = n;
    this.spared = spared;
  }

  refuse(name, times = 1) {
    this.refused.push({ name, times });
  }

  after(name, work) {
    this.twisted.push({ name, work });
  }

  strike(name) {
    if (this.countdown > 0 && !this.spared.test(name)) {
      this.countdown -= 1;
      if (this.countdown === 0) throw new Error(`Live refuses ${name}`);
    }
    const fault = this.refused.find((each) => each.name === name && each.times > 0);
    if (fault) {
      fault.times -= 1;
      throw new Error(`Live refuses ${name}`);
    }
  }

  twist(name, thing) {
    const at = this.twisted.findIndex((each) => each.name === name);
    if (at >= 0) this.twisted.splice(at, 1)[0].work(thing);
  }
}

class Song extends Thing {
  constructor(set) {
    super(set, "Song", null);
    this.root = "live_set";
    const song = [
      ["tempo", 120, between(20, 999)],
      ["signature_numerator", 4, between(1, 99)],
      ["signature_denominator", 4, between(1, 16)],
      ["is_playing", 0, switched],
      ["record_mode", 0, switched],
      ["current_song_time", 0, between(0, 1e9)],
      ["groove_amount", 0, between(0, 1.3125)],
      ["root_note", 0, between(0, 11)],
      ["scale_name", "Major", text],
    ];
    for (const [name, value, check] of song) this.property(name, value, { check });
    this.tracks = [];
    this.returns = [];
    this.scenes = [];
    this.child("tracks", () => this.tracks);
    this.child("return_tracks", () => this.returns);
    this.child("master_track", () => this.master);
    this.child("scenes", () => this.scenes);
    this.child("view", () => this.view);
    this.child("groove_pool", () => this.pool);
    this.function("undo", () => set.history.undo());
    this.function("redo", () => set.history.redo());
    if (set.version >= 11) {
      this.function("begin_undo_step", () => set.history.begin());
      this.function("end_undo_step", () => set.history.end());
    }
    this.function("create_scene", this.createScene);
    this.function("delete_scene", this.deleteScene);
    this.function("delete_track", this.deleteTrack);
  }

  createScene(index) {
    const at = index < 0 ? this.scenes.length : index;
    const scene = new Scene(this.set, "");
    const added = this.tracks.map((track) => [track, new Slot(this.set, track)]);
    let fresh = true;
    this.set.history.change(
      () => {
        this.scenes.splice(at, 0, scene);
        for (const [track, slot] of added) track.slots.splice(at, 0, slot);
        if (!fresh) [scene, ...added.map((each) => each[1])].forEach((each) => each.revive());
        fresh = false;
        this.notify("scenes");
      },
      () => this.takeScene(at),
    );
    return scene;
  }

  takeScene(at) {
    const [scene] = this.scenes.splice(at, 1);
    scene.retire();
    for (const track of this.tracks) track.slots.splice(at, 1)[0].retire();
    this.notify("scenes");
  }

  deleteScene(index) {
    if (!(index in this.scenes) || this.scenes.length === 1) throw new Error("no such scene");
    const scene = this.scenes[index];
    const slots = this.tracks.map((track) => track.slots[index]);
    this.set.history.change(
      () => this.takeScene(index),
      () => {
        this.scenes.splice(index, 0, scene);
        this.tracks.forEach((track, at) => track.slots.splice(index, 0, slots[at]));
        [scene, ...slots].forEach((each) => each.revive());
        this.notify("scenes");
      },
    );
  }

  deleteTrack(index) {
    const track = this.tracks[index];
    if (!track) throw new Error("no such track");
    const view = this.view;
    this.set.history.change(
      () => {
        this.tracks.splice(index, 1);
        track.retire();
        if (view.chosen.selected_track === track)
          view.choose("selected_track", this.tracks[0] || null);
        this.notify("tracks");
      },
      () => {
        this.tracks.splice(index, 0, track);
        track.revive();
        this.notify("tracks");
      },
    );
  }
}

class Scene extends Thing {
  constructor(set, name) {
    super(set, "Scene", set.song);
    this.property("name", name, { check: text });
    this.child("clip_slots", () =>
      set.song.tracks.map((track) => track.slots[set.song.scenes.indexOf(this)]),
    );
  }
}

class View extends Thing {
  constructor(set) {
    super(set, "Song.View", set.song);
    this.chosen = { selected_track: null, selected_scene: null, detail_clip: null };
    for (const name of Object.keys(this.chosen)) {
      this.child(name, () =>
        this.chosen[name] && this.chosen[name].id ? this.chosen[name] : null,
      );
    }
  }

  // What a person does with the mouse.
  choose(name, thing) {
    this.chosen[name] = thing;
    this.notify(name);
  }
}

class LiveSet {
  // `shared` is what scripts of one Max have in common, also when another set is opened; with
  // `throws` they get an exception for what Live refuses.
  constructor({ version = 12.1, scenes = 4, tracks = [], grooves = [], ...more } = {}) {
    this.version = version;
    this.shared = more.shared || new Map();
    this.throws = more.throws || false;
    this.rules = new Rules();
    this.history = new History(this.rules);
    this.faults = new Faults();
    this.things = new Map();
    this.lastId = 0;
    this.ready = false;
    this.apis = 0;
    this.calls = [];
    this.song = new Song(this);
    this.view = this.song.view = new View(this);
    this.song.scenes = Array.from(
      { length: scenes },
      (_, at) => new Scene(this, `Scene ${at + 1}`),
    );
    this.song.master = new Track(this, { name: "Master", kind: "master" });
    this.song.pool = new Thing(this, "GroovePool", this.song);
    const pooled = (this.grooves = grooves.map((name) => {
      const groove = new Thing(this, "Groove", this.song.pool);
      groove.property("name", name);
      return groove;
    }));
    this.song.pool.child("grooves", () => pooled);
    for (const each of tracks) this.addTrack(each);
    this.view.chosen.selected_track = this.song.tracks[0] || null;
    this.view.chosen.selected_scene = this.song.scenes[0] || null;
  }

  addTrack(description) {
    const track = new Track(this, { scenes: this.song.scenes.length, ...description });
    const list = description.kind === "return" ? this.song.returns : this.song.tracks;
    list.push(track);
    for (const device of description.devices || []) track.addDevice(device);
    this.song.notify(description.kind === "return" ? "return_tracks" : "tracks");
    return track;
  }

  track(name) {
    return this.song.tracks.find((track) => track.get("name") === name);
  }

  register(thing) {
    this.lastId += 1;
    this.things.set(this.lastId, thing);
    return this.lastId;
  }

  unregister(thing) {
    this.things.delete(thing.id);
    thing.id = 0;
  }

  at(path) {
    const words = String(path).trim().split(/\s+/);
    if (words[0] === "id") return this.things.get(Number(words[1])) || null;
    if (words[0] !== "live_set") return null;
    let here = this.song;
    for (let at = 1; at < words.length && here; at++) {
      const read = here.children.get(words[at]);
      let found = read ? read() : null;
      if (Array.isArray(found)) found = found[Number(words[++at])];
      here = found || null;
    }
    return here;
  }

  // All that a person would see, without ids: two pictures are equal when nothing changed.
  picture() {
    const song = {};
    for (const [name, own] of this.song.properties) song[name] = own.value;
    return {
      song,
      scenes: this.song.scenes.map((scene) => scene.get("name")),
      tracks: this.song.tracks.map((track) => track.picture()),
    };
  }
}

module.exports = { LiveSet };
