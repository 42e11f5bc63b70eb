"use strict";
// A conversation is stored with the set, and no two devices have the same.

const test = require("node:test");
const assert = require("node:assert/strict");
const { liveSet } = require("./given");
const { wired } = require("./scripted");
const { LiveSet } = require("./simulator/set");
const { Rig } = require("./simulator/rig");

const KEPT = "live-4f1c7a52-0000-4000-8000-0000000000aa";
const OTHER = "live-4f1c7a52-0000-4000-8000-0000000000bb";
const session = (rig) => rig.node.script.session();

// A device that runs, in a set, with nobody to talk to: only what it calls its conversation counts.
function device(t, set, kept = "") {
  process.env.CONDUIT_URL = "http://127.0.0.1:9";
  const rig = new Rig(set, { kept }).ready();
  t.after(() => rig.close());
  rig.time.pass(5);
  return rig;
}

const quiet = (set) => assert.deepEqual(set.rules.broken, []);

test("it goes on when the set is opened again, in this Live or another", (t) => {
  const set = liveSet();
  const first = device(t, set);
  assert.match(first.kept, /^live-[0-9a-f-]{36}$/);
  assert.equal(session(first), first.kept);
  first.remove();
  for (const shared of [set.shared, new Map()]) {
    const again = device(t, liveSet({ shared }), first.kept);
    assert.deepEqual([session(again), again.kept], [first.kept, first.kept]);
    again.conversation.send("settle"); // the process behind the device was started again
    again.time.pass(5);
    assert.deepEqual([session(again), again.kept], [first.kept, first.kept]);
    again.remove();
    quiet(again.set);
  }
});

test("who duplicates a device gets another conversation, and both are kept", (t) => {
  const set = liveSet();
  const first = device(t, set, KEPT);
  const copy = device(t, set, first.kept);
  assert.equal(session(first), KEPT);
  assert.notEqual(session(copy), KEPT);
  assert.equal(copy.kept, session(copy));
  const third = device(t, set, copy.kept);
  const all = [first, copy, third];
  assert.equal(new Set(all.map(session)).size, 3);
  for (const each of all) each.remove();
  const opened = liveSet({ shared: set.shared });
  const again = all.map((each) => device(t, opened, each.kept));
  assert.deepEqual(again.map(session), all.map((each) => each.kept));
  quiet(set);
  quiet(opened);
});

test("one that is deleted leaves its conversation to whoever comes with it", (t) => {
  const set = liveSet();
  device(t, set, KEPT).remove();
  const back = device(t, set, KEPT); // by undo, or on another track
  assert.equal(session(back), KEPT);
  back.track.removeDevice(back.device); // it went without a word
  assert.equal(session(device(t, set, KEPT)), KEPT);
  quiet(set);
});

test("what is stored and is no conversation begins one", (t) => {
  const set = new LiveSet({ tracks: [{ name: "One" }] });
  for (const odd of ["default", 7, "live-", `${KEPT}0`, "../live.token", "x".repeat(30000)]) {
    const rig = device(t, set, odd);
    assert.match(rig.kept, /^live-[0-9a-f-]{36}$/);
    assert.equal(session(rig), rig.kept);
  }
  quiet(set);
});

test("the server is told of one conversation; a preset may bring another", async (t) => {
  const { server, rig } = await wired(t, { kept: KEPT });
  const told = () => new Set(server.bodies("PUT /live/context").map((each) => each.session));
  assert.deepEqual([...told()], [KEPT]);
  rig.keep(OTHER); // a preset of Live has stored values too
  await rig.until(() => told().size === 2, "the set in the other conversation");
  assert.deepEqual([...told()], [KEPT, OTHER]);
  await rig.node.send("prompt", "dub");
  assert.equal(server.bodies("POST /ask")[0].session, OTHER);
});
