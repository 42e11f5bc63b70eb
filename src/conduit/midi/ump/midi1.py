"""MIDI 1.0 channel voice messages: message type 2, one word, values of 7 or 14 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from conduit.midi.ump.layout import Bits, Message, Pieces

Group = Annotated[int, Bits(0, 24, 4)]
Channel = Annotated[int, Bits(0, 16, 4)]
First = Annotated[int, Bits(0, 8, 7)]
Second = Annotated[int, Bits(0, 0, 7)]


@dataclass(frozen=True, slots=True)
class Midi1NoteOff(Message):
    group: Group
    channel: Channel
    note: First
    velocity: Second


@dataclass(frozen=True, slots=True)
class Midi1NoteOn(Message):
    """With a velocity of 0 it is a note off."""

    group: Group
    channel: Channel
    note: First
    velocity: Second


@dataclass(frozen=True, slots=True)
class Midi1PolyPressure(Message):
    group: Group
    channel: Channel
    note: First
    pressure: Second


@dataclass(frozen=True, slots=True)
class Midi1ControlChange(Message):
    group: Group
    channel: Channel
    index: First
    value: Second


@dataclass(frozen=True, slots=True)
class Midi1ProgramChange(Message):
    group: Group
    channel: Channel
    program: First


@dataclass(frozen=True, slots=True)
class Midi1ChannelPressure(Message):
    group: Group
    channel: Channel
    pressure: First


@dataclass(frozen=True, slots=True)
class Midi1PitchBend(Message):
    """0 to 16,383; 8,192 is no bend."""

    group: Group
    channel: Channel
    bend: Annotated[int, Pieces((Bits(0, 8, 7), Bits(0, 0, 7)))]
