/** From the events of a stream to a turn, several at a time. */

import { decide, isAbort, toProblem } from "../api/client.ts";
import type { AskEvent, Decision } from "../api/types.ts";
import { advance, decided, failed, stopped, undecided, type Turn } from "./transcript.ts";

export type Change = (step: (turn: Turn) => Turn) => void;

/** Words arrive faster than a screen needs to be drawn. */
const DRAW_MS = 40;

/** Apply the events of a stream to its end. What goes wrong becomes part of the turn. */
export async function follow(events: AsyncGenerator<AskEvent>, change: Change): Promise<void> {
  try {
    await applied(events, change);
  } catch (thrown) {
    change((turn) => (isAbort(thrown) ? stopped(turn) : failed(turn, toProblem(thrown))));
  }
}

/** Decide on a call, and show what comes of it. A refused decision leaves the call waiting. */
export async function followDecision(
  turn: Turn,
  call: string,
  decision: Decision,
  change: Change,
  signal: AbortSignal,
): Promise<void> {
  change((now) => decided(now, call, decision.decision));
  const events = decide(turn.runId, call, decision, signal);
  try {
    const first = await events.next();
    if (first.done === true) return;
    change((now) => advance(now, first.value));
  } catch (thrown) {
    change((now) =>
      isAbort(thrown) ? stopped(now) : undecided(now, call, toProblem(thrown)),
    );
    return;
  }
  await follow(events, change);
}

async function applied(events: AsyncGenerator<AskEvent>, change: Change): Promise<void> {
  let waiting: AskEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const draw = () => {
    clearTimeout(timer);
    timer = undefined;
    const ready = waiting;
    waiting = [];
    if (ready.length > 0) change((turn) => ready.reduce(advance, turn));
  };
  try {
    for await (const event of events) {
      waiting.push(event);
      timer ??= setTimeout(draw, DRAW_MS);
    }
  } finally {
    draw();
  }
}
