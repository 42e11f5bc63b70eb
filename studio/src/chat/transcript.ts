/**
 * A conversation as the page shows it: turns of one prompt and the parts of its answer.
 *
 * Pure functions from events to turns, so that a live stream and a stored history end up the same.
 */

import type {
  AskEvent,
  Failure,
  HistoryMessage,
  Json,
  JsonObject,
  Problem,
  RenderedGroove,
  Usage,
  Wanted,
  WaitingRun,
} from "../api/types.ts";
import { isRenderedGroove } from "../api/types.ts";

export type TextPart = { kind: "text"; text: string };
export type ToolPart = {
  kind: "tool";
  id: string;
  block: string;
  arguments: Json;
  state: "running" | "ok" | "failed";
  result: Json;
  error: Problem | null;
};
/** A call that waits for a person, or waited. */
export type AskedPart = {
  kind: "asked";
  call: Wanted;
  /** What was decided; empty while it waits. */
  decision: "" | "approve" | "edit" | "reject" | "answer";
  /** Why a decision was not taken. */
  problem: Problem | null;
};
export type Part = TextPart | ToolPart | AskedPart;

export type Turn = {
  id: string;
  /** The run on the server; empty before that is known. */
  runId: string;
  prompt: string;
  parts: Part[];
  state: "streaming" | "waiting" | "done" | "stopped" | "failed";
  provider: string;
  model: string;
  failures: Failure[];
  usage: Usage | null;
  elapsedMs: number | null;
  error: Problem | null;
};

export function newTurn(id: string, prompt: string): Turn {
  return {
    id,
    runId: "",
    prompt,
    parts: [],
    state: "streaming",
    provider: "",
    model: "",
    failures: [],
    usage: null,
    elapsedMs: null,
    error: null,
  };
}

/** The turn after one more event of its stream. */
export function advance(turn: Turn, received: AskEvent): Turn {
  switch (received.event) {
    case "start":
      return { ...turn, runId: received.data.run_id };
    case "provider":
      return { ...turn, ...received.data, failures: merged(turn.failures, received.data.failures) };
    case "text":
      return { ...turn, parts: withText(turn.parts, received.data.text) };
    case "retracted":
      return { ...turn, parts: withoutLastText(turn.parts) };
    case "tool_call":
      return { ...turn, parts: [...turn.parts, runningTool(received.data)] };
    case "tool_result": {
      const { id, ok, result, error } = received.data;
      return { ...turn, parts: withResult(turn.parts, id, ok, result, error) };
    }
    case "approval":
      return { ...turn, parts: withAsked(turn.parts, received.data) };
    case "done": {
      const { text, provider, model, failures, usage, elapsed_ms, status } = received.data;
      const silent = !turn.parts.some((part) => part.kind === "text");
      return {
        ...turn,
        parts: silent && text !== "" ? withText(turn.parts, text) : turn.parts,
        state: status === "waiting" ? "waiting" : "done",
        provider,
        model,
        failures: merged(turn.failures, failures),
        usage,
        elapsedMs: elapsed_ms,
      };
    }
    case "error":
      return failed(turn, received.data.error);
  }
}

export function failed(turn: Turn, error: Problem): Turn {
  return { ...ended(turn), state: "failed", error };
}

/** A run that waits, as the beginning of a turn. */
export function ofRun({ run, waiting_for }: WaitingRun): Turn {
  const parts = waiting_for.reduce(withAsked, []);
  return { ...newTurn(run.id, run.prompt), runId: run.id, parts, state: "waiting" };
}

/** The turns with what waits in this conversation: it is kept with its run, and nowhere else. */
export function withWaiting(turns: Turn[], waiting: WaitingRun[]): Turn[] {
  const missing = waiting.filter(({ run }) => !turns.some(({ runId }) => runId === run.id));
  return missing.length === 0 ? turns : [...turns, ...missing.map(ofRun)];
}

/** Somebody decided on a call, and the agent goes on. */
export function decided(turn: Turn, call: string, decision: AskedPart["decision"]): Turn {
  return { ...withDecision(turn, call, decision, null), state: "streaming", error: null };
}

/** The decision was not taken: the call still waits. */
export function undecided(turn: Turn, call: string, problem: Problem): Turn {
  return { ...withDecision(turn, call, "", problem), state: "waiting" };
}

/** The calls that wait. */
export function openCalls(turn: Turn): Wanted[] {
  return turn.parts.flatMap((part) =>
    part.kind === "asked" && part.decision === "" ? [part.call] : [],
  );
}

export function stopped(turn: Turn): Turn {
  return { ...ended(turn), state: "stopped" };
}

/** Every groove in the answer, in order. */
export function groovesOf(turn: Turn): RenderedGroove[] {
  return turn.parts.flatMap((part) =>
    part.kind === "tool" && isRenderedGroove(part.result) ? [part.result] : [],
  );
}

/** A tool that never reported back when its turn ended will not do so later. */
function ended(turn: Turn): Turn {
  const parts = turn.parts.map((part): Part => {
    if (part.kind !== "tool" || part.state !== "running") return part;
    return { ...part, state: "failed", error: { code: "stopped", message: "no result", hint: "" } };
  });
  return { ...turn, parts };
}

function withText(parts: Part[], text: string): Part[] {
  const last = parts.at(-1);
  if (last?.kind !== "text") return [...parts, { kind: "text", text }];
  return [...parts.slice(0, -1), { kind: "text", text: last.text + text }];
}

/** Behind the last call of a tool there is one answer of the model. */
function withoutLastText(parts: Part[]): Part[] {
  return parts.at(-1)?.kind === "text" ? parts.slice(0, -1) : parts;
}

function withAsked(parts: Part[], call: Wanted): Part[] {
  const known = parts.some((part) => part.kind === "asked" && isOpen(part, call.id));
  return known ? parts : [...parts, { kind: "asked", call, decision: "", problem: null }];
}

function isOpen(part: AskedPart, call: string): boolean {
  return part.call.id === call && part.decision === "";
}

function withDecision(
  turn: Turn,
  call: string,
  decision: AskedPart["decision"],
  problem: Problem | null,
): Turn {
  // From the end: models that number their calls anew in every answer repeat ids.
  const at = turn.parts.findLastIndex((part) => part.kind === "asked" && part.call.id === call);
  const part = turn.parts[at];
  if (part?.kind !== "asked") return turn;
  return { ...turn, parts: turn.parts.with(at, { ...part, decision, problem }) };
}

function runningTool(call: { id: string; block: string; arguments: Json }): ToolPart {
  return { kind: "tool", ...call, state: "running", result: null, error: null };
}

function withResult(
  parts: Part[],
  id: string,
  ok: boolean,
  result: Json,
  error: Problem | null,
): Part[] {
  // From the end: models that number their calls anew in every turn repeat ids.
  const at = parts.findLastIndex((part) => part.kind === "tool" && part.id === id);
  const part = parts[at];
  if (part?.kind !== "tool") return parts;
  return parts.with(at, { ...part, state: ok ? "ok" : "failed", result, error });
}

function merged(known: Failure[], more: Failure[]): Failure[] {
  const key = (failure: Failure) => `${failure.provider}\n${failure.code}\n${failure.message}`;
  const seen = new Set(known.map(key));
  return [...known, ...more.filter((failure) => !seen.has(key(failure)))];
}

/** Turns from the messages that the server kept. */
export function fromHistory(messages: HistoryMessage[]): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    if (message.role === "user") {
      turns.push({ ...newTurn(`history-${turns.length}`, message.content), state: "done" });
      continue;
    }
    // The window of kept messages may begin in the middle of an answer: its prompt is gone.
    const turn = turns.at(-1);
    if (turn === undefined) continue;
    turns[turns.length - 1] = { ...turn, parts: withMessage(turn.parts, message) };
  }
  return turns.map(ended);
}

/**
 * The turns of a page after the conversation went on elsewhere, by what the server keeps of it.
 *
 * What this page knows of a turn is more than what is kept, so it stays, and so does what only it
 * knows of: what was stopped or failed. A turn that waited and was decided on elsewhere is replaced.
 * `stamp` sets ids of this time apart from others.
 */
export function caughtUp(own: Turn[], kept: Turn[], stamp: string): Turn[] {
  const fresh = kept.map((turn) => ({ ...turn, id: `${turn.id}-${stamp}` }));
  const turns: Turn[] = [];
  let next = 0;
  for (const turn of own) {
    const lasting = turn.state === "done" || turn.state === "waiting";
    const at = fresh.findIndex((each, at) => at >= next && each.prompt === turn.prompt);
    const there = fresh[at];
    if (!lasting || there === undefined) {
      turns.push(turn);
      continue;
    }
    const decided = turn.state === "waiting" && there.parts.length > 0;
    turns.push(...fresh.slice(next, at), decided ? { ...there, runId: turn.runId } : turn);
    next = at + 1;
  }
  return [...turns, ...fresh.slice(next)];
}

function withMessage(parts: Part[], message: HistoryMessage): Part[] {
  if (message.role === "tool") {
    const result = parsed(message.content);
    const error = errorIn(result);
    return withResult(parts, message.tool_call_id, error === null, result, error);
  }
  if (message.role !== "assistant") return parts;
  const spoken = message.content === "" ? parts : withText(parts, message.content);
  const calls = message.tool_calls.map((call) =>
    runningTool({ id: call.id, block: call.name, arguments: parsed(call.arguments) }),
  );
  return [...spoken, ...calls];
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function errorIn(result: Json): Problem | null {
  if (typeof result !== "object" || result === null || Array.isArray(result)) return null;
  const error = result.error as JsonObject | string | null | undefined;
  if (error === undefined || error === null) return null;
  if (typeof error === "string") return { code: "failed", message: error, hint: "" };
  const text = (value: Json | undefined) => (typeof value === "string" ? value : "");
  return { code: text(error.code), message: text(error.message), hint: text(error.hint) };
}
