"""Clips: notes as a live set holds them, there and back.

A clip counts in beats (quarter notes) from its own start, and a note in it may carry two things no
MIDI file has: the probability that it plays at all, and a velocity deviation, the range that is
added to its velocity at random. Both are kept beside the note array, row by row, so that what comes
out of a set can go back into it.

Beats are ticks divided by the ticks of a beat, and a tick is the smallest time there is: columns
come back from a clip exactly as they went in, and so does a clip whose times are whole ticks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from conduit.blocks import Range
from conduit.blocks.check import find_breach
from conduit.contracts.errors import InvalidInput
from conduit.midi import PPQ, NoteArray, note_array
from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats

_LAST_BEAT = 2**20
"""Where a clip ends at the latest, in beats: far beyond music, and exact as a float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipNote:
    """One note of a clip."""

    pitch: Annotated[int, Range(0, 127), "MIDI note"]
    velocity: Annotated[int, Range(1, 127)] = 100
    start_beat: Annotated[float, Range(0, _LAST_BEAT), "quarter notes from the clip's start"]
    duration_beats: Annotated[float, Range(0, _LAST_BEAT), "in quarter notes"]
    probability: Annotated[float, Range(0, 1), "chance of the note to play"] = 1.0
    velocity_deviation: Annotated[
        int, Range(-127, 127), "the end of a random range that begins at 0, added to the velocity"
    ] = 0


@dataclass(frozen=True, slots=True, eq=False)
class ClipColumns:
    """A clip as columns: ``notes``, and what a note array has no place for, all ``(n,)``."""

    notes: NoteArray
    probability: Floats
    velocity_deviation: Ints

    @classmethod
    def certain(cls, notes: NoteArray) -> ClipColumns:
        """Notes that always play, as loud as they are."""
        return cls(notes, np.ones(len(notes)), np.zeros(len(notes), np.int64))


def clip_from_notes(columns: ClipColumns) -> tuple[ClipNote, ...]:
    """The notes of a clip, in the order of the columns."""
    notes = columns.notes
    return tuple(
        ClipNote(
            pitch=pitch,
            velocity=velocity,
            start_beat=start,
            duration_beats=duration,
            probability=probability,
            velocity_deviation=deviation,
        )
        for pitch, velocity, start, duration, probability, deviation in zip(
            notes["pitch"].tolist(),
            notes["velocity"].tolist(),
            (notes["tick"] / PPQ).tolist(),
            (notes["duration"] / PPQ).tolist(),
            columns.probability.tolist(),
            columns.velocity_deviation.tolist(),
            strict=True,
        )
    )


def notes_from_clip(clip: Sequence[ClipNote], *, channel: int = 0, layer: int = 0) -> ClipColumns:
    """A clip as columns, in its own order; times are rounded to the nearest tick, and a note lasts
    one tick at least. Raises ``InvalidInput`` naming the first note that cannot be one."""
    for index, note in enumerate(clip):
        if breach := find_breach(ClipNote, note):
            where = f"clip[{index}].{breach.path}" if breach.path else f"clip[{index}]"
            raise InvalidInput(f"expected {breach.expected}, got {breach.got}", where=where)
    notes = note_array(
        np.array([math.floor(note.start_beat * PPQ + 0.5) for note in clip], np.int64),
        np.array([max(1, math.floor(note.duration_beats * PPQ + 0.5)) for note in clip], np.int64),
        np.array([note.pitch for note in clip], np.uint8),
        np.array([note.velocity for note in clip], np.uint8),
        channel=channel,
        layer=layer,
    )
    return ClipColumns(
        notes,
        np.array([note.probability for note in clip], np.float64),
        np.array([note.velocity_deviation for note in clip], np.int64),
    )
