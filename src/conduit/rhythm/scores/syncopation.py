"""S: syncopation, after Longuet-Higgins and Lee.

The musical idea: a hit on a weak place that is held over a strong one pulls against the metre. Its
strength is how much stronger the place is that stays empty.

With ``w`` the weights of the metre (0 the downbeat, -4 a weak sixteenth)::

    strength of a hit at i = max(0, max of w over the rests before the next hit - w(i))
    raw                    = sum over the hits
    normalised             = raw / (hits × (strongest weight - weakest weight))

Raw is in levels of the metre; normalised lies between 0 and 1 and is the mean strength of a hit
against the largest that one hit can have, so it does not grow with density alone.

References: H. C. Longuet-Higgins and C. S. Lee, "The rhythmic interpretation of monophonic music",
Music Perception 1(4), 1984; W. T. Fitch and A. J. Rosenfeld, "Perception and production of
syncopated rhythms", Music Perception 25(1), 2007. The measure is for one voice: the total adds up
the voices. More is not better: the wish to move is an inverted U over syncopation (Witek et al.,
PLOS ONE 9(4), 2014), which is why the controller holds it inside a window.
"""

from __future__ import annotations

import numpy as np

from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats


def strengths(weights: Ints) -> Floats:
    """How much a hit on each step syncopates for each gap to the next, ``(steps, steps + 1)``."""
    steps = len(weights)
    table = np.zeros((steps, steps + 1))
    for gap in range(2, steps + 1):
        last_rest = np.roll(weights, 1 - gap) - weights
        table[:, gap] = np.maximum(table[:, gap - 1], last_rest)
    return table


def normalised(raw: Floats, hits: Ints, weights: Ints) -> Floats:
    """Against the most that so many hits could have if each had the largest strength."""
    most = hits * max(1, int(weights.max() - weights.min()))
    return raw / np.maximum(most, 1)
