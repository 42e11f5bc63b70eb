"""Universal MIDI Packets: the words of MIDI 2.0 and what they say.

    >>> from conduit.midi.ump import Midi2NoteOn, decode, encode
    >>> [f"{word:08x}" for word in encode(Midi2NoteOn(0, 9, note=36, velocity=0xC104))]
    ['40992400', 'c1040000']
    >>> decode([0x40992400, 0xC1040000])
    [Midi2NoteOn(group=0, channel=9, note=36, velocity=49412, attribute_type=0, attribute=0)]

Everything is pure: words in, messages out. :func:`decode` and :func:`encode` know single messages,
:func:`decode_array` a million at a time, as columns; only that one needs NumPy.
"""

from typing import TYPE_CHECKING, Any

from conduit.midi.ump.byte_order import Order, WordStream, bytes_of, words_of
from conduit.midi.ump.byte_stream import ByteStream, stream_bytes
from conduit.midi.ump.codec import Decoder, decode, encode, encode_all
from conduit.midi.ump.data import MixedDataHeader, MixedDataPayload, SysEx7, SysEx8
from conduit.midi.ump.endpoint_text import (
    MOST_BLOCK_NAME,
    MOST_NAME,
    MOST_PRODUCT_INSTANCE_ID,
    EndpointText,
    EndpointTextAssembler,
    endpoint_text_packets,
)
from conduit.midi.ump.exclusive import (
    Exclusive7,
    Exclusive8,
    LongAssembler,
    LongMessage,
    MixedDataSet,
    long_packets,
)
from conduit.midi.ump.flex_data import (
    ADDRESS_CHANNEL,
    ADDRESS_GROUP,
    TENS_OF_NANOSECONDS_PER_MINUTE,
    FlexPacket,
    SetChordName,
    SetKeySignature,
    SetMetronome,
    SetTempo,
    SetTimeSignature,
)
from conduit.midi.ump.layout import SIZES, Form, Message, Reserved, Truncated
from conduit.midi.ump.midi1 import (
    Midi1ChannelPressure,
    Midi1ControlChange,
    Midi1NoteOff,
    Midi1NoteOn,
    Midi1PitchBend,
    Midi1PolyPressure,
    Midi1ProgramChange,
)
from conduit.midi.ump.midi2 import (
    ATTRIBUTE_MANUFACTURER,
    ATTRIBUTE_PITCH,
    ATTRIBUTE_PROFILE,
    AssignableController,
    AssignablePerNoteController,
    Midi2ChannelPressure,
    Midi2ControlChange,
    Midi2NoteOff,
    Midi2NoteOn,
    Midi2PitchBend,
    Midi2PolyPressure,
    Midi2ProgramChange,
    PerNoteManagement,
    PerNotePitchBend,
    RegisteredController,
    RegisteredPerNoteController,
    RelativeAssignableController,
    RelativeRegisteredController,
)
from conduit.midi.ump.reassembly import Fault, Limits, Reassembly, Wrong
from conduit.midi.ump.scaling import scale_down, scale_up
from conduit.midi.ump.stream import (
    ALL_FUNCTION_BLOCKS,
    PROTOCOL_MIDI1,
    PROTOCOL_MIDI2,
    ConfigurationNotification,
    ConfigurationRequest,
    DeviceIdentity,
    EndOfClip,
    EndpointDiscovery,
    EndpointInfo,
    EndpointName,
    FunctionBlockDiscovery,
    FunctionBlockInfo,
    FunctionBlockName,
    ProductInstanceId,
    StartOfClip,
)
from conduit.midi.ump.system import (
    ActiveSensing,
    Continue,
    Reset,
    SongPosition,
    SongSelect,
    Start,
    Stop,
    TimeCode,
    TimingClock,
    TuneRequest,
)
from conduit.midi.ump.table import FAMILIES, LAYOUTS
from conduit.midi.ump.translate import ToMidi2, to_midi1
from conduit.midi.ump.utility import (
    JR_UNIT_S,
    MOST_DELTA,
    DeltaClockstamp,
    DeltaTicksPerQuarter,
    JrClock,
    JrTimestamp,
    Noop,
    jr_elapsed_s,
    jr_time,
)

if TYPE_CHECKING:
    from conduit.midi.ump.columns import Packets, decode_array, encode_columns

_COLUMNS = ("Packets", "decode_array", "encode_columns")


def __getattr__(name: str) -> Any:
    """What needs NumPy, when it is first asked for."""
    if name in _COLUMNS:
        from conduit.midi.ump import columns

        return getattr(columns, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ADDRESS_CHANNEL",
    "ADDRESS_GROUP",
    "ALL_FUNCTION_BLOCKS",
    "ATTRIBUTE_MANUFACTURER",
    "ATTRIBUTE_PITCH",
    "ATTRIBUTE_PROFILE",
    "FAMILIES",
    "JR_UNIT_S",
    "LAYOUTS",
    "MOST_BLOCK_NAME",
    "MOST_DELTA",
    "MOST_NAME",
    "MOST_PRODUCT_INSTANCE_ID",
    "PROTOCOL_MIDI1",
    "PROTOCOL_MIDI2",
    "SIZES",
    "TENS_OF_NANOSECONDS_PER_MINUTE",
    "ActiveSensing",
    "AssignableController",
    "AssignablePerNoteController",
    "ByteStream",
    "ConfigurationNotification",
    "ConfigurationRequest",
    "Continue",
    "Decoder",
    "DeltaClockstamp",
    "DeltaTicksPerQuarter",
    "DeviceIdentity",
    "EndOfClip",
    "EndpointDiscovery",
    "EndpointInfo",
    "EndpointName",
    "EndpointText",
    "EndpointTextAssembler",
    "Exclusive7",
    "Exclusive8",
    "Fault",
    "FlexPacket",
    "Form",
    "FunctionBlockDiscovery",
    "FunctionBlockInfo",
    "FunctionBlockName",
    "JrClock",
    "JrTimestamp",
    "Limits",
    "LongAssembler",
    "LongMessage",
    "Message",
    "Midi1ChannelPressure",
    "Midi1ControlChange",
    "Midi1NoteOff",
    "Midi1NoteOn",
    "Midi1PitchBend",
    "Midi1PolyPressure",
    "Midi1ProgramChange",
    "Midi2ChannelPressure",
    "Midi2ControlChange",
    "Midi2NoteOff",
    "Midi2NoteOn",
    "Midi2PitchBend",
    "Midi2PolyPressure",
    "Midi2ProgramChange",
    "MixedDataHeader",
    "MixedDataPayload",
    "MixedDataSet",
    "Noop",
    "Order",
    "Packets",
    "PerNoteManagement",
    "PerNotePitchBend",
    "ProductInstanceId",
    "Reassembly",
    "RegisteredController",
    "RegisteredPerNoteController",
    "RelativeAssignableController",
    "RelativeRegisteredController",
    "Reserved",
    "Reset",
    "SetChordName",
    "SetKeySignature",
    "SetMetronome",
    "SetTempo",
    "SetTimeSignature",
    "SongPosition",
    "SongSelect",
    "Start",
    "StartOfClip",
    "Stop",
    "SysEx7",
    "SysEx8",
    "TimeCode",
    "TimingClock",
    "ToMidi2",
    "Truncated",
    "TuneRequest",
    "WordStream",
    "Wrong",
    "bytes_of",
    "decode",
    "decode_array",
    "encode",
    "encode_all",
    "encode_columns",
    "endpoint_text_packets",
    "jr_elapsed_s",
    "jr_time",
    "long_packets",
    "scale_down",
    "scale_up",
    "stream_bytes",
    "to_midi1",
    "words_of",
]
