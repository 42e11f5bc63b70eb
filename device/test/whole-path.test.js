"use strict";
// The whole path: a typed prompt, the real server with the offline agent, a clip in the simulated
// set, read back.

const test = require("node:test");
const assert = require("node:assert/strict");
const { liveSet } = require("./given");
const { Server } = require("./server");
const { Rig } = require("./simulator/rig");

test("from a prompt to a clip, through Conduit itself", { skip: !Server.there() && "there is no conduit command" }, async (t) => {
  const server = await new Server().start();
  Object.assign(process.env, { CONDUIT_URL: server.url, CONDUIT_HOME: server.home, CONDUIT_DEVICE_TIMEOUT_MS: "20000" });
  const set = liveSet();
  set.song.put("signature_numerator", 3);
  const rig = new Rig(set).ready();
  t.after(async () => {
    rig.close();
    await server.remove();
  });
  const clips = () => set.track("Drums").slots.map((slot) => slot.clip);
  await rig.until(() => rig.status("state") === "ready", "ready");
  const before = set.picture();

  await rig.node.send("prompt", "8", "bars", "of", "dub");
  await rig.until(() => rig.status("groove"), "a groove");
  const [clip] = clips();
  assert.ok(clip.notes.length > 50);
  assert.match(clip.get("name"), /^Dub/);
  assert.equal(clip.get("loop_end") % 3, 0, "the end of a bar of three beats");
  assert.equal(set.calls.filter((name) => name === "add_new_notes").length, 1);
  assert.ok(rig.said.text.includes("Dub"));
  assert.equal(rig.status("lights"), "● offline");

  await rig.node.send("undo");
  await rig.until(() => clips()[0] === null, "taken back");
  assert.deepEqual(set.picture(), before);

  // What the server knows of the set is what the set is.
  set.song.put("tempo", 137);
  rig.time.pass(100);
  const known = await rigSees(rig, server, (seen) => seen.context.tempo === 137);
  assert.deepEqual(known.context.tracks.map((each) => each.name), ["Drums", "Vox", "Stems", "Old", "Pad", "Pad", "Hall", "Master"]);

  // Killed and started again: nothing is applied of a broken answer, and the set is told anew.
  await server.stop("SIGKILL");
  await rig.node.send("prompt", "8", "bars", "of", "dub");
  assert.equal(rig.status("state"), "offline");
  assert.deepEqual(clips(), [null, null, null, null]);
  await server.start();
  await rig.until(() => rig.status("state") === "ready", "ready again");
  await rig.node.send("prompt", "4 bars of acid");
  await rig.until(() => clips()[0], "another clip");
  assert.ok(clips()[0].notes.length > 10);

  // A track that takes no notes: said, and nothing is done.
  set.view.choose("selected_track", set.track("Vox"));
  rig.said.status = [];
  const now = set.picture();
  await rig.node.send("prompt", "8 bars of dub");
  await rig.until(() => /takes audio|MIDI track/.test(JSON.stringify(rig.said)), "why not");
  assert.deepEqual(set.picture(), now);
  assert.deepEqual(set.rules.broken, []);
});

async function rigSees(rig, server, holds) {
  const { Client } = require("../conduit-client");
  const client = new Client({ url: server.url, home: server.home, timeoutMs: 5000 });
  let found = null;
  const look = async () => {
    found = await client.get(`/live/context?session=${rig.node.script.session}`);
  };
  let going = null;
  await rig.until(() => {
    if (found && holds(found)) return true;
    going = going || look().finally(() => (going = null));
    return false;
  }, "the server knows");
  return found;
}
