"""Scores as they are handed out: columns over bars, for each layer and for all of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields

import numpy as np

from conduit.rhythm.chance import Floats


class ScoreName(enum.StrEnum):
    """The five scores that a groove can be held to."""

    ENTRAINMENT = "entrainment"
    SYNCOPATION = "syncopation"
    DENSITY = "density"
    ENTROPY = "entropy"
    TENSION = "tension"


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """One measure. The units of ``raw`` are the measure's; ``normal`` lies between 0 and 1."""

    raw: Floats
    """Of all layers together, ``(bars,)``."""
    normal: Floats
    """``(bars,)``."""
    layer_raw: Floats
    """``(bars, layers)``."""
    layer_normal: Floats
    """``(bars, layers)``."""

    @property
    def mean(self) -> float:
        """The mean of ``normal``."""
        return float(self.normal.mean())

    def phrases(self, bars: int) -> Score:
        """Means over every ``bars`` bars; the last phrase may be shorter."""
        return Score(*(_means(getattr(self, each.name), bars) for each in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What is measured of a groove; each measure is documented in its own module."""

    entrainment: Score
    syncopation: Score
    density: Score
    entropy: Score
    tension: Score
    note_to_beat: Score
    """A second opinion on syncopation."""
    pulse: Score
    """A second opinion on entrainment."""

    def __getitem__(self, name: ScoreName) -> Score:
        score: Score = getattr(self, name.value)
        return score

    def phrases(self, bars: int) -> Scores:
        """The means of every ``bars`` bars."""
        return Scores(*(getattr(self, each.name).phrases(bars) for each in fields(self)))


def _means(column: Floats, bars: int) -> Floats:
    starts = np.arange(0, len(column), bars)
    sizes = np.diff(np.append(starts, len(column)))
    sums: Floats = np.add.reduceat(column, starts, axis=0)
    return sums / sizes.reshape(-1, *([1] * (column.ndim - 1)))
