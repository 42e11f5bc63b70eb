"""System common and real time messages: message type 1, one word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from conduit.midi.ump.layout import Bits, Message, Pieces

Group = Annotated[int, Bits(0, 24, 4)]


@dataclass(frozen=True, slots=True)
class TimeCode(Message):
    """A quarter frame: which of the eight ``piece`` it is, and its four bits."""

    group: Group
    piece: Annotated[int, Bits(0, 12, 3)]
    value: Annotated[int, Bits(0, 8, 4)]


@dataclass(frozen=True, slots=True)
class SongPosition(Message):
    """Sixteenth notes since the start of the song."""

    group: Group
    beats: Annotated[int, Pieces((Bits(0, 8, 7), Bits(0, 0, 7)))]


@dataclass(frozen=True, slots=True)
class SongSelect(Message):
    group: Group
    song: Annotated[int, Bits(0, 8, 7)]


@dataclass(frozen=True, slots=True)
class TuneRequest(Message):
    group: Group


@dataclass(frozen=True, slots=True)
class TimingClock(Message):
    """Twenty-four of them are a quarter note."""

    group: Group


@dataclass(frozen=True, slots=True)
class Start(Message):
    group: Group


@dataclass(frozen=True, slots=True)
class Continue(Message):
    group: Group


@dataclass(frozen=True, slots=True)
class Stop(Message):
    group: Group


@dataclass(frozen=True, slots=True)
class ActiveSensing(Message):
    group: Group


@dataclass(frozen=True, slots=True)
class Reset(Message):
    group: Group
