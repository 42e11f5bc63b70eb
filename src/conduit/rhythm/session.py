"""A rendered groove: its notes, and the ways to look at them and take them away."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from conduit.contracts.errors import InvalidInput
from conduit.midi import NoteArray, smf
from conduit.midi.notes import Ints
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.grid import Grid
from conduit.rhythm.notation import Lane, as_text, lanes_of


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What a config sounds like.

    ``notes`` is sorted by tick; ``notes["layer"]`` is an index into :attr:`layers`. ``steps`` is
    ``(n,)``: the grid step, counted from the start, that each note belongs to.
    """

    config: EngineConfig
    notes: NoteArray
    steps: Ints

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers, in order."""
        return tuple(layer.name for layer in self.config.layers)

    @property
    def bpm(self) -> float:
        return self.config.bpm

    @property
    def bars(self) -> int:
        return self.config.bars

    @property
    def timeline(self) -> Grid:
        """The grid the notes stand on."""
        return Grid(self.config.bars, self.config.steps_per_bar, self.config.beats_per_bar)

    @property
    def ticks(self) -> int:
        """The exact length in ticks."""
        return self.timeline.ticks

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
        return lanes_of(self.notes, self.steps, layers, first_bar, shown, self.config.steps_per_bar)

    def text(self, first_bar: int = 0, bars: int | None = None) -> str:
        """The step grid as text for a terminal."""
        config = self.config
        beat, rest = divmod(config.steps_per_bar, config.beats_per_bar)
        beat_steps = config.steps_per_bar if rest else beat
        lanes = self.grid(first_bar, bars)
        return as_text(lanes, first_bar=first_bar, beat_steps=beat_steps)

    def song(self) -> smf.Song:
        """The groove as the contents of a MIDI file, with a marker at each phrase."""
        config = self.config
        phrase = config.phrase_bars * self.timeline.ticks_per_bar
        starts = range(0, self.ticks, phrase)
        return smf.Song(
            notes=self.notes,
            name=config.title,
            layer_names=self.layers,
            tempos=(smf.Tempo.from_bpm(config.bpm),),
            time_signatures=(smf.TimeSignature(0, config.beats_per_bar, 4),),
            markers=tuple(smf.Marker(tick, f"phrase {n + 1}") for n, tick in enumerate(starts)),
            end_tick=self.ticks,
        )

    def midi_bytes(self) -> bytes:
        """A standard MIDI file of format 1, one track a layer after the first."""
        return smf.dumps(self.song())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`midi_bytes` to a file, whole or not at all. Raises ``StoreError``."""
        return smf.dump(self.song(), path)
