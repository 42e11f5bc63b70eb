/** A small mixing desk: one channel a layer, a master, and a limiter so that nothing clips. */

import { DrumKit } from "./drumkit.ts";
import { isAudible, type Mix, type Note, type Part } from "./schedule.ts";
import { Synth } from "./synth.ts";

/** A compressor makes up for what it takes away (Web Audio, 1.16); this keeps peaks below 1. */
const HEADROOM = 0.7;
/** Long enough not to click, short enough to feel immediate. */
const FADE_SECONDS = 0.006;

export class Desk {
  readonly #context: BaseAudioContext;
  readonly #kit: DrumKit;
  readonly #synth: Synth;
  readonly #master: GainNode;
  readonly #channels: { layer: string; fader: GainNode }[];

  constructor(context: BaseAudioContext, part: Part, mix: Mix, volume: number) {
    this.#context = context;
    this.#kit = new DrumKit(context);
    this.#synth = new Synth(context);
    const limiter = context.createDynamicsCompressor();
    limiter.threshold.value = -6;
    limiter.knee.value = 4;
    limiter.ratio.value = 12;
    limiter.attack.value = 0.002;
    limiter.release.value = 0.09;
    const output = context.createGain();
    output.gain.value = HEADROOM;
    limiter.connect(output).connect(context.destination);
    this.#master = context.createGain();
    this.#master.gain.value = volume;
    this.#master.connect(limiter);
    this.#channels = part.layers.map((layer) => {
      const fader = context.createGain();
      fader.gain.value = isAudible(layer, mix) ? 1 : 0;
      fader.connect(this.#master);
      return { layer, fader };
    });
  }

  /** Set a note up to sound from `time` to `end`, seconds on the context's clock. */
  play({ pitch, velocity, layer, instrument }: Note, time: number, end: number): void {
    const output = this.#channels[layer]?.fader ?? this.#master;
    const stroke = { pitch, velocity, time, output };
    switch (instrument) {
      case "drums":
        return this.#kit.strike(stroke);
      case "bass":
        return this.#synth.bass({ ...stroke, end });
      case "stab":
        return this.#synth.stab({ ...stroke, end });
    }
  }

  mix(mix: Mix): void {
    for (const { layer, fader } of this.#channels) {
      fade(fader, isAudible(layer, mix) ? 1 : 0, this.#context.currentTime);
    }
  }

  volume(level: number): void {
    fade(this.#master, level, this.#context.currentTime);
  }

  /** Fade out and let go; strokes that were already set up are never heard. */
  close(): void {
    this.volume(0);
    setTimeout(() => this.#master.disconnect(), FADE_SECONDS * 12_000);
  }
}

function fade({ gain }: GainNode, level: number, now: number): void {
  gain.setTargetAtTime(level, now, FADE_SECONDS);
}
