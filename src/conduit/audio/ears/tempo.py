"""Tempo: how often what begins begins again.

The flux is compared with itself, later (autocorrelation), and each tempo of a range is asked how
alike the sound is to itself after one to eight of its beats: a comb over the autocorrelation. A
tempo of which only every second beat is there fails at the odd ones, one that is twice as fast is
out of the range, and among those left a wide prior prefers the middle of the range. The best is
then made exact by the onsets themselves: the tempo at which they stand most together on its beats,
halves and quarters, over an ever longer part of the sound. Where several come near, the one wins on
whose quarters the onsets stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.audio.ears.onsets import Onsets, moving
from conduit.audio.sound import Wave

LOWEST_BPM, HIGHEST_BPM = 90.0, 180.0
"""One octave, so that no tempo stands beside its double."""

_BEATS: Final = 8
_GRID = 0.001
_AWAY_S = 0.5
_WIDTH = 0.6
"""Octaves within which the prior falls to 0.6."""
_FEWEST = 4
_HARMONICS: Final = (1, 2, 4)
_FIRST_S, _LONGER = 20.0, 4.0
_NEARLY = 1.5


@dataclass(frozen=True, slots=True)
class Pulse:
    """A tempo. ``bpm`` is 0 where there is none; ``others`` are tempos that fit nearly as well."""

    bpm: float
    confidence: float
    others: tuple[float, ...] = ()


def pulse_of(flux: Wave, frame_s: float, onsets: Onsets, lowest: float, highest: float) -> Pulse:
    """The tempo between two others, in quarter notes a minute."""
    if len(onsets.seconds) < _FEWEST or len(flux) * frame_s < 2 * 60 / highest:
        return Pulse(0.0, 0.0)
    same = _autocorrelation(np.maximum(flux - moving(flux, round(_AWAY_S / frame_s), np.mean), 0))
    grid = np.exp(np.arange(np.log(lowest), np.log(highest) + _GRID, _GRID))
    comb = _comb(same, 60 / grid / frame_s)
    middle = np.sqrt(lowest * highest)
    scores = comb * np.exp(-0.5 * (np.log2(grid / middle) / _WIDTH) ** 2)
    if scores.max() <= 0:
        return Pulse(0.0, 0.0)
    found = []
    for place in _peaks(grid, scores):
        bpm = _exact(float(grid[place]), onsets)
        quarters = float(_together(np.array([bpm]), onsets, _HARMONICS[-1:])[0])
        found.append((float(scores[place]) * quarters, bpm, float(comb[place]), quarters))
    found.sort(reverse=True)  # a beat of two thirds is as alike, but nothing stands on its parts
    best, bpm, alike, quarters = found[0]
    # By chance n onsets stand together as far as 1 / √n.
    chance = 1 / np.sqrt(len(onsets.seconds))
    surer = max(0.0, (quarters - chance) / (1 - chance))
    others = tuple(round(each[1], 1) for each in found[1:] if each[0] > best / _NEARLY)
    return Pulse(bpm, float(np.sqrt(np.clip(alike, 0, 1) * surer)), others)


def _autocorrelation(values: Wave) -> Wave:
    """How alike a signal is to itself so many frames later, 1 at none, ``(n,)``."""
    centred = values - values.mean()
    size = 1 << (2 * len(values) - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    raw = np.fft.irfft(power, size)[: len(values)] / np.arange(len(values), 0, -1)
    same: Wave = raw / max(float(raw[0]), 1e-12)
    return same


def _comb(same: Wave, beat: Wave) -> Wave:
    """The mean likeness after one to eight beats of so many frames, of those that the sound is
    long enough for."""
    total, counted = np.zeros(len(beat)), np.zeros(len(beat))
    for beats in range(1, _BEATS + 1):
        lag = beat * beats
        inside = lag < 0.75 * len(same)
        weight = np.where(inside, 1.0 if beats in (1, 2, 4, 8) else 0.7, 0.0)
        total += weight * np.interp(lag, np.arange(len(same)), same)
        counted += weight
    return np.divide(total, counted, out=np.zeros(len(beat)), where=counted > 0)


def _exact(bpm: float, onsets: Onsets) -> float:
    """The tempo near ``bpm``: first within 2 % by the first seconds, then ever closer by more."""
    within, part = 0.02, _FIRST_S
    whole = float(onsets.seconds[-1])
    while True:
        piece = onsets.seconds <= max(part, float(onsets.seconds[_FEWEST - 1]))
        some = Onsets(onsets.seconds[piece], onsets.strength[piece], onsets.amplitude[piece], 0)
        near = bpm * np.exp(np.linspace(-within, within, 201))
        bpm = float(near[_together(near, some, _HARMONICS).argmax()])
        if within < 1e-5 or (part >= whole and within < 1e-4):
            return bpm
        within, part = within / 20, part * _LONGER


def _together(bpm: Wave, onsets: Onsets, harmonics: tuple[int, ...]) -> Wave:
    """How much onsets stand on the beats of each tempo and on their parts, 0 to 1, ``(n,)``."""
    turns = np.outer(bpm / 60, onsets.seconds)
    weight = onsets.strength / onsets.strength.sum()
    parts = [np.abs(np.exp(2j * np.pi * each * turns) @ weight) for each in harmonics]
    found: Wave = np.mean(parts, axis=0)
    return found


def _peaks(grid: Wave, scores: Wave) -> list[int]:
    """The best place and the next peaks that come near it, three at most."""
    best = int(scores.argmax())
    peaks = np.flatnonzero((scores[1:-1] > scores[:-2]) & (scores[1:-1] >= scores[2:])) + 1
    far = peaks[np.abs(np.log(grid[peaks] / grid[best])) > 0.03]
    good = far[scores[far] > scores[best] / _NEARLY]
    return [best, *good[np.argsort(-scores[good])][:2].tolist()]
