import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, fetchHeard, hearSound, isAbort, toProblem } from "../api/client.ts";
import type { Problem } from "../api/types.ts";
import type { Session } from "../shell/session.ts";
import { MOST_BYTES, MOST_FILES, placed, withSound, type PlacedSound } from "./sounds.ts";

export type Ears = {
  /** The oldest first. */
  sounds: PlacedSound[];
  /** The name of the sound that is listened to now; empty for none. */
  listening: string;
  problem: Problem | null;
  hear: (files: Iterable<File>) => Promise<void>;
  forget: () => void;
};

/** What the conversation heard, and a way to let it hear more. `turns` is how many there are. */
export function useEars({ name: session, isNew }: Session, turns: number): Ears {
  const [sounds, setSounds] = useState<PlacedSound[]>([]);
  const [listening, setListening] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef<AbortController | null>(null);
  const now = useRef(turns);
  now.current = turns;

  useEffect(() => {
    if (isNew) return undefined;
    let current = true;
    fetchHeard(session)
      .then((found) => {
        // Somebody faster than the network may have dropped a sound already.
        if (current) setSounds((known) => [...placed(found), ...known]);
      })
      .catch((thrown: unknown) => current && setProblem(toProblem(thrown)));
    return () => {
      current = false;
    };
  }, [session, isNew]);

  const hear = useCallback(
    async (files: Iterable<File>) => {
      if (running.current !== null) return;
      const abort = new AbortController();
      running.current = abort;
      setProblem(null);
      try {
        for (const file of [...files].slice(0, MOST_FILES)) {
          if (file.size > MOST_BYTES) throw tooLarge(file);
          setListening(file.name);
          const { sound } = await hearSound(file, session, abort.signal);
          setSounds((known) => withSound(known, sound, now.current));
        }
      } catch (thrown) {
        if (!isAbort(thrown)) setProblem(toProblem(thrown));
      }
      setListening("");
      running.current = null;
    },
    [session],
  );

  const forget = useCallback(() => {
    running.current?.abort();
    setSounds([]);
    setProblem(null);
  }, []);

  return { sounds, listening, problem, hear, forget };
}

function tooLarge(file: File): ApiError {
  return new ApiError({
    code: "too_large",
    message: `${file.name} is larger than 128 MiB.`,
    hint: "Cut out the loop that matters.",
  });
}
