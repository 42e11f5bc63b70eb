"""What all sounds are made of: decays, shaped noise, and samples at one rate."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

RATE: Final = 44_100
"""Samples a second."""

Samples: TypeAlias = npt.NDArray[np.float32]
"""Sound: ``(frames,)`` or, left before right, ``(2, frames)``; 1 is full scale."""

Wave: TypeAlias = npt.NDArray[np.float64]

_SILENT = 6.9
"""Time constants until an exponential decay is 60 dB down."""

_UNIT = 2.0**-52


def seconds_of(decay_s: float) -> float:
    """How long a decay can be heard."""
    return _SILENT * decay_s


def frames_in(seconds: float) -> int:
    """The nearest whole number of frames."""
    return round(seconds * RATE)


def times(frames: int) -> Wave:
    """Seconds from the start, ``(frames,)``."""
    return np.arange(frames) / RATE


def decay(time: Wave, decay_s: float) -> Wave:
    """An exponential decay that begins at time 0; before it there is silence."""
    return np.where(time < 0, 0.0, np.exp(-np.maximum(time, 0) / decay_s))


def white_noise(seed: int, frames: int) -> Wave:
    """Noise between -1 and 1, ``(frames,)``; always the same for a seed (PCG64's raw output, which
    NumPy keeps as it is, as its distributions are not)."""
    raw: npt.NDArray[np.uint64] = np.random.PCG64(seed).random_raw(frames)
    return (raw >> np.uint64(11)).astype(np.float64) * _UNIT - 1.0


def band(wave: Wave, low_hz: float, high_hz: float) -> Wave:
    """Only what lies between two frequencies, with the slopes of third-order Butterworth filters
    (18 dB an octave) and no change of phase."""
    size = 1 << (len(wave) - 1).bit_length()
    hz = np.fft.rfftfreq(size, 1 / RATE)
    with np.errstate(divide="ignore"):  # 0 Hz: infinitely far below
        response = 1 / np.sqrt((1 + (low_hz / hz) ** 6) * (1 + (hz / high_hz) ** 6))
    filtered: Wave = np.fft.irfft(np.fft.rfft(wave, size) * response, size)[: len(wave)]
    return filtered
