"""The note array: one row a note, one column a property.

A groove of ten thousand bars is a million notes. As Python objects they cost a gigabyte and half a
minute; as columns they cost 16 bytes each, and whole-array operations sort, cut and write them.

Times are **absolute integer ticks** from the start (:data:`PPQ` ticks a quarter note), so nothing
accumulates and nothing drifts.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from conduit.contracts.errors import InvalidInput

PPQ = 1920
"""Ticks per quarter note. Divisible by 3, 5 and 128: triplets, quintuplets and 1/512 are exact."""

NOTE_DTYPE = np.dtype(
    [
        ("tick", np.int64),
        ("duration", np.int32),
        ("channel", np.uint8),
        ("pitch", np.uint8),
        ("velocity", np.uint8),
        ("layer", np.uint8),
    ]
)
"""16 bytes a note. ``tick`` and ``duration`` in ticks; ``channel`` 0-15 (9 is the General MIDI drum
channel); ``pitch`` 0-127; ``velocity`` 1-127; ``layer`` indexes the owner's list of layers."""

NoteArray: TypeAlias = npt.NDArray[np.void]
"""A one-dimensional array of :data:`NOTE_DTYPE`."""

Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

MAX_TICK = (1 << 43) - 1
"""The last tick a note may end on: what the writer's packed sort key has room for."""

_LIMITS = (("tick", 0, MAX_TICK), ("duration", 1, None), ("channel", 0, 15), ("pitch", 0, 127))


def note_array(
    tick: npt.ArrayLike,
    duration: npt.ArrayLike,
    pitch: npt.ArrayLike,
    velocity: npt.ArrayLike,
    *,
    channel: npt.ArrayLike = 9,
    layer: npt.ArrayLike = 0,
) -> NoteArray:
    """Notes from columns; a scalar stands for a whole column.

    Every column is ``(n,)`` or ``()``. Values are copied, not checked (see :func:`check_notes`).
    """
    ticks = np.atleast_1d(np.asarray(tick, dtype=np.int64))
    notes = np.empty(len(ticks), NOTE_DTYPE)
    notes["tick"] = ticks
    notes["duration"] = duration
    notes["channel"] = channel
    notes["pitch"] = pitch
    notes["velocity"] = velocity
    notes["layer"] = layer
    return notes


def check_notes(notes: NoteArray) -> None:
    """Refuse what no MIDI file can hold. Raises ``InvalidInput`` naming the first bad note.

    A note lasts at least one tick and has a velocity of at least one: a velocity of zero *is* a
    note-off in MIDI 1.0, and a note of no length would end before it began.
    """
    if notes.dtype != NOTE_DTYPE or notes.ndim != 1:
        raise InvalidInput(
            f"expected a one-dimensional array of NOTE_DTYPE, got {notes.ndim} dimension(s) of "
            f"{notes.dtype}",
            hint="build it with conduit.midi.note_array",
        )
    for name, low, high in (*_LIMITS, ("velocity", 1, 127)):
        column = notes[name]
        bad = column < low if high is None else (column < low) | (column > high)
        if bad.any():
            first = int(np.argmax(bad))
            legal = f"at least {low}" if high is None else f"{low} to {high}"
            raise InvalidInput(
                f"note {first}: {name} is {int(column[first])}, legal is {legal}",
                where=f"notes[{first}].{name}",
            )


def sort_notes(notes: NoteArray) -> NoteArray:
    """By tick, then layer, then pitch; stable. Returns a copy."""
    key = _sort_key(notes)
    return notes[np.argsort(key, kind="stable")]


def _sort_key(notes: NoteArray) -> Ints:
    key = notes["tick"] << 15
    key |= notes["layer"].astype(np.int64) << 7
    key |= notes["pitch"]
    return key


def notes_between(notes: NoteArray, start: int, end: int) -> NoteArray:
    """Notes that begin in ``start <= tick < end``, with ticks counted from ``start``.

    ``notes`` is sorted by tick (the search is binary). Returns a copy.
    """
    first, last = np.searchsorted(notes["tick"], (start, end))
    part = notes[first:last].copy()
    part["tick"] -= start
    return part


def cut_overlaps(notes: NoteArray, group: npt.NDArray[np.int16]) -> Flags:
    """Make the notes of a group monophonic, in place: each ends where the next one begins.

    ``notes`` is sorted by tick; ``group`` is ``(n,)`` small integers (sorting 16 bits is a fraction
    of sorting 64), and notes with a negative group are left alone. Of several notes of a group on
    one tick the first stays. Returns ``(n,)`` booleans: which notes to keep. This is how a closed
    hat silences an open one, and how two hits on one drum never overlap.
    """
    keep = np.ones(len(notes), np.bool_)
    members = np.flatnonzero(group >= 0)
    order = members[np.argsort(group[members], kind="stable")]
    lane, tick = group[order], notes["tick"][order]
    doubled = np.zeros(len(order), np.bool_)
    doubled[1:] = (lane[1:] == lane[:-1]) & (tick[1:] == tick[:-1])
    keep[order[doubled]] = False

    if doubled.any():
        order = order[~doubled]
        lane, tick = group[order], notes["tick"][order]
    followed = lane[1:] == lane[:-1]
    gap = (tick[1:] - tick[:-1])[followed]
    held = order[:-1][followed]
    notes["duration"][held] = np.minimum(notes["duration"][held], gap)
    return keep
