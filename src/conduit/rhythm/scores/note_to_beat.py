"""A second opinion on syncopation: the weighted note-to-beat distance (WNBD).

The musical idea: a hit close to a beat but not on it, sounding on across that beat, is what
syncopates. It knows no hierarchy, only beats, so it shares nothing with Longuet-Higgins and Lee but
the question; where the two disagree on an order, look twice.

With ``T`` the distance of a hit to the nearest beat, in beats, and a hit lasting until the next::

    D = 0      on a beat
    D = 2 / T  if it ends after the next beat, and before the one after that
    D = 1 / T  otherwise
    raw        = mean of D over the hits
    normalised = raw / the largest D of the grid

Reference: F. Gómez, A. Melvin, D. Rappaport and G. Toussaint, "Mathematical measures of
syncopation", BRIDGES 2005, whose table (figures 8 and 11) is the test.
"""

from __future__ import annotations

import numpy as np

from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats


def distances(steps: int, beats: int) -> Floats:
    """``D`` of a hit on each step for each gap to the next, ``(steps, steps + 1)``.

    Positions are counted in units of a step divided by ``beats``, in which both steps and beats
    are whole numbers.
    """
    start = np.arange(steps)[:, None] * beats
    end = start + np.arange(steps + 1)[None, :] * beats
    into = start % steps
    nearest = np.minimum(into, steps - into)
    next_beat = start - into + steps
    over = (end > next_beat) & (end < next_beat + steps)
    one = np.where(into == 0, 0.0, steps / np.maximum(nearest, 1))
    return np.where(over, 2 * one, one)


def normalised(raw: Floats, table: Floats) -> Floats:
    """Against a groove whose every hit has the largest distance of the grid."""
    largest = float(table.max())
    return raw / largest if largest else raw


def mean(sums: Floats, hits: Ints) -> Floats:
    """Zero where nothing sounds."""
    return sums / np.maximum(hits, 1)
