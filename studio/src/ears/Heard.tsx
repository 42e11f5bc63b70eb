import { useEffect, useRef, type ReactNode } from "react";
import { SoundCard } from "./SoundCard.tsx";
import { soundsAt, suggestion } from "./sounds.ts";
import type { Ears } from "./useEars.ts";

type Props = {
  ears: Ears;
  /** After so many turns of `turns`. */
  at: number;
  turns: number;
  hasGroove: boolean;
  busy: boolean;
  onPick: (prompt: string) => void;
};

/** The sounds that were heard between two turns. */
export function Heard({ ears, at, turns, hasGroove, busy, onPick }: Props) {
  const newest = ears.sounds.at(-1)?.sound.id;
  return soundsAt(ears.sounds, at, turns).map(({ sound }) => (
    <Shown key={sound.id} fresh={sound.id === newest && at === turns}>
      <SoundCard
        sound={sound}
        next={sound.id === newest && at === turns ? suggestion(hasGroove) : null}
        busy={busy}
        onPick={onPick}
      />
    </Shown>
  ));
}

/** Comes into view when it is the newest: it may have been dropped from far up. */
function Shown({ fresh, children }: { fresh: boolean; children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (fresh) place.current?.scrollIntoView({ block: "nearest" });
  }, [fresh]);
  return <div ref={place}>{children}</div>;
}
