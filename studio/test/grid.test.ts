import assert from "node:assert/strict";
import { test } from "node:test";
import { barsThatFit, describeBar, pagesOf, stepsOf, stepsPerBeat } from "../src/groove/grid.ts";

test("steps by their characters", () => {
  assert.deepEqual(stepsOf(".-xX?"), ["rest", "ghost", "hit", "accent", "rest"]);
});

test("a bar in words", () => {
  const lane = { name: "kick", pitch: 36, bars: ["X...x.-.", "........"] };
  assert.equal(describeBar(lane, 0), "kick, bar 1: 1 accent, 5, 7 ghost");
  assert.equal(describeBar(lane, 1), "kick, bar 2: silent");
});

test("bars side by side: what fits, never more than there are", () => {
  assert.equal(barsThatFit(300, 16, 8), 1);
  assert.equal(barsThatFit(400, 16, 8), 2);
  assert.equal(barsThatFit(900, 16, 8), 4);
  assert.equal(barsThatFit(900, 16, 3), 2);
  assert.equal(barsThatFit(0, 16, 8), 1);
});

test("pages cover every bar once", () => {
  assert.deepEqual(pagesOf(8, 4), [
    [0, 3],
    [4, 7],
  ]);
  assert.deepEqual(pagesOf(3, 2), [
    [0, 1],
    [2, 2],
  ]);
});

test("beats in bars of any length", () => {
  assert.deepEqual([16, 12, 32, 7].map(stepsPerBeat), [4, 3, 8, 7]);
});
