"""Ghost notes: quiet hits between the hits, felt rather than heard.

The musical idea: a ghost kick just before or after the beat makes a straight kick walk. Ghosts stay
on their layer's own pitch and below velocity 50, so the drum is the same drum, further away.

A probability above zero always gives at least one ghost a phrase: "sparse" must not mean "none".
"""

from __future__ import annotations

import numpy as np

from conduit.rhythm.chance import Floats
from conduit.rhythm.pattern import GHOST, HIT, REST, Kinds


def add_ghosts(
    kinds: Kinds, places: Kinds | None, probability: float, chance: Floats, phrase_steps: int
) -> None:
    """Turn rests into ghosts, in place.

    ``kinds`` and ``chance`` are ``(steps,)``; ``places`` marks candidate steps, ``(steps,)``, or is
    ``None`` for the rests beside hits. A candidate plays where its number lies below
    ``probability``, so a higher probability keeps every ghost there was and adds some.
    """
    if probability <= 0 or not len(kinds):
        return
    if places is None:
        hits = kinds >= HIT
        near = np.roll(hits, 1) | np.roll(hits, -1)
    else:
        near = places != REST
    numbers = np.where(near & (kinds == REST), chance, np.inf)
    phrases = -(-len(kinds) // phrase_steps)
    padded = np.full(phrases * phrase_steps, np.inf)
    padded[: len(kinds)] = numbers
    rows = padded.reshape(phrases, phrase_steps)
    lowest = rows.min(axis=1, keepdims=True)
    plays = ((rows < probability) | (rows == lowest)) & np.isfinite(rows)
    kinds[plays.ravel()[: len(kinds)]] = GHOST
