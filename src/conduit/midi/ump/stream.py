"""UMP Stream messages: message type F, four words. They belong to no group: they are how endpoints
ask each other who they are, what they are called and what they speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from conduit.midi.ump.layout import Bits, Form, Message, Octets, Pieces

PacketForm = Annotated[Form, Bits(0, 26, 2)]
Major = Annotated[int, Bits(0, 8, 8)]
Minor = Annotated[int, Bits(0, 0, 8)]
FunctionBlock = Annotated[int, Bits(0, 8, 7)]

ALL_FUNCTION_BLOCKS: Final = 0xFF
PROTOCOL_MIDI1: Final = 1
PROTOCOL_MIDI2: Final = 2


@dataclass(frozen=True, slots=True)
class EndpointDiscovery(Message):
    """Asks an endpoint for what is wanted of it."""

    version_major: Major
    version_minor: Minor
    wants_info: Annotated[bool, Bits(1, 0, 1)] = False
    wants_identity: Annotated[bool, Bits(1, 1, 1)] = False
    wants_name: Annotated[bool, Bits(1, 2, 1)] = False
    wants_product_instance_id: Annotated[bool, Bits(1, 3, 1)] = False
    wants_configuration: Annotated[bool, Bits(1, 4, 1)] = False


@dataclass(frozen=True, slots=True)
class EndpointInfo(Message):
    version_major: Major
    version_minor: Minor
    static_blocks: Annotated[bool, Bits(1, 31, 1)]
    """Whether its function blocks never change."""
    block_count: Annotated[int, Bits(1, 24, 7)]
    midi2: Annotated[bool, Bits(1, 9, 1)]
    midi1: Annotated[bool, Bits(1, 8, 1)]
    receives_jr: Annotated[bool, Bits(1, 1, 1)] = False
    transmits_jr: Annotated[bool, Bits(1, 0, 1)] = False


@dataclass(frozen=True, slots=True)
class DeviceIdentity(Message):
    """As in the MIDI-CI discovery: manufacturer and revision in bytes of seven bits, family and
    model as numbers of fourteen, which travel least significant byte first."""

    manufacturer: Annotated[bytes, Octets(5, 3, highest=0x7F)]
    family: Annotated[int, Pieces((Bits(2, 24, 7), Bits(2, 16, 7)))]
    model: Annotated[int, Pieces((Bits(2, 8, 7), Bits(2, 0, 7)))]
    revision: Annotated[bytes, Octets(12, 4, highest=0x7F)]


@dataclass(frozen=True, slots=True)
class EndpointName(Message):
    """Fourteen bytes of UTF-8, with their padding; a name has up to 98."""

    form: PacketForm
    data: Annotated[bytes, Octets(2, 14)]


@dataclass(frozen=True, slots=True)
class ProductInstanceId(Message):
    """Fourteen bytes of ASCII, with their padding; an id has up to 42."""

    form: PacketForm
    data: Annotated[bytes, Octets(2, 14)]


@dataclass(frozen=True, slots=True)
class ConfigurationRequest(Message):
    """Asks for a protocol (:data:`PROTOCOL_MIDI1`, :data:`PROTOCOL_MIDI2`) and JR timestamps."""

    protocol: Annotated[int, Bits(0, 8, 8)]
    receives_jr: Annotated[bool, Bits(0, 1, 1)] = False
    transmits_jr: Annotated[bool, Bits(0, 0, 1)] = False


@dataclass(frozen=True, slots=True)
class ConfigurationNotification(Message):
    """What is spoken from now on."""

    protocol: Annotated[int, Bits(0, 8, 8)]
    receives_jr: Annotated[bool, Bits(0, 1, 1)] = False
    transmits_jr: Annotated[bool, Bits(0, 0, 1)] = False


@dataclass(frozen=True, slots=True)
class FunctionBlockDiscovery(Message):
    """Asks for one function block, or for :data:`ALL_FUNCTION_BLOCKS`."""

    block: Annotated[int, Bits(0, 8, 8)]
    wants_name: Annotated[bool, Bits(0, 1, 1)] = False
    wants_info: Annotated[bool, Bits(0, 0, 1)] = False


@dataclass(frozen=True, slots=True)
class FunctionBlockInfo(Message):
    """``direction`` and ``ui_hint``: 1 receives, 2 sends, 3 both. ``midi1``: 0 no, 1 yes, 2 at the
    speed of a cable."""

    active: Annotated[bool, Bits(0, 15, 1)]
    block: FunctionBlock
    ui_hint: Annotated[int, Bits(0, 4, 2)]
    midi1: Annotated[int, Bits(0, 2, 2)]
    direction: Annotated[int, Bits(0, 0, 2)]
    first_group: Annotated[int, Bits(1, 24, 8)]
    group_count: Annotated[int, Bits(1, 16, 8)]
    ci_version: Annotated[int, Bits(1, 8, 8)] = 0
    sysex8_streams: Annotated[int, Bits(1, 0, 8)] = 0


@dataclass(frozen=True, slots=True)
class FunctionBlockName(Message):
    """Thirteen bytes of UTF-8, with their padding."""

    form: PacketForm
    block: FunctionBlock
    data: Annotated[bytes, Octets(3, 13)]


@dataclass(frozen=True, slots=True)
class StartOfClip(Message):
    pass


@dataclass(frozen=True, slots=True)
class EndOfClip(Message):
    pass
