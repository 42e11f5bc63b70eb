"""Density: how many steps of a bar sound.

The musical idea: thinning a pattern must not break it, and filling it must not drown it. What goes
first is what mattered least: plain before accented, quiet before loud, weak beats before strong
ones. What is added goes where the layer lives already: a hat of off-beats gets more off-beats
before it gets a downbeat; of places it lives in equally, the weaker. It is done for a cycle of bars
at a time, and held chance breaks ties, so a thinned loop is still a loop.
"""

from __future__ import annotations

import numpy as np

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.pattern import HIT, REST, Kinds

_OF_A_KIND = np.array([0, 1000, 1500, 2000])
"""Ranks of rests, ghosts, hits and accents: far enough apart that no loudness bridges them."""

_OF_A_LEVEL = 8
"""A level of the metre is worth eight units of velocity."""

_OF_A_HOME = 500
"""How much it counts for a rest that the layer plays on steps as strong as this one."""


def clamp_density(
    kinds: Kinds, target: float, loudness: Ints, chance: Floats, cycle_weights: Ints
) -> Kinds:
    """The same steps with ``target`` (0 to 1) of every cycle sounding, to the nearest step.

    ``kinds`` (no ``MAYBE``), ``loudness`` (relative velocity) and ``chance`` are ``(n,)``, a whole
    number of cycles; ``cycle_weights`` is the metre of one cycle, ``(steps of a cycle,)``.
    """
    rows = (-1, len(cycle_weights))
    sounding = (kinds != REST).reshape(rows)
    rank = (_OF_A_KIND[kinds] + chance).reshape(rows) + _OF_A_LEVEL * cycle_weights
    rank += np.where(
        sounding,
        loudness.reshape(rows),
        _OF_A_HOME * _at_home(sounding, cycle_weights) - 2 * _OF_A_LEVEL * cycle_weights,
    )
    wanted = int(target * len(cycle_weights) + 0.5)
    order = np.argsort(-rank, axis=1, kind="stable")
    chosen = np.zeros(sounding.shape, np.bool_)
    np.put_along_axis(chosen, order[:, :wanted], True, axis=1)
    written = np.where(sounding, kinds.reshape(rows), HIT)
    return np.where(chosen, written, REST).astype(np.uint8).ravel()


def _at_home(sounding: Flags, cycle_weights: Ints) -> Floats:
    """For each step of each cycle, the part of the steps of its level that sound in the cycle.

    ``sounding`` is ``(cycles, steps of a cycle)``, and so is the result.
    """
    home = np.empty(sounding.shape)
    for level in np.unique(cycle_weights):
        alike = cycle_weights == level
        home[:, alike] = sounding[:, alike].mean(axis=1, keepdims=True)
    return home
