"""Onsets: when something begins to sound.

Log-spectral flux above a floor: in each band the logarithm of the amplitude over what is always
there (hiss, the tail of a room), and of it only what rises. So a hit counts the same in a quiet
passage and in a loud one. Peaks of the sum that stand above what is usual around them are onsets;
where exactly each begins is looked up in the samples afterwards, since a frame is 6 ms wide and a
groove is made of less.

Log compression and flux: J. P. Bello et al., *A Tutorial on Onset Detection in Music Signals*
(2005). The lag, the maximum over neighbouring bands (a kick that falls through them begins once)
and the peak picking: S. Böck and G. Widmer, *Maximum Filter Vibrato Suppression for Onset
Detection* (2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from conduit.audio.ears.frames import Frames
from conduit.audio.sound import Samples, Wave
from conduit.midi.notes import Ints

LAG: Final = 4
"""Frames between which a rise is measured: as many as a window is long, so that the two share no
sample and a rise is seen whole."""

_USUAL = 20
"""Percentile of a band's amplitude over time that is taken for what is always there."""
_QUIETEST = 10 ** (-50 / 20)
_NEAR_S, _AROUND_S, _APART_S = 0.04, 0.25, 0.04
_STRONG = 90
_ABOVE = 0.03
"""How far a peak must stand out, in parts of a strong one; found on rendered grooves."""
_LEAST = 0.03
"""How far it must in any case: steady noise seldom comes so far."""
_CERTAIN = 0.2
"""A rise that noise never makes: twice as loud in two thirds of the bands."""

_REACH_S, _SIDE_S, _GRAIN_S = 0.03, 0.004, 0.0005
_AS_CLEAR = 0.97
_BATCH = 128


@dataclass(frozen=True, slots=True)
class Onsets:
    """All columns are ``(n,)``: ``seconds``, sorted; ``strength``, 1 for a strong one of this
    sound; ``amplitude``, of the samples right after it."""

    seconds: Wave
    strength: Wave
    amplitude: Wave
    confidence: float
    """How clearly they stand out from what is between them, 0 to 1."""


def flux_of(frames: Frames, *, below_hz: float = 1e9) -> Wave:
    """How much rises in each frame, ``(frames,)``: 1 where every band rises tenfold."""
    bands = frames.bands[:, frames.centres < below_hz]
    if not bands.any():
        return np.zeros(len(bands))
    usual = np.percentile(bands, _USUAL, axis=0)
    loudest = float(np.percentile(bands, 98, axis=0).max())
    floor = np.maximum(usual, _QUIETEST * max(loudest, 1e-9)).astype(np.float32)
    heard = np.log10(bands + floor)
    around = np.pad(heard, ((0, 0), (1, 1)), mode="edge")
    highest = np.maximum(np.maximum(around[:, :-2], around[:, 2:]), heard)
    before = np.empty_like(heard)
    before[:LAG] = np.log10(floor)  # it begins in silence, so that a loop's first hit is one
    before[LAG:] = highest[:-LAG]
    rise: Wave = np.maximum(heard - before, 0).mean(axis=1, dtype=np.float64)
    if len(rise) > 2 * LAG:  # no rise out of real silence outdoes all others
        rise[: 2 * LAG] = np.minimum(rise[: 2 * LAG], rise[2 * LAG :].max())
    return rise


def onsets_of(frames: Frames, flux: Wave, mono: Samples) -> Onsets:
    """The onsets of the samples that ``frames`` and ``flux`` were made of."""
    peaks, usual = _peaks(flux, frames.seconds_a_frame)
    seconds, amplitude = _begun(
        mono, frames.rate, peaks.astype(np.float64) * frames.seconds_a_frame
    )
    order = np.argsort(seconds, kind="stable")
    height = flux[peaks]
    scale = float(np.percentile(height, _STRONG)) if len(height) else 1.0
    clear = 1 - usual[peaks] / np.maximum(height, 1e-9)
    return Onsets(
        seconds[order],
        np.minimum(height[order] / scale, 4.0),
        amplitude[order],
        float(np.median(clear * np.minimum(height / _CERTAIN, 1))) if len(peaks) else 0.0,
    )


def _peaks(flux: Wave, frame_s: float) -> tuple[Ints, Wave]:
    """The frames of onsets, and what is usual around every frame."""
    near = max(1, round(_NEAR_S / frame_s))
    highest = moving(flux, near, np.max)
    usual = moving(flux, round(_AROUND_S / frame_s), np.median)
    is_peak = (flux >= highest) & (flux > 0)
    strong = float(np.percentile(flux[is_peak], _STRONG)) if is_peak.any() else 0.0
    clear = np.flatnonzero(is_peak & (flux > usual + max(_ABOVE * strong, _LEAST)))
    apart, kept, last = _APART_S / frame_s, [], -np.inf
    for frame in clear.tolist():
        if frame - last >= apart:
            kept.append(frame)
            last = frame
    return np.array(kept, np.int64), usual


def moving(values: Wave, reach: int, what: Callable[..., Any]) -> Wave:
    """A statistic of the ``2 × reach + 1`` values around each, ``(n,)``."""
    padded = np.pad(values, reach)  # before and after a sound there is silence
    found: Wave = what(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)
    return found


def _begun(mono: Samples, rate: int, near: Wave) -> tuple[Wave, Wave]:
    """Where the sound near each time begins: the place with the most energy after it against that
    before it, of differences between samples (in which a kick's click counts as much as its
    body). With it the amplitude after that place."""
    reach, side = round(_REACH_S * rate), round(_SIDE_S * rate)
    grain = max(1, round(_GRAIN_S * rate))
    edge = reach + side
    padded = np.pad(mono, (edge + 1, edge), mode="edge")
    # Row n begins one sample before what is around sample n, for the first difference.
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * edge + 1)
    shifts = np.arange(-reach, reach + 1, grain)
    seconds, amplitude = np.empty(len(near)), np.empty(len(near))
    centres = np.clip(np.rint(near * rate).astype(np.int64), 0, len(mono) - 1)
    for at in range(0, len(near), _BATCH):
        piece = slice(at, at + _BATCH)
        place = centres[piece, None] + shifts
        energy = np.cumsum(np.diff(around[centres[piece]], axis=1) ** 2, axis=1, dtype=np.float64)
        # energy[:, k] is that of all samples before number k - edge from the middle.
        energy = np.pad(energy, ((0, 0), (1, 0)))
        middle = edge + shifts
        after = energy[:, middle + side] - energy[:, middle]
        before = energy[:, middle] - energy[:, middle - side]
        little = 0.02 * np.maximum(after.max(axis=1, keepdims=True), 1e-18)
        clear = (after + little) / (before + little)
        # A click is as clear 4 ms ahead, where it is the end of what comes: the last place counts.
        nearly = clear >= _AS_CLEAR * clear.max(axis=1, keepdims=True)
        best = len(shifts) - 1 - nearly[:, ::-1].argmax(axis=1)
        rows = np.arange(len(best))
        seconds[piece] = np.maximum(place[rows, best], 0) / rate
        amplitude[piece] = np.sqrt(np.maximum(after[rows, best], 0) / side)
    return seconds, amplitude
