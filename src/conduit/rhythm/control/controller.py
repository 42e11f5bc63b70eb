"""The controller: holds the scores of a groove inside windows, bar by bar.

The musical idea: a good hand on the mixer does nothing while it is right. A bar inside its windows
is left as the chain plays it; nothing is ever "improved", since inside a window nothing is better
than anything else. A bar outside is put right with the smallest means that will do:

1. *knobs*: of the settings within ``max_change`` of where the knobs stand, the nearest that plays
   this bar inside (it is tried, not predicted: the chain and the measures are cheap);
2. *touches*: when no setting does, single steps are set or cleared, the best one first; they stay
   in the loop, and each phrase forgets the part of them that it renews of everything (``evolve``);
3. *rescue*: when entrainment is below its floor all the same, the kick plays every beat and the
   steered layers give way, weakest steps first.

A bar that ends in a fill moves no knob: what a fill does to the scores is meant, and passes.
Every bar leaves a :class:`~conduit.rhythm.control.log.BarLog`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats, Memory
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.control.judge import Judge
from conduit.rhythm.control.log import BarLog, Reading, Touch
from conduit.rhythm.control.modulators import modulation
from conduit.rhythm.control.settings import UNITS, as_knobs, moved, reachable_moves
from conduit.rhythm.control.stage import Stage, stage_of
from conduit.rhythm.control.windows import bounds_of, moved_windows, moves_of, targets_at
from conduit.rhythm.grid import Grid
from conduit.rhythm.pattern import Kinds
from conduit.rhythm.scores import Metre, ScoreName, Scores, score_bars
from conduit.rhythm.steering import Aim, GuardConfig, Targets

_TRIED_CELLS = 1 << 17
"""Layers × steps of all candidates for a touch: a grid too fine for that has some of its steps
tried, and others the next time."""


@dataclass(frozen=True, slots=True, eq=False)
class Steered:
    """A groove under control."""

    kinds: Kinds
    """``(layers, steps)``."""
    louder: Ints
    """What is added to velocities, ``(layers, bars)``."""
    log: tuple[BarLog, ...]


def steer(config: EngineConfig, written: Sequence[Kinds], grid: Grid, memory: Memory) -> Steered:
    """Play a groove under control. ``written`` is what each layer would do, ``(steps,)`` each."""
    curves = np.empty((len(config.modulators), grid.bars))
    for index, each in enumerate(config.modulators):
        curves[index] = modulation(each, grid.bars, config.seed)
    louder = np.rint(moves_of(config, curves)[Aim.VELOCITY] * 127).astype(np.int64)
    stage = stage_of(config, written, grid, memory, louder)
    run = _Run(config, stage, curves)
    for bar in range(grid.bars):
        run.play(bar)
    by_layer = np.zeros((len(config.layers), grid.bars), np.int64)
    by_layer[stage.loose] = louder
    kinds = stage.kinds(run.hits).transpose(1, 0, 2).reshape(len(config.layers), -1)
    return Steered(kinds, by_layer, run.log())


class _Run:
    """One groove, from the first bar to the last."""

    def __init__(self, config: EngineConfig, stage: Stage, curves: Floats) -> None:
        self._config = config
        self._stage = stage
        self._curves = curves
        self._guard = config.guard or GuardConfig()
        self._metre = Metre.of(stage.grid, config.bpm)
        bars, layers, steps = stage.written.shape
        targets = config.targets or Targets()
        self._windows = moved_windows(targets, moves_of(config, curves))
        self._watched, self._bounds = bounds_of(self._windows, self._guard, bars)
        self._judge = Judge(self._metre, layers, self._watched)
        self._moves = {news: reachable_moves(self._guard, news) for news in (False, True)}
        self._settings: Ints = np.zeros(3, np.int64)
        self._cycle = min(config.cycle_bars, config.phrase_bars)
        self._patch = np.zeros((self._cycle, layers, steps), np.int8)
        self._before: Flags = np.zeros(len(stage.loose), np.bool_)
        self.hits: Flags = np.zeros((bars, layers, steps), np.bool_)
        self._sounding = np.zeros_like(self.hits)
        self._seen = np.zeros_like(self.hits)
        self._knobs: list[Ints] = [self._settings]
        self._touches: list[tuple[Touch, ...]] = []
        self._rescued: list[bool] = []

    def play(self, bar: int) -> None:
        """Decide one bar."""
        stage = self._stage
        self._judge.open_bar(stage.velocity[bar])
        self._forget(bar)
        hits = self._propose(bar, self._settings[None])[0]
        self._seen[bar] = self._heard(hits[None])[0]
        touches: tuple[Touch, ...] = ()
        rescued = False
        readings = self._read(hits)
        excess = self._bounds.excess(bar, readings)[0]
        if excess:
            if not stage.filled[bar]:
                hits, excess = self._turn(bar, self._stale(bar, readings))
            hits, touches, excess = self._touch(bar, hits, excess)
            if excess and self._dips(hits):
                hits, rescued = self._rescue(bar, hits), True
        self.hits[bar] = hits
        self._sounding[bar] = self._heard(hits[None])[0]
        self._judge.close_bar(self._sounding[bar])
        self._before = hits[stage.loose, -1]
        self._knobs.append(self._settings)
        self._touches.append(touches)
        self._rescued.append(rescued)

    def _propose(self, bar: int, settings: Ints) -> Flags:
        """What chain and touches play for several settings, ``(n, layers, steps)``."""
        knobs = settings / UNITS
        levels = set(knobs[:, 2].tolist())
        hits = np.empty((len(knobs), *self.hits.shape[1:]), np.bool_)
        for surprise in levels:
            mine = knobs[:, 2] == surprise if len(levels) > 1 else slice(None)
            hits[mine] = self._stage.proposals(
                bar, knobs[mine, 0], knobs[mine, 1], surprise, self._before
            )
        patch = self._patch[self._place(bar)]
        if patch.any():
            loose = self._stage.loose
            patch = patch[loose] * self._stage.free[bar]
            hits[:, loose] = (hits[:, loose] | (patch > 0)) & (patch >= 0)
        return hits

    def _place(self, bar: int) -> int:
        """Where in the cycle a bar is."""
        return bar % self._config.phrase_bars % self._cycle

    def _forget(self, bar: int) -> None:
        """Drop some of the touches of this place when a phrase begins."""
        if bar % self._config.phrase_bars < self._cycle:
            loose = self._stage.loose
            kept = self._stage.numbers.luck[bar] >= self._config.evolve
            self._patch[self._place(bar), loose] *= kept

    def _heard(self, hits: Flags) -> Flags:
        return self._stage.sounding(hits.copy())

    def _read(self, hits: Flags) -> Floats:
        """The watched scores of one bar, ``(1, watched)``."""
        return self._judge.readings(self._heard(hits[None]))

    def _stale(self, bar: int, readings: Floats) -> bool:
        """Whether tension is outside: only then is surprise worth trying."""
        if ScoreName.TENSION not in self._watched:
            return False
        at = self._watched.index(ScoreName.TENSION)
        low, high = self._bounds.low[bar, at], self._bounds.high[bar, at]
        return not low <= readings[0, at] <= high

    def _turn(self, bar: int, news: bool) -> tuple[Flags, float]:
        """Turn the knobs to the nearest setting that plays the bar inside, or nearest to it."""
        settings = moved(self._settings, self._moves[news])
        hits = self._propose(bar, settings)
        readings = self._judge.readings(self._heard(hits))
        best = int(np.argmin(self._bounds.lean(bar, readings)))
        self._settings = settings[best]
        return hits[best], float(self._bounds.excess(bar, readings[best : best + 1])[0])

    def _touch(
        self, bar: int, hits: Flags, excess: float
    ) -> tuple[Flags, tuple[Touch, ...], float]:
        """Set or clear single steps while that helps and the bar is not inside."""
        stage = self._stage
        done: list[Touch] = []
        layers, steps = np.nonzero(stage.free[bar])
        while excess and len(done) < self._guard.touches and len(layers):
            some = _some(len(layers), _TRIED_CELLS // hits.size, bar + len(done))
            layer, step = stage.loose[layers[some]], steps[some]
            tried = np.repeat(hits[None], len(layer), axis=0)
            tried[np.arange(len(layer)), layer, step] ^= True
            found = self._bounds.excess(bar, self._judge.readings(self._heard(tried)))
            best = int(np.argmin(found))
            if found[best] >= excess:
                break
            excess, hits = float(found[best]), tried[best]
            index, place = int(layer[best]), int(step[best])
            done.append(Touch(self._config.layers[index].name, place, bool(hits[index, place])))
            if not stage.filled[bar]:
                self._patch[self._place(bar), index, place] = 1 if hits[index, place] else -1
        return hits, tuple(done), excess

    def _dips(self, hits: Flags) -> bool:
        floor = self._guard.entrainment_floor
        if not floor:
            return False
        at = self._watched.index(ScoreName.ENTRAINMENT)
        return bool(self._read(hits)[0, at] < floor)

    def _rescue(self, bar: int, hits: Flags) -> Flags:
        """The kick on every beat; then steered layers give way until entrainment is back."""
        stage, weights = self._stage, self._metre.weights
        hits = hits.copy()
        hits[stage.anchor, stage.beats[bar]] = True
        for level in np.unique(weights):
            if not self._dips(hits):
                break
            hits[stage.loose] &= ~(stage.free[bar] & (weights <= level))
        return hits

    def log(self) -> tuple[BarLog, ...]:
        """What was done, once every bar is played."""
        silent = np.uint8(0)
        velocity = self._stage.velocity
        played = score_bars(np.where(self._sounding, velocity, silent), self._metre)
        saw = score_bars(np.where(self._seen, velocity, silent), self._metre, heard=self._sounding)
        rows = zip(_readings(saw), _readings(played), strict=True)
        return tuple(
            BarLog(
                bar=bar,
                windows=targets_at(self._windows, bar),
                saw=seen,
                played=heard,
                before=as_knobs(self._knobs[bar]),
                after=as_knobs(self._knobs[bar + 1]),
                touches=self._touches[bar],
                rescued=self._rescued[bar],
                modulators=tuple(self._curves[:, bar].tolist()),
            )
            for bar, (seen, heard) in enumerate(rows)
        )


def _readings(scores: Scores) -> Iterator[Reading]:
    columns = (scores[name].normal.tolist() for name in ScoreName)
    return (Reading(*row) for row in zip(*columns, strict=True))


def _some(count: int, most: int, turn: int) -> Ints:
    """At most ``most`` (and 16 at least) of so many places, spread out, others at each turn."""
    chosen = max(16, most)
    if chosen >= count:
        return np.arange(count)
    return (np.arange(chosen) * count // chosen + turn) % count
