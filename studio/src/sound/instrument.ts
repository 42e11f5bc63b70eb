/** Which instrument plays a note, and how high a pitch sounds. Pure. */

import type { GrooveNotes } from "../api/types.ts";

export type Instrument = "drums" | "bass" | "stab";

/** General MIDI's drum channel, counted from 0: pitches on it are drums and not notes. */
export const DRUM_CHANNEL = 9;
/** C3. A line that goes below it one note at a time is a bass. */
const BASS_BELOW = 48;

/** Equal temperament, MIDI note 69 at 440 Hz. */
export function hertzOf(pitch: number): number {
  return 440 * 2 ** ((pitch - 69) / 12);
}

/**
 * The instrument of each note.
 *
 * Notes do not say what a layer is for, so it is heard from what it plays: chords and high lines
 * are stabs, low lines are basses. A layer has one pitched instrument throughout.
 */
export function instrumentsOf(
  notes: Pick<GrooveNotes, "tick" | "pitch" | "layer" | "channel">,
): Instrument[] {
  const isDrum = notes.pitch.map((_, at) => (notes.channel?.[at] ?? DRUM_CHANNEL) === DRUM_CHANNEL);
  const lowest = new Map<number | undefined, number>();
  const begun = new Set<string>();
  const chordal = new Set<number | undefined>();
  notes.pitch.forEach((pitch, at) => {
    if (isDrum[at]) return;
    const layer = notes.layer[at];
    lowest.set(layer, Math.min(pitch, lowest.get(layer) ?? pitch));
    const moment = `${layer} ${notes.tick[at]}`;
    if (begun.has(moment)) chordal.add(layer);
    begun.add(moment);
  });
  return notes.layer.map((layer, at) => {
    if (isDrum[at]) return "drums";
    return !chordal.has(layer) && (lowest.get(layer) ?? 0) < BASS_BELOW ? "bass" : "stab";
  });
}
