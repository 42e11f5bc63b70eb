/** Render a part to samples instead of to loudspeakers: as fast as the machine can, same sound. */

import { Desk } from "./desk.ts";
import type { Instrument } from "./instrument.ts";
import { notesBetween, Timeline, type Mix, type Part } from "./schedule.ts";

const TAIL_SECONDS = 0.5;

export type Stroke = {
  time: number;
  pitch: number;
  velocity: number;
  layer: string;
  instrument: Instrument;
};

export type OfflineRender = {
  sampleRate: number;
  /** Mono, -1 to 1. */
  samples: Float32Array;
  /** Seconds from the first sample to each of the quarter notes rendered. */
  beats: number[];
  /** Seconds from the first sample to each stroke, also of layers that are silent. */
  strokes: Stroke[];
};

export async function renderOffline(
  part: Part,
  bpm: number,
  bars: number,
  mix: Mix,
  sampleRate = 44_100,
): Promise<OfflineRender> {
  const timeline = new Timeline(part.ppq, bpm, 0, 0);
  const ticks = part.ticksPerBar * bars;
  const seconds = timeline.timeAt(ticks) + TAIL_SECONDS;
  const context = new OfflineAudioContext(1, Math.ceil(seconds * sampleRate), sampleRate);
  const desk = new Desk(context, part, mix, 1);
  const strokes = [...notesBetween(part, 0, ticks)].map((note) => {
    const time = timeline.timeAt(note.tick);
    desk.play(note, time, timeline.timeAt(note.tick + note.duration));
    const { pitch, velocity, instrument } = note;
    return { time, pitch, velocity, layer: part.layers[note.layer] ?? "", instrument };
  });
  const beats = Array.from({ length: Math.floor(ticks / part.ppq) }, (_, beat) =>
    timeline.timeAt(beat * part.ppq),
  );
  const buffer = await context.startRendering();
  return { sampleRate, samples: buffer.getChannelData(0), beats, strokes };
}
