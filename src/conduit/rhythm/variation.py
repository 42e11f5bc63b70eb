"""Variation: the one bar in four in which the kick does something else.

The musical idea: four on the floor works because it does not change, and works for an hour because
now and then it does. In the last of every ``every`` bars the bar's last hit may be *dropped* (a
breath before the one), *doubled* (struck again two steps later) or *pushed* (played a step early).
The first step of a bar is never touched: one hit, one bar, and the floor is back.

Whether and what is drawn anew for each such bar; fills, which come later, have the last word.
"""

from __future__ import annotations

import numpy as np

from conduit.rhythm.chance import Floats
from conduit.rhythm.parameters import VariationConfig
from conduit.rhythm.pattern import HIT, REST, Kinds

_DROP, _DOUBLE, _PUSH = range(3)


def vary(
    kinds: Kinds, variation: VariationConfig, chance: Floats, choice: Floats, bar_steps: int
) -> None:
    """Change the last hit of some bars, in place.

    ``kinds``, ``chance`` (whether) and ``choice`` (which) are ``(steps,)``, of which the first
    number of each bar counts.
    """
    weights = np.cumsum((variation.drop, variation.double, variation.push))
    if bar_steps < 2 or not weights[-1] > 0:
        return
    rows = kinds.reshape(-1, bar_steps)
    turn = np.arange(variation.every - 1, len(rows), variation.every)
    turn = turn[chance[turn * bar_steps] < variation.probability]
    hits = rows[turn, 1:] >= HIT
    turn, hits = turn[hits.any(axis=1)], hits[hits.any(axis=1)]
    last = bar_steps - 1 - np.argmax(hits[:, ::-1], axis=1)
    move = np.searchsorted(weights, choice[turn * bar_steps] * weights[-1], side="right")
    drop, double, push = (move == each for each in (_DROP, _DOUBLE, _PUSH))
    push &= last > 1  # a hit on the second step has no room before it
    kind = rows[turn, last]
    rows[turn[drop | push], last[drop | push]] = REST
    rows[turn[push], last[push] - 1] = kind[push]
    rows[turn[double], np.minimum(last + 2, bar_steps - 1)[double]] = HIT
