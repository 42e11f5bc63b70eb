/** Sounds that a conversation heard, and what a page makes of them. Pure. */

/** How a loop sits in one bar of sixteenths. Where nothing plays, both are 0. */
export type GrooveTemplate = {
  bpm: number;
  /** Percent; 50 is straight. */
  swing: number;
  /** How much later than the swung grid, in milliseconds. */
  offsets_ms: number[];
  /** 1 to 127. */
  velocities: number[];
  confidence: number;
};

export type SoundHeard = {
  id: string;
  name: string;
  /** Whether there is a file of it, or it was heard as it played. */
  stored: boolean;
  /** Its figures in a line, with commas between them. */
  said: string;
  heard_at: string;
  template: GrooveTemplate | null;
};

/** What the server answers for a sound; of the analysis, the card needs the line in it. */
export type Hearing = { session: string; sound: SoundHeard };

/** A sound on the page, and after how many turns of the conversation it was heard. */
export type PlacedSound = { sound: SoundHeard; after: number };

/** A sixteenth of a template as it is drawn: all from 0 to 1, and `late` from -1 to 1. */
export type Step = { height: number; late: number };

/** The largest file that the server takes. */
export const MOST_BYTES = 128 * 1024 * 1024;
/** So many files may wait to be heard. */
export const MOST_FILES = 8;
export const ACCEPTED = ".wav,.aif,.aiff,.aifc,.flac,audio/wav,audio/aiff,audio/flac";

const SHOWN_LATE_MS = 25;

export function figuresOf(sound: SoundHeard): string[] {
  return sound.said.split(", ").filter((figure) => figure !== "");
}

export function stepsOf({ velocities, offsets_ms: offsets }: GrooveTemplate): Step[] {
  return velocities.map((velocity, at) => ({
    height: Math.min(1, Math.max(0, velocity / 127)),
    late: Math.min(1, Math.max(-1, (offsets[at] ?? 0) / SHOWN_LATE_MS)),
  }));
}

/** What one hears of a template, in words. */
export function describedTemplate({ swing, velocities, offsets_ms: offsets }: GrooveTemplate) {
  const played = velocities.filter((velocity) => velocity > 0).length;
  const late = offsets.filter((_, at) => (velocities[at] ?? 0) > 0);
  const mean = late.length === 0 ? 0 : late.reduce((sum, each) => sum + each, 0) / late.length;
  const by = `${Math.abs(mean).toFixed(0)} ms ${mean > 0 ? "late" : "early"}`;
  const lean = Math.abs(mean) < 1 ? "on the grid" : by;
  return `${played} of 16 steps play, swing ${swing.toFixed(0)} %, on average ${lean}`;
}

/** The sounds with one more, which is the newest; one that was there already moves. */
export function withSound(sounds: PlacedSound[], sound: SoundHeard, after: number): PlacedSound[] {
  return [...sounds.filter((each) => each.sound.id !== sound.id), { sound, after }];
}

/** What the server knows already, as the page begins with it: the oldest first. */
export function placed(newestFirst: SoundHeard[]): PlacedSound[] {
  return newestFirst.toReversed().map((sound) => ({ sound, after: 0 }));
}

/** What the server knew, before what was heard here in the meantime. */
export function withEarlier(known: PlacedSound[], newestFirst: SoundHeard[]): PlacedSound[] {
  const earlier = newestFirst.filter(({ id }) => !known.some(({ sound }) => sound.id === id));
  return [...placed(earlier), ...known];
}

/** Sounds that are to be shown after so many turns. Past the last turn, none gets lost. */
export function soundsAt(sounds: PlacedSound[], turn: number, turns: number): PlacedSound[] {
  return sounds.filter(({ after }) => Math.min(after, turns) === turn);
}

/** What to say next, now that there is something to sit like. */
export function suggestion(hasGroove: boolean): string {
  return hasGroove
    ? "make the hats sit like this loop"
    : "8 bars of minimal with hats like this loop";
}
