"""E: entrainment, how strongly a bar points to the beat.

The musical idea: a body locks to what comes back at the beat's own period. A kick on every beat
points one way with all its weight; even sixteenths point everywhere and cancel.

The vector strength of the hits at the period of a beat, each weighted with its velocity ``v``, at
its place ``t`` of the grid in beats (swing and micro-timing are another matter)::

    R = |sum of v e^(2 pi i t)| / sum of v

between 0 (no phase of the beat is preferred) and 1 (all hits at one phase), so raw and normalised
are the same number. Scaling all velocities, or rotating the bar, changes nothing. The total takes
all layers as one.

References: J. Goldberg and P. Brown, J. Neurophysiology 32(4), 1969, for vector strength;
N. Fisher, "Statistical Analysis of Circular Data" (1993), where it is the mean resultant length.
"""

from __future__ import annotations

import math

import numpy as np

from conduit.rhythm.chance import Floats


def phases(steps: int, beats: int) -> Floats:
    """Cosine and sine of each step's phase in the beat, ``(steps, 2)``."""
    turns = [step * beats % steps / steps for step in range(steps)]
    return np.array([[math.cos(2 * math.pi * t), math.sin(2 * math.pi * t)] for t in turns])


def vector_strength(loudness: Floats, phase: Floats) -> Floats:
    """``R`` of each loop: ``(..., steps)`` velocities in, ``(...)`` out; zero for silence."""
    vector = loudness @ phase
    length = np.sqrt((vector * vector).sum(axis=-1))
    total = loudness.sum(axis=-1)
    strength: Floats = np.minimum(length / np.where(total > 0, total, 1), 1.0)
    return strength
