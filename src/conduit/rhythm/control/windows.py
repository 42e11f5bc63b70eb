"""The windows of every bar: as the config has them, moved by modulators, narrowed by the guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.rhythm.chance import Floats
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.control.judge import Bounds
from conduit.rhythm.scores import ScoreName
from conduit.rhythm.steering import Aim, GuardConfig, Targets, Window

_OPEN: Final = Window()

UNEXPECTING: Final = 4
"""Bars in which the window of tension stands open: to ears that have heard nothing yet, everything
is news."""


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """One window over time, ``(bars,)`` each."""

    low: Floats
    high: Floats


def moved_windows(targets: Targets, moves: Mapping[Aim, Floats]) -> dict[ScoreName, Edges]:
    """The windows that targets has, each moved by its modulators, ``(bars,)``, and never out of
    the range of 0 to 1."""
    found = {}
    for name in ScoreName:
        window = getattr(targets, name)
        if window is not None:
            move = np.clip(moves[Aim(name.value)], -window.low, 1 - window.high)
            found[name] = Edges(window.low + move, window.high + move)
    if ScoreName.TENSION in found:
        found[ScoreName.TENSION].low[:UNEXPECTING] = 0.0
        found[ScoreName.TENSION].high[:UNEXPECTING] = 1.0
    return found


def bounds_of(
    windows: Mapping[ScoreName, Edges], guard: GuardConfig, bars: int
) -> tuple[tuple[ScoreName, ...], Bounds]:
    """The scores to watch, and where they may lie: windows and guard together.

    Where the two leave nothing, the guard wins.
    """
    limits = {
        ScoreName.ENTRAINMENT: Window(low=guard.entrainment_floor),
        ScoreName.SYNCOPATION: Window(high=guard.syncopation_ceiling),
        ScoreName.DENSITY: Window(high=guard.density_ceiling),
    }
    watched = tuple(n for n in ScoreName if n in windows or limits.get(n, _OPEN) != _OPEN)
    low = np.zeros((bars, len(watched)))
    high = np.ones((bars, len(watched)))
    for column, name in enumerate(watched):
        limit = limits.get(name, _OPEN)
        if name in windows:
            low[:, column], high[:, column] = windows[name].low, windows[name].high
        low[:, column] = low[:, column].clip(limit.low, limit.high)
        high[:, column] = high[:, column].clip(limit.low, limit.high)
    return watched, Bounds(low, high)


def targets_at(windows: Mapping[ScoreName, Edges], bar: int) -> Targets:
    """The windows as they stand in one bar."""
    return Targets(
        **{
            name.value: Window(low=float(edges.low[bar]), high=float(edges.high[bar]))
            for name, edges in windows.items()
        }
    )


def moves_of(config: EngineConfig, curves: Floats) -> dict[Aim, Floats]:
    """What the modulators of each aim add up to, ``(bars,)``. ``curves`` is
    ``(modulators, bars)``."""
    aims = np.array([each.aim.value for each in config.modulators])
    return {aim: curves[aims == aim.value].sum(axis=0) for aim in Aim}
