import assert from "node:assert/strict";
import { test } from "node:test";
import type { AskEvent, AskReply, HistoryMessage, RenderedGroove } from "../src/api/types.ts";
import { advance, fromHistory, groovesOf, newTurn, stopped } from "../src/chat/transcript.ts";

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
};
const EVENTS: AskEvent[] = [
  { event: "start", data: { session: "s", correlation_id: "c" } },
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

test("a stream becomes a turn: text joined, tool answered, failure told once", () => {
  const turn = EVENTS.reduce(advance, newTurn("t", "go"));
  assert.equal(turn.state, "done");
  assert.deepEqual(
    turn.parts.map((part) => (part.kind === "text" ? part.text : part.state)),
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
