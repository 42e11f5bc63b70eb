"""A rendered groove: its notes, and the ways to look at them and take them away."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from conduit.contracts.errors import InvalidInput, NotFound
from conduit.midi import NoteArray, smf
from conduit.midi.notes import Ints
from conduit.rhythm.clip import ClipColumns, ClipNote, clip_from_notes
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.control import BarLog
from conduit.rhythm.grid import Grid
from conduit.rhythm.notation import Lane, as_text, lanes_of
from conduit.rhythm.scores import Metre, Scores, score_bars, velocity_grid
from conduit.rhythm.timeline import first_bpm, grid_of, markers_of, signatures_of, tempos_of


@dataclass(frozen=True, eq=False)
class Session:
    """What a config sounds like.

    ``notes`` is sorted by tick; ``notes["layer"]`` is an index into :attr:`layers`. ``steps`` is
    ``(n,)``: the grid step, counted from the start, that each note belongs to. ``log`` has an
    entry for each bar of a steered groove, and none otherwise.
    """

    config: EngineConfig
    notes: NoteArray
    steps: Ints
    log: tuple[BarLog, ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers, in order."""
        return tuple(layer.name for layer in self.config.layers)

    @property
    def bpm(self) -> float:
        """The tempo that it begins with."""
        return first_bpm(self.config)

    @property
    def bars(self) -> int:
        return self.config.bars

    @property
    def timeline(self) -> Grid:
        """The grid the notes stand on."""
        return grid_of(self.config)

    @property
    def ticks(self) -> int:
        """The exact length in ticks."""
        return self.timeline.ticks

    @cached_property
    def scores(self) -> Scores:
        """What can be said of the groove in numbers, bar by bar; measured when first asked for. A
        bar that a meter cuts short is scored as a whole one with silence at its end."""
        grid = self.timeline
        velocity = velocity_grid(self.notes, self.steps, len(self.layers), grid)
        return score_bars(velocity, Metre.of(grid, self.bpm))

    def grid(self, first_bar: int = 0, bars: int | None = None) -> tuple[Lane, ...]:
        """The step grid of ``bars`` bars (all that follow, unless given), beginning with
        ``first_bar`` (counted from 0). Bars past the end are left out; a first bar that is not
        there raises ``InvalidInput``."""
        left = self.bars - first_bar
        if not 0 <= first_bar < self.bars or (bars is not None and bars < 1):
            raise InvalidInput(
                f"no {bars or left} bars begin at bar {first_bar} of {self.bars}",
                where="first_bar",
                hint=f"first_bar is 0 to {self.bars - 1}, bars at least 1",
            )
        layers = [(layer.name, layer.pitch) for layer in self.config.layers]
        shown = left if bars is None else min(bars, left)
        steps_per_bar = self.config.steps_per_bar
        lanes = lanes_of(self.notes, self.steps, layers, first_bar, shown, steps_per_bar)
        if not self.config.meters:
            return lanes
        played = self.timeline.bar_steps()[first_bar:].tolist()
        return tuple(
            replace(lane, bars=tuple(bar[:n] for bar, n in zip(lane.bars, played, strict=False)))
            for lane in lanes
        )

    def text(self, first_bar: int = 0, bars: int | None = None) -> str:
        """The step grid as text for a terminal."""
        config = self.config
        beat, rest = divmod(config.steps_per_bar, config.beats_per_bar)
        beat_steps = config.steps_per_bar if rest else beat
        lanes = self.grid(first_bar, bars)
        return as_text(lanes, first_bar=first_bar, beat_steps=beat_steps)

    def clip(self, layer: str) -> tuple[ClipNote, ...]:
        """The notes of one layer as a live set holds them: in beats from the start, in order.
        Raises ``NotFound`` for a layer that is not there."""
        if layer not in self.layers:
            raise NotFound(
                f"there is no layer {layer[:40]!r}", hint=f"layers: {', '.join(self.layers)}"
            )
        mine = self.notes["layer"] == self.layers.index(layer)
        return clip_from_notes(ClipColumns.certain(self.notes[mine]))

    def song(self) -> smf.Song:
        """The groove as the contents of a MIDI file: with its tempos and time signatures, and a
        marker at each phrase."""
        grid = self.timeline
        return smf.Song(
            notes=self.notes,
            name=self.config.title,
            layer_names=self.layers,
            tempos=tempos_of(self.config, grid),
            time_signatures=signatures_of(self.config, grid),
            markers=markers_of(self.config, grid),
            end_tick=grid.ticks,
        )

    def midi_bytes(self) -> bytes:
        """A standard MIDI file of format 1, one track a layer after the first."""
        return smf.dumps(self.song())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`midi_bytes` to a file, whole or not at all. Raises ``StoreError``."""
        return smf.dump(self.song(), path)
