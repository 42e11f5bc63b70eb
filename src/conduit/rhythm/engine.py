"""From a config to notes.

Each layer is decided on the grid (``hits``), given velocities (``dynamics``) and moved off the grid
(``timing``); then all layers are laid together and overlaps are cut. Every stage works on whole
arrays, so ten thousand bars cost what ten thousand bars must and no more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from conduit.midi import NoteArray, cut_overlaps, note_array
from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Memory
from conduit.rhythm.config import EngineConfig, LayerConfig
from conduit.rhythm.dynamics import velocities
from conduit.rhythm.grid import Grid
from conduit.rhythm.hits import layer_kinds
from conduit.rhythm.load import ConfigSource, load_config
from conduit.rhythm.pattern import REST
from conduit.rhythm.session import Session
from conduit.rhythm.timing import micro_ticks, swing_ticks


def render(
    config: ConfigSource, *, bars: int | None = None, seed: int | None = None, **overrides: Any
) -> Session:
    """Render a groove.

    ``config`` is the path of a JSON or YAML file, a mapping of the same shape, or an
    :class:`EngineConfig`. Every further keyword is a field of :class:`EngineConfig` to put in its
    place (``bpm=140``, ``swing=56``). The same config and seed give the same notes on any machine.

    Raises ``InvalidInput`` (with the path of the field and what is legal), ``TooLarge``,
    ``NotFound`` and ``StoreError``.
    """
    return play(load_config(config, {**overrides, "bars": bars, "seed": seed}))


def play(config: EngineConfig) -> Session:
    """Render a config that has been checked. Pure: no file, no clock, no other randomness."""
    grid = Grid(config.bars, config.steps_per_bar, config.beats_per_bar)
    cycle = min(config.cycle_bars, config.phrase_bars)
    memory = Memory(
        seed=config.seed,
        steps=-(-config.bars // cycle) * cycle * grid.steps_per_bar,
        phrase_steps=config.phrase_bars * grid.steps_per_bar,
        cycle_steps=cycle * grid.steps_per_bar,
        evolve=config.evolve,
    )
    starts = grid.step_starts()
    parts = [
        _layer_notes(config, layer, index, grid, starts, memory)
        for index, layer in enumerate(config.layers)
    ]
    notes = np.concatenate([notes for notes, _ in parts])
    steps = np.concatenate([steps for _, steps in parts])
    del parts  # a long groove would otherwise be held twice
    return Session(config, *_together(config, notes, steps, grid))


def _layer_notes(
    config: EngineConfig, layer: LayerConfig, index: int, grid: Grid, starts: Ints, memory: Memory
) -> tuple[NoteArray, Ints]:
    """The notes of one layer by itself, and the step each belongs to."""
    kinds = layer_kinds(config, layer, grid, memory)
    steps = np.flatnonzero(kinds != REST)
    held, fresh = memory.held(layer.name, "timing"), memory.fresh(layer.name, "timing")
    tick = starts[steps] + micro_ticks(layer.timing, config.bpm, held[steps], fresh[steps])
    swing = config.swing if layer.swing is None else layer.swing
    tick += (steps % grid.steps_per_bar % 2) * swing_ticks(swing, grid)
    held, fresh = memory.held(layer.name, "velocity"), memory.fresh(layer.name, "velocity")
    velocity = velocities(layer, kinds[steps], steps, held[steps], fresh[steps])
    notes = note_array(
        np.clip(tick, 0, grid.ticks - 1),
        max(1, round(layer.length * grid.step_ticks)),
        layer.pitch,
        velocity,
        channel=layer.channel,
        layer=index,
    )
    return notes, steps


def _together(
    config: EngineConfig, notes: NoteArray, steps: Ints, grid: Grid
) -> tuple[NoteArray, Ints]:
    """All layers in one order, drums and choke groups monophonic, and nothing after the end."""
    choke = np.array([-1 if each.choke is None else each.choke for each in config.layers], np.int16)
    notes, steps = _kept(notes, steps, _first_on_step(choke[notes["layer"]], steps, grid.steps))
    order = np.argsort(notes["tick"], kind="stable")
    notes, steps = notes[order], steps[order]
    drum = notes["channel"] * np.int16(128) + notes["pitch"]
    notes, steps = _kept(notes, steps, cut_overlaps(notes, drum))
    notes, steps = _kept(notes, steps, cut_overlaps(notes, choke[notes["layer"]]))
    notes["duration"] = np.minimum(notes["duration"], grid.ticks - notes["tick"])
    return notes, steps


def _kept(notes: NoteArray, steps: Ints, keep: Flags) -> tuple[NoteArray, Ints]:
    return (notes, steps) if keep.all() else (notes[keep], steps[keep])


def _first_on_step(group: npt.NDArray[np.int16], steps: Ints, count: int) -> Flags:
    """Of the notes of a choke group on one step, keep that of the layer listed first. Notes are in
    the order of layers; a negative group is none."""
    keep: Flags = group < 0
    members = np.flatnonzero(~keep)
    place = group[members] * np.int64(count) + steps[members]
    _, first = np.unique(place, return_index=True)
    keep[members[first]] = True
    return keep
