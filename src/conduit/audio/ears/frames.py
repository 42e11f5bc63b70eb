"""One pass over the samples: short spectra, gathered into bands and into sums.

Windows are 23 ms long and 5.8 ms apart at any rate, so that a tenth of a second is the same number
of frames everywhere. Nothing but the bands of each frame is kept: ten minutes are 20 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.audio.sound import Samples, Wave

WINDOW_S: Final = 1024 / 44_100
HOP_S: Final = 256 / 44_100
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0
BANDS_AN_OCTAVE: Final = 4

_CHUNK: Final = 256
"""Frames at a time."""

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Frames:
    """Short spectra of a sound.

    ``bands`` is ``(frames, bands)``: the amplitude in each band, whose middles are ``centres``
    (Hz). ``power`` is ``(bins,)``: the mean power spectrum of the frames that are heard, at ``hz``.
    ``centroid`` is ``(frames,)`` in Hz and ``level`` the amplitude of each frame (RMS).
    """

    rate: int
    hop: int
    window: int
    bands: Samples
    centres: Wave
    power: Wave
    hz: Wave
    centroid: Wave
    flatness: Wave
    level: Wave

    @property
    def seconds_a_frame(self) -> float:
        return self.hop / self.rate


def frames_of(mono: Samples, rate: int) -> Frames:
    """The short spectra of ``(n,)`` samples. The first frame's middle is the first sample."""
    hop = max(1, round(HOP_S * rate))
    window = 1 << round(np.log2(WINDOW_S * rate))
    count = max(1, -(-len(mono) // hop))
    padded = np.zeros(window + count * hop, np.float32)
    padded[window // 2 : window // 2 + len(mono)] = mono
    views = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][:count]
    taper = np.hanning(window + 1)[:-1].astype(np.float32)
    hz = np.fft.rfftfreq(window, 1 / rate).astype(np.float64)
    weights, centres = _bands(hz)
    bands = np.empty((count, len(centres)), np.float32)
    centroid, flatness, level = np.zeros(count), np.zeros(count), np.zeros(count)
    power = np.zeros(len(hz))
    inside = (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ)
    scale = 2 / float((taper**2).sum())
    for at in range(0, count, _CHUNK):
        piece = slice(at, at + _CHUNK)
        spectrum = np.fft.rfft(views[piece] * taper, axis=1)
        squared = spectrum.real**2 + spectrum.imag**2
        np.sqrt(squared @ weights, out=bands[piece])
        total = squared.sum(axis=1, dtype=np.float64)
        level[piece] = np.sqrt(total * scale / window)
        centroid[piece] = squared @ hz / np.maximum(total, _TINY)
        heard = squared[:, inside] + np.float32(_TINY)
        flatness[piece] = np.exp(np.log(heard).mean(axis=1)) / heard.mean(axis=1)
        power += squared.sum(axis=0, dtype=np.float64)
    return Frames(rate, hop, window, bands, centres, power / count, hz, centroid, flatness, level)


def _bands(hz: Wave) -> tuple[Samples, Wave]:
    """Triangles on a logarithmic axis, ``(bins, bands)``, and their middles. Where bins are wider
    than bands (in the bass) a band is one bin."""
    top = min(HIGHEST_HZ, float(hz[-1]) * 0.98)
    octaves = np.log2(top / LOWEST_HZ)
    edges = LOWEST_HZ * 2 ** (np.arange(int(octaves * BANDS_AN_OCTAVE) + 2) / BANDS_AN_OCTAVE)
    place = np.unique(np.rint(edges / hz[1]).astype(np.int64))
    place = place[(place > 0) & (place < len(hz))]
    weights = np.zeros((len(hz), len(place) - 2), np.float32)
    bins = np.arange(len(hz))
    for band, (low, middle, high) in enumerate(zip(place, place[1:], place[2:], strict=False)):
        rising = (bins - low) / (middle - low)
        falling = (high - bins) / (high - middle)
        weights[:, band] = np.clip(np.minimum(rising, falling), 0, 1)
    return weights, hz[place[1:-1]]
