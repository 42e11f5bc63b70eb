/**
 * A drum machine made of oscillators and noise. No samples.
 *
 * It works on any BaseAudioContext, so what is heard live can be rendered offline and measured.
 * Noise is seeded: the same notes give the same samples.
 */

export type Voice =
  | "kick"
  | "snare"
  | "clap"
  | "rim"
  | "closedHat"
  | "openHat"
  | "ride"
  | "bell"
  | "crash"
  | "tom"
  | "shaker"
  | "cowbell"
  | "wood"
  | "perc";

/** General MIDI percussion keys. What is not in it is a percussion of its own pitch. */
const VOICES: Readonly<Record<number, Voice>> = {
  35: "kick",
  36: "kick",
  37: "rim",
  38: "snare",
  39: "clap",
  40: "snare",
  41: "tom",
  42: "closedHat",
  43: "tom",
  44: "closedHat",
  45: "tom",
  46: "openHat",
  47: "tom",
  48: "tom",
  49: "crash",
  50: "tom",
  51: "ride",
  53: "bell",
  54: "shaker",
  55: "crash",
  57: "crash",
  59: "ride",
  56: "cowbell",
  69: "shaker",
  70: "shaker",
  75: "wood",
  76: "wood",
  77: "wood",
  82: "shaker",
};

export function voiceOf(pitch: number): Voice {
  return VOICES[pitch] ?? "perc";
}

export type Strike = {
  pitch: number;
  /** MIDI velocity, 1 to 127. */
  velocity: number;
  /** Seconds on the context's clock. */
  time: number;
  output: AudioNode;
};

/** A stroke has lost this many time constants, 35 dB, after its decay time … */
const CONSTANTS_PER_DECAY = 4;
/** … and is cut off, at 56 dB down, after this many decay times. */
const RING = 1.6;
const NOISE_SECONDS = 3.5;

export class DrumKit {
  readonly #context: BaseAudioContext;
  readonly #noise: AudioBuffer;
  readonly #metal: AudioBuffer;
  readonly #drive: WaveShaperNode["curve"];
  /** Hats share one pair of cymbals: a new stroke ends the ringing one. */
  #ringingHat: GainNode | null = null;

  constructor(context: BaseAudioContext) {
    this.#context = context;
    this.#noise = bufferOf(context, whiteNoise);
    this.#metal = bufferOf(context, metallic);
    this.#drive = saturation(2.2);
  }

  strike(strike: Strike): void {
    const level = (Math.max(1, Math.min(127, strike.velocity)) / 127) ** 1.5;
    switch (voiceOf(strike.pitch)) {
      case "kick":
        return this.#kick(strike, level);
      case "snare":
        return this.#snare(strike, level);
      case "clap":
        return this.#clap(strike, level);
      case "rim":
        return this.#struck(strike, level * 1.1, [455, 1667], 1750, 0.05);
      case "cowbell":
        return this.#struck(strike, level * 0.9, [562, 845], 2640, 0.28);
      case "wood":
        return this.#struck(strike, level * 1.4, [2500 - (strike.pitch - 75) * 620], 2100, 0.07);
      case "shaker":
        return this.#shaker(strike, level * 0.55);
      case "closedHat":
        return this.#hat(strike, level * 0.8, 0.07);
      case "openHat":
        return this.#hat(strike, level * 0.6, 0.42);
      case "ride":
        return this.#cymbal(strike, level * 0.2, 1, 5200);
      case "bell":
        return this.#struck(strike, level * 0.4, [790, 1185, 2113], 2400, 0.5);
      case "crash":
        return this.#cymbal(strike, level * 0.26, 2, 3600);
      case "tom":
        return this.#tom(strike, level);
      case "perc":
        return this.#perc(strike, level);
    }
  }

  /** A sine that falls from the stick to the body of the drum, driven, with a click in front. */
  #kick({ time, output }: Strike, level: number): void {
    const drive = this.#context.createWaveShaper();
    drive.curve = this.#drive;
    drive.connect(this.#envelope(output, time, level * 0.9, 0.001, 0.46));
    const body = this.#tone("sine", time, 0.46);
    body.frequency.setValueAtTime(210, time);
    body.frequency.exponentialRampToValueAtTime(58, time + 0.045);
    body.frequency.exponentialRampToValueAtTime(43, time + 0.3);
    body.connect(drive);
    const click = this.#envelope(output, time, level * 0.35, 0.0005, 0.015);
    this.#burst(this.#noise, time, 0.015).connect(this.#filter("highpass", 2400)).connect(click);
  }

  #snare({ time, output }: Strike, level: number): void {
    const shell = this.#tone("triangle", time, 0.16);
    shell.frequency.setValueAtTime(240, time);
    shell.frequency.exponentialRampToValueAtTime(175, time + 0.06);
    shell.connect(this.#envelope(output, time, level * 0.5, 0.001, 0.16));
    const wires = this.#envelope(output, time, level * 0.45, 0.001, 0.26);
    this.#burst(this.#noise, time, 0.26)
      .connect(this.#filter("highpass", 900))
      .connect(this.#filter("peaking", 3800, 0.8))
      .connect(wires);
  }

  /** Several hands that are never quite together, then the room. */
  #clap({ time, output }: Strike, level: number): void {
    const band = this.#filter("bandpass", 1350, 1.1);
    const clap = this.#context.createGain();
    const { gain } = clap;
    gain.setValueAtTime(0, time);
    for (const hand of [0, 0.011, 0.021]) {
      gain.setValueAtTime(level * 1.25, time + hand);
      gain.exponentialRampToValueAtTime(level * 0.12, time + hand + 0.0095);
    }
    gain.setValueAtTime(level * 1.1, time + 0.031);
    gain.setTargetAtTime(0, time + 0.031, 0.055);
    this.#burst(this.#noise, time, 0.25).connect(band).connect(clap).connect(output);
  }

  /** Something hard is hit: square waves through a narrow band. */
  #struck({ time, output }: Strike, level: number, hertz: number[], band: number, decay: number) {
    const edge = this.#filter("bandpass", band, 1.8);
    edge.connect(this.#envelope(output, time, level, 0.0005, decay));
    for (const each of hertz) {
      const tone = this.#tone("square", time, decay);
      tone.frequency.value = each;
      tone.connect(edge);
    }
  }

  /** Beads need a moment until they all hit the wall. */
  #shaker({ time, output }: Strike, level: number): void {
    const beads = this.#envelope(output, time, level, 0.014, 0.1);
    this.#burst(this.#noise, time, 0.1).connect(this.#filter("bandpass", 6800, 0.9)).connect(beads);
  }

  #hat({ time, output }: Strike, level: number, decay: number): void {
    const choke = this.#context.createGain();
    choke.connect(output);
    this.#ringingHat?.gain.setTargetAtTime(0, time, 0.004);
    this.#ringingHat = choke;
    const sizzle = this.#envelope(choke, time, level, 0.0008, decay);
    const bright = this.#filter("highpass", 7200);
    bright.connect(sizzle);
    this.#burst(this.#metal, time, decay).connect(bright);
    this.#burst(this.#noise, time, decay).connect(this.#trim(0.35)).connect(bright);
  }

  #cymbal({ time, output }: Strike, level: number, decay: number, hertz: number): void {
    const wash = this.#envelope(output, time, level, 0.001, decay);
    const bright = this.#filter("highpass", hertz);
    bright.connect(wash);
    this.#burst(this.#metal, time, decay).connect(bright);
    this.#burst(this.#noise, time, decay).connect(this.#trim(0.6)).connect(bright);
  }

  #tom({ pitch, time, output }: Strike, level: number): void {
    const hertz = 82 * 2 ** ((pitch - 41) / 12);
    const body = this.#tone("sine", time, 0.4);
    body.frequency.setValueAtTime(hertz * 1.9, time);
    body.frequency.exponentialRampToValueAtTime(hertz, time + 0.07);
    body.connect(this.#envelope(output, time, level * 0.65, 0.001, 0.4));
  }

  /** A struck piece of metal: one sine bends the pitch of another. */
  #perc({ pitch, time, output }: Strike, level: number): void {
    const hertz = 330 * 2 ** ((((pitch - 60) % 24) + 12) / 24);
    const carrier = this.#tone("sine", time, 0.2);
    carrier.frequency.value = hertz;
    const modulator = this.#tone("sine", time, 0.2);
    modulator.frequency.value = hertz * 1.414;
    const bend = this.#envelope(null, time, hertz * 2.5, 0.0005, 0.1);
    modulator.connect(bend).connect(carrier.frequency);
    carrier.connect(this.#envelope(output, time, level * 0.7, 0.001, 0.2));
  }

  #tone(type: OscillatorType, time: number, decay: number): OscillatorNode {
    const tone = this.#context.createOscillator();
    tone.type = type;
    tone.start(time);
    tone.stop(time + decay * RING);
    return tone;
  }

  #burst(buffer: AudioBuffer, time: number, decay: number): AudioBufferSourceNode {
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.start(time, 0, decay * RING);
    return source;
  }

  #filter(type: BiquadFilterType, hertz: number, q = 0.7): BiquadFilterNode {
    const filter = this.#context.createBiquadFilter();
    filter.type = type;
    filter.frequency.value = hertz;
    filter.Q.value = q;
    if (type === "peaking") filter.gain.value = 6;
    return filter;
  }

  #trim(level: number): GainNode {
    const trim = this.#context.createGain();
    trim.gain.value = level;
    return trim;
  }

  #envelope(
    output: AudioNode | null,
    time: number,
    level: number,
    attack: number,
    decay: number,
  ): GainNode {
    const envelope = this.#context.createGain();
    envelope.gain.setValueAtTime(0, time);
    envelope.gain.linearRampToValueAtTime(level, time + attack);
    envelope.gain.setTargetAtTime(0, time + attack, decay / CONSTANTS_PER_DECAY);
    if (output !== null) envelope.connect(output);
    return envelope;
  }
}

function bufferOf(
  context: BaseAudioContext,
  fill: (samples: Float32Array<ArrayBuffer>, sampleRate: number) => void,
): AudioBuffer {
  const length = Math.ceil(context.sampleRate * NOISE_SECONDS);
  const buffer = context.createBuffer(1, length, context.sampleRate);
  const samples = new Float32Array(length);
  fill(samples, context.sampleRate);
  buffer.copyToChannel(samples, 0);
  return buffer;
}

/** Marsaglia's xorshift32, so that noise is the same every time. */
function whiteNoise(samples: Float32Array): void {
  let state = 0x2545f491;
  for (let at = 0; at < samples.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    samples[at] = (state >>> 0) / 0x7fffffff - 1;
  }
}

/** Six square waves in no harmony with each other: the classic recipe for a cheap cymbal. */
function metallic(samples: Float32Array, sampleRate: number): void {
  const partials = [263, 400, 421, 474, 587, 845].map((hertz) => (hertz * 8.2) / sampleRate);
  for (let at = 0; at < samples.length; at += 1) {
    let sum = 0;
    for (const cycles of partials) sum += (at * cycles) % 1 < 0.5 ? 1 : -1;
    samples[at] = sum / partials.length;
  }
}

function saturation(amount: number): Float32Array<ArrayBuffer> {
  const curve = new Float32Array(1025);
  for (let at = 0; at < curve.length; at += 1) {
    curve[at] = Math.tanh(amount * (at / 512 - 1)) / Math.tanh(amount);
  }
  return curve;
}
