"""Loudness as broadcasters measure it, and peaks between the samples.

ITU-R BS.1770-5: a shelf and a high-pass that stand for head and ear (K-weighting), the mean square
of 400 ms blocks that begin every 100 ms, an absolute gate at -70 LUFS and a relative one 10 LU
below the mean of what passed it. The filters are those of its annex 1, which are given for 48 kHz,
recomputed for other rates from their analogue shape (as in B. De Man, *Evaluation of
Implementations of the EBU R128 Loudness Measurement*, 2018). They are applied as a frequency
response, by overlap-save: both ring for less than the overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from conduit.audio.sound import Samples, Wave

GATE_LUFS: Final = -70.0
_RELATIVE_LU = -10.0
_OFFSET = -0.691
_BLOCK_S, _HOP_S = 0.4, 0.1
_PIECE: Final = 1 << 16
_RINGS_S = 0.25
_SURROUND: Final = 1.41
_TAPS, _PHASES = 16, 4
_MOST_NEAR_PEAK = 20_000


@dataclass(frozen=True, slots=True)
class Level:
    """``lufs`` is none where nothing passes the gate; ``heard_s`` is how much passed it. Peaks are
    amplitudes, 1 is full scale."""

    lufs: float | None
    heard_s: float
    sample_peak: float
    true_peak: float


def level_of(samples: Samples, rate: int) -> Level:
    """The loudness of ``(channels, frames)``, all of them fronts but the last two of five or more.
    A sound shorter than one block is one block."""
    hop = round(_HOP_S * rate)
    whole = samples.shape[1] // hop  # what is left over is no block, unless it is all there is
    count = whole if whole * _HOP_S >= _BLOCK_S else max(1, -(-samples.shape[1] // hop))
    energy = np.zeros(count)
    for channel, row in enumerate(samples):
        surround = samples.shape[0] >= 5 and channel >= samples.shape[0] - 2
        energy += (_SURROUND if surround else 1.0) * _energies(row, rate, hop, count)
    wide = min(round(_BLOCK_S / _HOP_S), count)
    frames = min(wide * hop, samples.shape[1])
    blocks = np.convolve(energy, np.ones(wide), mode="valid") / max(1, frames)
    lufs, passed = _gated(blocks)
    peak = float(max(samples.max(initial=0), -samples.min(initial=0)))
    heard_s = passed * _HOP_S + (wide - 1) * _HOP_S if passed else 0.0  # blocks overlap
    return Level(lufs, heard_s, peak, max(peak, _between(samples, peak)))


def _gated(blocks: Wave) -> tuple[float | None, int]:
    """The loudness of blocks by their mean squares, and how many passed both gates."""
    loud = blocks[blocks > 10 ** ((GATE_LUFS - _OFFSET) / 10)]
    if not len(loud):
        return None, 0
    loud = loud[loud > loud.mean() * 10 ** (_RELATIVE_LU / 10)]
    return float(_OFFSET + 10 * np.log10(loud.mean())), len(loud)


def _energies(row: Samples, rate: int, hop: int, count: int) -> Wave:
    """The sum of squares of each 100 ms of one channel, weighted, ``(count,)``."""
    rings = round(_RINGS_S * rate)
    size = max(_PIECE, 1 << (4 * rings).bit_length())
    response = k_weighting(np.fft.rfftfreq(size), rate).astype(np.complex64)
    hops = (size - rings) // hop
    sums = np.zeros(-(-count // hops) * hops)
    for first in range(0, count, hops):
        at = first * hop
        before = min(at, rings)
        piece = np.zeros(size, np.float32)
        taken = row[at - before : at + hops * hop]
        piece[rings - before : rings - before + len(taken)] = taken
        weighted = np.fft.irfft(np.fft.rfft(piece) * response)[rings : rings + hops * hop]
        weighted[len(taken) - before :] = 0  # the filters ring on where the sound has ended
        sums[first : first + hops] = np.square(weighted, dtype=np.float64).reshape(hops, hop).sum(1)
    return sums[:count]


def k_weighting(turns: npt.NDArray[np.floating], rate: int) -> npt.NDArray[np.complex128]:
    """The response at frequencies in turns a sample (0.5 is half the rate)."""
    z = np.exp(-2j * np.pi * turns)
    gain, q, hz = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    k = np.tan(np.pi * hz / rate)
    high, band = 10 ** (gain / 20), 10 ** (gain / 20 * 0.4996667741545416)
    shelf = (high + band * k / q + k * k) + 2 * (k * k - high) * z
    shelf = shelf + (high - band * k / q + k * k) * z**2
    shelf = shelf / ((1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2)
    q, hz = 0.5003270373238773, 38.13547087602444
    k = np.tan(np.pi * hz / rate)
    scale = 1 + k / q + k * k
    passed = (1 - z) ** 2 / (1 + 2 * (k * k - 1) / scale * z + (1 - k / q + k * k) / scale * z**2)
    found: npt.NDArray[np.complex128] = shelf * passed
    return found


def _between(samples: Samples, peak: float) -> float:
    """The highest amplitude at three places between samples, by a windowed sinc. Only around
    samples that come near the peak: elsewhere none can be higher."""
    if not peak > 0:
        return 0.0
    places = np.arange(_TAPS) - (_TAPS // 2 - 1)
    shifts = np.arange(1, _PHASES)[:, None] / _PHASES - places
    window = np.cos(np.pi * shifts / _TAPS) ** 2
    kernel = (np.sinc(shifts) * window).T
    highest = 0.0
    for row in samples:
        near = np.flatnonzero(np.abs(row) >= 0.6 * peak)
        if len(near) > _MOST_NEAR_PEAK:
            near = near[np.argpartition(-np.abs(row[near]), _MOST_NEAR_PEAK)[:_MOST_NEAR_PEAK]]
        near = np.unique(np.concatenate([near, near - 1]))
        padded = np.pad(row, (_TAPS, _TAPS))
        around = padded[near[:, None] + _TAPS + places]
        highest = max(highest, float(np.abs(around @ kernel).max(initial=0)))
    return highest
