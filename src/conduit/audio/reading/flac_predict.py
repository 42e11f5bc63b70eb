"""Predictors of FLAC, for many subframes at once.

Sample *t* is what the samples before it say, plus what was stored. No array gets around that, but
the subframes of a file know nothing of each other, so a step is taken for all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from conduit.audio.reading.flac_frames import Frame, Stream, Subframe
from conduit.midi.notes import Ints


def predicted(frames: Sequence[Frame], stream: Stream) -> npt.NDArray[np.int32]:
    """The samples of frames, one behind the other: ``(channels, samples)``."""
    subframes = [each for frame in frames for each in frame.subframes]
    rows = iter(_rows(subframes))
    most = 1 << (stream.bits - 1)
    pieces = []
    for frame in frames:
        stored = np.stack([next(rows) for _ in frame.subframes])
        pieces.append(np.clip(frame.channels(stored), -most, most - 1).astype(np.int32))
    return np.concatenate(pieces, axis=1)


def _rows(subframes: Sequence[Subframe]) -> list[Ints]:
    """The samples of each subframe. Sums wrap around where a damaged file lets them grow."""
    found = [each.said for each in subframes]
    moving = [n for n, each in enumerate(subframes) if each.coefficients]
    if moving:
        sizes = np.array([len(found[n]) for n in moving])
        orders = np.array([len(subframes[n].coefficients) for n in moving])
        shifts = np.array([subframes[n].shift for n in moving])
        order, size = int(orders.max()), int(sizes.max())
        # The oldest sample first, as they lie; before the first there is silence.
        weights = np.zeros((order, len(moving)), np.int64)
        samples = np.zeros((order + size, len(moving)), np.int64)
        for column, n in enumerate(moving):
            own = subframes[n].coefficients
            weights[order - len(own) :, column] = own[::-1]
            samples[order : order + len(found[n]), column] = found[n]
        for t in range(size):
            said = np.einsum("on,on->n", weights, samples[t : t + order]) >> shifts
            samples[t + order] += said if t >= order else np.where(t >= orders, said, 0)
        found = list(found)
        for column, n in enumerate(moving):
            found[n] = samples[order : order + sizes[column], column]
    return [row << each.wasted for row, each in zip(found, subframes, strict=True)]
