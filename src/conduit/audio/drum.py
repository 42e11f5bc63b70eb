"""How one drum sounds: a few tones, noises and metals, each with its own decay.

The recipes are those of analogue drum machines. A *tone* is a sine that may fall in pitch (a kick
is one that falls fast and far). *Noise* is what snares, claps and shakers are made of; a clap is
four bursts of it. *Metal* is six square waves that share no harmonic, above a high-pass: hats,
rides and cowbells.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from conduit.audio.sound import (
    RATE,
    Samples,
    Wave,
    band,
    decay,
    frames_in,
    seconds_of,
    times,
    white_noise,
)

_METAL_RATIOS: Final = (1.0, 1.483, 1.8, 2.546, 2.63, 3.897)
"""Of six oscillators, so far from whole numbers that the ear hears no pitch."""

_FADE_S = 0.003
_HIGHEST_HZ = 18_000.0


@dataclass(frozen=True, slots=True)
class Tone:
    """A sine of ``hz`` that begins ``drop_hz`` higher and falls with time constant ``drop_s``."""

    hz: float
    decay_s: float
    level: float = 1.0
    drop_hz: float = 0.0
    drop_s: float = 0.02


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise between two frequencies, struck at each of ``bursts`` (seconds); of several bursts all
    but the last are short. ``attack_s`` is how long it takes to rise."""

    low_hz: float
    high_hz: float
    decay_s: float
    level: float = 1.0
    attack_s: float = 0.0
    bursts: tuple[float, ...] = (0.0,)


@dataclass(frozen=True, slots=True)
class Metal:
    """Six square waves, the lowest of ``hz`` Hz, heard above ``low_hz``."""

    hz: float
    low_hz: float
    decay_s: float
    level: float = 1.0


@dataclass(frozen=True, slots=True)
class Drum:
    """A drum; ``pan`` is -1 left to 1 right."""

    parts: tuple[Tone | Noise | Metal, ...]
    level: float = 0.5
    pan: float = 0.0


@lru_cache(maxsize=128)
def drum_sound(drum: Drum) -> Samples:
    """One hit at full velocity, ``(2, frames)``, read-only; always the same for a drum."""
    frames = frames_in(max(seconds_of(part.decay_s) for part in drum.parts))
    time = times(frames)
    wave = np.zeros(frames)
    for place, part in enumerate(drum.parts):
        wave += part.level * _part(part, time, seed=place)
    fade = frames_in(_FADE_S)
    wave[-fade:] *= np.linspace(1, 0, fade)
    angle = (drum.pan + 1) * np.pi / 4  # constant power: both sides squared add up to 1
    sides = np.array([np.cos(angle), np.sin(angle)]) * np.sqrt(2)
    sound: Samples = (sides[:, None] * drum.level * wave).astype(np.float32)
    sound.setflags(write=False)
    return sound


def _part(part: Tone | Noise | Metal, time: Wave, seed: int) -> Wave:
    match part:
        case Tone():
            return _tone(part, time)
        case Noise():
            return _noise(part, time, seed)
        case Metal():
            return _metal(part, time)


def _tone(tone: Tone, time: Wave) -> Wave:
    fallen = tone.drop_hz * tone.drop_s * (1 - np.exp(-time / tone.drop_s))
    phase = 2 * np.pi * (tone.hz * time + fallen)  # the integral of the falling frequency
    sounding: Wave = np.sin(phase) * decay(time, tone.decay_s)
    return sounding


def _noise(noise: Noise, time: Wave, seed: int) -> Wave:
    *early, last = noise.bursts
    envelope = decay(time - last, noise.decay_s)
    for start in early:
        envelope = np.maximum(envelope, decay(time - start, 0.006) * (time < last))
    if noise.attack_s:
        envelope *= np.minimum(time / noise.attack_s, 1)
    shaped = band(white_noise(seed, len(time)), noise.low_hz, noise.high_hz)
    sounding: Wave = shaped / np.abs(shaped).max() * envelope
    return sounding


def _metal(metal: Metal, time: Wave) -> Wave:
    clang = np.zeros(len(time))
    for ratio in _METAL_RATIOS:
        clang += np.where((time * metal.hz * ratio) % 1 < 0.5, 1.0, -1.0)
    shaped = band(clang, metal.low_hz, min(_HIGHEST_HZ, RATE / 2))
    sounding: Wave = shaped / np.abs(shaped).max() * decay(time, metal.decay_s)
    return sounding
