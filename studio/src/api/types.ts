/** What travels between this page and the server. Field names are the server's. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type Problem = { code: string; message: string; hint: string };

export type Circuit = "closed" | "half_open" | "open";

export type ProviderState = {
  name: string;
  type: string;
  model: string;
  base_url: string;
  active: boolean;
  local: boolean;
  circuit: Circuit;
  /** 0 to 100, over the latest answers. */
  health: number;
  average_ms: number | null;
  consecutive_failures: number;
  /** Seconds until an open circuit lets one request through. */
  retry_in_s: number;
  last_error: string;
};

export type Providers = { active: string; chain: string[]; providers: ProviderState[] };

export type Failure = { provider: string; code: string; message: string };

export type Usage = { input_tokens: number; output_tokens: number };

export type ToolRun = {
  id: string;
  block: string;
  arguments: JsonObject;
  ok: boolean;
  result: JsonObject | null;
  error: Problem | null;
};

/** What a person decides on: a call of an agent, or a step of a plan that may have been done. */
export type Wanted = { id: string; block: string; arguments: Json };

export type Decision =
  | { decision: "approve" }
  | { decision: "edit"; arguments: JsonObject }
  | { decision: "reject"; text: string }
  | { decision: "answer"; text: string };

export type RunStatus = "running" | "waiting" | "done" | "stopped" | "failed" | "cancelled";

export type RunInfo = {
  id: string;
  kind: "agent" | "plan";
  /** The conversation that it is in. */
  thread: string;
  status: RunStatus;
  /** Who asked. */
  subject: string;
  prompt: string;
  steps: number;
  created_at: string;
  updated_at: string;
};

export type WaitingRun = { run: RunInfo; own: boolean; waiting_for: Wanted[] };

export type RunStep = { number: number; kind: string; at: string; body: JsonObject };

export type RunDetails = {
  run: RunInfo;
  steps: RunStep[];
  text: string;
  result: Json;
  more: boolean;
};

export type PlanOutcome = { status: "success" | "partial" | "failed" | "waiting"; runId: string };

export type AskReply = {
  text: string;
  json_blocks: Json[];
  provider: string;
  model: string;
  session: string;
  correlation_id: string;
  failures: Failure[];
  tool_calls: ToolRun[];
  usage: Usage | null;
  elapsed_ms: number;
  run_id: string;
  status: "done" | "stopped" | "waiting";
  waiting_for: Wanted[];
};

/** The events of a streamed answer, in the order they come. */
export type AskEvent =
  | { event: "start"; data: { session: string; correlation_id: string; run_id: string } }
  | { event: "provider"; data: { provider: string; model: string; failures: Failure[] } }
  | { event: "text"; data: { text: string } }
  | { event: "retracted"; data: { text: string; missing: string[] } }
  | { event: "tool_call"; data: { id: string; block: string; arguments: JsonObject } }
  | {
      event: "tool_result";
      data: {
        id: string;
        block: string;
        ok: boolean;
        result: JsonObject | null;
        error: Problem | null;
      };
    }
  | { event: "approval"; data: Wanted }
  | { event: "done"; data: AskReply }
  | { event: "error"; data: { error: Problem } };

export type HistoryMessage = {
  role: "system" | "user" | "assistant" | "tool";
  content: string;
  tool_calls: { id: string; name: string; arguments: string }[];
  tool_call_id: string;
  created_at: string;
};

export type History = { session: string; messages: HistoryMessage[] };

export type Lane = {
  name: string;
  pitch: number;
  /** One string a bar, one character a step: `.` rest, `-` ghost, `x` hit, `X` accent. */
  bars: string[];
};

/** A file that is kept. */
export type FileRef = { id: string; name: string; media_type: string; size: number };

export type RenderedGroove = {
  groove_id: string;
  title: string;
  /** Absent where a groove is none of a style, like one between two. */
  style?: string;
  bpm: number;
  bars: number;
  steps_per_bar: number;
  seed: number;
  /** Percent; 50 is straight. */
  swing: number;
  lanes: Lane[];
  midi: FileRef;
};

/** Notes in columns: note i is `tick[i]`, `pitch[i]`, … Ticks count from `first_bar`. */
export type GrooveNotes = {
  ppq: number;
  bpm: number;
  first_bar: number;
  bars: number;
  ticks_per_bar: number;
  layers: string[];
  tick: number[];
  duration: number[];
  pitch: number[];
  velocity: number[];
  layer: number[];
  /** MIDI channels from 0; absent: all of them 9, the drums. */
  channel?: number[];
};

/** A MIDI file that became sound. */
export type RenderedAudio = { wav: FileRef; seconds: number };

export function isRenderedAudio(value: unknown): value is RenderedAudio {
  if (typeof value !== "object" || value === null) return false;
  const audio = value as Partial<RenderedAudio>;
  return (
    typeof audio.wav?.id === "string" &&
    typeof audio.wav.name === "string" &&
    typeof audio.seconds === "number"
  );
}

const MOST_LANES = 64;
const MOST_STEPS = 256;

/**
 * A tool result is a groove when it has a groove's shape, whatever the block was called. All of it
 * is looked at: it may come from a tool of somebody else, and what cannot be drawn is no groove.
 */
export function isRenderedGroove(value: unknown): value is RenderedGroove {
  if (typeof value !== "object" || value === null) return false;
  const groove = value as Partial<RenderedGroove>;
  return (
    [groove.groove_id, groove.title, groove.midi?.id, groove.midi?.name].every(isText) &&
    [groove.seed, groove.swing].every((each) => typeof each === "number") &&
    isWithin(groove.bpm, 10, 999) &&
    isWithin(groove.bars, 1, 1_000_000) &&
    isWithin(groove.steps_per_bar, 1, MOST_STEPS) &&
    (groove.style === undefined || isText(groove.style)) &&
    Array.isArray(groove.lanes) &&
    groove.lanes.length <= MOST_LANES &&
    groove.lanes.every(isLane)
  );
}

function isLane(value: unknown): boolean {
  const lane = value as Partial<Lane> | null;
  return isText(lane?.name) && Array.isArray(lane?.bars) && lane.bars.every(isBar);
}

function isBar(value: unknown): boolean {
  return typeof value === "string" && value.length <= MOST_STEPS;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}
