"use strict";
const test = require("node:test");
const assert = require("node:assert/strict");
const { fixture, dice } = require("./given");
const { TOKEN, stream, wired } = require("./scripted");
const { Rig } = require("./simulator/rig");
const { EventReader } = require("../conduit-client");

test("an answer is streamed, shown and applied, and one press takes it back", async (t) => {
  const { server, set, rig, before } = await wired(t);
  let finish = null;
  server.on("POST /ask", (reply) => {
    stream(
      reply,
      [
        ["start", {}],
        ["provider", { provider: "offline", model: "rules" }],
        ["text", { text: "**Dub" }],
      ],
      { open: true },
    );
    finish = () =>
      stream(reply, [
        ["text", { text: "**" }],
        ["done", fixture("reply")],
      ]);
  });
  const asked = rig.node.send("prompt", "8", "bars", "of", "dub");
  await rig.until(() => rig.said.text === "**Dub", "the beginning of the answer");
  assert.equal(rig.status("state"), "asking");
  await rig.node.send("prompt", "again");
  assert.match(rig.status("say"), /still answering/);
  finish();
  await asked;
  await rig.until(() => rig.status("groove"));
  assert.equal(rig.said.text, fixture("reply").text);
  assert.equal(rig.status("groove"), "Dub · Drums, slot 1 · 1 notes, 8 beats");
  const [request] = server.bodies("POST /ask");
  assert.deepEqual(Object.keys(request), Object.keys(fixture("request")));
  assert.equal(request.prompt, fixture("request").prompt);
  assert.match(request.session, /^live-[0-9a-f-]{36}$/);
  await rig.until(() => rig.status("say").startsWith("Cutoff"));
  assert.notDeepEqual(set.picture(), before);
  await rig.node.send("undo");
  await rig.until(() => JSON.stringify(set.picture()) === JSON.stringify(before), "as before");
});

test("what the model takes back is not shown any more", async (t) => {
  const { server, rig } = await wired(t);
  let more = null;
  server.on("POST /ask", (reply) => {
    more = (event, data, open) => stream(reply, [[event, data]], { open });
    more("text", { text: "I will." }, true);
  });
  const asked = rig.node.send("prompt", "dub");
  await rig.until(() => rig.said.text === "I will.", "what is said first");
  more("retracted", { text: "", missing: ["live.clip"] }, true);
  await rig.until(() => rig.said.text === "", "and taken back");
  more("done", { text: "Done." }, false);
  await asked;
  assert.equal(rig.said.text, "Done.");
});

test("what was selected when it was asked counts, and a track that is gone is said", async (t) => {
  const { server, set, rig } = await wired(t);
  let answer = null;
  server.on("POST /ask", (reply) => {
    answer = () => stream(reply, [["done", fixture("reply")]]);
    stream(reply, [["start", {}]], { open: true });
  });
  const asked = rig.node.send("prompt", "dub");
  await rig.until(() => answer);
  set.song.run("delete_track", [0]);
  const before = set.picture();
  answer();
  await asked;
  const gone = () => rig.said.status.filter((each) => each[0] === "say" && /gone/.test(each[1]));
  await rig.until(() => gone().length === 1, "the track is gone");
  assert.deepEqual(set.picture(), before);
});

test("a server that is down, and comes", async (t) => {
  const { server, set, rig, before } = await wired(t, { start: false });
  await rig.until(() => rig.status("state") === "offline");
  await rig.node.send("prompt", "dub");
  assert.match(
    rig.status("say"),
    /nobody answers at 127.0.0.1:\d+ \(start it in a terminal: conduit up\)/,
  );
  assert.deepEqual(set.picture(), before);
  await server.start(server.port);
  await rig.until(() => rig.status("state") === "ready", "ready");
  await rig.until(() => server.bodies("PUT /live/context").length);
  assert.equal(server.bodies("PUT /live/context")[0].context.tracks.length, 8);
  await rig.node.send("prompt", "dub");
  await rig.until(() => rig.status("groove"));

  // Another server in its place knows nothing of the set, though nothing changed in it.
  await server.stop();
  await rig.node.send("health");
  server.asked = [];
  await server.start(server.port);
  await rig.until(() => server.bodies("PUT /live/context").length, "the set is told again");
});

test("whatever breaks on the way, nothing is applied, and the next prompt works", async (t) => {
  const { server, set, rig, before } = await wired(t, { timeout: 300 });
  const good = server.answers.get("POST /ask");
  const start = [
    ["start", {}],
    ["text", { text: "Dub" }],
  ];
  const beats = (reply) => {
    const alive = setInterval(() => reply.write(": keep-alive\n\n"), 50);
    reply.on("close", () => clearInterval(alive));
  };
  const cases = [
    [() => {}, /nothing came for 0.3 s/],
    [
      (reply) => {
        stream(reply, start, { open: true });
        beats(reply);
      },
      /nothing came/,
    ],
    [(reply) => stream(reply, start), /went away before it was done/],
    [
      (reply) => {
        stream(reply, start, { open: true });
        setTimeout(() => reply.destroy(), 20);
      },
      /connection broke|went away/,
    ],
    [
      (reply) => {
        reply.writeHead(200);
        reply.write('event: done\ndata: {"blo');
        setTimeout(() => reply.destroy(), 20);
      },
      /connection broke|went away/,
    ],
    [
      (reply) => stream(reply, [...start, ["error", fixture("error")]]),
      /rests after three failures \(reset its circuit/,
    ],
    [() => [503, fixture("error")], /rests after three failures/],
    [() => [500, "no error of ours"], /status 500/],
    [
      (reply) => {
        reply.end("event: done\ndata: {not json\n\n");
      },
      /no JSON/,
    ],
    [
      (reply) =>
        stream(reply, [
          ["done", { text: "x", blocks: [{ type: "midi", notes: [{ pitch: 200 }] }] }],
        ]),
      /pitch is 200/,
    ],
    [
      (reply) => stream(reply, [["done", { text: "x", blocks: [{ type: "warp" }, null] }]]),
      /does not know/,
    ],
    [
      (reply) =>
        stream(reply, [
          ["done", { text: "x", blocks: [], refused_blocks: [fixture("error").error] }],
        ]),
      /rests/,
    ],
    [(reply) => stream(reply, [["done", { text: "🎛 ".repeat(30000) }]]), /^done$/],
    [
      (reply) =>
        stream(reply, [["done", { text: "x", status: "stopped", why: "its budget is spent" }]]),
      /stopped: its budget/,
    ],
  ];
  for (const [answer, said] of cases) {
    rig.said.status = [];
    server.on("POST /ask", answer);
    await rig.node.send("prompt", "dub");
    await rig.until(
      () => rig.said.status.some(([word, text]) => word === "say" && said.test(text)),
      String(said),
    );
    assert.deepEqual(set.picture(), before);
  }
  server.on("POST /ask", good);
  await rig.node.send("prompt", "dub");
  await rig.until(() => rig.status("groove"));
});

test("an answer is in Live as a whole, or nothing of it is", async (t) => {
  const { server, set, rig, before } = await wired(t);
  const [clip, parameters] = fixture("reply").blocks;
  const wrong = { ...parameters, changes: [{ ...parameters.changes[0], parameter: "No such" }] };
  const cases = [
    [{ blocks: [clip, wrong] }, /no parameter/i],
    [{ blocks: [parameters, clip, wrong] }, /no parameter/i],
    [{ blocks: [clip, { type: "warp" }] }, /does not know: nothing was changed/],
    [{ blocks: [clip, parameters], refused_blocks: [fixture("error").error] }, /rests/],
  ];
  for (const [reply, said] of cases) {
    rig.said.status = [];
    server.on("POST /ask", (response) => stream(response, [["done", { text: "x", ...reply }]]));
    await rig.node.send("prompt", "dub");
    await rig.until(() => rig.said.status.some((each) => said.test(each[1])), String(said));
    await rig.until(() => JSON.stringify(set.picture()) === JSON.stringify(before), "as before");
    await rig.node.send("undo");
    await rig.until(() => rig.status("say") === "there is nothing to undo", "no more to take back");
    assert.deepEqual(set.picture(), before);
  }
  server.on("POST /ask", (response) => stream(response, [["done", fixture("reply")]]));
  await rig.node.send("prompt", "dub");
  await rig.until(() => rig.status("say").startsWith("Cutoff"));
});

test("cancel ends an answer at once, and tells the server by leaving", async (t) => {
  const { server, set, rig, before } = await wired(t);
  let left = false;
  server.on("POST /ask", (reply) => {
    reply.on("close", () => (left = true));
    stream(reply, [["text", { text: "Dub" }]], { open: true });
  });
  const asked = rig.node.send("prompt", "dub");
  await rig.until(() => rig.said.text === "Dub");
  await rig.node.send("cancel");
  await asked;
  assert.deepEqual(
    [rig.status("state"), rig.status("say")],
    ["ready", "cancelled (nothing was applied)"],
  );
  await rig.until(() => left, "the server sees it");
  assert.deepEqual(set.picture(), before);
  await rig.node.send("cancel");
  assert.match(rig.status("say"), /nothing is being answered/);
});

test("every command asks what it should, and says what came of it", async (t) => {
  const { server, rig } = await wired(t);
  server
    .on("POST /reset", { session: "x", forgotten: 6 })
    .on("GET /health", { status: "ok", version: "0.1.0", active: "claude" })
    .on("POST /providers/switch", fixture("providers"))
    .on("POST /providers/reset-circuit/my%20claude", fixture("providers"))
    .on("POST /presets", {})
    .on("POST /presets/undo", {})
    .on("POST /presets/live_set/apply", {});
  const session = rig.node.script.session();
  for (const [words, route, body, said] of [
    ["reset", "POST /reset", { session }, "forgotten: 6 messages"],
    ["health", "GET /health", null, "Conduit 0.1.0: ok, claude answers"],
    [
      "providers",
      "GET /providers",
      null,
      "→ claude (claude-sonnet), local (qwen), offline (rules)",
    ],
    ["provider claude", "POST /providers/switch", { name: "claude", model: "" }, "claude answers"],
    [
      "provider local qwen 3",
      "POST /providers/switch",
      { name: "local", model: "qwen 3" },
      "claude answers",
    ],
    [
      "model opus",
      "POST /providers/switch",
      { name: "claude", model: "opus" },
      "claude answers with opus",
    ],
    ["circuit", "GET /providers", null, "○ claude: no answer, ◐ local, ● offline"],
    [
      "reset-circuit my claude",
      "POST /providers/reset-circuit/my%20claude",
      {},
      "my claude is tried again",
    ],
    ["preset", "GET /presets", null, "presets: live_set"],
    [
      "preset save Warm up, 2!",
      "POST /presets",
      { name: "warm-up-2", session, replace: false },
      "saved: warm-up-2",
    ],
    [
      "preset replace live_set",
      "POST /presets",
      { name: "live_set", session, replace: true },
      "saved: live_set",
    ],
    ["preset live_set", "POST /presets/live_set/apply", { session }, "in force: live_set"],
    ["preset undo", "POST /presets/undo", {}, "back to before the preset"],
    [
      "preset ../gone",
      "POST /presets/..%2Fgone/apply",
      { session },
      "offline: rests after three failures (reset its circuit, or wait)",
    ],
    ["provider", null, null, "provider needs a name"],
    [
      "mode sideways",
      null,
      null,
      "there is no mode sideways (auto, new, replace, merge, new_scene)",
    ],
    ["undo", null, null, "there is nothing to undo"],
    ["prompt", null, null, "write what you want first"],
    [
      "server http://example.com",
      null,
      null,
      "example.com is not this machine (the device talks to 127.0.0.1 or localhost only, by http)",
    ],
    ["token two words", null, null, "this is no token (it is one line of letters and digits)"],
  ]) {
    server.asked = [];
    await rig.node.send(...words.split(" "));
    if (route)
      assert.ok(
        server.asked.some(
          (each) => each[0] === route && JSON.stringify(each[1]) === JSON.stringify(body),
        ),
        words,
      );
    assert.equal(rig.status("say"), said, words);
  }
  assert.equal(rig.status("lights"), "○ claude  ◐ local  ● offline");
  assert.equal(rig.status("circuit"), "offline ●");
  assert.equal(
    rig.said.status.filter((each) => each[0] === "providers").length,
    1,
    "a menu is filled once",
  );
  assert.equal(rig.status("provider"), "claude claude-sonnet");
  assert.equal(rig.status("preset"), "live_set");
  await rig.node.send("preset", "save");
  assert.match(server.bodies("POST /presets").at(-1).name, /^live-\d{4}-\d\d-\d\d-\d\d-\d\d$/);
  await rig.node.send("hear");
  assert.match(rig.status("say"), /no sound was shown yet \(select an audio clip/);
  await rig.node.send("mode", "new_scene");
  await rig.node.send("prompt", "dub");
  await rig.until(() => rig.status("groove"));
  assert.match(rig.status("groove"), /slot 5/);
});

test("the token is shown to the server and to nobody else", async (t) => {
  const { server, rig } = await wired(t);
  server.on("GET /health", () => [
    401,
    { error: { code: "unauthenticated", message: "a token is needed", hint: "" } },
  ]);
  await rig.node.send("health");
  assert.equal(rig.status("say"), "a token is needed");
  await rig.node.send("token", "another-token");
  for (const [, , headers] of server.asked.slice(0, 2))
    assert.equal(headers.authorization, `Bearer ${TOKEN}`);
  assert.equal(server.asked.at(-1)[2].authorization, "Bearer another-token");
  const said = JSON.stringify([rig.said, rig.set.rules.posted]);
  assert.ok(!said.includes(TOKEN) && !said.includes("another-token"));
});

test("the server's picture of the set follows by differences, and is mended", async (t) => {
  const { server, set, rig } = await wired(t);
  server.asked = [];
  set.song.put("tempo", 141);
  await rig.until(() => server.bodies("PATCH /live/context").length);
  const [patch] = server.bodies("PATCH /live/context");
  assert.deepEqual([patch.changes, patch.version], [{ tempo: 141 }, server.version - 1]);
  server.on("PATCH /live/context", () => [409, fixture("error")]);
  set.song.put("tempo", 142);
  await rig.until(() => server.bodies("PUT /live/context").length);
  const [put] = server.bodies("PUT /live/context");
  assert.deepEqual([put.context.tempo, put.session], [142, rig.node.script.session()]);
  // A difference that was missed on the way: the device has to tell all of it again.
  rig.node.send("session", "begin", "lost", 1, 37);
  rig.node.send("session", "piece", "lost", 0, '{"version":99,"base":98,"changes":{}}');
  server.on("PUT /live/context", () => ({ version: ++server.version }));
  await rig.until(() => rig.said.status.filter((each) => each[0] === "context").length >= 2);
});

test("two devices in one set are two conversations", async (t) => {
  const { server, set, rig } = await wired(t);
  const other = new Rig(set, { time: rig.time }).ready();
  t.after(() => other.close());
  await other.until(() => other.status("state") === "ready");
  await Promise.all([rig.node.send("prompt", "one"), other.node.send("prompt", "two")]);
  await rig.until(() => rig.status("groove") && other.status("groove"));
  assert.deepEqual(
    [rig.status("groove"), other.status("groove")].map((each) => /slot (\d)/.exec(each)[1]).sort(),
    ["1", "2"],
  );
  const sessions = server.bodies("POST /ask").map((each) => each.session);
  assert.equal(new Set(sessions).size, 2);
});

test("events are read however they are cut, in linear time", () => {
  const events = [
    ["text", '{"text":"é🎛\\n"}'],
    ["done", `{"x":"${"y".repeat(3000000)}"}`],
  ];
  const written = events.map(([name, data]) => `event: ${name}\r\ndata: ${data}\n\n`);
  const whole = `: hi\r\n${written.join("")}`;
  const roll = dice(3);
  for (const most of [whole.length, 65536, 4000]) {
    const reader = new EventReader();
    const found = [];
    for (let at = 0; at < whole.length;) {
      const size = 1 + roll.whole(most);
      found.push(...reader.take(whole.slice(at, at + size)));
      at += size;
    }
    assert.deepEqual(
      found.map((each) => [each.name, each.data]),
      events,
    );
  }
});
