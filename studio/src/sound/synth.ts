/**
 * Pitched voices made of oscillators: a bass of one voice, and stabs of as many as a chord has.
 *
 * Like the drums it works on any BaseAudioContext, and the same notes give the same samples.
 */

import { hertzOf } from "./instrument.ts";

export type Tone = {
  pitch: number;
  /** MIDI velocity, 1 to 127. */
  velocity: number;
  /** Seconds on the context's clock. */
  time: number;
  /** When the key is let go, on the same clock. */
  end: number;
  output: AudioNode;
};

type Ringing = { hertz: number; end: number; choke: GainNode };

/** However short a note is, it has at least its attack. */
const SHORTEST_SECONDS = 0.02;
/** Time constants after which a released note is cut off, at 43 dB down. */
const RELEASE_CONSTANTS = 5;
/** Time constants of letting go, and of making way for the next note without a click. */
const BASS_RELEASE = 0.02;
const STAB_RELEASE = 0.06;
const CHOKE_SECONDS = 0.003;
/** No filter opens further, in hertz. */
const BRIGHTEST = 9000;
const GLIDE_SECONDS = 0.05;
const BASS_MIX = [
  ["sawtooth", 0.65],
  ["square", 0.4],
] as const;
/** How far each of a stab's two saws is from its pitch. */
const DETUNE_CENTS = 9;

export class Synth {
  readonly #context: BaseAudioContext;
  /** A bass has one voice on each output, that is in each layer: a new note ends the last one. */
  readonly #ringing = new Map<AudioNode, Ringing>();

  constructor(context: BaseAudioContext) {
    this.#context = context;
  }

  /** A saw over a square, through a low-pass that closes. Notes that overlap glide. */
  bass({ pitch, velocity, time, end, output }: Tone): void {
    const level = levelOf(velocity);
    const hertz = hertzOf(pitch);
    const release = Math.max(end, time + SHORTEST_SECONDS);
    const choke = this.#gain(1);
    choke.connect(output);
    const before = this.#ringing.get(output);
    before?.choke.gain.setTargetAtTime(0, time, CHOKE_SECONDS);
    this.#ringing.set(output, { hertz, end: release, choke });
    const from = before !== undefined && before.end > time ? before.hertz : hertz;

    const filter = this.#lowpass(5);
    const open = 350 + hertz * (4 + 14 * level);
    filter.frequency.setValueAtTime(Math.min(BRIGHTEST, open), time);
    filter.frequency.setTargetAtTime(Math.min(BRIGHTEST, 140 + hertz * 2.5), time, 0.07);
    filter.connect(this.#envelope(choke, time, release, level * 0.42, 0.65, BASS_RELEASE));
    const stop = release + RELEASE_CONSTANTS * BASS_RELEASE;
    for (const [type, share] of BASS_MIX) {
      const tone = this.#oscillator(type, time, stop);
      tone.frequency.setValueAtTime(from, time);
      if (from !== hertz) tone.frequency.exponentialRampToValueAtTime(hertz, time + GLIDE_SECONDS);
      tone.connect(this.#gain(share)).connect(filter);
    }
  }

  /** Two saws a little apart, through a low-pass that falls fast and leaves the body. */
  stab({ pitch, velocity, time, end, output }: Tone): void {
    const level = levelOf(velocity);
    const hertz = hertzOf(pitch);
    const release = Math.max(end, time + SHORTEST_SECONDS);
    const filter = this.#lowpass(1.5);
    filter.frequency.setValueAtTime(Math.min(BRIGHTEST, hertz * (4 + 10 * level)), time);
    filter.frequency.setTargetAtTime(Math.min(BRIGHTEST, hertz * 2), time, 0.12);
    filter.connect(this.#envelope(output, time, release, level * 0.16, 0.45, STAB_RELEASE));
    const stop = release + RELEASE_CONSTANTS * STAB_RELEASE;
    for (const cents of [-DETUNE_CENTS, DETUNE_CENTS]) {
      const tone = this.#oscillator("sawtooth", time, stop);
      tone.frequency.value = hertz;
      tone.detune.value = cents;
      tone.connect(filter);
    }
  }

  /** Up at once, down to `sustain` of the level while the key is held, then away. */
  #envelope(
    output: AudioNode,
    time: number,
    end: number,
    level: number,
    sustain: number,
    release: number,
  ): GainNode {
    const envelope = this.#gain(0);
    envelope.gain.setValueAtTime(0, time);
    envelope.gain.linearRampToValueAtTime(level, time + 0.003);
    envelope.gain.setTargetAtTime(level * sustain, time + 0.003, 0.08);
    envelope.gain.setTargetAtTime(0, end, release);
    envelope.connect(output);
    return envelope;
  }

  #oscillator(type: OscillatorType, time: number, stop: number): OscillatorNode {
    const tone = this.#context.createOscillator();
    tone.type = type;
    tone.start(time);
    tone.stop(stop);
    return tone;
  }

  #lowpass(q: number): BiquadFilterNode {
    const filter = this.#context.createBiquadFilter();
    filter.type = "lowpass";
    filter.Q.value = q;
    return filter;
  }

  #gain(level: number): GainNode {
    const gain = this.#context.createGain();
    gain.gain.value = level;
    return gain;
  }
}

function levelOf(velocity: number): number {
  return (Math.max(1, Math.min(127, velocity)) / 127) ** 1.5;
}
