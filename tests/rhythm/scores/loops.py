"""Loops to measure: the six timelines of the literature, and loops as a test writes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from conduit.rhythm.grid import Grid
from conduit.rhythm.pattern import REST, parse_pattern
from conduit.rhythm.scores import Metre, Scores, score_bars

CLAVES = {
    "shiko": "x... x.x. ..x. x...",
    "son": "x..x ..x. ..x. x...",
    "rumba": "x..x ...x ..x. x...",
    "gahu": "x..x ..x. ..x. ..x.",
    "soukous": "x..x ..x. ..xx ....",
    "bossa nova": "x..x ..x. ..x. .x..",
}


def onsets_of(*patterns: str) -> npt.NDArray[np.bool_]:
    """``(patterns, steps)``."""
    return np.stack([parse_pattern(pattern) != REST for pattern in patterns])


def metre_of(steps: int = 16, beats: int = 4, bpm: float = 120.0) -> Metre:
    return Metre.of(Grid(1, steps, beats), bpm)


def score(*layers: str, beats: int = 4, velocity: int = 100) -> Scores:
    """The scores of one bar with these layers."""
    onsets = onsets_of(*layers)
    table = np.where(onsets, velocity, 0).astype(np.uint8)[None]
    return score_bars(table, metre_of(onsets.shape[1], beats))
