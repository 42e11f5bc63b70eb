"""From each hit to the next: what several measures look at.

A bar is taken as a loop, as the published tables take a timeline: after its last hit comes its
first. So a bar's score is a property of that bar, whatever stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats


@dataclass(frozen=True, slots=True)
class Gaps:
    """The hits of many loops of ``steps`` steps, one entry a hit, loop after loop.

    ``row`` is the loop, ``step`` the place in it, ``gap`` the steps to the next hit (``steps`` for
    a hit that is alone); all ``(n,)``.
    """

    rows: int
    steps: int
    row: Ints
    step: Ints
    gap: Ints

    def counts(self) -> Ints:
        """Hits of each loop, ``(rows,)``."""
        return np.bincount(self.row, minlength=self.rows)

    def sums(self, worth: Floats) -> Floats:
        """For each loop the sum of ``worth[step, gap]`` over its hits, ``(rows,)``."""
        found = np.bincount(self.row, worth[self.step, self.gap], self.rows)
        return found.astype(np.float64, copy=False)  # of no hits at all it counts in integers


def gaps_of(onsets: Flags) -> Gaps:
    """The gaps of ``onsets``, ``(rows, steps)``."""
    rows, steps = onsets.shape
    place = np.flatnonzero(onsets)
    row, step = np.divmod(place, steps)
    if not len(place):
        return Gaps(rows, steps, row, step, step)
    ends = np.flatnonzero(row[1:] != row[:-1])
    gap = np.empty(len(place), np.int64)
    gap[:-1] = place[1:] - place[:-1]
    gap[ends[1:]] = step[ends[:-1] + 1] + steps - step[ends[1:]]
    gap[ends[:1]] = step[0] + steps - step[ends[:1]]
    gap[-1] = step[ends[-1] + 1 if len(ends) else 0] + steps - step[-1]
    return Gaps(rows, steps, row, step, gap)
