"""What a ranking knows of a rendered groove: how full it is, and what its bars are like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from conduit.rhythm.session import Session

COMPARED_BARS = 8
"""Grooves are compared by their first bars."""

Loudness: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """A groove that was played, small enough to keep a thousand of.

    ``density`` is ``(layers,)``: the part of all steps that sound. ``loudness`` is ``(layers ×
    compared steps,)``: the velocity on each step of the first bars, 0 where nothing sounds.
    """

    number: int
    density: tuple[float, ...]
    loudness: Loudness


def take_of(session: Session, number: int) -> Take:
    """What is kept of a session; ``number`` says which variation it is, 0 the config itself."""
    per_bar = session.config.steps_per_bar
    layers, compared = len(session.layers), min(session.bars, COMPARED_BARS) * per_bar
    place = session.notes["layer"].astype(np.int64) * (session.bars * per_bar) + session.steps
    sounding = np.unique(place) // (session.bars * per_bar)
    hits = np.bincount(sounding, minlength=layers)
    loudness = np.zeros((layers, compared), np.uint8)
    early = session.steps < compared
    where = (session.notes["layer"][early], session.steps[early])
    np.maximum.at(loudness, where, session.notes["velocity"][early])
    density = hits / (session.bars * per_bar)
    return Take(number, tuple(density.tolist()), loudness.ravel())


def unlikeness(one: Loudness, many: Loudness) -> npt.NDArray[np.float64]:
    """How unlike one take is to each of ``(n, …)`` others: 0 the same, 1 nothing in common.

    The weighted Jaccard (Ruzicka) distance of velocities, 1 - Σ min / Σ max: a hit that is missing
    counts as much as it is loud. Two silences are the same.
    """
    total = many.sum(axis=1, dtype=np.int64) + one.sum(dtype=np.int64)
    shared = np.minimum(many, one).sum(axis=1, dtype=np.int64)
    union = np.maximum(total - shared, 1)  # Σ max = Σ a + Σ b - Σ min
    distance: npt.NDArray[np.float64] = np.where(total > 0, 1 - shared / union, 0.0)
    return distance
