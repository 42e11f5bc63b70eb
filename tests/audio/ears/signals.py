"""Signals whose every sample can be computed again: what is in the FLAC files of ``data/``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def integers(frames: int, channels: int, bits: int) -> npt.NDArray[np.int64]:
    """``(frames, channels)``: silence, then triangles that every predictor likes, then noise that
    none does, then full scale. Integer arithmetic only."""
    n = np.arange(frames)[:, None]
    c = np.arange(channels)[None, :]
    most = 1 << (bits - 1)
    period = 200 + 31 * c
    triangle = (np.abs((n * 4 * most // 5 // period) % (2 * most) - most) - most // 2) // 2
    noise = ((n * 1103515245 + (n + 7 * c) ** 2 * 12345 + c * 99) >> 8) % (2 * most) - most
    quarter = frames // 4
    ends = np.where(n % 2 == 0, most - 1, -most)
    found = np.select([n < quarter, n < 2 * quarter, n < 3 * quarter], [0, triangle, noise], ends)
    mixed: npt.NDArray[np.int64] = np.broadcast_to(found, (frames, channels)).astype(np.int64)
    return mixed
