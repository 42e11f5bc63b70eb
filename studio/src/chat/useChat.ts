import { useCallback, useEffect, useRef, useState } from "react";
import { ask, fetchHistory, isAbort, resetSession, toProblem } from "../api/client.ts";
import type { AskEvent, Problem } from "../api/types.ts";
import type { Session } from "../shell/session.ts";
import { advance, failed, fromHistory, newTurn, stopped, type Turn } from "./transcript.ts";

/** Words arrive faster than a screen needs to be drawn. */
const DRAW_MS = 40;

export type Chat = {
  turns: Turn[];
  busy: boolean;
  /** The stored conversation is there, or could not be had. */
  loaded: boolean;
  problem: Problem | null;
  send: (prompt: string) => Promise<void>;
  stop: () => void;
  reset: () => Promise<void>;
};

export function useChat({ name: session, isNew }: Session, onAnswered: () => void): Chat {
  const [turns, setTurns] = useState<Turn[]>([]);
  const [busy, setBusy] = useState(false);
  const [loaded, setLoaded] = useState(isNew);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef<AbortController | null>(null);

  useEffect(() => {
    if (isNew) return undefined;
    let current = true;
    fetchHistory(session)
      .then(({ messages }) => {
        // Somebody faster than the network may have asked already.
        if (current) setTurns((turns) => (turns.length === 0 ? fromHistory(messages) : turns));
      })
      .catch((thrown: unknown) => current && setProblem(toProblem(thrown)))
      .finally(() => current && setLoaded(true));
    return () => {
      current = false;
    };
  }, [session, isNew]);

  const send = useCallback(
    async (prompt: string) => {
      if (running.current !== null) return;
      const abort = new AbortController();
      running.current = abort;
      const id = `turn-${Date.now()}`;
      const change = (step: (turn: Turn) => Turn) =>
        setTurns((turns) => turns.map((turn) => (turn.id === id ? step(turn) : turn)));
      setBusy(true);
      setProblem(null);
      setTurns((turns) => [...turns, newTurn(id, prompt)]);
      try {
        await follow(ask(prompt, session, abort.signal), change);
      } catch (thrown) {
        change((turn) => (isAbort(thrown) ? stopped(turn) : failed(turn, toProblem(thrown))));
      } finally {
        running.current = null;
        setBusy(false);
        onAnswered();
      }
    },
    [session, onAnswered],
  );

  const stop = useCallback(() => running.current?.abort(), []);

  const reset = useCallback(async () => {
    running.current?.abort();
    try {
      await resetSession(session);
      setTurns([]);
      setProblem(null);
    } catch (thrown) {
      setProblem(toProblem(thrown));
    }
  }, [session]);

  return { turns, busy, loaded, problem, send, stop, reset };
}

/** Apply the events of a stream, several at a time. */
async function follow(
  events: AsyncGenerator<AskEvent>,
  change: (step: (turn: Turn) => Turn) => void,
): Promise<void> {
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
