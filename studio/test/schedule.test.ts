import assert from "node:assert/strict";
import { test } from "node:test";
import type { GrooveNotes } from "../src/api/types.ts";
import { isAudible, notesBetween, Timeline, toPart } from "../src/sound/schedule.ts";

const NOTES: GrooveNotes = {
  ppq: 480,
  bpm: 120,
  first_bar: 0,
  bars: 2,
  ticks_per_bar: 1920,
  layers: ["kick", "hat"],
  tick: [1920, 0, 960, 3850, -10],
  duration: [60, 60, 60, 60, 60],
  pitch: [36, 36, 42, 42, 42],
  velocity: [100, 120, 40, 50, 60],
  layer: [0, 0, 1, 1, 1],
};

test("notes are put in order and into the loop", () => {
  const part = toPart(NOTES);
  assert.equal(part.loopTicks, 3840);
  assert.deepEqual(
    part.notes.map((note) => note.tick),
    [0, 10, 960, 1920, 3830],
  );
});

test("a note keeps its length and has an instrument", () => {
  const part = toPart({ ...NOTES, channel: [0, 9, 9, 9, 9], duration: [240, 60, 60, 60, 60] });
  const heard = part.notes.map((note) => [note.tick, note.duration, note.instrument]);
  assert.deepEqual(heard[0], [0, 60, "drums"]);
  assert.deepEqual(heard[3], [1920, 240, "bass"]);
});

test("cut into windows of any size, a loop gives every note once a round", () => {
  const part = toPart(NOTES);
  const whole = [...notesBetween(part, 0, 4 * part.loopTicks)];
  assert.equal(whole.length, 4 * part.notes.length);
  for (const size of [1, 7, 333.3, 3840, 5000]) {
    const pieces = [];
    for (let from = 0; from < 4 * part.loopTicks; from += size) {
      const to = Math.min(from + size, 4 * part.loopTicks);
      pieces.push(...notesBetween(part, from, to));
    }
    assert.deepEqual(pieces, whole, `windows of ${size}`);
  }
});

test("a part without notes is silence, not an endless search", () => {
  const part = toPart({ ...NOTES, tick: [], pitch: [], velocity: [], layer: [], duration: [] });
  assert.deepEqual([...notesBetween(part, 0, 1e9)], []);
});

test("a change of tempo moves what comes and keeps what was", () => {
  const slow = new Timeline(480, 120, 0, 10);
  assert.equal(slow.timeAt(960), 11);
  const fast = slow.at(240, 960);
  assert.equal(fast.timeAt(960), 11);
  assert.equal(fast.timeAt(1920), 11.5);
  assert.equal(fast.tickAt(11.5), 1920);
});

test("mute wins over solo, solo silences the rest", () => {
  const mix = { muted: new Set(["kick"]), soloed: new Set(["kick", "hat"]) };
  assert.deepEqual(
    ["kick", "hat", "clap"].map((layer) => isAudible(layer, mix)),
    [false, true, false],
  );
});
