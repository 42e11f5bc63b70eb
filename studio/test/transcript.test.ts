import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  AskEvent,
  AskReply,
  HistoryMessage,
  Json,
  JsonObject,
  RenderedGroove,
} from "../src/api/types.ts";
import {
  advance,
  caughtUp,
  decided,
  fromHistory,
  groovesOf,
  newTurn,
  ofRun,
  openCalls,
  stopped,
  undecided,
  type Turn,
} from "../src/chat/transcript.ts";

const GROOVE: RenderedGroove = {
  groove_id: "g1",
  title: "Industrial 140",
  style: "industrial",
  bpm: 140,
  bars: 1,
  steps_per_bar: 16,
  seed: 7,
  swing: 50,
  lanes: [{ name: "kick", pitch: 36, bars: ["X...x...x...x.-."] }],
  midi: { id: "f1", name: "g.mid", media_type: "audio/midi", size: 99 },
};
const FAILURE = { provider: "openai", code: "provider_timeout", message: "no answer" };
const REPLY: AskReply = {
  text: "Here it is.",
  json_blocks: [],
  provider: "offline",
  model: "offline",
  session: "s",
  correlation_id: "c",
  failures: [FAILURE],
  tool_calls: [],
  usage: null,
  elapsed_ms: 12,
  run_id: "r1",
  status: "done",
  waiting_for: [],
};
const EVENTS: AskEvent[] = [
  { event: "start", data: { session: "s", correlation_id: "c", run_id: "r1" } },
  { event: "provider", data: { provider: "offline", model: "offline", failures: [FAILURE] } },
  { event: "text", data: { text: "Here " } },
  { event: "text", data: { text: "it is." } },
  { event: "tool_call", data: { id: "1", block: "groove.render", arguments: { bars: 1 } } },
  {
    event: "tool_result",
    data: { id: "1", block: "groove.render", ok: true, result: GROOVE, error: null },
  },
  { event: "done", data: REPLY },
];

test("an answer that came too early is taken back, and nothing before it", () => {
  const [start, provider, ...rest] = EVENTS as [AskEvent, AskEvent, ...AskEvent[]];
  const early: AskEvent[] = [
    { event: "text", data: { text: "At " } },
    { event: "text", data: { text: "nine." } },
    { event: "retracted", data: { text: "", missing: ["calendar.next"] } },
  ];
  const turn = [start, provider, ...early, ...rest].reduce(advance, newTurn("t", "go"));
  const plain = EVENTS.reduce(advance, newTurn("t", "go"));
  assert.deepEqual(turn.parts, plain.parts);
  const later = [...EVENTS.slice(0, -1), ...early].reduce(advance, newTurn("t", "go"));
  assert.deepEqual(later.parts, plain.parts);
});

test("a stream becomes a turn: text joined, tool answered, failure told once", () => {
  const turn = EVENTS.reduce(advance, newTurn("t", "go"));
  assert.equal(turn.state, "done");
  assert.deepEqual(
    turn.parts.map((part) => (part.kind === "text" ? part.text : "state" in part && part.state)),
    ["Here it is.", "ok"],
  );
  assert.deepEqual(turn.failures, [FAILURE]);
  assert.deepEqual(groovesOf(turn), [GROOVE]);
});

test("an answer without deltas still says its text", () => {
  const turn = advance(newTurn("t", "go"), { event: "done", data: REPLY });
  assert.deepEqual(turn.parts, [{ kind: "text", text: "Here it is." }]);
});

test("an error ends the turn and the tool that was running", () => {
  const error = { code: "provider_failed", message: "gone", hint: "try" };
  const turn = [...EVENTS.slice(0, 5), { event: "error", data: { error } } as AskEvent].reduce(
    advance,
    newTurn("t", "go"),
  );
  assert.equal(turn.state, "failed");
  assert.deepEqual(turn.error, error);
  assert.equal(turn.parts[1]?.kind === "tool" && turn.parts[1].state, "failed");
});

test("a stopped turn keeps what it had", () => {
  const turn = stopped(EVENTS.slice(0, 3).reduce(advance, newTurn("t", "go")));
  assert.equal(turn.state, "stopped");
  assert.deepEqual(turn.parts, [{ kind: "text", text: "Here " }]);
});

test("a history gives the same parts as the stream did", () => {
  const plain = { tool_calls: [], tool_call_id: "", created_at: "" };
  const call = { id: "1", name: "groove_render", arguments: '{"bars":1}' };
  const messages: HistoryMessage[] = [
    { role: "assistant", content: "cut off by the window", ...plain },
    { role: "user", content: "go", ...plain },
    { role: "assistant", content: "Here it is.", ...plain, tool_calls: [call] },
    { role: "tool", content: JSON.stringify(GROOVE), ...plain, tool_call_id: "1" },
    { role: "user", content: "again", ...plain },
    { role: "assistant", content: "", ...plain, tool_calls: [{ ...call, arguments: "{oops" }] },
    {
      role: "tool",
      content: '{"error":{"code":"invalid_input","message":"no","hint":"h"}}',
      ...plain,
      tool_call_id: "1",
    },
  ];
  const [first, second, ...rest] = fromHistory(messages);
  assert.deepEqual(rest, []);
  assert.deepEqual(first && groovesOf(first), [GROOVE]);
  const tool = second?.parts[0];
  assert.ok(tool?.kind === "tool");
  assert.equal(tool.state, "failed");
  assert.equal(tool.arguments, "{oops");
  assert.deepEqual(tool.error, { code: "invalid_input", message: "no", hint: "h" });
});

const ASKED = { id: "c0", block: "groove.render", arguments: { bars: 8 } };
const WAITING: AskEvent[] = [
  EVENTS[0]!,
  { event: "approval", data: ASKED },
  { event: "done", data: { ...REPLY, text: "", status: "waiting", waiting_for: [ASKED] } },
];

test("a call that waits is asked about, decided on once, and the answer goes on", () => {
  const waiting = WAITING.reduce(advance, newTurn("t", "go"));
  assert.equal(waiting.state, "waiting");
  assert.equal(waiting.runId, "r1");
  assert.deepEqual(openCalls(waiting), [ASKED]);
  const going = decided(waiting, "c0", "approve");
  assert.equal(going.state, "streaming");
  assert.deepEqual(openCalls(going), []);
  const done = EVENTS.reduce(advance, going);
  assert.equal(done.state, "done");
  assert.deepEqual(
    done.parts.map((part) => part.kind),
    ["asked", "text", "tool"],
  );
});

test("the same call is asked about once, and again when the model asks again", () => {
  const twice = [...WAITING, ...WAITING].reduce(advance, newTurn("t", "go"));
  assert.equal(openCalls(twice).length, 1);
  const again = WAITING.reduce(advance, decided(twice, "c0", "reject"));
  assert.equal(again.parts.length, 2);
  assert.deepEqual(openCalls(again), [ASKED]);
});

test("a refused decision leaves the call waiting, with the reason", () => {
  const problem = { code: "forbidden", message: "you may not", hint: "ask" };
  const run = {
    id: "r1",
    kind: "agent" as const,
    thread: "s",
    status: "waiting" as const,
    subject: "local",
    prompt: "go",
    steps: 3,
    created_at: "",
    updated_at: "",
  };
  const turn = ofRun({ run, own: true, waiting_for: [ASKED] });
  const refused = undecided(decided(turn, "c0", "edit"), "c0", problem);
  assert.equal(refused.state, "waiting");
  assert.deepEqual(openCalls(refused), [ASKED]);
  const part = refused.parts[0];
  assert.deepEqual(part?.kind === "asked" && part.problem, problem);
});

test("what only looks like a groove is none", () => {
  const call = { id: "1", block: "b", arguments: {} };
  const hostile = {
    title: {},
    style: ["x"],
    bpm: 0,
    bars: -1,
    steps_per_bar: 1e9,
    swing: null,
    lanes: [null],
    midi: { id: "f1", name: {} },
  };
  const bar = { name: "kick", pitch: 36, bars: ["x".repeat(9999)] };
  const changes = [...Object.entries(hostile), ["lanes", [bar]]] as [string, Json][];
  for (const [field, value] of changes) {
    const result = { ...GROOVE, [field]: value } as JsonObject;
    const tool = { ...call, kind: "tool" as const, state: "ok" as const, result, error: null };
    assert.deepEqual(groovesOf({ ...newTurn("1", "p"), parts: [tool] }), [], field);
  }
});

test("what went on in another page is taken up, and what only this one knows stays", () => {
  const said = (id: string, prompt: string, state: Turn["state"], text = "a"): Turn => ({
    ...newTurn(id, prompt),
    parts: text === "" ? [] : [{ kind: "text", text }],
    state,
  });
  const ids = (own: Turn[], kept: Turn[]) => caughtUp(own, kept, "2").map(({ id }) => id);
  const kept = ["one", "two", "three"].map((each, at) => said(`history-${at}`, each, "done"));
  const two = said("turn-2", "two", "done");
  const stop = said("turn-3", "three", "stopped");
  assert.deepEqual(ids([two, stop], kept), ["history-0-2", "turn-2", "turn-3", "history-2-2"]);
  assert.deepEqual(ids([said("turn-0", "gone", "done")], []), ["turn-0"]);
  assert.deepEqual(ids([said("turn-1", "one", "waiting")], kept.slice(0, 1)), ["history-0-2"]);
  const undecided = [said("history-0", "one", "done", "")];
  assert.deepEqual(ids([said("turn-1", "one", "waiting")], undecided), ["turn-1"]);
});
