"""Blocks for the tests of rows. Worker processes import this file by name."""

from __future__ import annotations

import asyncio
import enum
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from conduit.blocks import Block, block


class Mode(enum.Enum):
    LOUD = 1
    SOFT = 2


@dataclass(frozen=True, slots=True)
class Note:
    pitch: int
    name: str = "c"


@dataclass(frozen=True, slots=True)
class Bright(Note):
    """A subclass of an edge's type."""

    brightness: float = 1.0


@dataclass(frozen=True, slots=True)
class Chord:
    notes: list[Note]
    mode: Mode = Mode.SOFT
    bass: Note | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Which process did it, and how often that was set up."""

    pid: int
    setups: int


@dataclass
class Dated:
    """A dataclass whose ``__post_init__`` must not run twice."""

    pitch: int
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = [*self.log, "made"]


def notes(count: int) -> Iterator[Note]:
    return (Note(i, f"n{i}") for i in range(count))


@block("notes.up", summary="One up", inline=True)
def up(note: Note) -> Note:
    return Note(note.pitch + 1, note.name)


@block("notes.fussy", summary="Refuse every seventh")
def fussy(note: Note) -> Note:
    if note.pitch % 7 == 3:
        raise ValueError(f"not {note.pitch}")
    return Note(note.pitch * 2, note.name)


@block("notes.later", summary="One up, later ones sooner")
async def later(note: Note) -> Note:
    await asyncio.sleep(0.02 if note.pitch % 5 == 0 else 0.001)
    if note.pitch == 13:
        raise ValueError("unlucky")
    return Note(note.pitch + 1, note.name)


@block("notes.date", summary="Pass on", inline=True)
def date(dated: Dated) -> Dated:
    return dated


@block("notes.chord", summary="Make a chord")
def chord(note: Note) -> Chord:
    return Chord([note, Bright(note.pitch + 4)], Mode.LOUD, note if note.pitch % 2 else None)


@block("notes.kill", summary="Kill the process at 50, and at the first sight of 80")
def kill(note: Note) -> Note:
    if note.pitch == 50:
        os.kill(os.getpid(), signal.SIGKILL)
    if note.pitch == 80 and not Path(note.name).exists():
        Path(note.name).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return note


@block("notes.leave", summary="Call sys.exit")
def leave(note: Note) -> Note:
    sys.exit(note.pitch)


@block("notes.sleep", summary="Say who sleeps, then sleep long")
def sleep(note: Note) -> Note:
    Path(note.name, f"{os.getpid()}").touch()
    time.sleep(60)
    return note


@block("notes.record", summary="Leave a line for each row, slowly")
def record(note: Note) -> Note:
    with open(note.name, "a") as file:
        file.write(f"{note.pitch}\n")
    time.sleep(0.002)
    if note.pitch % 10 == 9:
        raise ValueError(f"not {note.pitch}")
    return Note(note.pitch * 3, "done")


class Heavy(Block[Note, Told]):
    """Has something to build before its first row."""

    name = "notes.heavy"
    summary = "Say how often this process was set up"
    setups: ClassVar[int] = 0

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def setup(self) -> None:
        type(self).setups += 1

    def close(self) -> None:
        Path(self.folder, f"closed-{os.getpid()}").touch()

    def forward(self, data: Note) -> Told:
        return Told(os.getpid(), self.setups)


@dataclass(frozen=True, slots=True)
class Rest:
    """Silence."""

    beats: int


@block("notes.rest", summary="Make every third note a rest", inline=True)
def rest(note: Note) -> Note | Rest:
    return Rest(note.pitch) if note.pitch % 3 == 0 else note


@block("notes.play", summary="Make rests notes again", inline=True)
def play(data: Note | Rest) -> Note:
    return Note(-data.beats) if isinstance(data, Rest) else data


T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """A generic edge."""

    items: list[T]


@block("notes.page", summary="Put a note on a page", inline=True)
def page(note: Note) -> Page[Note]:
    return Page([note, Bright(note.pitch)])


class Unbuildable(Block[Note, Note]):
    """Cannot be set up."""

    name = "notes.unbuildable"
    summary = "Fail at the start"

    def setup(self) -> None:
        raise OSError("no model here")

    def forward(self, data: Note) -> Note:
        return data
