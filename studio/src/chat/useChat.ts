import { useCallback, useEffect, useRef, useState } from "react";
import { ask, fetchHistory, resetSession, toProblem } from "../api/client.ts";
import type { Decision, Problem, WaitingRun } from "../api/types.ts";
import { leaveBehind, leftBehind, type Session } from "../shell/session.ts";
import { listen, tell } from "../shell/tabs.ts";
import { follow, followDecision, type Change } from "./following.ts";
import { caughtUp, fromHistory, newTurn, withWaiting, type Turn } from "./transcript.ts";

export type Chat = {
  turns: Turn[];
  busy: boolean;
  /** The stored conversation is there, or could not be had. */
  loaded: boolean;
  problem: Problem | null;
  send: (prompt: string) => Promise<void>;
  decide: (turn: Turn, call: string, decision: Decision) => Promise<void>;
  stop: () => void;
  reset: () => Promise<void>;
  /** The conversation went on elsewhere on this page. */
  catchUp: () => Promise<void>;
};

/**
 * `waiting`: the runs that wait for a decision, of which those of this conversation are shown in it.
 * `onForgotten`: another page of this browser began anew.
 */
export function useChat(
  { name: session, isNew }: Session,
  waiting: WaitingRun[],
  onAnswered: () => void,
  onForgotten: () => void,
): Chat {
  const [turns, setTurns] = useState<Turn[]>([]);
  const [busy, setBusy] = useState(false);
  const [loaded, setLoaded] = useState(isNew);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef<AbortController | null>(null);
  /** It went on elsewhere while an answer was written here. */
  const behind = useRef(false);

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

  const catchUp = useCallback(async () => {
    behind.current = running.current !== null;
    if (behind.current) return;
    try {
      const { messages } = await fetchHistory(session);
      const stamp = String(Date.now());
      setTurns((turns) => caughtUp(turns, fromHistory(messages), stamp));
    } catch (thrown) {
      setProblem(toProblem(thrown));
    }
  }, [session]);

  useEffect(
    () =>
      listen(session, (news) => {
        if (news === "answered") return void catchUp();
        running.current?.abort();
        setTurns([]);
        onForgotten();
      }),
    [session, catchUp, onForgotten],
  );

  useEffect(() => {
    if (!loaded || busy) return;
    const left = leftBehind();
    const here = waiting.filter(({ run, own }) => {
      const belongs = own && run.kind === "agent" && run.thread === session;
      return belongs && !left.includes(run.id);
    });
    setTurns((turns) => withWaiting(turns, here));
  }, [waiting, loaded, busy, session]);

  /** One piece of work at a time changes one turn. */
  const work = useCallback(
    async (id: string, doing: (change: Change, signal: AbortSignal) => Promise<void>) => {
      const abort = new AbortController();
      running.current = abort;
      setBusy(true);
      setProblem(null);
      const change: Change = (step) =>
        setTurns((turns) => turns.map((turn) => (turn.id === id ? step(turn) : turn)));
      await doing(change, abort.signal);
      running.current = null;
      setBusy(false);
      tell(session, "answered");
      if (behind.current) void catchUp();
      onAnswered();
    },
    [session, catchUp, onAnswered],
  );

  const send = useCallback(
    async (prompt: string) => {
      if (running.current !== null) return;
      const id = `turn-${Date.now()}`;
      setTurns((turns) => [...turns, newTurn(id, prompt)]);
      await work(id, (change, signal) => follow(ask(prompt, session, signal), change));
    },
    [session, work],
  );

  const decide = useCallback(
    async (turn: Turn, call: string, decision: Decision) => {
      if (running.current !== null) return;
      await work(turn.id, (change, signal) =>
        followDecision(turn, call, decision, change, signal),
      );
    },
    [work],
  );

  const stop = useCallback(() => running.current?.abort(), []);

  const reset = useCallback(async () => {
    running.current?.abort();
    const here = waiting.filter(({ run }) => run.thread === session).map(({ run }) => run.id);
    leaveBehind([...here, ...turns.flatMap((turn) => (turn.state === "waiting" ? turn.runId : []))]);
    try {
      await resetSession(session);
      setTurns([]);
      setProblem(null);
      tell(session, "forgotten");
    } catch (thrown) {
      setProblem(toProblem(thrown));
    }
  }, [session, waiting, turns]);

  return { turns, busy, loaded, problem, send, decide, stop, reset, catchUp };
}
