import { useEffect, useEffectEvent, useState, type RefObject } from "react";
import { player } from "../sound/player.ts";

/**
 * Moves the playhead inside `frame`, outside of React: it changes with every frame of the screen.
 *
 * `--playhead` is set to the position within the page, 0 to 1, or removed when the music is
 * elsewhere. Returns the bar that is heard; `onBar` is told when it changes.
 */
export function usePlayhead(
  frame: RefObject<HTMLElement | null>,
  owner: string,
  playing: boolean,
  first: number,
  perPage: number,
  stepsPerBar: number,
  onBar: (bar: number) => void,
): number {
  const [heard, setHeard] = useState(0);
  const enter = useEffectEvent((bar: number) => {
    setHeard(bar);
    onBar(bar);
  });
  const withinPage = useEffectEvent((position: number) => (position - first) / perPage);

  useEffect(() => {
    const target = frame.current;
    if (!playing || target === null) return undefined;
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    let lastBar = -1;
    let request = 0;
    const draw = () => {
      request = requestAnimationFrame(draw);
      const exact = player.position(owner);
      if (exact === null) return;
      const position = still.matches ? Math.floor(exact * stepsPerBar) / stepsPerBar : exact;
      const bar = Math.floor(position);
      if (bar !== lastBar) {
        lastBar = bar;
        enter(bar);
      }
      place(target, withinPage(position));
    };
    draw();
    return () => {
      cancelAnimationFrame(request);
      place(target, -1);
    };
  }, [frame, owner, playing, stepsPerBar]);

  return heard;
}

function place(target: HTMLElement, fraction: number): void {
  if (fraction >= 0 && fraction < 1) target.style.setProperty("--playhead", fraction.toFixed(4));
  else target.style.removeProperty("--playhead");
}
