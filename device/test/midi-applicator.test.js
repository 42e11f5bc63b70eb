"use strict";
const test = require("node:test");
const assert = require("node:assert/strict");
const { alone, give, reports, block, plain, fixture } = require("./given");

const NOTES = [
  { pitch: 36, start: 0, duration: 0.25, velocity: 110, probability: 0.5, velocity_deviation: -20 },
  { pitch: 38, start: 1, duration: 0.25 },
  { pitch: 42, start: 4.5, duration: 0.25, release_velocity: 10, mute: true },
];

const clipOf = (set, track, slot) => set.track(track).slots[slot].clip;
const quiet = (set) => assert.deepEqual(set.rules.broken, []);

test("notes land in the first empty slot, whole, in one step of undo", () => {
  const { set, rig } = alone();
  set.track("Drums").slots[0].run("create_clip", [4]);
  const before = set.picture();
  const steps = set.history.steps.length;
  const report = give(rig, "midi", block(NOTES));
  assert.deepEqual(
    [report.ok, report.track, report.slot, report.notes, report.length_beats, report.clip],
    [true, "Drums", 1, 3, 8, "Dub"],
  );
  const [first, , last] = clipOf(set, "Drums", 1).notes;
  assert.deepEqual([first.velocity, first.probability, first.velocity_deviation], [110, 0.5, -20]);
  assert.deepEqual([last.release_velocity, last.mute], [10, 1]);
  assert.equal(set.history.steps.length, steps + 1);
  set.history.undo();
  assert.deepEqual(set.picture(), before);
  quiet(set);
});

test("a clip is as long as the bars of the metre of now", () => {
  for (const [numerator, denominator, wanted, length] of [
    [4, 4, undefined, 8],
    [3, 4, undefined, 6],
    [7, 8, undefined, 7],
    [6, 8, 7, 9],
    [4, 4, 16, 16],
    [5, 4, 3, 5],
  ]) {
    const { set, rig } = alone();
    set.song.put("signature_numerator", numerator);
    set.song.put("signature_denominator", denominator);
    const report = give(rig, "midi", block(NOTES, {}, { length_beats: wanted }));
    assert.equal(report.length_beats, length, `${numerator}/${denominator}`);
    assert.equal(clipOf(set, "Drums", 0).get("loop_end"), length);
  }
});

test("a target is a number, a name, what was selected at the prompt; a slot, a mode", () => {
  const { set, rig } = alone();
  assert.equal(give(rig, "midi", block(NOTES, { track: 4, slot: 2 })).ok, true);
  assert.ok(set.song.tracks[4].slots[2].clip);
  assert.equal(give(rig, "midi", block(NOTES, { track: "drums", slot: 3 })).slot, 3);
  rig.midi.send("mark");
  set.view.choose("selected_track", set.song.tracks[5]);
  assert.equal(give(rig, "midi", block(NOTES)).track, "Drums");
  rig.midi.send("mark");
  give(rig, "midi", block(NOTES));
  assert.ok(set.song.tracks[5].slots[0].clip);
  rig.midi.send("mode", "new_scene");
  const scene = give(rig, "midi", block(NOTES, { track: "Drums", mode: "new" }));
  rig.midi.send("mode", "no such mode");
  assert.equal(scene.slot, 4);
  assert.equal(set.song.scenes.length, 5);
  rig.midi.send("undo");
  assert.equal(set.song.scenes.length, 4);
  quiet(set);
});

test("where a clip of sound is selected, notes are for the device's own track", () => {
  const { set, rig } = alone();
  const own = set.song.tracks.indexOf(rig.track);
  for (const [selected, mark, track] of [
    ["Vox", ["sound"], own],
    ["Drums", ["sound"], 0],
    ["Vox", [], -1],
  ]) {
    set.view.choose("selected_track", set.track(selected));
    rig.midi.send("mark", ...mark);
    const report = give(rig, "midi", block(NOTES));
    assert.equal(report.ok, track >= 0);
    if (track >= 0) assert.ok(set.song.tracks[track].slots[0].clip);
    else assert.match(report.error.message, /takes audio/);
  }
  quiet(set);
});

test("replace takes the place of notes, merge joins them", () => {
  const { set, rig } = alone();
  give(
    rig,
    "midi",
    block([
      { pitch: 36, start: 0, duration: 2 },
      { pitch: 36, start: 3, duration: 1, velocity: 40 },
    ]),
  );
  const clip = clipOf(set, "Drums", 0);
  clip.put("loop_start", 1);
  const before = set.picture();
  const [held] = clip.notes.map((note) => note.note_id);
  const report = give(
    rig,
    "midi",
    block(
      [
        { pitch: 36, start: 1, duration: 0.5 },
        { pitch: 36, start: 3, duration: 0.5, velocity: 90 },
        { pitch: 50, start: 7, duration: 0.5 },
      ],
      { slot: 0, mode: "merge" },
    ),
  );
  assert.deepEqual(
    [report.ok, report.notes, report.length_beats, report.shortened, report.dropped],
    [true, 3, 8, 1, 1],
  );
  assert.deepEqual(
    clip.notes.map((note) => [note.pitch, note.start_time, note.duration, note.velocity]),
    [
      [36, 0, 1, 100],
      [36, 1, 0.5, 100],
      [36, 3, 0.5, 90],
      [50, 7, 0.5, 100],
    ],
  );
  assert.equal(clip.notes[0].note_id, held, "a note that stays is the same note");
  assert.equal(clip.get("loop_start"), 1);
  set.history.undo();
  assert.deepEqual(set.picture(), before, "in one step");
  set.history.redo();
  rig.midi.send("undo");
  assert.deepEqual(set.picture(), before, "by our own undo too");

  const replaced = give(
    rig,
    "midi",
    block([{ pitch: 60, start: 0, duration: 1 }], { slot: 0, mode: "replace" }, { name: "New" }),
  );
  assert.deepEqual(
    [replaced.notes, replaced.length_beats, clip.get("name"), clip.get("loop_start")],
    [1, 4, "New", 0],
  );
  set.history.undo();
  assert.deepEqual(set.picture(), before);

  // A loop that begins where the new one has ended already: which end is set first counts.
  for (const [name, value] of [
    ["loop_end", 12],
    ["loop_start", 8],
    ["end_marker", 12],
  ])
    clip.put(name, value);
  const late = set.picture();
  give(rig, "midi", block([{ pitch: 60, start: 0, duration: 1 }], { slot: 0, mode: "replace" }));
  assert.deepEqual([clip.get("loop_start"), clip.get("loop_end")], [0, 4]);
  rig.midi.send("undo");
  assert.deepEqual(set.picture(), late);
  quiet(set);
});

test("the arrangement: by Live 12's way and by Live 11's", () => {
  for (const version of [12.1, 11.3, 11.0]) {
    const { set, rig } = alone({ version });
    const before = set.picture();
    const there = { view: "arrangement", at_beats: 16 };
    const report = give(rig, "midi", block(NOTES, there));
    assert.deepEqual(
      [report.ok, report.notes, report.view],
      [true, 3, "arrangement"],
      JSON.stringify(report),
    );
    const [clip] = set.track("Drums").clips;
    assert.deepEqual(
      [clip.get("start_time"), clip.get("end_time"), clip.notes.length],
      [16, 24, 3],
    );
    assert.equal(clipOf(set, "Drums", 0), null);
    assert.match(give(rig, "midi", block(NOTES, there)).error.message, /already/);
    assert.match(
      give(rig, "midi", block(NOTES, { ...there, at_beats: 12 })).error.message,
      /in the way/,
    );
    assert.equal(give(rig, "midi", block(NOTES, { ...there, mode: "replace" })).ok, true);
    rig.midi.send("undo");
    rig.midi.send("undo");
    assert.deepEqual(set.picture(), before);
    quiet(set);
  }
});

test("what cannot be is refused by name, and nothing is touched", () => {
  const { set, rig } = alone();
  const before = set.picture();
  const note = { pitch: 36, start: 0, duration: 1 };
  const bad = [
    [[], "no notes"],
    [[{ ...note, pitch: 128 }], "note 0: pitch is 128"],
    [[note, { ...note, pitch: -1 }], "note 1: pitch is -1"],
    [[{ ...note, pitch: 36.5 }], "note 0: pitch is 36.5"],
    [[{ ...note, start: -0.5 }], "start is -0.5"],
    [[{ ...note, start: 1e300 }], "start is 1e"],
    [[{ ...note, duration: 0 }], "duration is 0"],
    [[{ ...note, duration: -1 }], "duration is -1"],
    [[{ ...note, duration: NaN }], "duration is null"],
    [[{ ...note, velocity: 0 }], "velocity is 0"],
    [[{ ...note, velocity: 128 }], "velocity is 128"],
    [[{ ...note, velocity: "100" }], 'velocity is "100"'],
    [[{ ...note, probability: 1.5 }], "probability is 1.5"],
    [[{ ...note, velocity_deviation: 200 }], "velocity_deviation is 200"],
    [[{ pitch: 36 }], "start is missing"],
    [[null], "note 0 is not an object"],
    ["notes", "no notes"],
  ];
  for (const [notes, message] of bad) {
    const { ok, error } = give(rig, "midi", block(notes));
    assert.equal(ok, false);
    assert.ok(error.message.includes(message), `${error.message} / ${message}`);
    assert.ok(error.hint);
  }
  const places = [
    [{ track: "Vox" }, "takes audio"],
    [{ track: "Stems" }, "is a group"],
    [{ track: "Old" }, 'the track "Old" is frozen'],
    [{ track: "Pad" }, "2 tracks are named"],
    [{ track: "Pads" }, "no track named"],
    [{ track: 99 }, "no track 99"],
    [{ track: -1 }, "track is -1"],
    [{ slot: 99 }, "no slot 99"],
    [{ slot: "last" }, 'slot is "last"'],
    [{ mode: "toString" }, "no mode"],
    [{ view: "mixer" }, "no view"],
    [{ mode: "new_scene", view: "arrangement" }, "no scenes"],
    [{ mode: "replace" }, "no clip of the track is shown"],
    [[], "not an object"],
  ];
  for (const [target, message] of places) {
    const { ok, error } = give(rig, "midi", block([note], target));
    assert.equal(ok, false);
    assert.ok(error.message.includes(message), `${error.message} / ${message}`);
  }
  for (const each of [{}, [], { type: "midi" }, { type: "parameters" }])
    assert.equal(give(rig, "midi", each).ok, false);
  for (const value of [0, -4, 1e9, "4"]) {
    const { error } = give(rig, "midi", block([note], {}, { length_beats: value }));
    assert.match(error.message, /^length_beats is /);
  }
  for (const value of [NaN, Infinity]) {
    // JSON has no such number: null arrives, and that is no length.
    assert.equal(give(rig, "midi", block([note], {}, { length_beats: value })).ok, true);
    rig.midi.send("undo");
  }
  assert.deepEqual(set.picture(), before);
  quiet(set);
});

test("messages that are cut, mixed up or no JSON do nothing", () => {
  const { set, rig } = alone();
  const before = set.picture();
  rig.midi.send("piece", "x", 0, "{}");
  rig.midi.send("begin", "a", 2, 30001);
  rig.midi.send("piece", "a", 1, "late");
  rig.midi.send("begin", "b", 1, 9);
  rig.midi.send("piece", "b", 0, "{not json");
  rig.midi.send("begin", "c", 1e9, 5);
  rig.midi.send("begin", "d", 1, 2);
  rig.midi.send("piece", "c", 0, "{}");
  rig.midi.send("undo");
  assert.equal(reports(rig).filter((each) => each.ok).length, 0);
  assert.equal(reports(rig).length, 4);
  assert.deepEqual(set.picture(), before);
});

test("before Live is ready, and when the track has gone, the answer says so", () => {
  const { set, rig } = alone();
  rig.midi.send("mark");
  set.song.run("delete_track", [0]);
  const before = set.picture();
  assert.match(give(rig, "midi", block(NOTES)).error.message, /is gone/);
  assert.deepEqual(set.picture(), before);
  set.song.run("create_scene", [-1]);
  const fresh = alone();
  const early = new fresh.rig.constructor(fresh.set, { bridge: false });
  assert.match(give(early, "midi", block(NOTES)).error.message, /not ready/);
  quiet(set);
});

test("a hundred thousand notes go in at once, one more is refused", () => {
  const { set, rig } = alone();
  const many = Array.from({ length: 100000 }, (_, at) => ({
    pitch: at % 128,
    start: Math.floor(at / 128) / 4,
    duration: 0.25,
  }));
  const report = give(rig, "midi", block(many));
  assert.deepEqual([report.ok, report.notes], [true, 100000]);
  assert.equal(set.calls.filter((name) => name === "add_new_notes").length, 1);
  const refused = give(rig, "midi", block([...many, many[0]]));
  assert.match(refused.error.message, /100001 notes/);
  quiet(set);
});

test("wherever Live refuses or does something else, the set is as it was", () => {
  const calls = [
    "create_clip",
    "add_new_notes",
    "get_all_notes_extended",
    "create_scene",
    "create_midi_clip",
    "remove_notes_extended",
    "remove_notes_by_id",
    "apply_note_modifications",
    "duplicate_clip_to_arrangement",
  ];
  const targets = [
    {},
    { mode: "new_scene" },
    { slot: 0, mode: "replace" },
    { slot: 0, mode: "merge" },
    { view: "arrangement", at_beats: 8 },
    { view: "arrangement", at_beats: 0, mode: "merge" },
  ];
  const twists = [
    (clip) => clip.become(clip.notes.slice(1)),
    (clip) => clip.become(clip.notes.map((note) => ({ ...note, velocity: 1 }))),
  ];
  let struck = 0;
  for (const [version, throws] of [
    [12.1, true],
    [11.3, false],
  ]) {
    for (const target of targets) {
      for (const fault of [...calls, ...twists]) {
        const { set, rig } = alone({ version, throws });
        give(
          rig,
          "midi",
          block([
            { pitch: 36, start: 0, duration: 4 },
            { pitch: 38, start: 0, duration: 1 },
          ]),
        );
        give(rig, "midi", block([{ pitch: 36, start: 0, duration: 4 }], { view: "arrangement" }));
        const before = set.picture();
        if (typeof fault === "string") set.faults.refuse(fault);
        else set.faults.after("add_new_notes", fault);
        const report = give(
          rig,
          "midi",
          block([...NOTES, { pitch: 36, start: 2, duration: 1 }], target),
        );
        if (!report.ok) {
          struck += 1;
          assert.deepEqual(set.picture(), before, `${JSON.stringify(target)} ${fault}`);
        }
        quiet(set);
      }
    }
  }
  assert.ok(struck >= 40, `${struck} faults struck`);
});

test("nothing of somebody else's is lost where Live refuses in silence", () => {
  const { set, rig } = alone();
  for (const slot of set.track("Drums").slots) {
    slot.run("create_clip", [4]);
    slot.clip.run("add_new_notes", [{ notes: [{ pitch: 36, start_time: 0, duration: 1 }] }]);
  }
  const before = set.picture();
  // No scene is made: the last slot is still somebody's.
  set.faults.refuse("create_scene");
  const scene = give(rig, "midi", block(NOTES, { mode: "new_scene" }));
  assert.match(scene.error.message, /made no scene/);
  // The notes that are there are not told: what was there cannot be put back.
  set.faults.refuse("get_all_notes_extended");
  const notes = give(rig, "midi", block(NOTES, { slot: 0, mode: "replace" }));
  assert.match(notes.error.message, /did not say which notes/);
  assert.deepEqual(set.picture(), before);
  quiet(set);
});

test("undo takes back what is ours and nothing else", () => {
  const { set, rig } = alone();
  const before = set.picture();
  give(rig, "midi", block(NOTES));
  give(rig, "midi", block(NOTES, { track: 4 }));
  set.song.put("tempo", 90);
  rig.midi.send("undo");
  rig.midi.send("undo");
  assert.deepEqual(set.picture(), { ...before, song: { ...before.song, tempo: 90 } });
  rig.midi.send("undo");
  assert.match(reports(rig).at(-1).error.message, /nothing to undo/);
  give(rig, "midi", block(NOTES));
  clipOf(set, "Drums", 0).run("remove_notes_extended", [36, 1, 0, 100]);
  const edited = set.picture();
  rig.midi.send("undo");
  assert.match(reports(rig).at(-1).error.message, /changed since/);
  assert.deepEqual(set.picture(), edited);
  quiet(set);
});

test("two devices in one set keep out of each other's way", () => {
  const { set, rig } = alone();
  const other = new rig.constructor(set, { bridge: false, time: rig.time }).ready();
  assert.equal(give(rig, "midi", block(NOTES)).slot, 0);
  assert.equal(give(other, "midi", block(NOTES)).slot, 1);
  rig.midi.send("undo");
  assert.equal(clipOf(set, "Drums", 0), null);
  assert.equal(clipOf(set, "Drums", 1).notes.length, 3);
  quiet(set);
});

test("the published block of notes is one", () => {
  const { set, rig } = alone();
  const published = fixture("note-block");
  const report = give(rig, "midi", published);
  assert.equal(report.ok, true, JSON.stringify(report));
  assert.equal(report.notes, published.notes.length);
  assert.deepEqual(
    plain(clipOf(set, "Drums", 0).notes.map((note) => note.probability)),
    published.notes.map((note) => note.probability),
  );
});
