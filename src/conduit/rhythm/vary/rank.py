"""Which variations come first.

The musical idea: of a hundred variations nobody hears more than ten, so the ten should be right and
should not be the same one ten times. **Fit** says how right: a take as full as the config played,
layer by layer, has 1, and it falls to 0 where the layers have drifted apart by half. **Novelty**
says how unlike it is to the config's own take and to every take that ranks above it. The next take
is always the one with the largest *fit × novelty*: a copy counts nothing, however right, and so
does a mess, however new (the idea is maximal marginal relevance, Carbonell and Goldstein 1998, as a
product, so that it has no weight to tune).

A ranking is one function, a :data:`Rank`; whoever has better measures hands in another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from conduit.rhythm.vary.take import Take, unlikeness

TOLERANCE = 0.5
"""The relative drift of density at which a take does not fit any more."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A take and its place: the best comes first. All three values are 0 to 1."""

    number: int
    score: float
    fit: float
    novelty: float


Rank: TypeAlias = Callable[[Take, Sequence[Take], int], "tuple[Ranked, ...]"]
"""From the config's own take, the takes to rank and how many to keep: the best, in order."""


def fit_of(take: Take, base: Take) -> float:
    """How close the density of every layer is to the base's: 1 equal, 0 apart by half of it."""
    drift = sum(abs(mine - its) for mine, its in zip(take.density, base.density, strict=True))
    return max(0.0, 1 - drift / (TOLERANCE * sum(base.density))) if any(base.density) else 1.0


def fit_and_unlike(base: Take, takes: Sequence[Take], keep: int) -> tuple[Ranked, ...]:
    """The ``keep`` takes that fit and are unlike each other; ties go to the smaller number."""
    loudness = np.stack([take.loudness for take in takes])
    fits = np.array([fit_of(take, base) for take in takes])
    novelty = unlikeness(base.loudness, loudness)
    left = np.ones(len(takes), np.bool_)
    ranked = []
    for _ in range(min(keep, len(takes))):
        best = int(np.argmax(np.where(left, fits * novelty, -1.0)))
        left[best] = False
        fit, new = float(fits[best]), float(novelty[best])
        ranked.append(Ranked(takes[best].number, fit * new, fit, new))
        novelty = np.minimum(novelty, unlikeness(loudness[best], loudness))
    return tuple(ranked)
