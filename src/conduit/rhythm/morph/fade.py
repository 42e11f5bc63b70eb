"""Cross-fading: numbers slide, steps change one by one.

The musical idea: half way between two patterns is not both at half the loudness. It is a pattern,
of which some steps are still the one's and some are already the other's. So each step that differs
has a threshold of its own, and is the first pattern's below it and the second's from it on. In
which order is decided by what matters to a dancer:

- of the steps that fall silent the weak ones go first, and the accents and the downbeat last;
- of the steps that come in the accents and the strong ones come first;
- those that change only their kind do so in between, and seeded chance breaks ties.

The thresholds do not depend on the amount, so turning it up changes each step once and never back.
They lie evenly between 0 and 1, so every part of the way changes equally much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats, uniform
from conduit.rhythm.limits import MAX_STEPS
from conduit.rhythm.pattern import REST

Cells = npt.NDArray[np.int64]
"""What happens on each step, as a number; 0 is nothing."""

_STRENGTH: Final = np.array([0.0, 0.2, 0.7, 1.0, 0.4])
"""Of a rest, a ghost, a hit, an accent and a hit that may or may not play."""
_OF_THE_METRE, _OF_THE_KIND = 0.6, 0.4
_TURN: Final = (0.3, 0.4)
"""What cannot be between two things changes in the middle, and not everywhere at once."""


def between(before: float, after: float, amount: float) -> float:
    """A number on the way."""
    return before if before == after else before + (after - before) * amount


def whole(before: int, after: int, amount: float) -> int:
    """A whole number on the way."""
    return math.floor(between(before, after, amount) + 0.5)


def common_length(one: int, other: int, most: int = MAX_STEPS) -> int:
    """A length in which both loops go around wholly; where none up to ``most`` is, one in which the
    longer does."""
    both, longer = math.lcm(one, other), max(one, other)
    return both if both <= most else max(1, most // longer) * longer


@dataclass(frozen=True, slots=True)
class Fade:
    """The way from one groove to another, at one point of it. ``weights`` are those of the metre,
    ``(steps of a bar,)``, from 0 for the downbeat to -4."""

    amount: float
    seed: int
    weights: Ints

    @property
    def late(self) -> bool:
        """Whether the second groove is the nearer one."""
        return self.amount >= 0.5

    def turned(self, name: str) -> bool:
        """Whether what has no between, in a layer, is the second groove's by now."""
        low, wide = _TURN
        return self.amount >= low + wide * float(uniform(self.seed, name, "morph", 1)[0])

    def cells(self, name: str, what: str, before: Cells, after: Cells) -> tuple[Cells, Flags]:
        """Two loops of steps, cross-faded, and which steps are the second one's; both as long as
        is needed for the two to go around."""
        steps = common_length(len(before), len(after))
        before, after = np.resize(before, steps), np.resize(after, steps)
        luck = uniform(self.seed, name, f"morph {what}", steps)
        mine: Flags = self.amount >= thresholds(before, after, self.weights, luck)
        return np.where(mine, after, before), mine


def thresholds(before: Cells, after: Cells, weights: Ints, luck: Floats) -> Floats:
    """At which amount each step changes, ``(steps,)``: between 0 and 1, and different for each step
    that does. All arguments but ``weights`` are ``(steps,)``."""
    metre = (np.resize(weights, len(before)) + 4) / 4
    importance = (
        _OF_THE_METRE * metre
        + _OF_THE_KIND * _STRENGTH[np.clip(np.maximum(before, after), 0, len(_STRENGTH) - 1)]
    )
    turn = np.where(after == REST, importance, np.where(before == REST, 1 - importance, 0.5))
    places = np.flatnonzero(before != after)
    order = places[np.lexsort((luck[places], turn[places]))]
    found = np.full(len(before), 0.5)
    found[order] = np.arange(1, len(order) + 1) / (len(order) + 1)
    return found
