import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, fetchHeard, hearSound, isAbort, toProblem } from "../api/client.ts";
import type { Problem } from "../api/types.ts";
import type { Session } from "../shell/session.ts";
import { MOST_BYTES, MOST_FILES, withEarlier, withSound, type PlacedSound } from "./sounds.ts";

export type Ears = {
  /** The oldest first. */
  sounds: PlacedSound[];
  /** The name of the sound that is listened to now; empty for none. */
  listening: string;
  /** What was in the way of the latest files, one for each. */
  problems: readonly Problem[];
  /** One after the other. What is wrong with one is in the way of no other. */
  hear: (files: Iterable<File>) => Promise<void>;
  /** The conversation went on: what was wrong with a file is old. */
  goOn: () => void;
  forget: () => void;
};

/** What the conversation heard, and a way to let it hear more. `turns` is how many there are. */
export function useEars({ name: session, isNew }: Session, turns: number): Ears {
  const [sounds, setSounds] = useState<PlacedSound[]>([]);
  const [listening, setListening] = useState("");
  const [problems, setProblems] = useState<readonly Problem[]>(NONE);
  const running = useRef<AbortController | null>(null);
  const queue = useRef<File[]>([]);
  const now = useRef(turns);
  now.current = turns;

  useEffect(() => {
    if (isNew) return undefined;
    let current = true;
    fetchHeard(session)
      .then((found) => {
        // Somebody faster than the network may have dropped a sound already.
        if (current) setSounds((known) => withEarlier(known, found));
      })
      .catch((thrown: unknown) => current && setProblems([toProblem(thrown)]));
    return () => {
      current = false;
    };
  }, [session, isNew]);

  const hear = useCallback(
    async (files: Iterable<File>) => {
      const wanted = [...queue.current, ...files];
      queue.current = wanted.slice(0, MOST_FILES);
      const left = wanted.slice(MOST_FILES);
      const refused = left.length > 0 ? [tooMany(left)] : NONE;
      if (running.current !== null) {
        setProblems((known) => [...known, ...refused]);
        return;
      }
      setProblems(refused);
      const abort = new AbortController();
      running.current = abort;
      for (let file = queue.current.shift(); file !== undefined; file = queue.current.shift()) {
        try {
          if (file.size > MOST_BYTES) throw tooLarge();
          setListening(file.name);
          const { sound } = await hearSound(file, session, abort.signal);
          setSounds((known) => withSound(known, sound, now.current));
        } catch (thrown) {
          if (isAbort(thrown)) break;
          const problem = about(file, toProblem(thrown));
          setProblems((known) => [...known, problem]);
          if (problem.code === "unreachable") queue.current = [];
        }
      }
      setListening("");
      running.current = null;
    },
    [session],
  );

  const goOn = useCallback(() => setProblems(NONE), []);
  const forget = useCallback(() => {
    queue.current = [];
    running.current?.abort();
    setSounds([]);
    setProblems(NONE);
  }, []);

  return { sounds, listening, problems, hear, goOn, forget };
}

const NONE: readonly Problem[] = [];

/** Of several files, which one it was. */
function about(file: File, problem: Problem): Problem {
  return { ...problem, message: `${file.name}: ${problem.message}` };
}

function tooLarge(): ApiError {
  return new ApiError({
    code: "too_large",
    message: "larger than 128 MiB",
    hint: "Cut out the loop that matters.",
  });
}

function tooMany(left: File[]): Problem {
  return {
    code: "too_many",
    message: `${MOST_FILES} sounds at a time are heard. Left out: ${listOf(left)}.`,
    hint: "Drop the others when these were heard.",
  };
}

function listOf(files: File[]): string {
  const names = files.slice(0, MOST_FILES).map(({ name }) => name);
  return files.length > names.length ? `${names.join(", ")}, …` : names.join(", ");
}
