"use strict";
// Random blocks in random sets, with Live refusing a random call: each is applied exactly as it was
// asked for and read back, or the set is as it was; and one undo gives back the set. What is meant
// by "exactly" is computed here, by another way than the device's.

const test = require("node:test");
const assert = require("node:assert/strict");
const { give, dice, reports, plain } = require("./given");
const { withoutOverlaps } = require("./simulator/overlaps");
const { LiveSet } = require("./simulator/set");
const { Rig } = require("./simulator/rig");

const KINDS = ["midi", "midi", "midi", "midi", "audio", "group", "return"];
const NAMES = ["Drums", "Bass", "bass", "Pad", "Pad", "", "selected", '"\u2028\\', "x".repeat(300)];
const ODD = [NaN, Infinity, -1, 0, 1e9, 127.5, null, undefined, "60", "", {}, [], true];

// How often each thing came to pass: a test that only ever refuses proves nothing.
const seen = {};
const count = (what) => {
  seen[what] = (seen[what] || 0) + 1;
};

function randomSet(roll) {
  const tracks = Array.from({ length: 1 + roll.whole(7) }, () => ({
    name: roll.one(NAMES),
    kind: roll.one(KINDS),
    frozen: roll.next() < 0.1,
    devices: Array.from({ length: roll.whole(3) }, () => randomDevice(roll)),
  }));
  if (!tracks.some((each) => each.kind === "midi")) tracks.push({ name: "Only" });
  const version = roll.one([11.0, 11.3, 12.1]);
  const throws = roll.next() < 0.5;
  const scenes = 1 + roll.whole(4);
  const set = new LiveSet({ version, scenes, tracks, grooves: ["Swing"], throws });
  set.song.put("signature_numerator", 1 + roll.whole(11));
  set.song.put("signature_denominator", roll.one([1, 2, 4, 8, 16]));
  const clips = [];
  for (const track of set.song.tracks) {
    for (const slot of track.slots) {
      if (roll.next() < 0.4) continue;
      if (track.kind === "audio") clips.push(slot.drop({ file: "/a.wav" }));
      if (track.kind !== "midi" || track.get("is_frozen")) continue;
      slot.run("create_clip", [1 + roll.whole(16)]);
      clips.push(filled(roll, slot.clip));
    }
    if (track.kind === "midi" && !track.get("is_frozen") && roll.next() < 0.5)
      clips.push(filled(roll, track.createInArrangement(8 * roll.whole(3), 8)));
  }
  const open = set.song.tracks.filter((each) => each.kind === "midi" && !each.get("is_frozen"));
  const track = roll.one(roll.next() < 0.9 && open.length ? open : set.song.tracks);
  const own = track.slots.map((slot) => slot.clip).filter(Boolean);
  const shown = roll.next() < 0.8 ? own : clips;
  set.view.choose("selected_track", track);
  set.view.choose("detail_clip", shown.length ? roll.one(shown) : null);
  return set;
}

function filled(roll, clip) {
  const length = clip.get("loop_end");
  const notes = Array.from({ length: roll.whole(8) }, () => ({
    pitch: 35 + roll.whole(4),
    start_time: (roll.whole(80) - 8) / 8,
    duration: (1 + roll.whole(16)) / 8,
    velocity: 1 + roll.whole(127),
    probability: roll.one([1, 0.5]),
  }));
  if (notes.length) clip.run("add_new_notes", [{ notes }]);
  if (roll.next() < 0.3) clip.put("loop_start", length / 4);
  if (roll.next() < 0.3) clip.put("loop_end", length + 3);
  if (roll.next() < 0.3) clip.put("looping", 0);
  if (roll.next() < 0.3) [clip.groove] = clip.set.grooves;
  return clip;
}

function randomDevice(roll) {
  return {
    name: roll.one(["Kit", "Filter", "kit", "EQ"]),
    parameters: Array.from({ length: 1 + roll.whole(5) }, (_, at) => {
      const items = roll.next() < 0.3 ? ["Low", "Mid", "High"].slice(0, 2 + roll.whole(2)) : null;
      const min = items ? roll.whole(2) : roll.one([0, -12, -1]);
      const max = roll.one([1, 36, 127]);
      const value = items ? min : min + (max - min) * roll.next();
      return { name: `P${roll.whole(at + 1)}`, items, min, max, value, enabled: roll.next() > 0.1 };
    }),
  };
}

const maybe = (roll, value) => (roll.next() < 0.001 ? roll.one(ODD) : value);

const mostly = (roll, usual, other) => (roll.next() < 0.6 ? usual : other);

function randomBlock(roll, set) {
  const notes = Array.from({ length: 1 + roll.whole(24) }, () => ({
    pitch: maybe(roll, 35 + roll.whole(4)),
    start: maybe(roll, roll.whole(96) / 8),
    duration: maybe(roll, (1 + roll.whole(20)) / 8),
    velocity: maybe(roll, 1 + roll.whole(127)),
    ...(roll.next() < 0.5 && { probability: maybe(roll, roll.next()) }),
    ...(roll.next() < 0.3 && { velocity_deviation: maybe(roll, roll.whole(255) - 127) }),
    ...(roll.next() < 0.1 && { mute: true }),
  }));
  const target = {
    track: maybe(roll, mostly(roll, "selected", roll.one([roll.one(NAMES), roll.whole(7)]))),
    slot: maybe(roll, mostly(roll, "first_empty", roll.whole(set.song.scenes.length + 1))),
    mode: maybe(roll, roll.one(["new", "new", "replace", "merge", "merge", "new_scene"])),
    view: maybe(roll, roll.one(["session", "session", "arrangement"])),
    at_beats: maybe(roll, 4 * roll.whole(8)),
  };
  const length = roll.next() < 0.5 ? maybe(roll, roll.whole(20)) : undefined;
  return { type: "midi", name: roll.one(["", "New"]), length_beats: length, notes, target };
}

const asLive = (note) => ({
  pitch: note.pitch,
  start_time: note.start,
  duration: note.duration,
  velocity: note.velocity ?? 100,
  mute: note.mute === true || note.mute === 1 ? 1 : 0,
  probability: note.probability ?? 1,
  velocity_deviation: note.velocity_deviation || 0,
  release_velocity: 64,
});

const sorted = (notes) =>
  [...notes].sort((a, b) => a.start_time - b.start_time || a.pitch - b.pitch);
const tidy = (clip) => clip && { ...clip, notes: sorted(clip.notes) };
const tidied = (picture) => ({
  ...picture,
  tracks: picture.tracks.map((track) => ({
    ...track,
    slots: track.slots.map(tidy),
    arrangement: track.arrangement.map(tidy).sort((a, b) => a.start_time - b.start_time),
  })),
});

// The set as it has to look now, from what it looked like and what was asked for.
function expected(before, block, set) {
  const picture = plain(before);
  const { mode, view, track: wanted, slot } = block.target;
  const list = set.song.tracks;
  const at =
    wanted === "selected"
      ? list.indexOf(set.view.chosen.selected_track)
      : typeof wanted === "number"
        ? wanted
        : named(list, wanted);
  const track = picture.tracks[at];
  const notes = block.notes.map(asLive);
  if (mode === "new_scene") {
    picture.scenes.push("");
    for (const each of picture.tracks) each.slots.push(null);
    track.slots[track.slots.length - 1] = fresh(picture, block, notes, 0);
  } else if (view === "arrangement") {
    const { clips } = list[at];
    const there = track.arrangement.find((_, i) => covers(clips[i], block.target.at_beats));
    if (there) rewritten(picture, there, block, notes);
    else track.arrangement.push(fresh(picture, block, notes, block.target.at_beats));
  } else {
    const shown = list[at].slots.findIndex((each) => each.clip === set.view.chosen.detail_clip);
    const empty = track.slots.indexOf(null);
    const index = slot !== "first_empty" ? slot : mode === "new" ? empty : shown;
    if (track.slots[index]) rewritten(picture, track.slots[index], block, notes);
    else track.slots[index] = fresh(picture, block, notes, 0);
  }
  return picture;
}

function named(list, wanted) {
  const names = list.map((each) => each.get("name"));
  const alike = names.findIndex((name) => name.toLowerCase() === wanted.toLowerCase());
  return names.includes(wanted) ? names.indexOf(wanted) : alike;
}

const covers = (clip, beat) => clip.get("start_time") <= beat && beat < clip.get("end_time");

function bars(picture, notes, least) {
  const bar = (picture.song.signature_numerator * 4) / picture.song.signature_denominator;
  const end = Math.max(least, ...notes.map((each) => each.start_time + each.duration));
  return Math.max(1, Math.ceil(end / bar)) * bar;
}

function fresh(picture, block, wanted, start) {
  const notes = withoutOverlaps([], plain(wanted));
  const length = bars(picture, notes, block.length_beats || 0);
  const bounds = { loop_start: 0, loop_end: length, start_marker: 0, end_marker: length };
  return { name: block.name, start_time: start, looping: 1, ...bounds, groove: null, notes };
}

function rewritten(picture, clip, block, wanted) {
  const merging = block.target.mode === "merge";
  clip.notes = withoutOverlaps(merging ? plain(clip.notes) : [], plain(wanted));
  const least = Math.max(block.length_beats || 0, merging ? clip.loop_end : 0);
  const length = bars(picture, clip.notes, least);
  clip.loop_end = length;
  if (!merging) {
    Object.assign(clip, { loop_start: 0, start_marker: 0, end_marker: length });
    clip.name = block.name || clip.name;
  } else clip.end_marker = Math.max(clip.end_marker, length);
}

test("notes: exactly as asked, or nothing; and back in one step", () => {
  const roll = dice(81);
  for (let round = 0; round < 110; round++) {
    const set = randomSet(roll);
    const rig = new Rig(set, { bridge: false }).ready();
    for (let step = 0; step < 5; step++) {
      rig.midi.send("mark");
      const block = randomBlock(roll, set);
      const before = set.picture();
      // A name that Live does not take in silence is told as it is, and no reason to refuse notes.
      const spared = set.throws ? /_undo_step$/ : /_undo_step$|set name/;
      if (roll.next() < 0.4) set.faults.refuseAt(1 + roll.whole(8), spared);
      const wanted = plain(block); // NaN does not travel
      const report = give(rig, "midi", block);
      set.faults.refuseAt(0);
      const where = `round ${round}, step ${step}: ${JSON.stringify([block.target, report])}`;
      assert.deepEqual(set.rules.broken, [], where);
      if (!report.ok) {
        count(/^Live /.test(report.error.message) ? "rolled back" : "refused");
        assert.notEqual(report.error.code, "half_done", where);
        assert.deepEqual(set.picture(), before, where);
        continue;
      }
      count(`${report.view} ${report.mode}`);
      const after = set.picture();
      set.history.undo();
      assert.deepEqual(set.picture(), before, `${where}: one undo`);
      assert.deepEqual(tidied(after), tidied(expected(before, defaulted(wanted), set)), where);
      set.history.redo();
      assert.deepEqual(set.picture(), after, where);
      if (roll.next() < 0.5) {
        rig.midi.send("undo");
        const undone = reports(rig).at(-1);
        assert.equal(undone.ok, true, `${where}: ${JSON.stringify(undone)}`);
        assert.deepEqual(set.picture(), before, `${where}: our own undo`);
      }
    }
  }
  const session = ["new", "replace", "merge", "new_scene"].map((mode) => `session ${mode}`);
  for (const what of ["rolled back", "refused", ...session, "arrangement new", "arrangement merge"])
    assert.ok(seen[what] >= 10, `${what}: ${JSON.stringify(seen)}`);
});

// What may be left out.
function defaulted(block) {
  const given = Object.entries(block.target).filter(([, value]) => value !== null);
  const usual = { track: "selected", slot: "first_empty", mode: "new", view: "session" };
  return { ...block, target: { ...usual, at_beats: 0, ...Object.fromEntries(given) } };
}

// Mostly of a device that is there.
function randomChange(roll, set) {
  const at = roll.whole(set.song.tracks.length);
  const { devices } = set.song.tracks[at];
  const number = roll.one([roll.next() * 50 - 20, roll.next(), 1e9]);
  if (!devices.length || roll.next() < 0.3) {
    const [track, parameter] = [roll.one([at, "master", "selected"]), roll.one(["volume", "pan"])];
    return { track, device: "mixer", parameter, value: maybe(roll, number) };
  }
  const device = roll.whole(devices.length);
  if (!devices[device].parameters.length) return { device, parameter: 0, value: number };
  const parameter = roll.whole(devices[device].parameters.length);
  const { items } = devices[device].parameters[parameter];
  const value = items && roll.next() < 0.7 ? roll.one(["low", "Mid", "Off"]) : number;
  return {
    track: maybe(roll, roll.next() < 0.05 ? roll.one(NAMES) : at),
    device: maybe(roll, roll.next() < 0.1 ? devices[device].get("name") : device),
    parameter: maybe(roll, roll.next() < 0.1 ? `P${roll.whole(3)}` : parameter),
    value: maybe(roll, value),
  };
}

test("parameters: exactly as asked, or nothing; and back by one press", () => {
  const roll = dice(82);
  for (let round = 0; round < 150; round++) {
    const set = randomSet(roll);
    const rig = new Rig(set, { bridge: false }).ready();
    rig.parameters.send("mark");
    const before = set.picture();
    const changes = Array.from({ length: 1 + roll.whole(4) }, () => randomChange(roll, set));
    if (roll.next() < 0.5) set.faults.refuseAt(1 + roll.whole(4));
    const report = give(rig, "parameters", { type: "parameters", changes });
    set.faults.refuseAt(0);
    const where = `round ${round}: ${JSON.stringify([changes, report])}`;
    assert.deepEqual(set.rules.broken, [], where);
    if (!report.ok) {
      count(/^Live /.test(report.error.message) ? "values put back" : "values refused");
      assert.deepEqual(set.picture(), before, where);
      continue;
    }
    count("values set");
    assert.deepEqual({ ...set.picture(), tracks: 0 }, { ...before, tracks: 0 }, where);
    const [was, is] = [before, set.picture()].map(valuesOf);
    const moved = is.filter((value, at) => value !== was[at]);
    const reached = report.changes.map((each) => each.to);
    assert.ok(moved.every((value) => reached.some((to) => close(value, to))), where);
    report.changes.forEach((each, at) => {
      const { value } = changes[at];
      if (typeof value === "number" && !each.clamped) assert.ok(close(each.to, value, 0.5), where);
    });
    assert.equal(reached.length, changes.length, where);
    rig.parameters.send("undo");
    assert.deepEqual(set.picture(), before, `${where}: one press`);
  }
  for (const what of ["values set", "values put back", "values refused"])
    assert.ok(seen[what] >= 15, JSON.stringify(seen));
});

const valuesOf = (picture) =>
  picture.tracks.flatMap((track) => [...track.devices.flat(), ...track.mixer]);
const close = (a, b, most = 1e-6) => Math.abs(a - b) <= most;
