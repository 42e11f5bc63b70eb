import assert from "node:assert/strict";
import { test } from "node:test";
import {
  beatAt,
  better,
  fastestOffset,
  soundOffset,
  Steady,
  type LinkState,
} from "../src/link/clock.ts";
import { fromNextBar, notesBetween, Timeline, towards, type Part } from "../src/sound/schedule.ts";

const near = (found: number, meant: number, within = 1e-9) =>
  assert.ok(Math.abs(found - meant) <= within, `${found} is not ${meant}`);

const PART: Part = {
  ppq: 480,
  ticksPerBar: 1920,
  loopTicks: 3840,
  layers: ["kick"],
  notes: [0, 480, 955, 1440, 1920, 3839].map((tick) => ({
    tick,
    duration: 60,
    pitch: 36,
    velocity: 100,
    layer: 0,
    instrument: "drums" as const,
  })),
};

test("of several answers the fastest tells the time", async () => {
  // There and back, in milliseconds, of which the server sees the first part only.
  const ways: [number, number][] = [
    [40, 2],
    [3, 1],
    [1, 1.5],
    [200, 200],
  ];
  let page = 5000;
  let at = 0;
  const ask = async () => {
    const [there, back] = ways[at++] as [number, number];
    page += there;
    const theirs = page / 1000 + 7000;
    page += back;
    return theirs;
  };
  const found = await fastestOffset(ask, () => page, ways.length);
  near(found.took, 0.0025);
  near(found.seconds, 7000, found.took / 2);
});

test("a measurement that is a lot worse is not taken", () => {
  const old = { seconds: 1, took: 0.002 };
  assert.equal(better(null, old), old);
  assert.equal(better(old, { seconds: 2, took: 0.5 }), old);
  const found = { seconds: 2, took: 0.003 };
  assert.equal(better(old, found), found);
});

test("the beat goes on by the server's clock", () => {
  const state: LinkState = { on: true, tempo: 120, beat: 17, peers: 1, at_s: 900 };
  const offset = { seconds: 800, took: 0.001 };
  near(beatAt(state, offset, 100_000).beat, 17);
  near(beatAt(state, offset, 100_250).beat, 17.5);
  near(beatAt(state, offset, 99_500).beat, 16);
});

test("a stroke is heard at its time, whatever the browser knows of its latency", () => {
  near(soundOffset({ contextTime: 2, performanceTime: 5000 }, 2.1, 0.02, 5100), -3);
  near(soundOffset({}, 2.1, 0.02, 5100), -3.02);
  near(soundOffset({ contextTime: 0, performanceTime: 0 }, 2.1, 0, 5100), -3);
});

test("jitter is smoothed, a jump is taken", () => {
  const steady = new Steady(0.1, 0.05);
  assert.equal(steady.take(10), 10);
  near(steady.take(10.01), 10.001);
  assert.equal(steady.take(11), 11);
});

test("a part begins with the next bar of the others", () => {
  for (const [beat, waits] of [
    [0, 0],
    [1, 1.5],
    [7.5, 0.25],
    [-1, 0.5],
  ] as const) {
    const timeline = fromNextBar(PART, 120, beat, 10);
    near(timeline.timeAt(0), 10 + waits);
    near(timeline.timeAt(480), 10.5 + waits);
  }
});

/** A session that changes, and a player that is woken at odd times: what it schedules, and when. */
function follow(seconds: number, tempoAt: (time: number) => number, jumpAt: number, jump: number) {
  const step = 0.001;
  const beats: number[] = [];
  let beat = 1.7;
  for (let time = 0; time <= seconds + 4; time += step) {
    beats.push(beat + (time >= jumpAt ? jump : 0));
    beat += (tempoAt(time) * step) / 60;
  }
  const others = (time: number) => beats[Math.round(time / step)] as number;
  let timeline = fromNextBar(PART, tempoAt(0), others(0), 0);
  let scheduled = 0;
  const struck: { tick: number; time: number }[] = [];
  for (let time = 0; time < seconds; time += 0.021 + 0.013 * Math.sin(time * 9)) {
    const from = timeline.timeAt(scheduled);
    if (scheduled > 0) {
      // What it believes then: that nothing changes until the time of that tick.
      const believed = others(time) + ((from - time) * tempoAt(time)) / 60;
      timeline = towards(timeline, PART, scheduled, tempoAt(time), believed);
    }
    const until = timeline.tickAt(time + 0.12);
    if (until <= scheduled) continue;
    for (const { tick } of notesBetween(PART, scheduled, until)) {
      struck.push({ tick, time: timeline.timeAt(tick) });
    }
    scheduled = until;
  }
  const end = struck.at(-1) as { tick: number; time: number };
  const apart = (((others(end.time) - end.tick / PART.ppq + 2) % 4) + 4) % 4;
  return { struck, apart: apart - 2 };
}

test("whatever the others do, each stroke comes once, in order, and bar lines meet again", () => {
  const cases: [(time: number) => number, number, number][] = [
    [() => 120, 99, 0],
    [(time) => (time < 3 ? 120 : 176), 99, 0],
    [(time) => (time < 3 ? 300 : 60), 5, -1.4],
    [(time) => 100 + 60 * Math.min(Math.max(time - 2, 0), 1), 4, 1.9],
    [() => 140, 3, 2],
  ];
  for (const [tempoAt, jumpAt, jump] of cases) {
    const { struck, apart } = follow(16, tempoAt, jumpAt, jump);
    const meant = [...notesBetween(PART, 0, (struck.at(-1)?.tick ?? 0) + 1)];
    assert.deepEqual(
      struck.map((each) => each.tick),
      meant.map((each) => each.tick),
    );
    for (let at = 1; at < struck.length; at += 1) {
      assert.ok((struck[at]?.time ?? 0) > (struck[at - 1]?.time ?? 0));
    }
    near(apart, 0, 0.02);
  }
});

test("a tempo is taken up at once, a distance little by little", () => {
  const timeline = new Timeline(480, 120, 0, 0);
  near(towards(timeline, PART, 960, 90, 2).bpm, 90);
  near(towards(timeline, PART, 960, 100, 2.1).bpm, 120);
  near(towards(timeline, PART, 960, 100, 3.9).bpm, 150);
  near(towards(timeline, PART, 960, 100, 1).bpm, 50);
  near(towards(timeline, PART, 960, 100, 6).bpm, 100);
  near(towards(timeline, PART, 960, 100, 1).timeAt(960), 1);
});
