"""H: entropy, how many kinds of step a rhythm takes.

The musical idea: an even pulse has one interval between its hits and nothing to learn; a rhythm of
many different intervals is harder to hum.

The Shannon entropy of the histogram of inter-onset intervals, in bits, with ``c`` the number of
intervals of each length and ``n`` their sum::

    raw        = -sum of (c / n) log2(c / n)
    normalised = raw / log2(steps)

The bar is a loop, so ``n`` hits have ``n`` intervals; the total pools the intervals of all layers.
Reference: E. Thul and G. Toussaint, "Rhythm complexity measures", ISMIR 2008, who compare it with
31 others. A control of style and no measure of quality: entropy said little about the wish to move
in Witek et al. (2014).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.scores.gaps import Gaps


def interval_counts(gaps: Gaps) -> Ints:
    """How many intervals of each length every loop has, ``(rows, steps + 1)``."""
    lengths = gaps.steps + 1
    flat = np.bincount(gaps.row * lengths + gaps.gap, minlength=gaps.rows * lengths)
    return flat.reshape(gaps.rows, lengths)


def entropy(counts: Ints) -> Floats:
    """Bits, for each histogram along the last axis; zero for an empty one."""
    total = counts.sum(axis=-1)
    table = _n_log_n(int(total.max(initial=0)))
    bits = (table[total] - table[counts].sum(axis=-1)) / np.maximum(total, 1)
    positive: Floats = np.maximum(bits, 0.0)
    return positive


@lru_cache(maxsize=64)
def _n_log_n(most: int) -> Floats:
    return np.array([0.0, *(n * math.log2(n) for n in range(1, most + 1))])


def normalised(raw: Floats, steps: int) -> Floats:
    """Against a histogram with as many of every length."""
    return raw / math.log2(steps) if steps > 1 else raw
