"""Every message there is: by which bits it is known, and which class it becomes.

Source: M2-104-UM 1.1 as implemented by AM_MIDI2.0Lib, ni-midi2, bl-midi2-rs and MIDI2.0Workbench,
which agree on all rows; what they disagree about is in ``docs/decisions/0031``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conduit.midi.ump import data, flex_data, midi1, midi2, stream, system, utility
from conduit.midi.ump.layout import SIZES, Layout, Message, layout_of


@dataclass(frozen=True, slots=True)
class Family:
    """The messages of message type ``number``. Their status is ``mask`` at ``shift`` of word 0;
    what has no row becomes ``other``."""

    number: int
    name: str
    shift: int
    mask: int
    grouped: bool
    rows: tuple[tuple[int, type[Message]], ...]
    other: type[Message] | None = None


FAMILIES: Final = (
    Family(
        0x0,
        "utility",
        20,
        0xF,
        False,
        (
            (0x0, utility.Noop),
            (0x1, utility.JrClock),
            (0x2, utility.JrTimestamp),
            (0x3, utility.DeltaTicksPerQuarter),
            (0x4, utility.DeltaClockstamp),
        ),
    ),
    Family(
        0x1,
        "system",
        16,
        0xFF,
        True,
        (
            (0xF1, system.TimeCode),
            (0xF2, system.SongPosition),
            (0xF3, system.SongSelect),
            (0xF6, system.TuneRequest),
            (0xF8, system.TimingClock),
            (0xFA, system.Start),
            (0xFB, system.Continue),
            (0xFC, system.Stop),
            (0xFE, system.ActiveSensing),
            (0xFF, system.Reset),
        ),
    ),
    Family(
        0x2,
        "MIDI 1.0 channel voice",
        20,
        0xF,
        True,
        (
            (0x8, midi1.Midi1NoteOff),
            (0x9, midi1.Midi1NoteOn),
            (0xA, midi1.Midi1PolyPressure),
            (0xB, midi1.Midi1ControlChange),
            (0xC, midi1.Midi1ProgramChange),
            (0xD, midi1.Midi1ChannelPressure),
            (0xE, midi1.Midi1PitchBend),
        ),
    ),
    Family(
        0x3,
        "data, 7 bits",
        22,
        0x3,
        True,
        ((0x0, data.SysEx7),),  # the form is in the two bits below
    ),
    Family(
        0x4,
        "MIDI 2.0 channel voice",
        20,
        0xF,
        True,
        (
            (0x0, midi2.RegisteredPerNoteController),
            (0x1, midi2.AssignablePerNoteController),
            (0x2, midi2.RegisteredController),
            (0x3, midi2.AssignableController),
            (0x4, midi2.RelativeRegisteredController),
            (0x5, midi2.RelativeAssignableController),
            (0x6, midi2.PerNotePitchBend),
            (0x8, midi2.Midi2NoteOff),
            (0x9, midi2.Midi2NoteOn),
            (0xA, midi2.Midi2PolyPressure),
            (0xB, midi2.Midi2ControlChange),
            (0xC, midi2.Midi2ProgramChange),
            (0xD, midi2.Midi2ChannelPressure),
            (0xE, midi2.Midi2PitchBend),
            (0xF, midi2.PerNoteManagement),
        ),
    ),
    Family(
        0x5,
        "data, 8 bits",
        20,
        0xF,
        True,
        (
            (0x0, data.SysEx8),
            (0x1, data.SysEx8),
            (0x2, data.SysEx8),
            (0x3, data.SysEx8),
            (0x8, data.MixedDataHeader),
            (0x9, data.MixedDataPayload),
        ),
    ),
    Family(
        0xD,
        "flex data",
        0,
        0xC0_FFFF,  # form, bank and status: what sets something up is always complete
        True,
        (
            (0x0000, flex_data.SetTempo),
            (0x0001, flex_data.SetTimeSignature),
            (0x0002, flex_data.SetMetronome),
            (0x0005, flex_data.SetKeySignature),
            (0x0006, flex_data.SetChordName),
        ),
        flex_data.FlexPacket,
    ),
    Family(
        0xF,
        "stream",
        16,
        0x3FF,
        False,
        (
            (0x00, stream.EndpointDiscovery),
            (0x01, stream.EndpointInfo),
            (0x02, stream.DeviceIdentity),
            (0x03, stream.EndpointName),
            (0x04, stream.ProductInstanceId),
            (0x05, stream.ConfigurationRequest),
            (0x06, stream.ConfigurationNotification),
            (0x10, stream.FunctionBlockDiscovery),
            (0x11, stream.FunctionBlockInfo),
            (0x12, stream.FunctionBlockName),
            (0x20, stream.StartOfClip),
            (0x21, stream.EndOfClip),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """How the packets of one message type are told apart, ready for use."""

    shift: int
    mask: int
    layouts: dict[int, Layout]
    other: Layout | None


def _layout(family: Family, message: type[Message], status: int) -> Layout:
    top = family.number << 28
    known = 0xF000_0000 | family.mask << family.shift
    if message is family.other:
        return layout_of(message, SIZES[family.number], top, 0xF000_0000)
    if message is data.SysEx8:
        status, known = 0, 0xF0C0_0000  # four rows, and the form in their lower bits
    return layout_of(message, SIZES[family.number], top | status << family.shift, known)


def _dispatch(family: Family) -> Dispatch:
    layouts = {status: _layout(family, message, status) for status, message in family.rows}
    other = _layout(family, family.other, 0) if family.other else None
    return Dispatch(family.shift, family.mask, layouts, other)


_RESERVED: Final = Dispatch(0, 0, {}, None)
_BY_TYPE: Final = {family.number: _dispatch(family) for family in FAMILIES}

DISPATCH: Final = tuple(_BY_TYPE.get(kind, _RESERVED) for kind in range(16))
"""By message type; a reserved one knows nothing."""

LAYOUTS: Final[dict[type[Message], Layout]] = {
    layout.message: layout
    for dispatch in _BY_TYPE.values()
    for layout in (*dispatch.layouts.values(), *([dispatch.other] if dispatch.other else []))
}
"""The table of each class."""
