"""T: tension, how much news a bar brings.

The musical idea: what was just heard is what is expected. A bar like the last ones passes
unnoticed, a fill makes heads turn, and a change that stays is soon no change.

A listener is modelled who counts, for each layer and step of the bar, in how many of the last
:data:`MEMORY` bars it sounded. With ``c`` times in ``n`` bars, the estimate of Krichevsky and
Trofimov expects a hit with ``p = (c + 1/2) / (n + 1)``; the surprisal of what comes is ``-log2 p``
of a hit and ``-log2(1 - p)`` of a rest::

    raw        = bits of the bar, summed over its steps (and layers)
    normalised = bits per step, at most 1: one bit a step is a coin tossed for every step

The first bar of all is such a coin: nobody expects anything yet.

References: R. Krichevsky and V. Trofimov, "The performance of universal encoding", IEEE Trans. Inf.
Theory 27(2), 1981; M. Pearce and G. Wiggins, "Auditory expectation: the information dynamics of
music perception and cognition", Topics in Cognitive Science 4(4), 2012, for surprisal as what
listeners feel.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats

MEMORY: Final = 16
"""Bars that the listener remembers: two phrases of eight."""

_BITS: Final = np.array(
    [
        [-math.log2((min(c, n) + 0.5) / (n + 1)) for n in range(MEMORY + 1)]
        for c in range(MEMORY + 1)
    ]
)
"""Bits of an event that came ``c`` times in ``n`` bars, ``[c, n]``."""


def times_heard(onsets: Flags, before: Flags) -> tuple[Ints, Ints]:
    """How often each cell sounded in the bars that the listener remembers, ``(bars, ...)``, and
    how many bars those are, ``(bars,)``.

    ``onsets`` is ``(bars, ...)``; ``before`` the bars that came before, in the same shape, of which
    the last :data:`MEMORY` matter.
    """
    before = before[-MEMORY:]
    heard = np.zeros((1 + len(before) + len(onsets), *onsets.shape[1:]), np.int64)
    np.cumsum(np.concatenate((before, onsets)), axis=0, out=heard[1:])
    now = len(before) + np.arange(len(onsets))
    bars = np.minimum(now, MEMORY)
    return heard[now] - heard[now - bars], bars


def cell_bits(heard: Ints, bars: Ints) -> tuple[Floats, Floats]:
    """The bits of a hit and of a rest in each cell. ``bars`` broadcasts against ``heard``."""
    return _BITS[heard, bars], _BITS[bars - heard, bars]


def surprisal(onsets: Flags, heard: Ints, bars: Ints) -> Floats:
    """Bits of each layer of each bar: ``(bars, layers, steps)`` in, ``(bars, layers)`` out."""
    known = bars[:, None, None]
    bits: Floats = _BITS[np.where(onsets, heard, known - heard), known].sum(axis=-1)
    return bits


def normalised(raw: Floats, cells: int) -> Floats:
    """Bits a cell, at most one."""
    return np.minimum(raw / cells, 1.0)
