"""Density: how many steps of a bar sound.

The musical idea: thinning a pattern must not break it, and filling it must not drown it. What goes
first is what mattered least: plain before accented, quiet before loud, weak beats before strong
ones. What is added goes where the layer lives already: a hat of off-beats gets more off-beats
before it gets a downbeat; of places it lives in equally, the weaker. It is done for a cycle of bars
at a time, and held chance breaks ties, so a thinned loop is still a loop.

**Void.** Thinning everywhere makes a pattern pale; thinning in one place makes it breathe. The
void bias gathers the silence around the part of the cycle that mattered least: hits near its middle
go first. It never outweighs a kind: hits in the hole go before hits outside, accents stay.
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


_OF_THE_VOID = 450
"""How much the middle of the hole counts, less than what lies between two kinds."""


def clamp_density(
    kinds: Kinds,
    target: float,
    loudness: Ints,
    chance: Floats,
    cycle_weights: Ints,
    void: float = 0.0,
) -> Kinds:
    """The same steps with ``target`` (0 to 1) of every cycle sounding, to the nearest step.

    ``kinds`` (no ``MAYBE``), ``loudness`` (relative velocity) and ``chance`` are ``(n,)``, a whole
    number of cycles; ``cycle_weights`` is the metre of one cycle, ``(steps of a cycle,)``; ``void``
    (0 to 1) is how much the silence gathers.
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
    if void > 0:
        rank -= void * _OF_THE_VOID * _nearness(_weakest_place(rank, wanted), len(cycle_weights))
    order = np.argsort(-rank, axis=1, kind="stable")
    chosen = np.zeros(sounding.shape, np.bool_)
    np.put_along_axis(chosen, order[:, :wanted], True, axis=1)
    written = np.where(sounding, kinds.reshape(rows), HIT)
    return np.where(chosen, written, REST).astype(np.uint8).ravel()


def _weakest_place(rank: Floats, wanted: int) -> Ints:
    """The middle of the stretch that ranks lowest in each cycle, as long as the silence will be.

    ``rank`` is ``(cycles, steps of a cycle)``; returns ``(cycles,)``. A cycle has no end, so the
    stretch may go around it.
    """
    steps = rank.shape[1]
    length = max(1, steps - wanted)
    sums = np.cumsum(np.concatenate([np.zeros((len(rank), 1)), rank, rank], axis=1), axis=1)
    stretch = sums[:, length : length + steps] - sums[:, :steps]
    middle: Ints = (np.argmin(stretch, axis=1) + length // 2) % steps
    return middle


def _nearness(middle: Ints, steps: int) -> Floats:
    """How near each step of a cycle is to the given one: 1 there, 0 on the other side of the cycle.
    ``middle`` is ``(cycles,)``; returns ``(cycles, steps)``."""
    away = np.abs(np.arange(steps) - middle[:, None])
    near: Floats = 1 - np.minimum(away, steps - away) / (steps / 2)
    return near


def _at_home(sounding: Flags, cycle_weights: Ints) -> Floats:
    """For each step of each cycle, the part of the steps of its level that sound in the cycle.

    ``sounding`` is ``(cycles, steps of a cycle)``, and so is the result.
    """
    home = np.empty(sounding.shape)
    for level in np.unique(cycle_weights):
        alike = cycle_weights == level
        home[:, alike] = sounding[:, alike].mean(axis=1, keepdims=True)
    return home
