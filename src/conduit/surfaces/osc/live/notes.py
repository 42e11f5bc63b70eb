"""Notes as Live keeps them, in pieces that fit a datagram, and whether they are there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from conduit.agents.live.typed import SHORTEST, LiveNote
from conduit.contracts.errors import Unavailable
from conduit.surfaces.osc.wire import Argument

PER_MESSAGE: Final = 50
"""Notes of one message: five fields and tags of each, about 1,100 bytes in all."""
PER_WINDOW: Final = 150
"""Notes that are asked for at once. What Live answers with has to fit a datagram, which on macOS
holds 9,216 bytes."""
EARLIEST: Final = -8192.0
SPAN: Final = 1_000_000.0
_LENGTH_WITHIN: Final = 0.01
_VELOCITY_WITHIN: Final = 1.0


@dataclass(frozen=True, slots=True)
class Note:
    """What AbletonOSC knows of a note. Times in beats."""

    pitch: int
    start: float
    duration: float
    velocity: float
    mute: bool = False


def settled(notes: Iterable[LiveNote | Note]) -> list[Note]:
    """Notes after Live's rules: of one pitch a later note shortens an earlier one, and takes its
    place where both start together. Sorted by start."""
    by_pitch: dict[int, list[Note]] = {}
    for each in sorted(notes, key=lambda note: (note.pitch, note.start)):
        row = by_pitch.setdefault(each.pitch, [])
        made = Note(
            each.pitch,
            float(each.start),
            float(each.duration),
            float(each.velocity),
            each.mute if isinstance(each, Note) else False,
        )
        if row and made.start - row[-1].start < SHORTEST:
            row[-1] = made
            continue
        if row and row[-1].start + row[-1].duration > made.start:
            before = row[-1]
            row[-1] = Note(
                before.pitch, before.start, made.start - before.start, before.velocity, before.mute
            )
        row.append(made)
    return sorted(
        (note for row in by_pitch.values() for note in row),
        key=lambda each: (each.start, each.pitch),
    )


def messages(notes: Sequence[Note]) -> Iterator[tuple[Argument, ...]]:
    """The arguments of ``/live/clip/add/notes``, without its indices."""
    for at in range(0, len(notes), PER_MESSAGE):
        yield tuple(
            value
            for note in notes[at : at + PER_MESSAGE]
            for value in (note.pitch, note.start, note.duration, note.velocity, note.mute)
        )


def windows(notes: Sequence[Note]) -> list[tuple[float, float]]:
    """Starts and spans that cover all time, with no more than about ``PER_WINDOW`` of these
    notes, sorted, in each."""
    borders = [EARLIEST]
    count, before = 0, EARLIEST
    for start, group in groupby(notes, key=lambda note: note.start):
        several = len(list(group))
        if count and count + several > PER_WINDOW:
            # halfway to the note before, so that no rounding moves a note across
            borders.append((before + start) / 2)
            count = 0
        count, before = count + several, start
    ends = [*borders[1:], EARLIEST + SPAN]
    return [(start, end - start) for start, end in zip(borders, ends, strict=True)]


def read_notes(values: Sequence[Argument]) -> list[Note]:
    """The notes in an answer. Raises ``Unavailable`` for one that is none."""
    found = []
    for at in range(0, len(values), 5):
        match values[at : at + 5]:
            case (
                int(pitch),
                (int() | float()) as start,
                (int() | float()) as duration,
                (int() | float()) as velocity,
                (bool() | int() | float()) as mute,
            ):
                found.append(
                    Note(int(pitch), float(start), float(duration), float(velocity), bool(mute))
                )
            case _:
                raise Unavailable(
                    "what came are no notes", where="/live/clip/get/notes", hint="update AbletonOSC"
                )
    return found


def compared(wanted: Sequence[Note], there: Sequence[Note]) -> tuple[list[Note], list[Note]]:
    """The notes that are missing, and those that are there beyond what is wanted."""
    left: dict[int, list[Note]] = {}
    for note in sorted(there, key=lambda each: each.start):
        left.setdefault(note.pitch, []).append(note)
    missing: list[Note] = []
    extra: list[Note] = []
    by_pitch: dict[int, list[Note]] = {}
    for note in wanted:
        by_pitch.setdefault(note.pitch, []).append(note)
    for pitch, row in by_pitch.items():
        found = iter(left.pop(pitch, []))
        now = next(found, None)
        for note in row:
            while now is not None and now.start < note.start - _start_within(note.start):
                extra.append(now)
                now = next(found, None)
            if now is not None and _same(note, now):
                now = next(found, None)
            else:
                missing.append(note)
                if now is not None and now.start <= note.start + _start_within(note.start):
                    now = next(found, None)  # it is there, and otherwise: sent again, it is right
        if now is not None:
            extra += [now, *found]
    return missing, extra + [note for row in left.values() for note in row]


def _start_within(start: float) -> float:
    """How far a start may be off: it travels with 32 bits."""
    return max(SHORTEST / 2, abs(start) * 2**-22)


def _same(one: Note, other: Note) -> bool:
    return (
        abs(one.start - other.start) <= _start_within(one.start)
        and abs(one.duration - other.duration) <= max(_LENGTH_WITHIN, _start_within(one.start) * 2)
        and abs(one.velocity - other.velocity) <= _VELOCITY_WITHIN
        and one.mute == other.mute
    )
