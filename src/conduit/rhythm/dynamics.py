"""Velocity: accents, the shape of the hand, and a little life.

The musical idea: a hat line is a melody of loudness. ``shape`` repeats (down, up, down, up of a
hand over sixteenths), accents stand above it whatever the hand does, and ghosts below. A small
random part, two thirds of it held through the phrase and one third new each time, keeps two bars
from being photocopies.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.config import LayerConfig
from conduit.rhythm.pattern import ACCENT, GHOST, Kinds

LOUDEST_GHOST = 49


def shape_of(layer: LayerConfig, steps: Ints) -> Ints:
    """What the layer's shape adds on each of the given steps, ``(n,)``."""
    if not layer.shape:
        return np.zeros(len(steps), np.int64)
    return np.array(layer.shape, np.int64)[steps % len(layer.shape)]


def velocities(
    layer: LayerConfig, kinds: Kinds, steps: Ints, held: Floats, fresh: Floats
) -> npt.NDArray[np.uint8]:
    """The velocity of each hit, 1-127, ``(n,)``.

    ``kinds`` are those of the hits (no rests), ``steps`` their numbers from the groove's start.
    """
    life = np.floor(layer.humanize * (4 * held + 2 * fresh - 3) / 3 + 0.5).astype(np.int64)
    stress = np.where(kinds == ACCENT, layer.accent, shape_of(layer, steps))
    loud = layer.velocity + stress + life
    low, high = sorted((layer.ghost.low, layer.ghost.high))
    quiet = (low + np.floor((high - low + 1) * held)).astype(np.int64).clip(low, LOUDEST_GHOST)
    chosen = np.where(kinds == GHOST, quiet, loud)
    return np.clip(chosen, 1, 127).astype(np.uint8)
