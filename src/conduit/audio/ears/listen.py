"""Listening: every figure of a sound, in one go."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from conduit.audio.ears import key as keys
from conduit.audio.ears.frames import Frames, frames_of
from conduit.audio.ears.loudness import GATE_LUFS, Level, level_of
from conduit.audio.ears.onsets import flux_of, onsets_of
from conduit.audio.ears.template import LONGEST_S, Begins, Heard, RangeName, groove_of
from conduit.audio.ears.tempo import HIGHEST_BPM, LOWEST_BPM, pulse_of
from conduit.audio.ears.timing import lean_of
from conduit.audio.findings import (
    MOST_ONSETS,
    Analysis,
    Band,
    Feel,
    Key,
    Loudness,
    OnsetList,
    Spectrum,
    Tempo,
    in_a_line,
)
from conduit.audio.reading import Sound, read_sound
from conduit.audio.sound import Samples, Wave
from conduit.contracts.errors import InvalidInput
from conduit.contracts.groove import GrooveTemplate

ENOUGH_S: Final = 3.0
"""Of sound: what a level or a spectrum needs to be certain."""

BANDS: Final = (
    ("sub", 20.0, 60.0),
    ("bass", 60.0, 250.0),
    ("low mid", 250.0, 500.0),
    ("mid", 500.0, 2_000.0),
    ("high mid", 2_000.0, 6_000.0),
    ("high", 6_000.0, 20_000.0),
)
"""Names and edges in Hz."""

_ROLLOFF = 0.85
_PIECE = 1 << 20
_NO_OFFSET = 1e-3
_A_KEY = 0.05
"""What is less sure than this is no key."""
_FULL_SCALE = 0.9995
_OPPOSED = 0.05
"""Below this part of the channels' energy in their sum, they cancel each other out."""


def listen(
    sound: Sound,
    *,
    lowest_bpm: float = LOWEST_BPM,
    highest_bpm: float = HIGHEST_BPM,
    most_onsets: int = MOST_ONSETS,
    begins: Begins = "file",
) -> Analysis:
    """Everything that can be said of a sound; its tempo is looked for between two others, of its
    onsets so many are listed, and its template begins with the sound or with its first beat.

    Raises ``InvalidInput`` for a range of tempos that is none.
    """
    means = sound.samples.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    offset = float(means.mean())
    if np.abs(means).max() > _NO_OFFSET:  # else beginning and end would be clicks
        sound = replace(sound, samples=sound.samples - means)
    level = level_of(sound.samples, sound.rate)
    heard = hear(sound, lowest_bpm, highest_bpm, silent=level.lufs is None)
    frames, onsets = heard.frames, heard.onsets
    pulse_here = heard.bpm > 0
    clipped = _clipped(sound.samples, level.sample_peak)
    sure = min(1.0, level.heard_s / ENOUGH_S) * (1 - min(0.9, 20 * clipped))
    shown = slice(0, most_onsets)
    analysis = Analysis(
        said="",
        seconds=round(sound.seconds, 4),
        start=round(sound.start_s, 4),
        rate=sound.rate,
        channels=sound.samples.shape[0],
        tempo=Tempo(
            round(heard.bpm, 3) if pulse_here else None,
            round(heard.confidence, 3),
            heard.others,
            round(heard.lean.beat_s, 4) if pulse_here else None,
            round(heard.lean.beat_confidence * heard.confidence, 3),
        ),
        onsets=OnsetList(
            len(onsets.seconds),
            round(len(onsets.seconds) / sound.seconds, 3),
            round(onsets.confidence, 3),
            tuple(onsets.seconds[shown].round(5).tolist()),
            tuple(onsets.strength[shown].round(3).tolist()),
        ),
        key=_key(heard.mono, sound.rate, silent=level.lufs is None),
        loudness=_loudness(sound.samples, level, clipped, offset, sure),
        spectrum=_spectrum(frames, heard.flux, level, sure),
        feel=_feel(heard, begins),
        faults=sound.faults,
    )
    return replace(analysis, said=in_a_line(analysis))


def hear(sound: Sound, lowest_bpm: float, highest_bpm: float, *, silent: bool = False) -> Heard:
    """Onsets and the grid they stand on. Raises ``InvalidInput`` for a range of tempos that is
    none."""
    if not 20 <= lowest_bpm < highest_bpm <= 400:
        raise InvalidInput(
            f"no tempo lies between {lowest_bpm:g} and {highest_bpm:g}",
            where="lowest_bpm",
            hint="20 to 400, the lower one first; an octave, like 90 to 180, tells them best",
        )
    mono = _mono(sound.samples)
    frames = frames_of(mono, sound.rate)
    flux = np.zeros(len(frames.bands)) if silent else flux_of(frames)
    onsets = onsets_of(frames, flux, mono)
    pulse = pulse_of(flux, frames.seconds_a_frame, onsets, lowest_bpm, highest_bpm)
    lean = lean_of(frames, onsets, pulse.bpm or 120.0)
    return Heard(mono, frames, flux, onsets, pulse.bpm, pulse.confidence, pulse.others, lean)


def loop_template(data: bytes, which: RangeName) -> GrooveTemplate:
    """How the loop in a file sits, in a range of frequencies: the beginning of the file, as far as
    a template listens.

    Raises ``InvalidInput`` where there is no beat or nothing plays in the range, and ``TooLarge``.
    """
    heard = hear(read_sound(data, seconds=LONGEST_S), LOWEST_BPM, HIGHEST_BPM)
    found = groove_of(heard, which)
    if found is None:
        raise InvalidInput(
            "there is no beat in it" if not heard.bpm else f"nothing plays in its {which} range",
            where="loop",
            hint="take a loop of a bar or more with drums in it"
            if not heard.bpm
            else 'hear "all" of it',
        )
    return found


def _mono(samples: Samples) -> Samples:
    """All channels together; where they cancel each other out, the one with the most energy."""
    if samples.shape[0] == 1:
        only: Samples = samples[0]
        return only
    mono: Samples = samples.mean(axis=0, dtype=np.float32)
    energies = [float(np.dot(row, row)) for row in samples]
    if float(np.dot(mono, mono)) < _OPPOSED * float(np.mean(energies)):
        mono = samples[int(np.argmax(energies))]
    return mono


def _clipped(samples: Samples, peak: float) -> float:
    """The part of the samples that stand in runs of two and more at full scale."""
    if peak < _FULL_SCALE:
        return 0.0
    count = 0
    for row in samples:
        full = np.abs(row) >= _FULL_SCALE
        count += int(np.count_nonzero(full[1:] & full[:-1]))
    return count / samples.size


def _key(mono: Samples, rate: int, *, silent: bool) -> Key:
    fit = None if silent else keys.key_of(mono, rate)
    if fit is None:
        return Key(None, 0.0, None, 0.0, ())
    told = fit.confidence >= _A_KEY
    return Key(
        _named(fit.root, fit.minor) if told else None,
        round(fit.confidence, 3) if told else 0.0,
        _named(*fit.second) if told else None,
        round(fit.tuning_cents, 1),
        tuple(round(each, 4) for each in fit.chroma),
    )


def _named(root: int, minor: bool) -> str:
    return f"{keys.NAMES[root]} {'minor' if minor else 'major'}"


def _loudness(
    samples: Samples, level: Level, clipped: float, offset: float, sure: float
) -> Loudness:
    squares = sum(
        float(np.square(samples[:, at : at + _PIECE], dtype=np.float64).sum())
        for at in range(0, samples.shape[1], _PIECE)
    )
    rms = math.sqrt(squares / samples.size)
    return Loudness(
        None if level.lufs is None else round(level.lufs, 2),
        round(sure, 3),
        _decibels(level.true_peak),
        None if rms == 0 else round(20 * float(np.log10(level.sample_peak / rms)), 2),
        round(clipped, 6),
        round(offset, 6),
    )


def _decibels(amplitude: float) -> float | None:
    """None where nothing can be heard at all."""
    return None if amplitude < 1e-7 else round(20 * float(np.log10(amplitude)), 2)


def _spectrum(frames: Frames, flux: Wave, level: Level, sure: float) -> Spectrum:
    heard = frames.level > 10 ** (GATE_LUFS / 20)
    if level.lufs is None or not heard.any():
        return Spectrum(None, None, None, None, 0.0, ())
    weight = frames.level[heard] ** 2
    energy = np.cumsum(frames.power)
    total = max(float(energy[-1]), 1e-18)
    rolloff = frames.hz[int(np.searchsorted(energy, _ROLLOFF * total))]
    bands = []
    for name, low, high in BANDS:
        inside = (frames.hz >= low) & (frames.hz < high)
        bands.append(Band(name, low, high, round(float(frames.power[inside].sum()) / total, 4)))
    return Spectrum(
        round(float(np.average(frames.centroid[heard], weights=weight)), 1),
        round(float(rolloff), 1),
        round(float(np.average(frames.flatness[heard], weights=weight)), 4),
        round(float(flux.mean()), 4),
        round(sure, 3),
        tuple(bands),
    )


def _feel(heard: Heard, begins: Begins) -> Feel:
    if not heard.bpm > 0:
        return Feel(None, 0.0, None, None)
    spread = float(np.median(np.abs(heard.lean.late_s)))
    return Feel(
        round(heard.lean.swing, 2),
        round(heard.lean.swing_confidence * heard.confidence, 3),
        round(1000 * spread, 2),
        groove_of(heard, begins=begins),
    )


__all__ = ["hear", "listen", "loop_template"]
