"""The grid: which tick a step begins on, and how strong it is.

Integers only. A step's tick is computed from its number, never from the step before, so bar 10,000
begins exactly where it should.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.midi import PPQ
from conduit.midi.notes import Flags, Ints


@dataclass(frozen=True, slots=True)
class Meter:
    """From ``bar`` on, only the first ``steps`` steps of a bar are played."""

    bar: int
    steps: int


@dataclass(frozen=True, slots=True)
class Grid:
    """``bars`` bars of ``steps_per_bar`` steps over ``beats_per_bar`` quarter notes.

    Every bar has the same number of steps, so that a step's bar is one division. Where ``meters``
    (in order of bars) cut bars short, the steps they cut off are numbered and never played.
    """

    bars: int
    steps_per_bar: int = 16
    beats_per_bar: int = 4
    meters: tuple[Meter, ...] = ()

    @property
    def steps(self) -> int:
        return self.bars * self.steps_per_bar

    @property
    def ticks_per_bar(self) -> int:
        return self.beats_per_bar * PPQ

    @property
    def ticks(self) -> int:
        if not self.meters:
            return self.bars * self.ticks_per_bar
        return int(self.bar_steps().sum()) * self.ticks_per_bar // self.steps_per_bar

    @property
    def step_ticks(self) -> float:
        """Length of a step. A fraction of a tick when the steps do not divide the bar."""
        return self.ticks_per_bar / self.steps_per_bar

    def step_starts(self) -> Ints:
        """The tick of each step, ``(steps,)``; rounded down where steps do not divide the bar."""
        if self.meters:
            inside = np.arange(self.steps_per_bar) * self.ticks_per_bar // self.steps_per_bar
            return (self.bar_starts()[:, None] + inside).ravel()
        starts: Ints = np.arange(self.steps, dtype=np.int64) * self.ticks_per_bar
        return starts // self.steps_per_bar

    def bar_steps(self) -> Ints:
        """How many steps of each bar are played, ``(bars,)``."""
        played = np.full(self.bars, self.steps_per_bar, np.int64)
        for meter in self.meters:
            played[meter.bar :] = meter.steps
        return played

    def bar_starts(self) -> Ints:
        """The tick of each bar line, ``(bars,)``."""
        before = np.cumsum(self.bar_steps()) - self.bar_steps()
        starts: Ints = before * self.ticks_per_bar // self.steps_per_bar
        return starts

    def played(self) -> Flags:
        """Which steps are played, ``(steps,)``: all but those that a meter cuts off."""
        return (np.arange(self.steps_per_bar) < self.bar_steps()[:, None]).ravel()

    def metric_weights(self) -> Ints:
        """How strong each step of a bar is, ``(steps_per_bar,)``: 0 the downbeat, -1 the half bar,
        -2 a beat, -3 a half beat, -4 anything else (the weights of Longuet-Higgins and Lee, 1984,
        for sixteenths in 4/4)."""
        tick = np.arange(self.steps_per_bar) * self.ticks_per_bar
        weights = np.full(self.steps_per_bar, -4, np.int64)
        levels = ((-3, 2 * self.beats_per_bar), (-2, self.beats_per_bar), (-1, 2), (0, 1))
        for weight, parts in levels:
            if weight != -1 or self.beats_per_bar % 2 == 0:
                weights[tick * parts % (self.ticks_per_bar * self.steps_per_bar) == 0] = weight
        return weights
