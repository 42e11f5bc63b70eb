"""Rotation drift: a loop that creeps against the bar.

The musical idea: an accent that falls in another place every time is noise; one that falls a step
later every four bars is a journey. ``drift`` is how many steps later the loop begins each bar, and
may be a small fraction: the sum of it is kept as a number with a fraction and rounded, bar by bar,
to the step it has reached. At 0.25 the loop moves one step every four bars, and in sixty-four it
has been everywhere in a bar of sixteen.

    shift of bar b = floor(b · drift + ½)   steps later

The sum is computed from the number of the bar and not from the bar before, so nothing accumulates
that should not, and any bar can be computed alone.
"""

from __future__ import annotations

import numpy as np

from conduit.rhythm.pattern import Kinds


def turned(loop: Kinds, steps: int, drift: float, steps_per_bar: int) -> Kinds:
    """The loop, around and around for so many steps, later by the drift, ``(steps,)``."""
    if not drift:
        return np.resize(loop, steps)
    step = np.arange(steps)
    shift = np.floor(step // steps_per_bar * drift + 0.5).astype(np.int64)
    moved: Kinds = loop[(step - shift) % len(loop)]
    return moved
