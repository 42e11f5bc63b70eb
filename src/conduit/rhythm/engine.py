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
from conduit.rhythm.control import BarLog, steer
from conduit.rhythm.drift import turned
from conduit.rhythm.dynamics import velocities
from conduit.rhythm.grid import Grid
from conduit.rhythm.hits import allowed_steps, layer_kinds
from conduit.rhythm.load import ConfigSource, load_config
from conduit.rhythm.melody import gates_of, lock_to_kick, melody_pitches, slide
from conduit.rhythm.parameters import MelodyConfig, Mode
from conduit.rhythm.pattern import REST, Kinds
from conduit.rhythm.ratchet import parse_strokes, struck_again
from conduit.rhythm.session import Session
from conduit.rhythm.timeline import bpm_at, grid_of
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
    grid = grid_of(config)
    cycle = min(config.cycle_bars, config.phrase_bars)
    memory = Memory(
        seed=config.seed,
        steps=-(-config.bars // cycle) * cycle * grid.steps_per_bar,
        phrase_steps=config.phrase_bars * grid.steps_per_bar,
        cycle_steps=cycle * grid.steps_per_bar,
        evolve=config.evolve,
        still=config.mode is Mode.M1,
    )
    starts = grid.step_starts()
    kinds = [
        layer_kinds(config, layer, grid, memory, allowed)
        for layer, allowed in zip(config.layers, allowed_steps(config, grid, memory), strict=True)
    ]
    lock_to_kick(config.layers, kinds)
    louder = np.zeros((len(config.layers), grid.bars), np.int64)
    log: tuple[BarLog, ...] = ()
    if config.steered:
        steered = steer(config, kinds, grid, memory)
        kinds, louder, log = list(steered.kinds), steered.louder, steered.log
    parts = [
        _layer_notes(config, index, kinds[index], louder[index], grid, starts, memory)
        for index in range(len(config.layers))
    ]
    notes = np.concatenate([notes for notes, _ in parts])
    steps = np.concatenate([steps for _, steps in parts])
    del parts  # a long groove would otherwise be held twice
    return Session(config, *_together(config, notes, steps, grid), log)


def _layer_notes(
    config: EngineConfig,
    index: int,
    kinds: Kinds,
    louder: Ints,
    grid: Grid,
    starts: Ints,
    memory: Memory,
) -> tuple[NoteArray, Ints]:
    """The notes of one layer by itself, and the step each belongs to. ``kinds`` is ``(steps,)``;
    ``louder``, ``(bars,)``, is added to velocities."""
    layer = config.layers[index]
    steps = np.flatnonzero(kinds != REST)
    if grid.meters:
        steps = steps[grid.played()[steps]]
    held, fresh = memory.held(layer.name, "timing"), memory.fresh(layer.name, "timing")
    bpm = bpm_at(config, steps)
    tick = starts[steps] + micro_ticks(layer.timing, bpm, steps, held[steps], fresh[steps])
    swing = config.swing if layer.swing is None else layer.swing
    tick += (steps % grid.steps_per_bar % 2) * swing_ticks(swing, grid)
    held, fresh = memory.held(layer.name, "velocity"), memory.fresh(layer.name, "velocity")
    velocity = velocities(layer, kinds[steps], steps, held[steps], fresh[steps])
    if louder.any():
        velocity = np.clip(velocity + louder[steps // grid.steps_per_bar], 1, 127)
    notes = note_array(
        np.clip(tick, 0, grid.ticks - 1),
        max(1, round(layer.length * grid.step_ticks)),
        layer.pitch,
        velocity,
        channel=layer.channel,
        layer=index,
    )
    if layer.melody:
        notes, steps = _in_key(config, layer, layer.melody, notes, steps, grid, memory)
    if layer.ratchet.strokes:
        notes, steps = _ratcheted(layer, notes, steps, kinds[steps], grid, memory)
    return notes, steps


def _ratcheted(
    layer: LayerConfig, notes: NoteArray, steps: Ints, kinds: Kinds, grid: Grid, memory: Memory
) -> tuple[NoteArray, Ints]:
    """The notes with their strokes, and the step each belongs to. What would begin after the end
    of the groove is left out."""
    counts = np.roll(parse_strokes(layer.ratchet.strokes), layer.rotation)
    counts = turned(counts, grid.steps, layer.drift, grid.steps_per_bar)[steps]
    chance = memory.held(layer.name, "ratchet")[steps]
    strokes = struck_again(layer.ratchet, counts, kinds, chance, grid.step_ticks)
    notes = notes[strokes.hit]
    notes["tick"] += strokes.later
    softer = notes["velocity"].astype(np.int64) - strokes.softer
    notes["velocity"] = np.clip(softer, 1, 127)
    inside = notes["tick"] < grid.ticks
    return notes[inside], steps[strokes.hit][inside]


def _in_key(
    config: EngineConfig,
    layer: LayerConfig,
    melody: MelodyConfig,
    notes: NoteArray,
    steps: Ints,
    grid: Grid,
    memory: Memory,
) -> tuple[NoteArray, Ints]:
    """The notes with the lengths and pitches of a line, one for each note of its chord."""
    length = layer.length * gates_of(melody, steps) * grid.step_ticks
    duration = np.maximum(1, np.floor(length + 0.5).astype(np.int64))
    reach = grid.ticks_per_bar
    notes["duration"] = slide(melody, steps, notes["tick"], duration, grid.step_ticks, reach)
    pitch = melody_pitches(
        melody,
        config.key,
        layer.pitch,
        steps,
        config.phrase_bars * grid.steps_per_bar,
        memory.held(layer.name, "wander")[steps],
        memory.held(layer.name, "leap")[steps],
    )
    notes, steps = np.repeat(notes, pitch.shape[1]), np.repeat(steps, pitch.shape[1])
    notes["pitch"] = pitch.ravel()
    return notes, steps


def _together(
    config: EngineConfig, notes: NoteArray, steps: Ints, grid: Grid
) -> tuple[NoteArray, Ints]:
    """All layers in one order, drums and choke groups monophonic, and nothing after the end."""
    choke = np.array([-1 if each.choke is None else each.choke for each in config.layers], np.int16)
    layer = notes["layer"]
    notes, steps = _kept(notes, steps, _first_on_step(choke[layer], layer, steps, grid.steps))
    order = np.argsort(notes["tick"], kind="stable")
    notes, steps = notes[order], steps[order]
    drum = notes["channel"] * np.int16(128) + notes["pitch"]
    notes, steps = _kept(notes, steps, cut_overlaps(notes, drum))
    notes, steps = _kept(notes, steps, cut_overlaps(notes, choke[notes["layer"]]))
    notes["duration"] = np.minimum(notes["duration"], grid.ticks - notes["tick"])
    return notes, steps


def _kept(notes: NoteArray, steps: Ints, keep: Flags) -> tuple[NoteArray, Ints]:
    return (notes, steps) if keep.all() else (notes[keep], steps[keep])


def _first_on_step(
    group: npt.NDArray[np.int16], layer: npt.NDArray[np.uint8], steps: Ints, count: int
) -> Flags:
    """Of the notes of a choke group on one step, keep those of the layer listed first. Notes are in
    the order of layers; a negative group is none."""
    keep: Flags = group < 0
    members = np.flatnonzero(~keep)
    place = group[members] * np.int64(count) + steps[members]
    _, first, same = np.unique(place, return_index=True, return_inverse=True)
    keep[members] = layer[members] == layer[members[first]][same]
    return keep
