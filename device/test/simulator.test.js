"use strict";
// The simulator breaks a device that breaks the rules: else the other tests would prove nothing.

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { alone, block, dice, give, liveSet, plain } = require("./given");
const { JsObject } = require("./simulator/js-object");
const { Time } = require("./simulator/time");
const { withoutOverlaps } = require("./simulator/overlaps");
const { LONGEST_SYMBOL } = require("./simulator/rules");

// A script as [js] would load it.
function js(set, source, time = new Time(), send = () => {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "device-"));
  const file = path.join(folder, "script.js");
  fs.writeFileSync(file, source);
  try {
    return new JsObject(set, time, file, send);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

test("LiveAPI is refused in global code, before live.thisdevice, and in the fast thread", () => {
  const set = liveSet();
  assert.throws(() => js(set, "new LiveAPI('live_set')"), /global code/);
  const early = js(set, "function bang() { new LiveAPI('live_set'); }");
  assert.throws(() => early.send("bang"), /live.thisdevice/);
  set.ready = true;
  early.send("bang");
  early.highPriority = true;
  assert.throws(() => early.send("bang"), /low-priority/);
  assert.equal(set.rules.broken.length, 3);
});

test("nothing is changed inside a notification, and later it may be", () => {
  const set = liveSet();
  set.ready = true;
  const time = new Time();
  const script = js(
    set,
    `var seen = [], api, task;
     function song() { return new LiveAPI("live_set"); }
     function told(args) { seen.push(args.join(" ")); if (args[1] === 99) song().set("tempo", 98); }
     function bang() { api = new LiveAPI(told, "live_set"); api.property = "tempo"; }
     function slower() { song().set("tempo", 97); }
     function later() { task = new Task(slower); task.schedule(5); }`,
    time,
  );
  script.send("bang");
  assert.throws(() => set.song.put("tempo", 99), /cannot be triggered by notifications/);
  script.send("later");
  time.pass(4);
  assert.equal(set.song.get("tempo"), 99);
  time.pass(1);
  assert.equal(set.song.get("tempo"), 97);
  assert.deepEqual(plain(script.scope.seen), [
    `id ${set.song.id}`,
    "tempo 120",
    "tempo 99",
    "tempo 97",
  ]);
});

test("symbols end, and only atoms pass", () => {
  const set = liveSet();
  const sent = [];
  const script = js(
    set,
    "function bang(what) { outlet(0, what); } function nothing() { outlet(0, null); }",
    new Time(),
    (atoms) => sent.push(atoms),
  );
  script.send("bang", "x".repeat(LONGEST_SYMBOL));
  assert.throws(() => script.send("bang", "x".repeat(LONGEST_SYMBOL + 1)), /symbol/);
  assert.throws(() => script.send("nothing"), /no atom/);
  assert.equal(sent[0][0].length, LONGEST_SYMBOL);
  for (const name of ["setTimeout", "console", "process", "fetch"])
    assert.equal(name in script.scope, false);
});

test("ids go stale, and undo brings things back under others", () => {
  const set = liveSet();
  const [slot] = set.track("Drums").slots;
  slot.run("create_clip", [4]);
  const { id } = slot.clip;
  slot.clip.run("add_new_notes", [{ notes: [{ pitch: 36, start_time: 0, duration: 1 }] }]);
  const before = set.picture();
  slot.run("delete_clip", []);
  assert.equal(set.at(`id ${id}`), null);
  set.history.undo();
  assert.deepEqual(set.picture(), before);
  assert.equal(set.at(`id ${id}`), null);
  assert.equal(set.at(`id ${slot.clip.id}`), slot.clip);
  set.history.undo();
  set.history.undo();
  assert.equal(slot.clip, null);
  set.history.redo();
  set.history.redo();
  assert.deepEqual(set.picture(), before);
});

test("undo takes a step back at once, a parameter by itself", () => {
  const set = liveSet();
  const before = set.picture();
  set.history.begin();
  set.song.put("tempo", 130);
  set.song.run("create_scene", [-1]);
  set.track("Drums").devices[0].parameters[1].put("value", 1);
  set.history.end();
  assert.equal(set.history.steps.length, 2);
  set.history.undo();
  set.history.undo();
  assert.deepEqual(set.picture(), before);
});

test("no two notes of a pitch overlap, whatever is added", () => {
  const roll = dice(7);
  for (let round = 0; round < 200; round++) {
    const note = (id) => ({
      note_id: id,
      pitch: 36 + roll.whole(3),
      start_time: roll.whole(16) / 4,
      duration: (1 + roll.whole(8)) / 4,
    });
    const old = Array.from({ length: roll.whole(12) }, (_, at) => note(at));
    const added = Array.from({ length: 1 + roll.whole(12) }, (_, at) => note(100 + at));
    const left = withoutOverlaps(withoutOverlaps([], plain(old)), plain(added));
    for (const a of left) {
      assert.ok(a.duration > 0);
      for (const b of left) {
        if (a === b || a.pitch !== b.pitch) continue;
        assert.ok(
          a.start_time + a.duration <= b.start_time || b.start_time + b.duration <= a.start_time,
        );
      }
    }
    // The newest of those that start at once is the one that is left.
    for (const each of added) {
      const same = added.filter(
        (other) => other.pitch === each.pitch && other.start_time === each.start_time,
      );
      const found = left.find(
        (other) => other.pitch === each.pitch && other.start_time === each.start_time,
      );
      assert.equal(found.note_id, same.at(-1).note_id);
    }
  }
});

test("a clip that is not looped has its loop where it begins and ends", () => {
  const set = liveSet();
  const [slot] = set.track("Drums").slots;
  slot.run("create_clip", [8]);
  const { clip } = slot;
  for (const [name, value] of [
    ["loop_start", 2],
    ["loop_end", 6],
    ["end_marker", 16],
  ])
    clip.put(name, value);
  assert.deepEqual([clip.get("length"), clip.get("end_time")], [4, 6]);
  clip.put("looping", 0);
  assert.deepEqual([clip.get("loop_start"), clip.get("loop_end"), clip.get("length")], [0, 16, 16]);
  clip.put("loop_end", 12);
  assert.equal(clip.get("end_marker"), 12);
  clip.put("looping", 1);
  assert.deepEqual([clip.get("loop_end"), clip.get("end_time")], [6, 6]);
  assert.throws(() => clip.put("end_marker", -1), /before the start/);
});

test("what Live refuses is written into a window, and the script goes on; or it throws", () => {
  const work = `function bang() {
      var slot = new LiveAPI("live_set tracks 0 clip_slots 0");
      outlet(0, slot.call("create_clip", -1)); // no such length
      slot.set("has_clip", 1); // not to be set
      outlet(0, slot.get("has_clip"));
    }`;
  const said = [];
  const set = liveSet();
  set.ready = true;
  js(set, work, new Time(), (atoms) => said.push(...atoms)).send("bang");
  assert.deepEqual(said, [0, 0]);
  assert.match(set.rules.posted.join("\n"), /length must be above 0\n.*no settable property/);
  const strict = liveSet({ throws: true });
  strict.ready = true;
  assert.throws(() => js(strict, work).send("bang"), /length must be above 0/);
  // A rule of Max that is broken is found out either way.
  const early = js(set, "function late() { new LiveAPI('live_set').set('tempo', NaN); }");
  assert.throws(() => early.send("late"), /NaN was given to Live/);
});

test("notes are only modified where all of them are there, and scripts share by a name", () => {
  const set = liveSet();
  const [slot] = set.track("Drums").slots;
  slot.run("create_clip", [4]);
  const [id] = slot.clip.run("add_new_notes", [
    { notes: [{ pitch: 36, start_time: 0, duration: 1 }] },
  ]);
  const change = (...ids) =>
    slot.clip.run("apply_note_modifications", [
      { notes: ids.map((note_id) => ({ note_id, velocity: 1 })) },
    ]);
  change(id, 99);
  assert.equal(slot.clip.notes[0].velocity, 100);
  change(id);
  assert.equal(slot.clip.notes[0].velocity, 1);

  const names = js(set, "var mine = new Global('a'); function bang(v) { mine.it = v; }");
  const reader = (shared) =>
    js(liveSet({ shared }), "var g = new Global('a'); function it() { return g.it; }");
  names.send("bang", 7);
  assert.equal(reader(set.shared).scope.it(), 7);
  assert.equal(reader(new Map()).scope.it(), undefined, "another Live");
});

// What Live's reference (for 12.2) has of that which is simulated. The two steps of undo are in no
// reference; control surfaces and devices use them.
const PUBLISHED = {
  Song:
    "tracks return_tracks master_track scenes view groove_pool tempo signature_numerator " +
    "signature_denominator is_playing record_mode current_song_time groove_amount root_note " +
    "scale_name undo redo create_scene delete_scene delete_track " +
    "begin_undo_step end_undo_step",
  "Song.View": "selected_track selected_scene detail_clip",
  Scene: "name clip_slots",
  GroovePool: "grooves",
  Groove: "name",
  Track:
    "name mute solo arm is_frozen is_foldable has_midi_input has_audio_input can_be_armed " +
    "clip_slots arrangement_clips devices mixer_device create_midi_clip " +
    "duplicate_clip_to_arrangement delete_clip",
  ClipSlot: "clip has_clip is_group_slot create_clip delete_clip",
  Clip:
    "name start_time end_time length looping loop_start loop_end start_marker end_marker groove " +
    "has_groove is_midi_clip is_audio_clip is_arrangement_clip notes file_path sample_length " +
    "sample_rate warping add_new_notes get_notes_extended get_all_notes_extended " +
    "remove_notes_extended remove_notes_by_id apply_note_modifications",
  Device: "name class_name parameters",
  MixerDevice: "volume panning sends",
  DeviceParameter:
    "name min max value value_items is_enabled is_quantized automation_state str_for_value",
};

test("nothing is simulated that Live does not have, and the device asks for nothing else", () => {
  const { set, rig } = alone();
  const kick = [{ pitch: 36, start: 0, duration: 1 }];
  const [drums, vox] = [set.track("Drums"), set.track("Vox")];
  for (const target of [{}, { slot: 0, mode: "merge" }, { mode: "new_scene" }])
    assert.equal(give(rig, "midi", block(kick, target)).ok, true);
  assert.equal(give(rig, "midi", block(kick, { view: "arrangement" })).ok, true);
  const knob = { device: "Kit", parameter: "Filter", value: "HP" };
  assert.equal(give(rig, "parameters", { type: "parameters", changes: [knob] }).ok, true);
  for (const script of [rig.midi, rig.parameters]) script.send("undo");
  for (const clip of [drums.slots[0].clip, vox.slots[0].drop({ file: "/a.wav" })]) {
    set.view.choose("detail_clip", clip);
    rig.time.pass(6000);
  }
  assert.deepEqual(set.rules.posted, [], "Max would have complained of what it does not know");
  const seen = new Set();
  for (const thing of set.things.values()) {
    const published = new Set(PUBLISHED[thing.type].split(" "));
    for (const part of [thing.properties, thing.children, thing.functions])
      for (const name of part.keys()) assert.ok(published.has(name), `${thing.type}: ${name}`);
    seen.add(thing.type);
  }
  assert.deepEqual([...seen].sort(), Object.keys(PUBLISHED).sort());
});
