"""Key: which of the 24 major and minor keys the pitches of a sound fit best.

Spectra of 190 ms, of which only peaks that stand out count (hats and noise have none). A peak at
three, five, six or seven times the frequency of another is taken for its harmonic as far as it is
no stronger than one: the fifth harmonic of every bass note is a major third, and would make a major
key of any line. What is left is folded into the twelve pitch classes, once the tuning has been
found, and correlated with how much listeners expect each class in a key: C. L. Krumhansl and E. J.
Kessler, *Tracing the Dynamic Changes in Perceived Tonal Organization* (1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.audio.sound import Samples, Wave
from conduit.midi.notes import Ints

NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

_MAJOR: Final = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR: Final = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_WINDOW_S, _HOP_S = 8192 / 44_100, 0.125
_LOWEST_HZ, _COUNTED_HZ, _HIGHEST_HZ = 30.0, 62.0, 2_000.0
"""Below the second a peak only explains harmonics: that is where a kick is tuned."""
_FINE: Final = 5
"""Places a semitone, to find harmonics on."""
_HARMONICS: Final = (3, 5, 6, 7)
_STANDS_OUT = 4.0
"""Times the median of the octave around it."""
_CHUNK = 128


@dataclass(frozen=True, slots=True)
class Fit:
    """The best key: ``root`` counts from C. ``second`` is the next best, as ``root`` and mode."""

    root: int
    minor: bool
    confidence: float
    second: tuple[int, bool]
    tuning_cents: float
    chroma: tuple[float, ...]
    """Of the pitch classes from C, adding up to 1."""


def key_of(mono: Samples, rate: int) -> Fit | None:
    """The key of ``(n,)`` samples, or none where nothing has a pitch."""
    pitch, weight = _peaks(mono, rate)
    if not len(pitch) or not weight.sum() > 0:
        return None
    around = np.exp(2j * np.pi * pitch) @ weight / weight.sum()
    tuning = float(np.angle(around) / (2 * np.pi))  # of a semitone
    if abs(around) < 0.05:  # no tuning at all: sirens, drums
        tuning = 0.0
    nearest = np.rint(pitch - tuning)
    exact = np.cos(np.pi * (pitch - tuning - nearest)) ** 2
    folded = np.bincount(nearest.astype(np.int64) % 12, weight * exact, 12).astype(np.float64)
    chroma = folded / max(float(folded.sum()), 1e-12)
    scores = _scores(chroma)
    order = np.argsort(-scores)
    best, second = (int(n) for n in order[:2])
    confidence = np.clip(scores[best], 0, 1) * np.clip((scores[best] - scores[second]) / 0.15, 0, 1)
    # A drum has a pitch too, and a line of one note no key: many classes are needed to be sure.
    spread = -float((chroma * np.log(chroma + 1e-12)).sum()) / np.log(12)
    return Fit(
        best % 12,
        best >= 12,
        float(confidence * np.clip((spread - 0.45) / 0.35, 0, 1)),
        (second % 12, second >= 12),
        100 * tuning,
        tuple(float(each) for each in chroma),
    )


def _scores(chroma: Wave) -> Wave:
    """The correlation with each key, 12 major ones and 12 minor ones, ``(24,)``."""
    profiles = np.array([np.roll(each, n) for each in (_MAJOR, _MINOR) for n in range(12)])
    profiles -= profiles.mean(axis=1, keepdims=True)
    centred = chroma - chroma.mean()
    size = np.linalg.norm(profiles, axis=1) * max(float(np.linalg.norm(centred)), 1e-12)
    found: Wave = profiles @ centred / size
    return found


def _peaks(mono: Samples, rate: int) -> tuple[Wave, Wave]:
    """The pitch (semitones, 69 is 440 Hz) and the weight of every peak of every frame."""
    window = 1 << round(np.log2(_WINDOW_S * rate))
    hop = round(_HOP_S * rate)
    if len(mono) < window:
        mono = np.pad(mono, (0, window - len(mono)))
    views = np.lib.stride_tricks.sliding_window_view(mono, window)[::hop]
    taper = np.hanning(window + 1)[:-1].astype(np.float32)
    low, high = (round(hz * window / rate) for hz in (_LOWEST_HZ, _HIGHEST_HZ))
    pitches, weights = [], []
    counted = 69 + 12 * np.log2(_COUNTED_HZ / 440)
    for at in range(0, len(views), _CHUNK):
        spectrum = np.abs(np.fft.rfft(views[at : at + _CHUNK] * taper, axis=1))
        found = _peaks_of(spectrum[:, low - 1 : high + 1], low - 1, rate / window)
        row, pitch, weight = found
        weight = _without_harmonics(row, pitch, weight, len(spectrum))
        pitches.append(pitch[pitch >= counted])
        weights.append(weight[pitch >= counted])
    return np.concatenate(pitches), np.concatenate(weights)


def _without_harmonics(row: Ints, pitch: Wave, weight: Wave, rows: int) -> Wave:
    """The weights less what harmonics of lower peaks of the same frame would have."""
    low, high = (69 + 12 * np.log2(hz / 440) for hz in (_LOWEST_HZ / 2, 2 * _HIGHEST_HZ))
    places = round((high - low) * _FINE) + 1
    place = np.clip(np.rint((pitch - low) * _FINE).astype(np.int64), 1, places - 2)
    there = np.zeros((rows, places))
    np.maximum.at(there, (row, place), weight)
    there[:, 1:-1] = np.maximum(np.maximum(there[:, :-2], there[:, 2:]), there[:, 1:-1])
    explained = np.zeros(len(weight))
    for harmonic in _HARMONICS:
        below = place - round(12 * _FINE * np.log2(harmonic))
        share = harmonic**-0.5  # weights are roots of amplitudes, and a saw's fall as 1 / n
        inside = np.where(below >= 0, there[row, np.maximum(below, 0)], 0) * share
        explained = np.maximum(explained, inside)
    return np.maximum(weight - explained, 0)


def _peaks_of(spectrum: Samples, first: int, bin_hz: float) -> tuple[Ints, Wave, Wave]:
    """The frame, the pitch and the weight of each peak."""
    middle = spectrum[:, 1:-1]
    usual = np.empty_like(middle)
    edges = np.unique(np.geomspace(1, middle.shape[1], 8).astype(np.int64))
    for low, high in zip(np.concatenate([[0], edges[:-1]]), edges, strict=True):
        usual[:, low:high] = np.median(middle[:, low:high], axis=1, keepdims=True)
    peak = (middle > spectrum[:, :-2]) & (middle >= spectrum[:, 2:])
    loudest = middle.max(axis=1, keepdims=True)
    peak &= (middle > _STANDS_OUT * usual) & (middle > 0.01 * loudest) & (middle > 1e-5)
    row, column = np.nonzero(peak)
    logs = np.log(np.maximum([spectrum[row, column + n] for n in (0, 1, 2)], 1e-9))
    bend = logs[0] - 2 * logs[1] + logs[2]  # a parabola through the logarithms
    shift = np.where(bend < 0, 0.5 * (logs[0] - logs[2]) / np.minimum(bend, -1e-9), 0)
    hz = (column + 1 + first + np.clip(shift, -0.5, 0.5)) * bin_hz
    pitch = 69 + 12 * np.log2(np.maximum(hz, 1.0) / 440)
    return row, pitch, np.sqrt(middle[row, column].astype(np.float64))
