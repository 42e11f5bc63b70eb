import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describedTemplate,
  figuresOf,
  placed,
  soundsAt,
  stepsOf,
  suggestion,
  withEarlier,
  withSound,
  type SoundHeard,
} from "../src/ears/sounds.ts";

const TEMPLATE = {
  bpm: 140,
  swing: 57.6,
  offsets_ms: [0, 0, 12.5, -50, ...Array<number>(12).fill(0)],
  velocities: [127, 0, 64, 200, ...Array<number>(12).fill(0)],
  confidence: 0.7,
};
const sound = (id: string): SoundHeard => ({
  id,
  name: `${id}.wav`,
  stored: true,
  said: "4.3 s, 140.0 BPM (69% sure), -16.5 LUFS",
  heard_at: "2026-01-01T00:00:00+00:00",
  template: TEMPLATE,
});

test("figures are those of the line", () => {
  assert.deepEqual(figuresOf(sound("a")), ["4.3 s", "140.0 BPM (69% sure)", "-16.5 LUFS"]);
  assert.deepEqual(figuresOf({ ...sound("a"), said: "" }), []);
});

test("steps stay within their places, whatever was told", () => {
  const steps = stepsOf(TEMPLATE);
  assert.equal(steps.length, 16);
  assert.deepEqual(steps[0], { height: 1, late: 0 });
  assert.deepEqual(steps[2], { height: 64 / 127, late: 0.5 });
  assert.deepEqual(steps[3], { height: 1, late: -1 });
  assert.deepEqual(stepsOf({ ...TEMPLATE, offsets_ms: [] })[2], { height: 64 / 127, late: 0 });
});

test("a template is said in words", () => {
  assert.equal(
    describedTemplate(TEMPLATE),
    "3 of 16 steps play, swing 58 %, on average 13 ms early",
  );
  const nothing = { ...TEMPLATE, velocities: Array<number>(16).fill(0) };
  assert.match(describedTemplate(nothing), /^0 of 16 .* on the grid$/);
});

test("the newest comes last, each after its turn, and none gets lost", () => {
  const known = placed([sound("b"), sound("a")]);
  assert.deepEqual(
    known.map((each) => each.sound.id),
    ["a", "b"],
  );
  const heardMeanwhile = withEarlier(withSound([], sound("b"), 1), [sound("b"), sound("a")]);
  assert.deepEqual(heardMeanwhile.map((each) => each.sound.id), ["a", "b"]);
  const more = withSound(withSound(known, sound("c"), 2), sound("a"), 3);
  assert.deepEqual(
    more.map((each) => [each.sound.id, each.after]),
    [
      ["b", 0],
      ["c", 2],
      ["a", 3],
    ],
  );
  const shown = [0, 1, 2].flatMap((turn) => soundsAt(more, turn, 2).map(({ sound }) => sound.id));
  assert.deepEqual(shown, ["b", "c", "a"]);
});

test("what to say next depends on what there is", () => {
  assert.notEqual(suggestion(true), suggestion(false));
});
