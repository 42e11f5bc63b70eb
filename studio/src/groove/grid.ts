/** What a step grid shows, in words and numbers. Pure. */

import type { Lane, RenderedGroove } from "../api/types.ts";

export type Step = "rest" | "ghost" | "hit" | "accent";

const STEPS: Readonly<Record<string, Step>> = { "-": "ghost", x: "hit", X: "accent" };

export function stepsOf(bar: string): Step[] {
  return Array.from(bar, (character) => STEPS[character] ?? "rest");
}

/** How many of the bars are drawn: the server sends the first few of a long groove. */
export function shownBars(groove: RenderedGroove): number {
  return Math.max(0, ...groove.lanes.map((lane) => lane.bars.length));
}

/** Steps from one beat to the next; a bar that four does not divide is one long beat. */
export function stepsPerBeat(stepsPerBar: number): number {
  return stepsPerBar % 4 === 0 ? stepsPerBar / 4 : stepsPerBar;
}

/** A bar of a lane for those who do not see it: "kick, bar 2: 1, 5 accent, 9, 13 ghost". */
export function describeBar(lane: Lane, bar: number): string {
  const strokes = stepsOf(lane.bars[bar] ?? "").flatMap((step, at) => {
    if (step === "rest") return [];
    return [step === "hit" ? `${at + 1}` : `${at + 1} ${step}`];
  });
  const said = strokes.length === 0 ? "silent" : strokes.join(", ");
  return `${lane.name}, bar ${bar + 1}: ${said}`;
}

/** As many bars side by side as fit with steps one can still tell apart. */
export function barsThatFit(width: number, stepsPerBar: number, available: number): number {
  const smallestStep = 11;
  const fit = Math.floor(width / (stepsPerBar * smallestStep));
  for (const bars of [8, 4, 2]) if (fit >= bars && available >= bars) return bars;
  return 1;
}

/** `[first, last]` bars of each page, counted from 0. */
export function pagesOf(available: number, perPage: number): [number, number][] {
  const pages: [number, number][] = [];
  for (let first = 0; first < available; first += perPage) {
    pages.push([first, Math.min(first + perPage, available) - 1]);
  }
  return pages;
}
