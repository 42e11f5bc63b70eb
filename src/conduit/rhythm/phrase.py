"""Phrases: what makes eight bars of loop into a sentence.

The musical idea: dancers feel the eighth bar coming. There the last steps of a phrase are replaced
by a fill, and fills have a rank. With fills ``(small, middle, large)`` phrases of eight bars end

    small   middle   small   large      and so on: 8, 16, 24, 32 bars

so that the ear can tell 16 from 8 and 32 from 16. One fill serves for all; with two, the second
comes every 16 bars. A layer without fills plays through, and one whose pattern is all rests but has
fills (a tom, a crash) is heard only there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conduit.rhythm.grid import Grid
from conduit.rhythm.pattern import Kinds


def add_fills(kinds: Kinds, fills: Sequence[Kinds], phrase_bars: int, grid: Grid) -> None:
    """Write the fills over the ends of whole phrases, in place. ``kinds`` is ``(steps,)``."""
    if not fills:
        return
    for rank, phrases in enumerate(_phrases_by_rank(len(fills), grid.bars // phrase_bars)):
        fill = fills[rank][-phrase_bars * grid.steps_per_bar :]
        ends = phrases * phrase_bars * grid.steps_per_bar
        kinds[ends[:, None] - np.arange(len(fill), 0, -1)] = fill


def _phrases_by_rank(ranks: int, phrases: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The numbers (from 1) of the phrases that end in each fill."""
    number = np.arange(1, phrases + 1)
    rank = np.where(number % 4 == 0, ranks - 1, np.where(number % 2 == 0, min(1, ranks - 1), 0))
    return [number[rank == each] for each in range(ranks)]
