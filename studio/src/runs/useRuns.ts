import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, fetchRuns, fetchWaiting, resume, toProblem } from "../api/client.ts";
import type { Decision, Problem, RunInfo, WaitingRun } from "../api/types.ts";
import { follow, followDecision, type Change } from "../chat/following.ts";
import { newTurn, type Turn } from "../chat/transcript.ts";

/** A person who is waited for should not have to reload the page. */
const LOOK_MS = 3_000;
const LATEST = 30;

export type RunDesk = {
  /** The server was heard of; before that, nothing can be said of what there is. */
  loaded: boolean;
  waiting: WaitingRun[];
  latest: RunInfo[];
  /** What is gone on with from here, by the id of its run. */
  turns: ReadonlyMap<string, Turn>;
  problem: Problem | null;
  /** Look at the server now. */
  look: () => Promise<void>;
  decide: (turn: Turn, call: string, decision: Decision) => Promise<void>;
  resume: (run: RunInfo) => Promise<void>;
};

/**
 * The runs on the server. What waits is looked for always, the others while they are `shown`.
 * `onWentOn`: a run was gone on with from here, and perhaps a conversation with it.
 */
export function useRuns(shown: boolean, onWentOn: () => void): RunDesk {
  const [waiting, setWaiting] = useState<WaitingRun[]>([]);
  const [latest, setLatest] = useState<RunInfo[] | null>(null);
  const [turns, setTurns] = useState<ReadonlyMap<string, Turn>>(new Map());
  const [problem, setProblem] = useState<Problem | null>(null);
  const refused = useRef(false);

  const look = useCallback(async () => {
    if (refused.current) return;
    try {
      const found = await fetchWaiting();
      setWaiting((known) => (same(known, found) ? known : found));
      if (shown) {
        const runs = await fetchRuns(LATEST);
        setLatest((known) => (same(known, runs) ? known : runs));
      }
      setProblem(null);
    } catch (thrown) {
      refused.current = thrown instanceof ApiError && thrown.code === "forbidden";
      setProblem(toProblem(thrown));
    }
  }, [shown]);

  useEffect(() => {
    const glance = () => {
      if (!document.hidden) void look();
    };
    glance();
    const timer = setInterval(glance, LOOK_MS);
    document.addEventListener("visibilitychange", glance);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", glance);
    };
  }, [look]);

  useEffect(() => {
    const name = "Conduit Studio";
    document.title = waiting.length > 0 ? `(${waiting.length}) ${name}` : name;
  }, [waiting.length]);

  const work = useCallback(
    async (turn: Turn, doing: (change: Change, signal: AbortSignal) => Promise<void>) => {
      setTurns((kept) => new Map(kept).set(turn.runId, turn));
      const change: Change = (step) =>
        setTurns((kept) => {
          const now = kept.get(turn.runId) ?? turn;
          return new Map(kept).set(turn.runId, step(now));
        });
      await doing(change, new AbortController().signal);
      onWentOn();
      await look();
    },
    [look, onWentOn],
  );

  const decide = useCallback(
    (turn: Turn, call: string, decision: Decision) =>
      work(turn, (change, signal) => followDecision(turn, call, decision, change, signal)),
    [work],
  );

  const goOn = useCallback(
    (run: RunInfo) => {
      const turn = { ...newTurn(run.id, run.prompt), runId: run.id };
      return work(turn, (change, signal) => follow(resume(run.id, signal), change));
    },
    [work],
  );

  const loaded = latest !== null;
  return { loaded, waiting, latest: latest ?? [], turns, problem, look, decide, resume: goOn };
}

function same(known: unknown, found: unknown): boolean {
  return JSON.stringify(known) === JSON.stringify(found);
}
