"""What a picture of a groove consists of, before anything is drawn.

Sections of rows above one axis of time. A row is a line of small plot with its name on the left and
a word on the right; rows of one section share a scale, so they can be compared. To show something
more, add a section.
"""

from __future__ import annotations

from dataclasses import dataclass

from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats


@dataclass(frozen=True, slots=True, eq=False)
class BarRow:
    """One value for each bar, ``(bars,)``, drawn as columns. ``window`` is where each should lie:
    lowest and highest, ``(bars,)``."""

    name: str
    values: Floats
    word: str = ""
    window: tuple[Floats, Floats] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NoteRow:
    """Values at moments: ``ticks`` and ``values`` are ``(n,)``, drawn as points."""

    name: str
    ticks: Ints
    values: Floats
    word: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Rows of one kind on one scale, from ``low`` to ``high``; ``height`` of a row in pixels."""

    title: str
    rows: tuple[BarRow | NoteRow, ...]
    low: float
    high: float
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A whole picture. ``bar_ticks`` is ``(bars + 1,)``: where each bar begins, and the end;
    ``phrases`` are the bars that begin a phrase."""

    title: str
    subtitle: str
    bar_ticks: Ints
    phrases: tuple[int, ...]
    sections: tuple[Section, ...]
