/**
 * Whose clock says what: the server's, the page's and that of the sound. Pure.
 *
 * The server tells where the beat was at a time by its own clock. The page asks it several times
 * what time it is; of these the fastest answer is the one that is off by the least, by half of what
 * it took at most (D. L. Mills, RFC 5905, section 10, of clock filters).
 */

/** A session at one moment; `at_s` is seconds of the server's clock. */
export type LinkState = {
  on: boolean;
  tempo: number;
  beat: number;
  peers: number;
  at_s: number;
};

export type Offset = {
  /** What the server's clock is ahead of the page's, in seconds. */
  seconds: number;
  /** What asking for it took, in seconds. */
  took: number;
};

/** Ask `times` times, and keep the fastest answer. `now` is the page's clock, in milliseconds. */
export async function fastestOffset(
  ask: () => Promise<number>,
  now: () => number,
  times: number,
): Promise<Offset> {
  let best: Offset = { seconds: 0, took: Infinity };
  for (let time = 0; time < times; time += 1) {
    const sent = now() / 1000;
    const theirs = await ask();
    const took = now() / 1000 - sent;
    if (took < best.took) best = { seconds: theirs - (sent + took / 2), took };
  }
  return best;
}

/** A new measurement takes the place of an old one unless it is a lot worse. */
export function better(old: Offset | null, found: Offset): Offset {
  return old === null || found.took < 2 * old.took ? found : old;
}

export type Beat = { beat: number; tempo: number };

/** The beat at a time of the page's clock, if nobody changes anything. */
export function beatAt(state: LinkState, offset: Offset, milliseconds: number): Beat {
  const passed = milliseconds / 1000 + offset.seconds - state.at_s;
  return { beat: state.beat + (passed * state.tempo) / 60, tempo: state.tempo };
}

/** Smooths what jitters; what is too far off is new. */
export class Steady {
  readonly #share: number;
  readonly #most: number;
  #value: number | null = null;

  constructor(share: number, most: number) {
    this.#share = share;
    this.#most = most;
  }

  take(found: number): number {
    const before = this.#value;
    const kept = before !== null && Math.abs(found - before) <= this.#most;
    this.#value = kept ? before + this.#share * (found - before) : found;
    return this.#value;
  }
}

/** What `AudioContext.getOutputTimestamp` says: which second of the sound is heard when. */
export type Heard = { contextTime?: number; performanceTime?: number };

/**
 * What the clock of the sound is ahead of the page's, in seconds: a stroke set up for a second is
 * heard when the page's clock says so. Where the browser knows no better, by its latency.
 */
export function soundOffset(
  heard: Heard,
  currentTime: number,
  latency: number,
  milliseconds: number,
): number {
  const { contextTime = 0, performanceTime = 0 } = heard;
  if (performanceTime > 0 && contextTime > 0) return contextTime - performanceTime / 1000;
  return currentTime - latency - milliseconds / 1000;
}
