/** Calls to the server. Every failure, also of the network, is an `ApiError` with a hint. */

import type { LinkState } from "../link/clock.ts";
import type { Hearing, SoundHeard } from "../ears/sounds.ts";
import { readEvents } from "./sse.ts";
import type {
  AskEvent,
  Decision,
  GrooveNotes,
  History,
  PlanOutcome,
  Problem,
  ProviderState,
  Providers,
  RunDetails,
  RunInfo,
  WaitingRun,
} from "./types.ts";

export class ApiError extends Error implements Problem {
  readonly code: string;
  readonly hint: string;

  constructor({ code, message, hint }: Problem) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.hint = hint;
  }
}

/** What can be shown of anything that was thrown. */
export function toProblem(thrown: unknown): Problem {
  if (thrown instanceof ApiError) {
    return { code: thrown.code, message: thrown.message, hint: thrown.hint };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: "studio", message, hint: "Reload the page; if it stays, this is a bug." };
}

export function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === "AbortError";
}

async function send(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (thrown) {
    if (isAbort(thrown)) throw thrown;
    throw new ApiError({
      code: "unreachable",
      message: "The Conduit server does not answer.",
      hint: "Start it with `conduit up`, then try again.",
    });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response: Response): Promise<ApiError> {
  const fallback = {
    code: `http_${response.status}`,
    message: `The server answered with status ${response.status}.`,
    hint: "Look at what the server printed.",
  };
  try {
    const body = (await response.json()) as { error?: Partial<Problem> };
    return new ApiError({ ...fallback, ...body.error });
  } catch (thrown) {
    if (isAbort(thrown)) throw thrown;
    return new ApiError(fallback);
  }
}

export async function get<T>(path: string): Promise<T> {
  return (await send(path)).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await send(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json() as Promise<T>;
}

export async function remove<T>(path: string): Promise<T> {
  return (await send(path, { method: "DELETE" })).json() as Promise<T>;
}

export function fetchProviders(): Promise<Providers> {
  return get<Providers>("/providers");
}

export function switchProvider(name: string): Promise<Providers> {
  return post<Providers>("/providers/switch", { name });
}

export function resetCircuit(name: string): Promise<ProviderState> {
  return post<ProviderState>(`/providers/reset-circuit/${encodeURIComponent(name)}`, {});
}

export function fetchHistory(session: string): Promise<History> {
  return get<History>(`/history?session=${encodeURIComponent(session)}`);
}

export async function resetSession(session: string): Promise<void> {
  await post("/reset", { session });
}

export function fetchNotes(grooveId: string, bars: number): Promise<GrooveNotes> {
  return post<GrooveNotes>("/blocks/groove.notes", { groove_id: grooveId, first_bar: 0, bars });
}

export function fetchLink(): Promise<LinkState> {
  return get<LinkState>("/link");
}

export function setLinkTempo(bpm: number): Promise<LinkState> {
  return post<LinkState>("/link/tempo", { bpm });
}

/** Let a conversation hear a sound, whose bytes go there as they are read. */
export async function hearSound(
  file: File,
  session: string,
  signal: AbortSignal,
): Promise<Hearing> {
  const body = new FormData();
  body.append("session", session);
  body.append("file", file, file.name);
  const response = await send("/ears/hear", { method: "POST", body, signal });
  return response.json() as Promise<Hearing>;
}

/** What a conversation heard, the newest first. */
export async function fetchHeard(session: string): Promise<SoundHeard[]> {
  const path = `/ears/heard?session=${encodeURIComponent(session)}`;
  return (await get<{ sounds: SoundHeard[] }>(path)).sounds;
}

/** Where the bytes of a stored file are. */
export function fileAddress(id: string): string {
  return `/files/${encodeURIComponent(id)}`;
}

export async function fetchWaiting(): Promise<WaitingRun[]> {
  return (await get<{ runs: WaitingRun[] }>("/runs/waiting")).runs;
}

export async function fetchRuns(limit: number): Promise<RunInfo[]> {
  return (await get<{ runs: RunInfo[] }>(`/runs?limit=${limit}`)).runs;
}

export function fetchRun(id: string): Promise<RunDetails> {
  return get<RunDetails>(`/runs/${encodeURIComponent(id)}`);
}

/** Go on with a plan whose step may have been done: do it again, or leave it out. */
export function decideStep(
  id: string,
  step: string,
  decision: "retry" | "skip",
): Promise<PlanOutcome> {
  return post<PlanOutcome>("/planner/execute", { run_id: id, decisions: { [step]: decision } });
}

/** Ask, and receive the answer while it is written. */
export function ask(prompt: string, session: string, signal: AbortSignal) {
  return answering("/ask", { prompt, session }, signal);
}

/** Decide on a call of an agent, and receive what it goes on to say. */
export function decide(run: string, call: string, decision: Decision, signal: AbortSignal) {
  const path = `/runs/${encodeURIComponent(run)}/decide`;
  return answering(path, { call_id: call, ...decision }, signal);
}

/** Go on with a run that failed or was left. */
export function resume(run: string, signal: AbortSignal) {
  return answering(`/runs/${encodeURIComponent(run)}/resume`, {}, signal);
}

/** What an agent says while it works. Ends after `done` or `error`. */
async function* answering(
  path: string,
  body: object,
  signal: AbortSignal,
): AsyncGenerator<AskEvent> {
  const response = await send(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(body),
    signal,
  });
  if (response.body === null) throw brokenOff();
  try {
    for await (const { event, data } of readEvents(response.body)) {
      const received = { event, data: JSON.parse(data) } as AskEvent;
      yield received;
      if (received.event === "done" || received.event === "error") return;
    }
  } catch (thrown) {
    // What browsers throw, each in words of its own, when a connection ends in the middle.
    if (thrown instanceof TypeError) throw brokenOff();
    throw thrown;
  }
  throw brokenOff();
}

function brokenOff(): ApiError {
  return new ApiError({
    code: "broken_off",
    message: "The answer broke off before its end.",
    hint: "What arrived is above. Ask again to get the rest.",
  });
}
