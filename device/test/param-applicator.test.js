"use strict";
const test = require("node:test");
const assert = require("node:assert/strict");
const { alone, give, reports, fixture } = require("./given");

const set1 = (...changes) => ({ type: "parameters", changes });
const kit = (set) => set.track("Drums").devices[0].parameters;
const values = (set) =>
  kit(set)
    .slice(0, 5)
    .map((each) => each.get("value"));
const quiet = (set) => assert.deepEqual(set.rules.broken, []);

test("parameters are found by name or number, kept in bounds, and told", () => {
  const { set, rig } = alone();
  const report = give(
    rig,
    "parameters",
    set1(
      { track: "drums", device: "kit", parameter: "cutoff", value: 7 },
      { device: 0, parameter: 2, value: -3.5 },
      { device: "Kit", parameter: "Filter", value: "band" },
      { device: "mixer", parameter: "volume", value: 0.5 },
      { track: "master", device: "mixer", parameter: "pan", value: -0.25 },
      { track: "Hall", device: "mixer", parameter: "send A", value: 0.75 },
      { track: "Old", device: "mixer", parameter: "volume", value: 0.85 },
    ),
  );
  assert.equal(report.ok, true, JSON.stringify(report));
  assert.deepEqual(values(set), [1, 1, -3.5, 2, 0]);
  assert.deepEqual(
    report.changes.map((each) => [each.parameter, each.from, each.to, each.clamped]),
    [
      ["Cutoff", 0.5, 1, true],
      ["Drive", 3, -3.5, false],
      ["Filter", 0, 2, false],
      ["Track Volume", 0.85, 0.5, false],
      ["Track Panning", 0, -0.25, false],
      ["A-Reverb", 0, 0.75, false],
      ["Track Volume", 0.85, 0.85, false],
    ],
  );
  assert.equal(report.changes[2].display, "Band");
  rig.parameters.send("undo");
  assert.deepEqual(reports(rig).at(-1).changes, 7);
  assert.deepEqual(values(set), [1, 0.5, 3, 0, 0]);
  quiet(set);
});

test("names of values count from the least value", () => {
  const { set, rig } = alone();
  const report = give(rig, "parameters", set1({ device: 0, parameter: "Voices", value: "four" }));
  assert.deepEqual([report.changes[0].to, report.changes[0].display], [3, "Four"]);
  assert.equal(kit(set)[5].get("value"), 3);
  quiet(set);
});

test("all of a block or none: one bad change leaves everything", () => {
  const good = { device: "Kit", parameter: "Cutoff", value: 1 };
  for (const [bad, message] of [
    [{ device: "Kit", parameter: "Macro", value: 1 }, "not enabled"],
    [{ device: "Kit", parameter: "Resonance", value: 1 }, "no parameter named"],
    [{ device: "Reverb", parameter: "Size", value: 1 }, "no device named"],
    [{ device: 7, parameter: 0, value: 1 }, "no device 7"],
    [{ device: 0, parameter: 70, value: 1 }, "no parameter 70"],
    [{ device: "Kit", parameter: "Filter", value: "Notch" }, 'no value "Notch"'],
    [{ device: "Kit", parameter: "Cutoff", value: "Open" }, "takes a number"],
    [{ device: "Kit", parameter: "Filter", value: 1, ramp_ms: 100 }, "cannot be ramped"],
    [{ device: "Kit", parameter: "Cutoff", value: NaN }, "value is not one"],
    [{ device: "Kit", parameter: "Cutoff", value: 1, ramp_ms: -5 }, "ramp_ms"],
    [{ device: "Kit", parameter: "Cutoff" }, "value is not one"],
    [{ parameter: "Cutoff", value: 1 }, "device is missing"],
    [{ track: "Old", device: 0, parameter: 0, value: 1 }, "is frozen"],
    [{ track: "Nowhere", device: 0, parameter: 0, value: 1 }, "no track named"],
    ["x", "not an object"],
  ]) {
    const { set, rig } = alone();
    const before = set.picture();
    const report = give(rig, "parameters", set1(good, bad));
    assert.equal(report.ok, false, message);
    assert.ok(report.error.message.includes(message), `${report.error.message} / ${message}`);
    assert.deepEqual(set.picture(), before);
    quiet(set);
  }
  for (const block of [
    {},
    { type: "parameters", changes: [] },
    { type: "midi" },
    set1(...Array(501).fill(good)),
  ]) {
    const { rig } = alone();
    assert.equal(give(rig, "parameters", block).ok, false);
  }
});

test("a change that Live refuses takes those before it back", () => {
  const { set, rig } = alone();
  const before = set.picture();
  const [, cutoff, drive] = set.track("Drums").devices[0].parameters;
  drive.properties.get("value").check = () => {
    throw new Error("no");
  };
  const report = give(
    rig,
    "parameters",
    set1({ device: 0, parameter: 1, value: 1 }, { device: 0, parameter: 2, value: 1 }),
  );
  assert.equal(report.ok, false);
  assert.deepEqual(set.picture(), before);
  drive.properties.get("value").check = () => 0; // what automation does: another value
  assert.match(
    give(
      rig,
      "parameters",
      set1({ device: 0, parameter: 1, value: 1 }, { device: 0, parameter: 2, value: 9 }),
    ).error.message,
    /did not take/,
  );
  assert.equal(cutoff.get("value"), 0.5);
  quiet(set);
});

test("ramps arrive, give way to newer ones, end with the device, and go back", () => {
  const { set, rig } = alone();
  const cutoff = set.track("Drums").devices[0].parameters[1];
  const ramp = (value, ms) =>
    give(rig, "parameters", set1({ device: 0, parameter: "Cutoff", value, ramp_ms: ms }));
  ramp(1, 1000);
  rig.time.pass(500);
  assert.ok(Math.abs(cutoff.get("value") - 0.75) < 0.03);
  ramp(0, 100);
  rig.time.pass(100);
  assert.equal(cutoff.get("value"), 0);
  assert.deepEqual([reports(rig).at(-1).type, reports(rig).at(-1).changes[0].to], ["ramped", 0]);
  rig.time.pass(2000);
  assert.equal(cutoff.get("value"), 0);
  ramp(1, 1000);
  rig.time.pass(300);
  rig.parameters.send("undo");
  rig.time.pass(2000);
  assert.equal(cutoff.get("value"), 0);
  ramp(1, 1000);
  set.song.run("delete_track", [0]);
  rig.time.pass(2000);
  assert.match(reports(rig).at(-1).error.message, /gone/);
  rig.parameters.send("notifydeleted");
  quiet(set);
});

test("undo leaves what somebody else has moved since", () => {
  const { set, rig } = alone();
  give(
    rig,
    "parameters",
    set1({ device: 0, parameter: 1, value: 1 }, { device: 0, parameter: 2, value: 10 }),
  );
  set.track("Drums").devices[0].parameters[2].put("value", 20);
  rig.parameters.send("undo");
  assert.deepEqual(values(set).slice(1, 3), [0.5, 20]);
  assert.deepEqual([reports(rig).at(-1).changes, reports(rig).at(-1).left], [1, 1]);
});

test("the published block of parameters is one", () => {
  const { set, rig } = alone();
  const report = give(rig, "parameters", fixture("parameter-block"));
  assert.equal(report.ok, true, JSON.stringify(report));
  quiet(set);
});
