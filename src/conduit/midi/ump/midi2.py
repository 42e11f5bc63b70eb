"""MIDI 2.0 channel voice messages: message type 4, two words, values of 16 or 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from conduit.midi.ump.layout import Bits, Message

Group = Annotated[int, Bits(0, 24, 4)]
Channel = Annotated[int, Bits(0, 16, 4)]
Note = Annotated[int, Bits(0, 8, 7)]
Bank = Annotated[int, Bits(0, 8, 7)]
Index = Annotated[int, Bits(0, 0, 7)]
Value = Annotated[int, Bits(1, 0, 32)]
Change = Annotated[int, Bits(1, 0, 32, signed=True)]
Velocity = Annotated[int, Bits(1, 16, 16)]
AttributeType = Annotated[int, Bits(0, 0, 8)]
Attribute = Annotated[int, Bits(1, 0, 16)]

ATTRIBUTE_MANUFACTURER: Final = 1
ATTRIBUTE_PROFILE: Final = 2
ATTRIBUTE_PITCH: Final = 3
"""The attribute is a pitch: 7 bits of semitones, 9 of their fraction."""


@dataclass(frozen=True, slots=True)
class RegisteredPerNoteController(Message):
    group: Group
    channel: Channel
    note: Note
    index: Annotated[int, Bits(0, 0, 8)]
    value: Value


@dataclass(frozen=True, slots=True)
class AssignablePerNoteController(Message):
    group: Group
    channel: Channel
    note: Note
    index: Annotated[int, Bits(0, 0, 8)]
    value: Value


@dataclass(frozen=True, slots=True)
class RegisteredController(Message):
    """What MIDI 1.0 said in four control changes (RPN)."""

    group: Group
    channel: Channel
    bank: Bank
    index: Index
    value: Value


@dataclass(frozen=True, slots=True)
class AssignableController(Message):
    """The same for what makers assign (NRPN)."""

    group: Group
    channel: Channel
    bank: Bank
    index: Index
    value: Value


@dataclass(frozen=True, slots=True)
class RelativeRegisteredController(Message):
    group: Group
    channel: Channel
    bank: Bank
    index: Index
    change: Change


@dataclass(frozen=True, slots=True)
class RelativeAssignableController(Message):
    group: Group
    channel: Channel
    bank: Bank
    index: Index
    change: Change


@dataclass(frozen=True, slots=True)
class PerNotePitchBend(Message):
    """``0x80000000`` is no bend."""

    group: Group
    channel: Channel
    note: Note
    bend: Value


@dataclass(frozen=True, slots=True)
class Midi2NoteOff(Message):
    group: Group
    channel: Channel
    note: Note
    velocity: Velocity
    attribute_type: AttributeType = 0
    attribute: Attribute = 0


@dataclass(frozen=True, slots=True)
class Midi2NoteOn(Message):
    """A velocity of 0 is a very soft note, not a note off."""

    group: Group
    channel: Channel
    note: Note
    velocity: Velocity
    attribute_type: AttributeType = 0
    attribute: Attribute = 0


@dataclass(frozen=True, slots=True)
class Midi2PolyPressure(Message):
    group: Group
    channel: Channel
    note: Note
    pressure: Value


@dataclass(frozen=True, slots=True)
class Midi2ControlChange(Message):
    group: Group
    channel: Channel
    index: Bank
    value: Value


@dataclass(frozen=True, slots=True)
class Midi2ProgramChange(Message):
    """``bank_valid`` says whether the bank is meant too."""

    group: Group
    channel: Channel
    program: Annotated[int, Bits(1, 24, 7)]
    bank_valid: Annotated[bool, Bits(0, 0, 1)] = False
    bank_msb: Annotated[int, Bits(1, 8, 7)] = 0
    bank_lsb: Annotated[int, Bits(1, 0, 7)] = 0


@dataclass(frozen=True, slots=True)
class Midi2ChannelPressure(Message):
    group: Group
    channel: Channel
    pressure: Value


@dataclass(frozen=True, slots=True)
class Midi2PitchBend(Message):
    """``0x80000000`` is no bend."""

    group: Group
    channel: Channel
    bend: Value


@dataclass(frozen=True, slots=True)
class PerNoteManagement(Message):
    """Let go of the controllers of notes that sound, or set those of the next to their default."""

    group: Group
    channel: Channel
    note: Note
    detach: Annotated[bool, Bits(0, 1, 1)] = False
    reset: Annotated[bool, Bits(0, 0, 1)] = False
