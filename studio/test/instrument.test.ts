import assert from "node:assert/strict";
import { test } from "node:test";
import { hertzOf, instrumentsOf } from "../src/sound/instrument.ts";

test("a pitch in hertz: A4 is 440, an octave doubles, twelve equal steps", () => {
  assert.equal(hertzOf(69), 440);
  assert.equal(hertzOf(33), 55);
  assert.equal(hertzOf(81), 880);
  assert.ok(Math.abs(hertzOf(60) - 261.6256) < 1e-4);
  assert.ok(Math.abs(hertzOf(28) - 41.2034) < 1e-4);
});

test("without a channel column, everything is drums", () => {
  const notes = { tick: [0, 0], pitch: [36, 33], layer: [0, 1] };
  assert.deepEqual(instrumentsOf(notes), ["drums", "drums"]);
});

test("drums on 9, low lines are a bass, chords and high lines a stab", () => {
  const notes = {
    tick: [0, 0, 0, 240, 480, 480, 960],
    pitch: [36, 33, 72, 50, 57, 60, 57],
    layer: [0, 1, 3, 1, 2, 2, 2],
    channel: [9, 0, 2, 0, 1, 1, 1],
  };
  assert.deepEqual(instrumentsOf(notes), [
    "drums",
    "bass",
    "stab",
    "bass",
    "stab",
    "stab",
    "stab",
  ]);
});

test("a chord is a stab however low it is, and drums beneath a line do not make it one", () => {
  const low = { tick: [0, 0], pitch: [33, 40], layer: [0, 0] };
  assert.deepEqual(instrumentsOf({ ...low, channel: [1, 1] }), ["stab", "stab"]);
  assert.deepEqual(instrumentsOf({ ...low, channel: [9, 1] }), ["drums", "bass"]);
});

test("C3 itself is no longer a bass", () => {
  const line = (pitch: number) => ({ tick: [0], pitch: [pitch], layer: [0], channel: [0] });
  assert.deepEqual(instrumentsOf(line(47)), ["bass"]);
  assert.deepEqual(instrumentsOf(line(48)), ["stab"]);
});
