"use strict";
// The device's conversation with Conduit: commands of the panel in, answers and blocks out. Runs in
// [node.script]. What comes in and goes out is in README.md.

const { randomUUID } = require("node:crypto");
const max = require("max-api");
const { Client, Problem } = require("./conduit-client");
const { Context, nameOf } = require("./conduit-context");
const { Shown, anew, complain, fitting, out, say, status } = require("./conduit-panel");
const { Sounds } = require("./conduit-sound");
const { Assembly, split } = require("./pieces");

const ICONS = { closed: "●", half_open: "◐", open: "○" };
const MODES = ["auto", "new", "replace", "merge", "new_scene"];
const CONVERSATION = /^live-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 3000;
const LOOK_EVERY_MS = 10000;
const CONTEXT_WAIT_MS = 1000;
const HEAR_WAIT_MS = 2000;
const MOST_UNDO = 32;

const client = new Client({
  url: process.env.CONDUIT_URL || "http://127.0.0.1:9321",
  home: process.env.CONDUIT_HOME || "",
  timeoutMs: Number(process.env.CONDUIT_DEVICE_TIMEOUT_MS) || 60000,
});
const context = new Context(client, `live-${randomUUID()}`, () => status("context", "full"));
const sounds = new Sounds(client);
const fromContext = new Assembly();
const fromApplicators = new Assembly();
const undoable = []; // for each answer the kinds of what was applied of it
let applying = null; // the parts of an answer that are not in Live yet, and the kinds that are

let connected = false;
let closed = false;
let looking = null;
let retryMs = FIRST_RETRY_MS;
let asking = null;
let active = "";
let contextWrong = "";
let sent = 0;
let unclaimed = true; // nobody has the conversation that this process began with

// ---- asking -----------------------------------------------------------------------------------

async function prompt(text) {
  if (!text.trim()) return say("write what you want first");
  if (asking) return say("still answering: cancel first");
  const leaving = new AbortController();
  asking = leaving;
  out("midi", "mark", ...(context.showsSound() ? ["sound"] : []));
  out("parameters", "mark");
  status("state", "asking");
  const answer = new Shown();
  try {
    await withinReason(tellSet(), CONTEXT_WAIT_MS, leaving.signal);
    await withinReason(hearFirst(), Math.min(HEAR_WAIT_MS, client.timeoutMs), leaving.signal);
    const reply = await client.events(
      "/ask",
      { prompt: text, session: context.session },
      (name, data) => answer.take(name, data),
      leaving.signal,
    );
    met();
    answer.end(reply.text);
    finished(reply);
    status("state", "ready");
  } catch (problem) {
    answer.end();
    failed(problem);
  } finally {
    asking = null;
  }
  return look();
}

// What is wrong with it is said once, not with every change of the set.
async function tellSet() {
  const wrong = await context.flush();
  const what = wrong && wrong.code !== "unreachable" ? wrong.message : "";
  if (what && what !== contextWrong) complain(wrong);
  contextWrong = what;
}

// The sound that was shown last, so that "like this loop" means something. It stands in nobody's
// way: what takes too long is heard while the answer comes.
async function hearFirst() {
  if (!context.sound) return;
  try {
    await hear(false);
  } catch (problem) {
    if (problem.code !== "unreachable") complain(problem);
  }
}

async function hear(insist) {
  const reply = await sounds.hear(context.sound, context.session, insist);
  if (!reply) return;
  context.noted(reply.version);
  say(`${reply.sound.name}: ${reply.sound.said}`);
}

function withinReason(work, ms, signal) {
  let late = null;
  const enough = new Promise((resolve) => {
    late = setTimeout(() => resolve(null), ms);
    if (signal.aborted) resolve(null);
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  return Promise.race([work, enough]).finally(() => clearTimeout(late));
}

// Only a whole answer is applied, where nothing of it was refused.
function finished(reply) {
  const blocks = Array.isArray(reply.blocks) ? reply.blocks : [];
  const refused = Array.isArray(reply.refused_blocks) ? reply.refused_blocks : [];
  if (reply.status === "stopped") say(`stopped: ${reply.why}`);
  else if (reply.status === "waiting")
    say("the answer waits for your consent: open Studio in a browser");
  else if (refused.length === 0) say(blocks.length ? "applying …" : "done");
  for (const each of refused) complain(new Problem(each.code, each.message, each.hint));
  if (refused.length || !blocks.length) return;
  applying = { left: blocks.slice(), done: [] };
  applyNext();
}

// One part behind the other, and the next only when the one before is in: all of them or none.
function applyNext() {
  const block = applying.left.shift();
  if (block === undefined) {
    undoable.push(applying.done);
    if (undoable.length > MOST_UNDO) undoable.shift();
    applying = null;
    return;
  }
  const kind = block && block.type;
  if (kind === "midi" || kind === "parameters") {
    for (const message of split(`b${++sent}`, block)) out(kind, ...message);
    return;
  }
  takeBack();
  say("the answer has a part that this device does not know: nothing was changed");
}

function takeBack() {
  const { done } = applying;
  applying = null;
  for (const kind of done.reverse()) out(kind, "undo");
}

function failed(problem) {
  complain(problem);
  if (problem.code === "unreachable") away();
  else status("state", problem.code === "cancelled" ? "ready" : "failed");
}

// What an applicator did with a block.
function applied(report) {
  if (!report.ok) {
    if (applying) takeBack();
    return complain(new Problem(report.error.code, report.error.message, report.error.hint));
  }
  if (report.type === "undone") return say("taken back");
  if (applying) {
    applying.done.push(report.kind);
    applyNext();
  }
  if (report.kind === "parameters") {
    return say(
      report.changes
        .map((each) => `${each.parameter}: ${each.display}${each.clamped ? " (its limit)" : ""}`)
        .join(", "),
    );
  }
  const where = report.view === "arrangement" ? "arrangement" : `slot ${report.slot + 1}`;
  const name = report.clip || "clip";
  status(
    "groove",
    fitting(
      `${name} · ${report.track}, ${where} · ${report.notes} notes, ${report.length_beats} beats`,
    ),
  );
  return say("applied");
}

function undo() {
  while (undoable.length && !undoable[undoable.length - 1].length) undoable.pop();
  const kinds = undoable.pop();
  if (!kinds) return say("there is nothing to undo");
  for (const kind of kinds.reverse()) out(kind, "undo");
  return undefined;
}

// ---- the connection ---------------------------------------------------------------------------

// Looks who answers, and whether anybody does; again and again, at ease.
async function look() {
  clearTimeout(looking);
  try {
    show(await client.get("/providers"));
    met();
    later(LOOK_EVERY_MS);
  } catch (problem) {
    if (
      problem.code === "unreachable" ||
      problem.code === "interrupted" ||
      problem.code === "timed_out"
    )
      away();
    else {
      complain(problem);
      later(LOOK_EVERY_MS);
    }
  }
}

function later(ms) {
  clearTimeout(looking);
  if (closed) return;
  looking = setTimeout(look, ms);
  looking.unref();
}

function met() {
  retryMs = FIRST_RETRY_MS;
  if (connected) return;
  connected = true;
  context.lost();
  if (!asking) status("state", "ready");
  tellSet();
  presets().catch(() => {}); // the list is only for the menu; whoever asks for one is told
}

function away() {
  connected = false;
  status("state", "offline");
  later(retryMs);
  retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
}

function show(reply) {
  const all = Array.isArray(reply.providers) ? reply.providers : [];
  active = String(reply.active || "");
  const mine = all.find((each) => each.name === active);
  status("providers", ...all.map((each) => String(each.name)));
  status("provider", active, String((mine && mine.model) || ""));
  for (const each of all) status("circuit", String(each.name), ICONS[each.circuit] || "?");
  status(
    "lights",
    all
      .map((each) => `${ICONS[each.circuit] || "?"} ${each.name}`)
      .join("  ")
      .slice(0, 500),
  );
  return all;
}

async function presets() {
  const reply = await client.get("/presets");
  const names = reply.presets.map((each) => String(each.name));
  status("presets", ...names);
  return names;
}

// With this conversation: how it is answered, and what its set looks like.
async function savePreset(wanted, replace) {
  const now = new Date().toISOString().slice(0, 16).replace("T", "-");
  const name = slug(wanted || `live-${now}`);
  await client.send("POST", "/presets", { name, session: context.session, replace });
  await presets();
  status("preset", name);
  say(`saved: ${name}`);
}

async function recall(name) {
  anew("preset"); // the menu shows what was chosen, whether it can be applied or not
  const { session } = context;
  await client.send("POST", `/presets/${encodeURIComponent(name)}/apply`, { session });
  status("preset", name);
  say(`in force: ${name}`);
  context.lost(); // the preset brought the set that it was saved with; ours is here
  await tellSet();
  return look();
}

async function undoPreset() {
  await client.send("POST", "/presets/undo", {});
  say("back to before the preset");
  return look();
}

// As the server names presets.
function slug(name) {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[-_]+|-+$/g, "")
    .slice(0, 64);
}

// ---- commands ---------------------------------------------------------------------------------

const text = (words) => words.map(String).join(" ");
const one = (words, what) => {
  const name = text(words).trim();
  if (!name) throw new Problem("invalid_input", `${what} needs a name`, "");
  return name;
};

const commands = {
  prompt: (...words) => prompt(text(words)),
  cancel: () => (asking ? asking.abort() : say("nothing is being answered")),
  undo: () => undo(),
  reset: async () => {
    const reply = await client.send("POST", "/reset", {
      session: context.session,
    });
    say(`forgotten: ${reply.forgotten} messages`);
  },
  health: async () => {
    const reply = await client.get("/health");
    say(`Conduit ${reply.version}: ${reply.status}, ${reply.active} answers`);
  },
  mode: (...words) => {
    const name = one(words, "mode");
    if (!MODES.includes(name))
      throw new Problem("invalid_input", `there is no mode ${name}`, MODES.join(", "));
    out("midi", "mode", name);
  },
  providers: async () => {
    const all = show(await client.get("/providers"));
    say(
      all
        .map((each) => `${each.name === active ? "→ " : ""}${each.name} (${each.model})`)
        .join(", "),
    );
  },
  provider: async (...words) => {
    const [name, ...model] = words.map(String);
    anew("provider"); // the menu shows what was chosen, whether it is taken or not
    show(
      await client.send("POST", "/providers/switch", {
        name: one([name || ""], "provider"),
        model: text(model),
      }),
    );
    say(`${active} answers`);
  },
  model: async (...words) => {
    const model = one(words, "model");
    if (!active) show(await client.get("/providers"));
    show(await client.send("POST", "/providers/switch", { name: active, model }));
    say(`${active} answers with ${model}`);
  },
  circuit: async () => {
    const all = show(await client.get("/providers"));
    const why = (each) => (each.last_error ? `: ${each.last_error}` : "");
    say(all.map((each) => `${ICONS[each.circuit] || "?"} ${each.name}${why(each)}`).join(", "));
  },
  "reset-circuit": async (...words) => {
    const name = one(words, "reset-circuit");
    show(await client.send("POST", `/providers/reset-circuit/${encodeURIComponent(name)}`, {}));
    say(`${name} is tried again`);
  },
  hear: async () => {
    if (!context.sound)
      throw new Problem("not_found", "no sound was shown yet", "select an audio clip in Live");
    say(`listening to ${nameOf(context.sound)} …`);
    await tellSet();
    await hear(true);
  },
  preset: async (...words) => {
    const [what, ...rest] = words.map(String);
    if (!what) return say(`presets: ${(await presets()).join(", ") || "none yet"}`);
    if (what === "save" || what === "replace") return savePreset(text(rest), what === "replace");
    return what === "undo" && !rest.length ? undoPreset() : recall(text(words));
  },
  server: (...words) => {
    client.at(one(words, "server"));
    connected = false;
    return look();
  },
  token: (...words) => {
    client.useToken(text(words));
    connected = false;
    return look();
  },
  // From conversation.js: the one that is kept with the set, or none, where another device has it.
  conversation: (kept) => {
    if (CONVERSATION.test(String(kept))) context.moveTo(String(kept));
    else {
      if (!unclaimed) context.moveTo(`live-${randomUUID()}`);
      status("conversation", context.session);
    }
    unclaimed = false;
    return connected ? tellSet() : undefined;
  },
  session: (word, ...rest) => {
    const said = assembled(fromContext, word, rest);
    if (said === undefined) return undefined;
    context.take(said);
    return connected ? tellSet() : undefined;
  },
  applied: (word, ...rest) => {
    const report = assembled(fromApplicators, word, rest);
    return report === undefined ? undefined : applied(report);
  },
};

function assembled(assembly, word, rest) {
  if (word === "begin") assembly.begin(...rest);
  return word === "piece" ? assembly.piece(...rest) : undefined;
}

for (const [name, work] of Object.entries(commands)) {
  max.addHandler(name, async (...words) => {
    try {
      await work(...words);
    } catch (problem) {
      complain(problem);
      if (problem.code === "unreachable") away();
    }
  });
}

status("state", "starting");
status("context", "full");
const begun = look();

// For the tests: Max ends the process.
function close() {
  closed = true;
  clearTimeout(looking);
  if (asking) asking.abort();
}

module.exports = { begun, close, session: () => context.session };
