"use strict";
// The whole path: a typed prompt, the real server with the offline agent, a clip in the simulated
// set, read back.

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { liveSet } = require("./given");
const { Model } = require("./model");
const { Server } = require("./server");
const { Patch } = require("./simulator/patch");
const { Rig } = require("./simulator/rig");
const { Client } = require("../conduit-client");

const KICK = 36;
const skip = !Server.there() && "there is no conduit command";
let server = null;

test.before(async () => {
  if (skip) return;
  server = await new Server().start();
  Object.assign(process.env, {
    CONDUIT_URL: server.url,
    CONDUIT_HOME: server.home,
    CONDUIT_DEVICE_TIMEOUT_MS: "20000",
  });
});
test.after(() => server && server.remove());

test(
  "the device that is built, from its own patcher: panel, clip, one press back",
  { skip },
  async (t) => {
    const file = path.join(server.folder, "built", "Conduit.amxd");
    await server.run("device", "build", "--unfrozen", "-o", file);
    const set = liveSet();
    const patch = new Patch(set, file).load();
    const before = set.picture();
    t.after(() => patch.close());
    await patch.until(() => patch.shown.get("state") === "ready", "the panel says ready");
    await patch.until(() => patch.shown.get("lights") === "● offline", "a light");
    assert.deepEqual(patch.shown.get("providers items"), ["offline"]);
    assert.equal(patch.shown.get("providers"), "offline");

    patch.choose("mode", "new_scene");
    patch.write("8 bars of dub");
    patch.press("ask");
    await patch.until(
      () => /^Dub .* Drums, slot 5/.test(patch.shown.get("groove")),
      "the last groove",
    );
    const clip = set.track("Drums").slots[4].clip;
    assert.ok(clip.notes.length > 50);
    await patch.until(() => /Dub/.test(patch.shown.get("answer")), "the answer");
    const known = await contextOf(session(patch));
    assert.deepEqual(
      known.tracks.map((each) => each.name),
      ["Drums", "Vox", "Stems", "Old", "Pad", "Pad", "Hall", "Master"],
    );

    patch.press("undo");
    await patch.until(() => set.song.scenes.length === 4, "taken back");
    assert.deepEqual(set.picture(), before);
    patch.press("cancel");
    await patch.until(
      () => patch.shown.get("say") === "nothing is being answered",
      "cancel is heard",
    );
    assert.deepEqual(set.rules.broken, []);

    // The set is saved and opened again: the conversation goes on.
    const asked = session(patch);
    patch.remove();
    const opened = liveSet({ shared: set.shared });
    const again = new Patch(opened, file, { kept: patch.kept }).load();
    t.after(() => again.close());
    await again.until(() => again.shown.get("state") === "ready", "ready again");
    assert.equal(session(again), asked);
    assert.match(asked, /^live-/);
    const client = new Client({ url: server.url, home: server.home, timeoutMs: 20000 });
    const history = await client.get(`/history?session=${asked}`);
    assert.match(JSON.stringify(history), /8 bars of dub/);
    assert.deepEqual(opened.rules.broken, []);
  },
);

test(
  "metre, a changed set, a track without notes, a server that is killed",
  { skip },
  async (t) => {
    const set = liveSet();
    set.song.put("signature_numerator", 3);
    const rig = new Rig(set).ready();
    t.after(() => rig.close());
    const clips = () => set.track("Drums").slots.map((slot) => slot.clip);
    await rig.until(() => rig.status("state") === "ready", "ready");
    await rig.node.send("prompt", "8", "bars", "of", "dub");
    await rig.until(() => rig.status("groove"), "a groove");
    assert.equal(clips()[0].get("loop_end") % 3, 0, "the end of a bar of three beats");
    assert.equal(set.calls.filter((name) => name === "add_new_notes").length, 1);

    set.song.put("tempo", 137);
    let known = null;
    await rig.until(() => {
      contextOf(rig.node.script.session()).then((found) => (known = found));
      return known && known.tempo === 137;
    }, "the server knows the tempo");

    set.view.choose("selected_track", set.track("Vox"));
    rig.said.status = [];
    const before = set.picture();
    await rig.node.send("prompt", "8 bars of dub");
    await rig.until(() => /takes audio|MIDI track/.test(JSON.stringify(rig.said)), "why not");
    assert.deepEqual(set.picture(), before);
    set.view.choose("selected_track", set.track("Drums"));

    await server.stop("SIGKILL");
    await rig.node.send("prompt", "8", "bars", "of", "dub");
    assert.equal(rig.status("state"), "offline");
    assert.deepEqual(set.picture(), before);
    await server.start();
    await rig.until(() => rig.status("state") === "ready", "ready again");
    await rig.node.send("prompt", "4 bars of acid");
    await rig.until(() => clips()[1], "another clip");
    assert.ok(clips()[1].notes.length > 10);
    assert.deepEqual(set.rules.broken, []);
  },
);

test("a loop is selected, the hats sit like it, and all of it is a preset", { skip }, async (t) => {
  const client = new Client({ url: server.url, home: server.home, timeoutMs: 20000 });
  const wanted = { style: "hard", bars: 4, swing: 62 };
  const groove = await client.send("POST", "/blocks/groove.render", wanted);
  const sound = { file_id: groove.midi.id, seconds: 6 };
  const { wav } = await client.send("POST", "/blocks/audio.render", sound);
  const got = await fetch(`${server.url}/files/${wav.id}`, {
    headers: { authorization: `Bearer ${client.token()}` },
  });
  const file = path.join(server.folder, "loop.wav");
  fs.writeFileSync(file, Buffer.from(await got.arrayBuffer()));

  const set = liveSet();
  const rig = new Rig(set).ready();
  t.after(() => rig.close());
  const drums = () => set.track("Drums").slots.map((slot) => slot.clip);
  await rig.until(() => rig.status("state") === "ready", "ready");
  await rig.node.send("prompt", "8 bars of dub");
  await rig.until(() => drums()[0], "a clip");
  const [slot] = set.track("Vox").slots;
  slot.drop({ file });
  set.view.choose("detail_clip", slot.clip);
  set.view.choose("selected_track", set.track("Vox")); // as selecting its clip does
  rig.time.pass(100);
  await rig.node.send("prompt", "make the hats sit like this loop");
  const own = rig.track.slots[0]; // the track of the loop takes no notes, that of the device does
  await rig.until(() => own.clip, "a clip that sits like the loop");
  assert.match(rig.said.text, /sit like loop\.wav: 150 BPM, swing 62 %/);
  const [before, after] = [drums()[0].notes, own.clip.notes];
  const starts = (notes, hats) =>
    notes.filter((each) => each.pitch !== KICK === hats).map((each) => each.start_time);
  assert.deepEqual(starts(after, false), starts(before, false), "the kick stays where it was");
  assert.notDeepEqual(starts(after, true), starts(before, true), "and the hats do not");
  assert.equal(after.length, before.length);

  await rig.node.send("preset", "save", "Sits well");
  assert.equal(rig.status("say"), "saved: sits-well");
  set.song.put("tempo", 133);
  rig.time.pass(100);
  await rig.node.send("preset", "sits-well");
  assert.equal(rig.status("preset"), "sits-well");
  const known = await contextOf(rig.node.script.session());
  assert.equal(known.tempo, 133, "the set that is open, and not the one that was saved");
  assert.deepEqual(set.rules.broken, []);
});

test("a model: prose, broken JSON, parameters that are not there, a clip", { skip }, async (t) => {
  const model = await new Model().start();
  t.after(() => model.stop());
  const client = new Client({ url: server.url, home: server.home, timeoutMs: 20000 });
  await client.send("POST", "/providers/add", {
    name: "written",
    type: "openai_compatible",
    base_url: model.url,
    model: "m",
  });
  await client.send("POST", "/providers/switch", { name: "written", model: "" });
  const set = liveSet();
  const rig = new Rig(set).ready();
  t.after(() => rig.close());
  await rig.until(() => rig.status("provider") === "written m", "the model answers");
  const before = set.picture();
  const midi = (notes) => JSON.stringify({ type: "midi", name: "Mine", notes });
  const kick = { pitch: 36, start: 0, duration: 0.25, probability: 0.5 };
  const knob = { device: "Kit", parameter: "Resonance", value: 1 };
  const fenced = (json) => `Here it is.\n\`\`\`json\n${json}\n\`\`\`\n`;
  for (const [says, said] of [
    ["Four on the floor, and a clap.", /^done$/],
    [fenced("{'type': midi, notes: ["), /broke off/],
    [fenced(midi([kick, kick]).slice(0, -9)), /broke off/],
    [fenced('"four on the floor"'), /^done$/],
    [fenced(midi([kick, { ...kick, pitch: 300 }])), /notes\[1\]\.pitch/],
    [fenced(midi([{ ...kick, duration: -1 }])), /notes\[0\]\.duration/],
    [fenced(midi([])), /notes/],
    [fenced(JSON.stringify({ type: "parameters", changes: [knob] })), /no parameter named/],
  ]) {
    model.says = says;
    rig.said.status = [];
    await rig.node.send("prompt", "what you like");
    const isSaid = () => rig.said.status.some(([word, text]) => word === "say" && said.test(text));
    await rig.until(isSaid, String(said));
    assert.equal(rig.said.text, says);
    assert.deepEqual(set.picture(), before, says);
  }
  model.says = fenced(midi([kick]));
  await rig.node.send("prompt", "and now a kick");
  await rig.until(() => set.track("Drums").slots[0].clip, "the clip of the model");
  const [note] = set.track("Drums").slots[0].clip.notes;
  assert.deepEqual([note.pitch, note.probability], [36, 0.5]);
  const shown = JSON.stringify(model.asked.at(-1).messages);
  assert.ok(shown.includes("Stems") && shown.includes("Cutoff"), "it was shown the set");
  assert.deepEqual(set.rules.broken, []);
});

const session = (patch) => patch.named.get("bridge").node.script.session();

// What the server knows of a set.
async function contextOf(session) {
  const client = new Client({ url: server.url, home: server.home, timeoutMs: 20000 });
  return (await client.get(`/live/context?session=${session}`)).context;
}
