"""Data messages: System Exclusive in 7 bits (type 3, two words) and 8 bits, and mixed data sets
(type 5, four words). Longer messages are many packets: see ``ump.exclusive``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from conduit.midi.ump.layout import Bits, Form, Message, Octets

Group = Annotated[int, Bits(0, 24, 4)]
PacketForm = Annotated[Form, Bits(0, 20, 2)]
SetId = Annotated[int, Bits(0, 16, 4)]


@dataclass(frozen=True, slots=True)
class SysEx7(Message):
    """Up to six bytes of seven bits, without the F0 and F7 of a byte stream."""

    group: Group
    form: PacketForm
    data: Annotated[bytes, Octets(2, 6, count=Bits(0, 16, 4), highest=0x7F)]


@dataclass(frozen=True, slots=True)
class SysEx8(Message):
    """Up to thirteen bytes. Messages of different streams may be mixed."""

    group: Group
    form: PacketForm
    stream: Annotated[int, Bits(0, 8, 8)]
    data: Annotated[bytes, Octets(3, 13, count=Bits(0, 16, 4), beside=1)]


@dataclass(frozen=True, slots=True)
class MixedDataHeader(Message):
    """What begins each chunk of a mixed data set. ``valid_bytes`` counts the chunk's bytes, with
    this header and the first two of each payload packet; ``chunks`` is 0 when nobody knows yet."""

    group: Group
    set_id: SetId
    valid_bytes: Annotated[int, Bits(0, 0, 16)]
    chunks: Annotated[int, Bits(1, 16, 16)]
    chunk: Annotated[int, Bits(1, 0, 16)]
    manufacturer: Annotated[int, Bits(2, 16, 16)]
    device: Annotated[int, Bits(2, 0, 16)]
    sub_id_1: Annotated[int, Bits(3, 16, 16)]
    sub_id_2: Annotated[int, Bits(3, 0, 16)]


@dataclass(frozen=True, slots=True)
class MixedDataPayload(Message):
    """Fourteen bytes of a chunk; its header says how many of the last are meant."""

    group: Group
    set_id: SetId
    data: Annotated[bytes, Octets(2, 14)]
