"use strict";
// The newest sound that was shown is heard by the server, from the file that Live names.

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { Readable } = require("node:stream");
const { fixture } = require("./given");
const { stream, wired } = require("./scripted");
const { Client } = require("../conduit-client");
const { nameOf } = require("../conduit-context");

const SOUND = Buffer.concat([Buffer.from("RIFF____WAVE"), Buffer.alloc(300000, 7)]);

// A device that runs, a folder for sounds, and a way to select a clip of one.
async function hearing(t, options = {}) {
  const { server, set, rig } = await wired(t, options);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "device-sounds-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  server.on("POST /live/hear", (reply, body) => ({
    session: rig.node.script.session(),
    version: ++server.version,
    sound: { id: "f1", name: "break.wav", said: `124 BPM, ${body.length} bytes` },
  }));
  const [slot] = set.track("Vox").slots;
  const show = async (name, data = SOUND) => {
    const file = path.isAbsolute(name) ? name : path.join(folder, name);
    if (data) fs.writeFileSync(file, data);
    if (slot.clip) slot.run("delete_clip", []);
    [slot.drop({ file }, { name: "Break" }).groove] = set.grooves;
    set.view.choose("detail_clip", slot.clip);
    rig.time.pass(100);
    return file;
  };
  const heard = () => server.bodies("POST /live/hear");
  return { server, set, rig, show, heard, folder };
}

test("a prompt hears first, once for each state of a file, and tells not where", async (t) => {
  const { server, set, rig, show, heard, folder } = await hearing(t);
  const file = await show("break  1.wav");
  await rig.node.send("prompt", "make the hats sit like this loop");
  assert.deepEqual(heard(), [SOUND]);
  const { clip } = server.bodies("PATCH /live/context").at(-1).changes;
  assert.deepEqual(clip, fixture("sound"));
  const session = rig.node.script.session();
  assert.deepEqual(server.queries("POST /live/hear"), [{ session, name: "break  1.wav" }]);
  const routes = server.asked.map((each) => each[0]);
  assert.ok(routes.indexOf("POST /live/hear") < routes.indexOf("POST /ask"));
  await rig.node.send("prompt", "and again");
  set.view.choose("detail_clip", null); // as when the device's own track is selected
  rig.time.pass(100);
  await rig.node.send("prompt", "and again");
  assert.equal(heard().length, 1, "nothing new to hear");
  fs.utimesSync(file, 1, 2e9);
  await rig.node.send("prompt", "and again");
  assert.equal(heard().length, 2, "the file changed");
  await Promise.all([rig.node.send("hear"), rig.node.send("hear")]);
  assert.equal(heard().length, 3, "who asks twice at once gets one answer");
  assert.equal(rig.status("say"), `break.wav: 124 BPM, ${SOUND.length} bytes`);
  // What the server noted in the set made another version of it: differences go on from there.
  server.asked = server.asked.filter((each) => !each[0].endsWith("/live/context"));
  set.song.put("tempo", 99);
  await rig.until(() => server.bodies("PATCH /live/context").length);
  assert.equal(server.bodies("PATCH /live/context")[0].version, server.version - 1);
  const [kinds, told] = [server.asked.map((each) => each[2]["content-type"]), server.asked];
  assert.ok(kinds.includes("audio/wav"));
  assert.ok(!JSON.stringify([told, rig.said]).includes(folder));
});

test("a path as Max writes it is understood, and a file that changes is noticed", async (t) => {
  const { server, set, rig, show, heard } = await hearing(t);
  const [slot] = set.track("Vox").slots;
  const file = await show("break.wav");
  slot.run("delete_clip", []);
  slot.drop({ file: `Macintosh HD:${file}` });
  set.view.choose("detail_clip", slot.clip);
  rig.time.pass(100);
  await rig.node.send("hear");
  assert.deepEqual(heard(), [SOUND]);
  assert.equal(nameOf("C:\\Users\\ann\\break.wav"), "break.wav");
  const client = new Client({ url: server.url, home: "", timeoutMs: 5000 });
  const told = (source) =>
    client.upload("/live/hear", { source, type: "audio/wav", length: 10 }).then(
      () => "taken",
      (problem) => problem.message,
    );
  assert.match(await told(Readable.from([Buffer.alloc(4)])), /changed while it was read/);
  assert.match(await told(Readable.from([Buffer.alloc(40)])), /changed while it was read/);
  const broken = new Readable({
    read() {
      this.destroy(new Error("disk"));
    },
  });
  assert.match(await told(broken), /changed while it was read/);
  assert.equal(heard().length, 1, "nothing of it was taken for a sound");
});

test("what cannot be heard is said, and the prompt goes its way", async (t) => {
  const { server, rig, show, heard, folder } = await hearing(t);
  const large = path.join(folder, "large.wav");
  fs.writeFileSync(large, "RIFF");
  fs.truncateSync(large, 128 * 1024 * 1024 + 1);
  for (const [name, data, said] of [
    ["song.mp3", Buffer.from("ID3 and so on"), /song.mp3 is no WAV, AIFF or FLAC file/],
    ["empty.wav", Buffer.alloc(0), /empty.wav is no WAV/],
    [large, null, /large.wav has more than 128 MiB/],
    ["/nowhere/at all.wav", null, /at all.wav is no file that can be read/],
    [folder, null, /is no file/],
    ["/dev/zero", null, /zero is no file/],
  ]) {
    await show(name, data);
    rig.said.status = [];
    await rig.node.send("prompt", "dub");
    const says = () => rig.said.status.filter(([word, text]) => word === "say" && said.test(text));
    assert.equal(says().length, 1, name);
    await rig.node.send("prompt", "dub");
    assert.equal(says().length, 1, `${name}: once is enough`);
    await rig.node.send("hear");
    assert.equal(says().length, 2, "who asks is told again");
  }
  assert.equal(heard().length, 0);
  assert.equal(server.bodies("POST /ask").length, 12);
});

test("a server that is slow at it, refuses it or goes away keeps no prompt waiting", async (t) => {
  const { server, rig, show, heard } = await hearing(t, { timeout: 250 });
  await show("break.wav");
  let late = null;
  server.on("POST /live/hear", (reply) => {
    late = reply;
  });
  await rig.node.send("prompt", "dub");
  assert.equal(server.bodies("POST /ask").length, 1, "not heard, and asked all the same");
  await rig.until(() => rig.story().includes("nothing came for"), "and then it is said");
  assert.ok(late);
  server.on("POST /live/hear", [413, { error: { code: "too_large", message: "too much" } }]);
  await rig.node.send("prompt", "dub");
  assert.equal(heard().length, 2, "what broke on the way is tried again");
  assert.ok(rig.story().includes("too much"));
  await rig.node.send("prompt", "dub");
  assert.equal(heard().length, 2, "what was refused is not");
  server.on("POST /live/hear", (reply) => {
    reply.destroy();
  });
  await rig.node.send("hear");
  assert.match(rig.status("say"), /connection broke/);
  // Cancelled while it listens: at once.
  await show("other.wav");
  server.on("POST /live/hear", () => {});
  server.on("POST /ask", (reply) => stream(reply, [["text", { text: "x" }]], { open: true }));
  const asked = rig.node.send("prompt", "dub");
  await rig.until(() => heard().length === 4);
  const before = server.bodies("POST /ask").length;
  await rig.node.send("cancel");
  await asked;
  assert.equal(server.bodies("POST /ask").length, before);
});
