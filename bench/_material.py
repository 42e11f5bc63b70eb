"""Material for ears whose truth is known: every style, rendered, and then spoilt.

Noise, a room and side-chain pumping are what a loop from somewhere has and a synthesiser has not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from conduit.audio import RATE, Samples, render_song
from conduit.midi import PPQ
from conduit.rhythm import STYLES, Style, render
from conduit.rhythm.groove import GrooveRequest, config_of
from conduit.rhythm.styles.lines import Part

SAME_S = 0.03
"""Hits closer than this are heard as one."""

SPOILS = ("clean", "noise", "reverb", "pumping", "all")


@dataclass(frozen=True)
class Clip:
    """Sound, and what is true of it."""

    style: Style
    spoil: str
    samples: Samples
    bpm: float
    swing: float
    onsets: npt.NDArray[np.float64]
    """Seconds; hits at once are one."""
    key: tuple[int, bool] | None
    """The root, 0 for C, and whether it is a minor key; none where nothing has a pitch."""


def clips(seeds: int, bars: int, spoils: tuple[str, ...] = SPOILS) -> Iterator[Clip]:
    """For each style and seed a groove of its own tempo and swing, in each state."""
    for place, style in enumerate(STYLES):
        for seed in range(seeds):
            chance = np.random.default_rng(1000 * place + seed)
            own = STYLES[style]
            wish = GrooveRequest(
                style=style,
                bpm=round(float(own.bpm * chance.uniform(0.86, 1.14)), 2),
                bars=bars,
                seed=seed,
                swing=round(float(chance.choice([own.swing, 50, 54, 58, 62])), 1),
                parts=(Part.BASS, Part.STAB) if seed % 2 else (),
                root=list(_roots())[int(chance.integers(12))] if seed % 2 else None,
            )
            config = config_of(wish)
            session = render(config)
            sound = render_song(session.song())
            tick = np.unique(session.notes["tick"]).astype(np.float64)
            onsets = merged(tick * 60 / (session.bpm * PPQ))
            minor = "major" not in config.key.scale and config.key.scale != "mixolydian"
            key = (list(_roots()).index(config.key.root), minor) if seed % 2 else None
            for spoil in spoils:
                spoilt = spoiled(sound, spoil, session.bpm, chance)
                yield Clip(style, spoil, spoilt, session.bpm, config.swing, onsets, key)


def _roots() -> tuple[object, ...]:
    from conduit.rhythm.scale import Root

    return tuple(Root)


def merged(times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Times without those that follow another within :data:`SAME_S`."""
    kept: list[float] = []
    for each in times.tolist():
        if not kept or each - kept[-1] > SAME_S:
            kept.append(each)
    return np.array(kept)


def spoiled(samples: Samples, spoil: str, bpm: float, chance: np.random.Generator) -> Samples:
    """The same sound as it comes out of a room, a compressor, a cheap cable, or all three."""
    sound = samples.astype(np.float64)
    if spoil in ("reverb", "all"):
        sound = reverberant(sound, chance)
    if spoil in ("pumping", "all"):
        sound = pumped(sound, bpm)
    if spoil in ("noise", "all"):
        level = np.sqrt((sound**2).mean()) * 10 ** (-26 / 20)
        sound = sound + level * chance.standard_normal(sound.shape)
    made: Samples = (sound / max(1.0, np.abs(sound).max())).astype(np.float32)
    return made


def reverberant(
    sound: npt.NDArray[np.float64], chance: np.random.Generator
) -> npt.NDArray[np.float64]:
    """A room of 0.5 s (RT60), 15 dB below the sound by its energy."""
    frames = round(0.5 * RATE)
    tail = chance.standard_normal((2, frames)) * np.exp(-6.9 * np.arange(frames) / frames)
    tail[:, : round(0.008 * RATE)] = 0
    tail *= 10 ** (-15 / 20) / np.sqrt((tail**2).sum(axis=1, keepdims=True))
    size = 1 << (sound.shape[1] + frames - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)
    return sound + wet[:, : sound.shape[1]]


def pumped(sound: npt.NDArray[np.float64], bpm: float) -> npt.NDArray[np.float64]:
    """Ducked by 8 dB on each beat, and back within two thirds of it."""
    beat = 60 / bpm
    place = (np.arange(sound.shape[1]) / RATE) % beat / beat
    ducked = np.clip(1 - place / 0.66, 0, 1) * np.clip(place / 0.01, 0, 1)
    return sound * 10 ** (-8 * ducked / 20)
