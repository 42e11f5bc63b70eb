"""The groove on the controller's desk: what is written, what is free, how loud each step would be.

Arrays over ``(bars, layers, steps)``, so that a bar is one index and all its candidates are one
operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats, Memory
from conduit.rhythm.config import EngineConfig, Role
from conduit.rhythm.control.check import steered_layers
from conduit.rhythm.control.markov import chain, weakness
from conduit.rhythm.dynamics import velocities
from conduit.rhythm.grid import Grid
from conduit.rhythm.pattern import HIT, REST, Kinds, parse_pattern
from conduit.rhythm.phrase import add_fills, add_turns, follow_form
from conduit.rhythm.steering import MarkovConfig


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The random numbers of the steered layers less what the written steps are worth, each
    ``(bars, steered layers, steps)``; infinite where nothing is free to play. ``luck`` is as drawn,
    and says which steps are decided ``fresh``."""

    held: Floats
    fresh: Floats
    luck: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What may be steered, and what stands."""

    markov: MarkovConfig
    grid: Grid
    written: Kinds
    """``(bars, layers, steps)``."""
    sounds: Flags
    """What sounds as written, ``(bars, layers, steps)``."""
    forced: Flags
    """Steps of the steered layers that sound whatever comes, ``(bars, steered layers, steps)``."""
    velocity: npt.NDArray[np.uint8]
    """How loud each step is if it sounds, ``(bars, layers, steps)``."""
    loose: Ints
    """The steered layers."""
    anchor: int
    """The layer that gives the beat."""
    beats: Flags
    """Where it would give it, ``(bars, steps)``: on every beat, where it may play at all."""
    free: Flags
    """Steps of the steered layers that may be decided, ``(bars, steered layers, steps)``."""
    filled: Flags
    """Bars that end in a fill, ``(bars,)``."""
    weakness: Floats
    """Of each step of a bar, ``(steps,)``."""
    numbers: Numbers
    rivals: tuple[tuple[int, Ints], ...]
    """Layers of choke groups, each with those listed before it."""

    def proposals(
        self, bar: int, density: Floats, sync: Floats, surprise: float, before: Flags
    ) -> Flags:
        """What the chain plays in a bar for several knobs, ``(n, layers, steps)``.

        ``density`` and ``sync`` are ``(n,)``; ``before`` is ``(steered layers,)``.
        """
        need = self.numbers.held[bar]
        if surprise > 0:
            need = np.where(self.numbers.luck[bar] < surprise, self.numbers.fresh[bar], need)
        lean = sync + self.markov.sync
        pull = (density[:, None] + lean[:, None] * self.weakness)[:, None]
        played = chain(need, pull, self.markov.persistence, self.forced[bar], before)
        hits = np.empty((len(density), *self.written.shape[1:]), np.bool_)
        hits[:] = self.sounds[bar]
        hits[:, self.loose] = played
        return hits

    def sounding(self, hits: Flags) -> Flags:
        """What is left when choke groups have had their say; may change ``hits``."""
        for layer, earlier in self.rivals:
            hits[:, layer] &= ~hits[:, earlier].any(axis=1)
        return hits

    def kinds(self, hits: Flags) -> Kinds:
        """Hits as kinds of steps; both are ``(bars, layers, steps)``."""
        return np.where(
            hits, np.where(self.written == REST, np.uint8(HIT), self.written), np.uint8(REST)
        )


def stage_of(
    config: EngineConfig, written: Sequence[Kinds], grid: Grid, memory: Memory, louder: Ints
) -> Stage:
    """Lay everything out. ``written`` is ``(steps,)`` for each layer; ``louder`` is ``(bars,)``:
    what is added to the velocity of steered layers."""
    loose = np.array(steered_layers(config))
    markov = config.markov or MarkovConfig()
    kinds = np.stack(written).reshape(len(written), grid.bars, -1).transpose(1, 0, 2)
    fills = np.stack([_fill_steps(config, index, grid) for index in range(len(written))])
    fills = fills.reshape(len(written), grid.bars, -1).transpose(1, 0, 2)
    plain = (kinds[:, loose] == REST) | (kinds[:, loose] == HIT)
    plays = _plays(config, grid)
    free = plain & ~fills[:, loose] & plays[:, loose]
    sounds = (kinds != REST) & grid.played().reshape(grid.bars, 1, -1)
    worth = np.where(sounds[:, loose], 0.5, -0.5) * markov.fidelity + 0.5
    worth[~free] = -np.inf
    kicks = [n for n, layer in enumerate(config.layers) if layer.role is Role.KICK]
    anchor = kicks[0] if kicks else 0
    on_beat = np.arange(grid.steps_per_bar) * grid.beats_per_bar % grid.steps_per_bar == 0
    return Stage(
        markov=markov,
        grid=grid,
        written=kinds,
        sounds=sounds,
        forced=sounds[:, loose] & ~free,
        velocity=_velocities(config, kinds, memory, loose, louder),
        loose=loose,
        anchor=anchor,
        beats=plays[:, anchor] & on_beat,
        free=free,
        filled=np.any(fills, axis=(1, 2)),
        weakness=weakness(grid.metric_weights()),
        numbers=_numbers(config, worth, grid, memory),
        rivals=_rivals(config),
    )


def _fill_steps(config: EngineConfig, layer: int, grid: Grid) -> Flags:
    """Which steps of the groove belong to the layer's fills and turns, ``(steps,)``."""
    marks = np.zeros(grid.steps, np.uint8)
    fills = [parse_pattern(text) for text in config.layers[layer].fills]
    turn = parse_pattern(config.layers[layer].turn)
    add_turns(marks, np.ones_like(turn), config.phrase_bars, grid)
    add_fills(marks, [np.ones_like(fill) for fill in fills], config.phrase_bars, grid)
    filled: Flags = marks != 0
    return filled


def _plays(config: EngineConfig, grid: Grid) -> Flags:
    """Where a layer may play at all: in the phrases of its form, and before a meter cuts the bar
    off, ``(bars, layers, steps)``."""
    there = np.zeros((len(config.layers), grid.steps), np.uint8)
    there[:, grid.played()] = HIT
    for marks, layer in zip(there, config.layers, strict=True):
        if layer.form:
            form = parse_pattern(layer.form)
            follow_form(marks, form, config.phrase_bars * grid.steps_per_bar)
    plays: Flags = there.reshape(len(there), grid.bars, -1).transpose(1, 0, 2) != REST
    return plays


def _velocities(
    config: EngineConfig, kinds: Kinds, memory: Memory, loose: Ints, louder: Ints
) -> npt.NDArray[np.uint8]:
    bars, layers, steps = kinds.shape
    result = np.empty((bars, layers, steps), np.uint8)
    every = np.arange(bars * steps)
    for index, layer in enumerate(config.layers):
        own = kinds[:, index].ravel()
        held = memory.held(layer.name, "velocity")[: len(every)]
        fresh = memory.fresh(layer.name, "velocity")[: len(every)]
        loud = velocities(layer, np.where(own == REST, HIT, own), every, held, fresh)
        result[:, index] = loud.reshape(bars, steps)
    moved = result[:, loose] + louder[:, None, None]
    result[:, loose] = np.clip(moved, 1, 127)
    return result


def _numbers(config: EngineConfig, worth: Floats, grid: Grid, memory: Memory) -> Numbers:
    names = [config.layers[index].name for index in steered_layers(config)]

    def rows(columns: list[Floats]) -> Floats:
        table = np.stack([column[: grid.steps] for column in columns])
        return np.ascontiguousarray(table.reshape(len(names), grid.bars, -1).transpose(1, 0, 2))

    return Numbers(
        held=rows([memory.held(name, "markov") for name in names]) - worth,
        fresh=rows([memory.fresh(name, "markov anew") for name in names]) - worth,
        luck=rows([memory.fresh(name, "markov luck") for name in names]),
    )


def _rivals(config: EngineConfig) -> tuple[tuple[int, Ints], ...]:
    found = []
    for index, layer in enumerate(config.layers):
        earlier = [
            n
            for n, other in enumerate(config.layers[:index])
            if layer.choke is not None and other.choke == layer.choke
        ]
        if earlier:
            found.append((index, np.array(earlier)))
    return tuple(found)
