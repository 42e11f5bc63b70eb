"""The knobs as whole numbers, and the settings that can be reached from one bar to the next."""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np

from conduit.midi.notes import Ints
from conduit.rhythm.control.log import Knobs
from conduit.rhythm.steering import GuardConfig

UNITS: Final = 1024
"""Of a knob from 0 to 1, so that changes, and their cap, are exact."""

_LOWEST: Final = np.array([-UNITS, -UNITS, 0])

# Settings are ``(3,)`` integers: density and sync (-1 to 1) and surprise (0 to 1), in units.


def reachable_moves(guard: GuardConfig, surprise: bool) -> Ints:
    """Moves within ``max_change``, ``(n, 3)``, the smallest first; the first is none at all.

    Of density and sync one moves, or both as far: a half, or all of what is allowed.
    """
    most = int(guard.max_change * UNITS)
    ways = (-1, 0, 1)
    moves = {
        (far * density, far * sync, most * anew)
        for far in (most // 2, most)
        for density, sync, anew in product(ways, ways, ways if surprise else (0,))
    }
    return np.array(sorted(moves, key=lambda move: (sum(map(abs, move)), move)))


def moved(settings: Ints, moves: Ints) -> Ints:
    """The settings after each move, ``(n, 3)``, held within the knobs' range."""
    reached: Ints = np.clip(settings + moves, _LOWEST, UNITS)
    return reached


def as_knobs(settings: Ints) -> Knobs:
    """The settings as numbers."""
    density, sync, surprise = (settings / UNITS).tolist()
    return Knobs(density, sync, surprise)
