"""The grid that onsets lean on: where its beats are, how it swings, how far hits are from it.

Onsets are folded into one pair of sixteenths. They gather at its beginning and, where there is
something between, at the swung sixteenth: the pair of places *(φ, φ + s)* with the most in it is
the grid, where *s* is 50 % (straight) to 75 % of a pair, as on the drum machines that named it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.audio.ears.frames import Frames
from conduit.audio.ears.onsets import LAG, Onsets
from conduit.audio.sound import Wave
from conduit.midi.notes import Ints

KICK_BELOW_HZ: Final = 150.0
_PLACES: Final = 400
_BLUR = 0.012
"""Of a pair: about 3 ms."""
_STRAIGHT, _MOST = 50.0, 75.0
_EARLY_S = 0.03
"""A beat that is not further before the first sample is the first."""
_ENOUGH = 0.04
"""The part of all strength that the swung sixteenths must have to tell anything."""


@dataclass(frozen=True, slots=True)
class Lean:
    """A grid. ``beat_s`` is its first beat, a little before 0 at the earliest; ``step`` is, for
    each onset, the sixteenth it belongs to, counted from that beat, and ``late_s`` how far behind
    it is, both ``(n,)``."""

    beat_s: float
    beat_confidence: float
    swing: float
    swing_confidence: float
    step: Ints
    late_s: Wave

    def laid(self, seconds: Wave, bpm: float) -> tuple[Ints, Wave]:
        """``step`` and ``late_s`` of other times on this grid."""
        return _laid(seconds, self.beat_s, self.swing, 30 / bpm)


def lean_of(frames: Frames, onsets: Onsets, bpm: float) -> Lean:
    """The grid of a tempo that onsets stand on."""
    pair = 30 / bpm
    phase, swing, sure = _swing(onsets, pair)
    beat, beat_sure = _beat(frames, phase * pair, pair)
    return Lean(beat, beat_sure, swing, sure, *_laid(onsets.seconds, beat, swing, pair))


def _laid(seconds: Wave, beat: float, swing: float, pair: float) -> tuple[Ints, Wave]:
    """The sixteenth nearest to each time, and how far behind it the time is."""
    second = swing / 100
    place = (seconds - beat) / pair
    whole = np.floor(place + (1 - second) / 2)  # half way back to the sixteenth before
    inside = place - whole
    is_second = inside > second / 2
    late: Wave = np.where(is_second, inside - second, inside) * pair
    return (2 * whole + is_second).astype(np.int64), late


def _swing(onsets: Onsets, pair: float) -> tuple[float, float, float]:
    """Where a pair begins (0 to 1 of a pair), the swing in percent, and how sure that is."""
    weight = np.sqrt(onsets.strength)
    place = onsets.seconds / pair % 1 * _PLACES
    there = np.bincount(np.rint(place).astype(np.int64) % _PLACES, weight, _PLACES)
    away = np.minimum(np.arange(_PLACES), _PLACES - np.arange(_PLACES)) / _PLACES
    blur = np.exp(-0.5 * (away / _BLUR) ** 2)
    gathered = np.fft.irfft(np.fft.rfft(there) * np.fft.rfft(blur), _PLACES)
    apart = np.arange(round(_STRAIGHT / 100 * _PLACES), round(_MOST / 100 * _PLACES) + 1)
    begin = np.arange(_PLACES)[:, None]
    second = gathered[(begin + apart) % _PLACES]
    # The beginning counts more: of two places the stronger one is the beat's.
    phase, wide = np.unravel_index((1.3 * gathered[:, None] + second).argmax(), second.shape)
    swing = 100 * float(apart[wide]) / _PLACES
    total = max(float(weight.sum()), 1e-9)
    share = float(second[phase, wide]) / total
    if share < _ENOUGH:
        return float(phase) / _PLACES, _STRAIGHT, 0.0
    held = (float(gathered[phase]) + float(second[phase, wide])) / total
    return float(phase) / _PLACES, swing, float(np.clip(held, 0, 1) * min(1, share / 0.2))


def _beat(frames: Frames, first: float, pair: float) -> tuple[float, float]:
    """Which of two pairs begins with the beat: the one where the bass begins more. Without any,
    the first from 0 on, and nothing is sure."""
    bass = frames.bands[:, frames.centres < KICK_BELOW_HZ].sum(axis=1, dtype=np.float64)
    low = np.zeros(len(bass))
    low[LAG:] = np.maximum(bass[LAG:] - bass[:-LAG], 0)
    when = np.arange(len(low)) * frames.seconds_a_frame
    # A frame shows a rise before its middle comes to it: give the comparison a quarter pair's room.
    place = np.floor((when - first) / pair + 0.25).astype(np.int64)
    near = ((when - first) / pair + 0.25) % 1 < 0.5
    even, odd = (float(low[near & (place % 2 == half)].sum()) for half in (0, 1))
    beat = first if even >= odd else first + pair
    sure = abs(even - odd) / max(even + odd, 1e-9)
    return (beat + _EARLY_S) % (2 * pair) - _EARLY_S, float(min(1, sure))
