/**
 * Plays one part in a loop, a little ahead of time.
 *
 * A timer of the page wakes up too late and too irregularly to trigger drums by itself. So every
 * wake-up schedules all strokes of the next moment on the audio clock, which is exact.
 */

import { soundOffset, Steady, type Beat } from "../link/clock.ts";
import { Desk } from "./desk.ts";
import {
  fromNextBar,
  notesBetween,
  Timeline,
  towards,
  type Mix,
  type Part,
} from "./schedule.ts";

const WAKE_MS = 25;
const AHEAD_SECONDS = 0.12;
/** Pages in the background are woken once a second at most. */
const AHEAD_HIDDEN_SECONDS = 1.6;
const LEAD_IN_SECONDS = 0.06;
/** Of the clock of the sound against that of the page: what is further off is no jitter. */
const JITTER_SECONDS = 0.05;

/** Others to play along with: where they are at a time of the page's clock, if that is known. */
export type Lead = { at(milliseconds: number): Beat | null };

type Session = {
  owner: string;
  part: Part;
  desk: Desk;
  timeline: Timeline;
  /** Everything before this tick has been scheduled. */
  scheduled: number;
  timer: ReturnType<typeof setInterval>;
};

export class Player {
  #context: AudioContext | null = null;
  #session: Session | null = null;
  #volume: number;
  #lead: Lead | null = null;
  #soundOffset = new Steady(0.1, JITTER_SECONDS);
  readonly #listeners = new Set<() => void>();

  constructor(volume: number) {
    this.#volume = volume;
  }

  /** Who is playing, or null. A snapshot for `useSyncExternalStore`. */
  readonly owner = (): string | null => this.#session?.owner ?? null;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Browsers start sound only from a key or a click: call it in the handler of one. */
  unlock(): AudioContext {
    this.#context ??= new AudioContext({ latencyHint: "interactive" });
    void this.#context.resume();
    return this.#context;
  }

  play(owner: string, part: Part, bpm: number, mix: Mix): void {
    this.stop();
    const context = this.unlock();
    const start = context.currentTime + LEAD_IN_SECONDS;
    const others = this.#othersAt(context, start);
    const session: Session = {
      owner,
      part,
      desk: new Desk(context, part, mix, this.#volume),
      timeline:
        others === null
          ? new Timeline(part.ppq, bpm, 0, start)
          : fromNextBar(part, others.tempo, others.beat, start),
      scheduled: 0,
      timer: setInterval(() => this.#schedule(session, context), WAKE_MS),
    };
    this.#session = session;
    this.#schedule(session, context);
    this.#notify();
  }

  stop(owner?: string): void {
    const session = this.#session;
    if (session === null || (owner !== undefined && owner !== session.owner)) return;
    clearInterval(session.timer);
    session.desk.close();
    this.#session = null;
    this.#notify();
  }

  /** Play along with others from the next stroke on; null: alone, at the tempo that it had. */
  follow(lead: Lead | null): void {
    this.#lead = lead;
    this.#soundOffset = new Steady(0.1, JITTER_SECONDS);
  }

  /** From the first stroke on that is not scheduled yet. */
  setTempo(owner: string, bpm: number): void {
    const session = this.#session;
    if (session?.owner === owner) session.timeline = session.timeline.at(bpm, session.scheduled);
  }

  setMix(owner: string, mix: Mix): void {
    if (this.#session?.owner === owner) this.#session.desk.mix(mix);
  }

  /** One volume for the whole page, 0 to 1. */
  readonly volume = (): number => this.#volume;

  setVolume(level: number): void {
    this.#volume = level;
    this.#session?.desk.volume(level);
    this.#notify();
  }

  /** Where in the loop `owner` is heard right now, in bars from 0, or null when it is silent. */
  position(owner: string): number | null {
    const session = this.#session;
    if (session?.owner !== owner || this.#context === null) return null;
    const heard = this.#context.currentTime - (this.#context.outputLatency || 0);
    const tick = Math.max(0, session.timeline.tickAt(heard));
    return (tick % session.part.loopTicks) / session.part.ticksPerBar;
  }

  /** Where others are at a second of the sound: at the moment at which it is heard. */
  #othersAt(context: AudioContext, time: number): Beat | null {
    if (this.#lead === null) return null;
    const now = performance.now();
    const heard = context.getOutputTimestamp();
    const latency = context.outputLatency || 0;
    const offset = this.#soundOffset.take(soundOffset(heard, context.currentTime, latency, now));
    return this.#lead.at((time - offset) * 1000);
  }

  #align(session: Session, context: AudioContext): void {
    const begun = session.scheduled > 0;
    const time = begun
      ? session.timeline.timeAt(session.scheduled)
      : context.currentTime + LEAD_IN_SECONDS;
    const others = this.#othersAt(context, time);
    if (others === null) return;
    const { beat, tempo } = others;
    session.timeline = begun
      ? towards(session.timeline, session.part, session.scheduled, tempo, beat)
      : fromNextBar(session.part, tempo, beat, time);
  }

  #schedule(session: Session, context: AudioContext): void {
    this.#align(session, context);
    const ahead = document.hidden ? AHEAD_HIDDEN_SECONDS : AHEAD_SECONDS;
    const until = session.timeline.tickAt(context.currentTime + ahead);
    if (until <= session.scheduled) return;
    for (const note of notesBetween(session.part, session.scheduled, until)) {
      // After the machine slept, what is long past is dropped rather than played all at once.
      const time = session.timeline.timeAt(note.tick);
      const end = session.timeline.timeAt(note.tick + note.duration);
      if (time >= context.currentTime - 0.02) session.desk.play(note, time, end);
    }
    session.scheduled = until;
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const player = new Player(0.8);
