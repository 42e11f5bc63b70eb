/**
 * When notes sound: ticks of a looped part against the seconds of an audio clock. Pure.
 *
 * Positions never wrap: tick 0 is where playback began, and a part of `loopTicks` repeats at every
 * multiple of it.
 */

import type { GrooveNotes } from "../api/types.ts";
import { instrumentsOf, type Instrument } from "./instrument.ts";

export type Note = {
  tick: number;
  /** In ticks. */
  duration: number;
  pitch: number;
  velocity: number;
  layer: number;
  instrument: Instrument;
};

export type Part = {
  ppq: number;
  ticksPerBar: number;
  loopTicks: number;
  layers: string[];
  /** By tick, all of them within the loop. */
  notes: Note[];
};

export function toPart(source: GrooveNotes): Part {
  const loopTicks = source.ticks_per_bar * source.bars;
  const instruments = instrumentsOf(source);
  const notes = source.tick.map((tick, at) => ({
    // A note pushed beyond either end of the loop is heard at the other end of it.
    tick: ((tick % loopTicks) + loopTicks) % loopTicks,
    duration: source.duration[at] ?? 0,
    pitch: source.pitch[at] ?? 0,
    velocity: source.velocity[at] ?? 0,
    layer: source.layer[at] ?? 0,
    instrument: instruments[at] ?? "drums",
  }));
  notes.sort((a, b) => a.tick - b.tick);
  return {
    ppq: source.ppq,
    ticksPerBar: source.ticks_per_bar,
    loopTicks,
    layers: source.layers,
    notes,
  };
}

/** The notes with `from <= tick < to`, over as many rounds of the loop as that takes. */
export function* notesBetween(part: Part, from: number, to: number): Generator<Note> {
  if (part.notes.length === 0 || part.loopTicks <= 0) return;
  for (let round = Math.floor(from / part.loopTicks); ; round += 1) {
    const offset = round * part.loopTicks;
    if (offset >= to) return;
    for (let at = firstFrom(part.notes, from - offset); at < part.notes.length; at += 1) {
      const note = part.notes[at] as Note;
      if (note.tick + offset >= to) return;
      yield { ...note, tick: note.tick + offset };
    }
  }
}

/** Index of the first note at or after `tick`, by bisection. */
function firstFrom(notes: Note[], tick: number): number {
  let low = 0;
  let high = notes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((notes[middle] as Note).tick < tick) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A tempo, and the one moment where a tick and a second are known to meet. */
export class Timeline {
  readonly ppq: number;
  readonly bpm: number;
  readonly #tick: number;
  readonly #time: number;

  constructor(ppq: number, bpm: number, tick: number, time: number) {
    this.ppq = ppq;
    this.bpm = bpm;
    this.#tick = tick;
    this.#time = time;
  }

  get ticksPerSecond(): number {
    return (this.ppq * this.bpm) / 60;
  }

  tickAt(time: number): number {
    return this.#tick + (time - this.#time) * this.ticksPerSecond;
  }

  timeAt(tick: number): number {
    return this.#time + (tick - this.#tick) / this.ticksPerSecond;
  }

  /** Another tempo from `tick` on. */
  at(bpm: number, tick: number): Timeline {
    return new Timeline(this.ppq, bpm, tick, this.timeAt(tick));
  }
}

/** Of a distance of so many beats, so much is regained in a beat. */
const REGAINED_PER_BEAT = 2;
/** Half as fast again at most, half as fast at least. */
const MOST = 0.5;

/**
 * Where a part begins that plays along with others, who are at `beat` (quarter notes, a bar line at
 * each multiple of a bar) at a second of the sound: with their next bar.
 */
export function fromNextBar(
  part: Part,
  tempo: number,
  beat: number,
  time: number,
): Timeline {
  const bar = part.ticksPerBar / part.ppq;
  const missing = (bar - (((beat % bar) + bar) % bar)) % bar;
  return new Timeline(part.ppq, tempo, 0, time + (missing * 60) / tempo);
}

/**
 * The tempo of others from `tick` on, a little faster or slower while bar lines are apart. Nothing
 * is skipped and nothing comes twice: what was played stays, and time only goes on. `beat` is where
 * they are when we are at `tick`.
 */
export function towards(
  timeline: Timeline,
  part: Part,
  tick: number,
  tempo: number,
  beat: number,
): Timeline {
  const bar = part.ticksPerBar / part.ppq;
  const behind = (((beat - tick / part.ppq) % bar) + bar) % bar;
  const apart = behind > bar / 2 ? behind - bar : behind;
  const more = Math.min(Math.max(apart * REGAINED_PER_BEAT, -MOST), MOST);
  return timeline.at(tempo * (1 + more), tick);
}

export type Mix = { muted: ReadonlySet<string>; soloed: ReadonlySet<string> };

/** Mute wins over solo; as soon as anything is soloed, the rest is silent. */
export function isAudible(layer: string, { muted, soloed }: Mix): boolean {
  return !muted.has(layer) && (soloed.size === 0 || soloed.has(layer));
}
