"use strict";
const test = require("node:test");
const assert = require("node:assert/strict");
const { LiveSet } = require("./simulator/set");
const { Rig } = require("./simulator/rig");
const { merged } = require("../conduit-context");
const { between } = require("../differences");
const { alone, contexts, dice, give, block, fixture, liveSet } = require("./given");

test("on load all of it is told, as published", () => {
  const { set, rig } = alone({ scenes: 2 });
  give(
    rig,
    "midi",
    block([{ pitch: 36, start: 0, duration: 0.25, probability: 0.5, velocity_deviation: 5 }]),
  );
  const [{ clip }] = set.track("Drums").slots;
  [clip.groove] = set.grooves;
  set.view.choose("detail_clip", clip);
  rig.context.send("context", "full");
  const told = contexts(rig);
  assert.deepEqual(told[0].context.tempo, 120);
  assert.deepEqual(told.at(-1).context, fixture("context"));
  assert.deepEqual(set.rules.broken, []);
});

test("of a clip of sound its file is told, and beats where it is warped", () => {
  const { set, rig } = alone();
  const [warped, free] = set.track("Vox").slots;
  warped.drop({ file: "/Volumes/Sounds/My Loops/break  1.wav", seconds: 2.5 }, { name: "Break" });
  free.drop({ file: `/${"x".repeat(5000)}.wav`, warping: 0 });
  const seen = [warped, free].map((slot) => {
    set.view.choose("detail_clip", slot.clip);
    rig.time.pass(100);
    return contexts(rig).at(-1).changes.clip;
  });
  assert.deepEqual(seen[0], {
    name: "Break",
    kind: "audio",
    looping: true,
    slot: 0,
    warping: true,
    length_beats: 4,
    seconds: 2.5,
    file_path: "/Volumes/Sounds/My Loops/break  1.wav",
  });
  // A merge patch: null takes away what does not hold any more.
  const after = { name: "", looping: false, slot: 1, warping: false, seconds: 2 };
  assert.deepEqual(seen[1], { ...after, length_beats: null, file_path: null });
  assert.deepEqual(set.rules.broken, []);
});

test("before live.thisdevice nothing is read", () => {
  const rig = new Rig(liveSet(), { bridge: false });
  rig.context.send("context", "full");
  rig.context.send("say", "hello");
  rig.time.pass(10000);
  assert.equal(rig.toBridge.length, 0);
});

test("afterwards only differences, soon after a change and at the latest in five seconds", () => {
  const { set, rig } = alone();
  const count = () => contexts(rig).length;
  rig.time.pass(60000);
  assert.equal(count(), 1, "nothing changed");
  set.song.put("tempo", 133);
  set.song.put("signature_numerator", 3);
  assert.equal(count(), 1, "not inside the notification");
  rig.time.pass(100);
  assert.deepEqual(contexts(rig).at(-1), {
    version: 2,
    base: 1,
    changes: { tempo: 133, numerator: 3 },
  });
  set.song.tracks[1].put("mute", 1); // nobody watches this
  rig.time.pass(4999);
  assert.equal(count(), 2);
  rig.time.pass(1);
  assert.equal(contexts(rig).at(-1).changes.tracks[1].muted, true);
  set.view.choose("selected_track", set.song.tracks[4]);
  rig.time.pass(100);
  assert.deepEqual(contexts(rig).at(-1).changes, { selected: { track: 4 }, devices: [] });
  give(rig, "midi", block([{ pitch: 36, start: 0, duration: 1 }]));
  set.view.choose("detail_clip", set.song.tracks[4].slots[0].clip);
  rig.time.pass(100);
  assert.equal(contexts(rig).at(-1).changes.clip.notes.length, 1);
  set.song.tracks[4].slots[0].clip.run("add_new_notes", [
    { notes: [{ pitch: 40, start_time: 1, duration: 1 }] },
  ]);
  rig.time.pass(100);
  assert.equal(
    contexts(rig).at(-1).changes.clip.note_count,
    2,
    "the notes of the shown clip are watched",
  );
  set.view.choose("detail_clip", null);
  rig.time.pass(100);
  assert.equal(contexts(rig).at(-1).changes.clip, null);
  assert.deepEqual(set.rules.broken, []);
});

test("a track that vanishes, and the end of the device, break nothing", () => {
  const { set, rig } = alone();
  set.song.run("delete_track", [0]);
  rig.time.pass(100);
  assert.equal(contexts(rig).at(-1).changes.tracks[0].name, "Vox");
  rig.context.send("notifydeleted");
  const before = contexts(rig).length;
  set.song.put("tempo", 99);
  rig.time.pass(20000);
  assert.equal(contexts(rig).length, before);
  assert.deepEqual(set.rules.broken, []);
});

test("differences put together again are the whole", () => {
  const roll = dice(5);
  const value = (depth) => {
    const kind = roll.whole(depth > 2 ? 3 : 5);
    if (kind === 3) return Array.from({ length: roll.whole(3) }, () => value(depth + 1));
    if (kind === 4) return object(depth + 1);
    return [roll.whole(3), "text", true][kind];
  };
  const object = (depth) =>
    Object.fromEntries(
      Array.from({ length: roll.whole(5) }, () => ["abcd"[roll.whole(4)], value(depth)]),
    );
  for (let round = 0; round < 500; round++) {
    const before = object(0);
    const after = object(0);
    const changes = between(before, after);
    assert.deepEqual(changes === undefined ? before : merged(before, changes), after);
    assert.equal(between(after, JSON.parse(JSON.stringify(after))), undefined);
  }
});

test("a hundred tracks and 64 scenes fit, and names cannot break out", () => {
  const tracks = Array.from({ length: 100 }, (_, at) => ({ name: `Track ${at} "\u2028é🎛` }));
  const set = new LiveSet({ tracks, scenes: 64 });
  const rig = new Rig(set, { bridge: false }).ready();
  const [told] = contexts(rig);
  assert.equal(told.context.tracks.length, 101);
  assert.equal(told.context.tracks[7].name, tracks[7].name);
  for (const atoms of rig.toBridge) {
    for (const atom of atoms) assert.ok(typeof atom === "number" || /^[\x20-\x7e]*$/.test(atom));
  }
});
