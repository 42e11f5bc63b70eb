"""Swing and micro-timing: where a hit falls around its step.

**Swing** delays every second step. In percent, as on the drum machines that made it famous: at
*s* % the second step of a pair begins *s* % into the pair, so its delay is ``(s - 50) / 50`` of a
step. 50 is straight, 54 to 58 is where most techno lives, 66.7 is a triplet shuffle.

**Beat bins** are named ranges of milliseconds with weights: a hit of a human drummer is not
Gaussian noise around the grid, it is "on", "late" or "early". Which bin a step falls into is held
through the phrase, so a late snare is late every time; the place inside the bin is new each time.
A layer may also lean step by step, like a loop that it was told to sit like (``rhythm.sit``).
Offsets are capped per layer and turned into ticks at the groove's tempo.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from conduit.midi import PPQ
from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.config import Feel, TimingBin, TimingConfig
from conduit.rhythm.grid import Grid


def _bins(*rows: tuple[str, float, float, float]) -> tuple[TimingBin, ...]:
    return tuple(TimingBin(name=n, low_ms=a, high_ms=b, weight=w) for n, a, b, w in rows)


FEELS: Final[dict[Feel, tuple[TimingBin, ...]]] = {
    Feel.GRID: (),
    Feel.TIGHT: _bins(("on", -1, 1, 4), ("late", 1, 3, 1)),
    Feel.HUMAN: _bins(("early", -6, -2, 1), ("on", -2, 2, 3), ("late", 2, 8, 2)),
    Feel.LATE: _bins(("on", 0, 3, 1), ("late", 4, 9, 3), ("lazy", 9, 14, 1)),
    Feel.EARLY: _bins(("pushed", -8, -3, 3), ("on", -2, 1, 2)),
}
"""Milliseconds and weights of the named feels."""


def swing_ticks(percent: float, grid: Grid) -> int:
    """How late every second step is."""
    return int((percent - 50) / 50 * grid.step_ticks + 0.5)


def micro_ticks(
    timing: TimingConfig, bpm: float | Floats, steps: Ints, held: Floats, fresh: Floats
) -> Ints:
    """Offset of each hit in ticks, ``(n,)``; never more than the cap, rounded towards the grid.

    ``steps`` are the steps of the hits, ``held`` chooses the bin and ``fresh`` the place in it, all
    ``(n,)``; ``bpm`` is one tempo, or that of each hit.
    """
    ms = _binned_ms(timing, held, fresh)
    if timing.steps_ms:
        ms = ms + np.array(timing.steps_ms)[steps % len(timing.steps_ms)]
    ms = np.clip(ms, -timing.cap_ms, timing.cap_ms)
    ticks: Ints = np.trunc(ms * (bpm * PPQ / 60_000)).astype(np.int64)
    return ticks


def _binned_ms(timing: TimingConfig, held: Floats, fresh: Floats) -> Floats:
    bins = timing.bins or FEELS[timing.feel]
    weights = np.array([each.weight for each in bins])
    if not weights.sum() > 0:
        return np.zeros(len(held))
    edges = np.cumsum(weights)
    chosen = np.searchsorted(edges, held * edges[-1], side="right").clip(max=len(bins) - 1)
    low = np.array([each.low_ms for each in bins])[chosen]
    high = np.array([each.high_ms for each in bins])[chosen]
    ms: Floats = low + (high - low) * fresh
    return ms
