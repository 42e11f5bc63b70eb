"""System Exclusive and mixed data sets of any length: cut into packets, and put together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.midi.ump.codec import encode
from conduit.midi.ump.data import MixedDataHeader, MixedDataPayload, SysEx7, SysEx8
from conduit.midi.ump.layout import Form, Message
from conduit.midi.ump.reassembly import (
    DEFAULT_LIMITS,
    Clock,
    Fault,
    Limits,
    Reassembly,
    Wrong,
)

_HEADER_BYTES: Final = 16
_PAYLOAD: Final = 14
_PACKET: Final = 16
_MOST_IN_CHUNK: Final = (0xFFFF - _HEADER_BYTES) // _PACKET * _PAYLOAD


@dataclass(frozen=True, slots=True)
class Exclusive7:
    """A whole System Exclusive message in bytes of 7 bits, without F0 and F7."""

    group: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Exclusive8:
    """A whole System Exclusive message in bytes of 8 bits. Those of different streams may be sent
    at the same time."""

    group: int
    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class MixedDataSet:
    """Any data of any length; the manufacturer's id is in its form of 16 bits."""

    group: int
    set_id: int
    manufacturer: int
    device: int
    sub_id_1: int
    sub_id_2: int
    data: bytes


LongMessage = Exclusive7 | Exclusive8 | MixedDataSet


def long_packets(message: LongMessage) -> list[int]:
    """The words of a long message. Raises ``InvalidInput`` for values out of range."""
    words: list[int] = []
    for packet in _packets(message):
        words.extend(encode(packet))
    return words


def _packets(message: LongMessage) -> Iterator[Message]:
    if isinstance(message, Exclusive7):
        for form, data in _cut(message.data, 6):
            yield SysEx7(message.group, form, data)
    elif isinstance(message, Exclusive8):
        for form, data in _cut(message.data, 13):
            yield SysEx8(message.group, form, message.stream, data)
    else:
        yield from _chunks(message)


def _cut(data: bytes, most: int) -> Iterator[tuple[Form, bytes]]:
    """An empty message is one packet."""
    if len(data) <= most:
        yield Form.COMPLETE, data
        return
    for at in range(0, len(data), most):
        form = Form.CONTINUE if at else Form.START
        yield (Form.END if at + most >= len(data) else form), data[at : at + most]


def _chunks(message: MixedDataSet) -> Iterator[Message]:
    many = max(1, -(-len(message.data) // _MOST_IN_CHUNK))
    if many > 0xFFFF:
        raise InvalidInput(
            f"{len(message.data):,} bytes are more than 65,535 chunks hold",
            where="MixedDataSet.data",
            hint="send several sets",
        )
    for number in range(many):
        part = message.data[number * _MOST_IN_CHUNK : (number + 1) * _MOST_IN_CHUNK]
        packets = -(-len(part) // _PAYLOAD)
        yield MixedDataHeader(
            message.group,
            message.set_id,
            _HEADER_BYTES + 2 * packets + len(part),
            many,
            number + 1,
            message.manufacturer,
            message.device,
            message.sub_id_1,
            message.sub_id_2,
        )
        for at in range(0, len(part), _PAYLOAD):
            data = part[at : at + _PAYLOAD].ljust(_PAYLOAD, b"\0")
            yield MixedDataPayload(message.group, message.set_id, data)


LongKey = tuple[str, int, int]
"""``sysex7``, ``sysex8`` or ``set``; the group; the stream or set, 0 where there is none."""


@dataclass(slots=True)
class _Chunk:
    """Where in a mixed data set we are: bytes still to come in this chunk, and what it said."""

    header: MixedDataHeader
    left: int


class LongAssembler:
    """Long messages out of packets, within ``limits``; other messages are passed over.

    ``clock`` is monotonic, in seconds; without one, nothing times out. What could not be had is
    told by :meth:`take_faults`.
    """

    def __init__(self, *, clock: Clock | None = None, limits: Limits = DEFAULT_LIMITS) -> None:
        self._parts: Reassembly[LongKey] = Reassembly(limits, clock)
        self._chunks: dict[LongKey, _Chunk] = {}  # 256 at most

    @property
    def open_bytes(self) -> int:
        """What the unfinished messages hold."""
        return self._parts.open_bytes

    def feed(self, messages: Iterable[Message]) -> list[LongMessage]:
        """What is whole now."""
        found: list[LongMessage] = []
        for message in messages:
            whole = self._take(message)
            if whole is not None:
                found.append(whole)
        return found

    def expire(self) -> None:
        """Give up what has waited too long. ``feed`` does so too; call it when nothing comes."""
        self._parts.expire()

    def take_faults(self) -> list[Fault[LongKey]]:
        """What went wrong since the last call, at most the last 256."""
        return self._parts.take_faults()

    def _take(self, message: Message) -> LongMessage | None:
        if isinstance(message, SysEx7):
            data = self._parts.add(("sysex7", message.group, 0), message.form, message.data)
            return None if data is None else Exclusive7(message.group, data)
        if isinstance(message, SysEx8):
            key = ("sysex8", message.group, message.stream)
            data = self._parts.add(key, message.form, message.data)
            return None if data is None else Exclusive8(message.group, message.stream, data)
        if isinstance(message, MixedDataHeader):
            return self._header(message)
        if isinstance(message, MixedDataPayload):
            return self._payload(message)
        return None

    def _header(self, header: MixedDataHeader) -> MixedDataSet | None:
        key = ("set", header.group, header.set_id)
        before = self._chunks.pop(key, None)
        if header.valid_bytes < _HEADER_BYTES or not self._follows(key, before, header):
            if self._parts.is_open(key):
                self._parts.give_up(key, Wrong.CHUNKS)
            else:
                self._parts.fault(key, Wrong.CHUNKS, 0)
            return None
        if header.chunk == 1:
            self._parts.add(key, Form.START, b"")
        rest = header.valid_bytes - _HEADER_BYTES
        self._chunks[key] = _Chunk(header, rest - 2 * -(-rest // _PACKET))
        return self._ended(key)

    def _follows(self, key: LongKey, before: _Chunk | None, header: MixedDataHeader) -> bool:
        """Whether it begins a set, or the next chunk of one whose last is whole."""
        if header.chunk == 1:
            return True
        return (
            before is not None
            and before.left <= 0
            and header.chunk == before.header.chunk + 1
            and self._parts.is_open(key)
        )

    def _payload(self, message: MixedDataPayload) -> MixedDataSet | None:
        key = ("set", message.group, message.set_id)
        chunk = self._chunks.get(key)
        if chunk is None or chunk.left <= 0 or not self._parts.is_open(key):
            self._chunks.pop(key, None)
            self._parts.add(key, Form.CONTINUE, message.data)  # which tells why it cannot be
            if self._parts.is_open(key):
                self._parts.give_up(key, Wrong.CHUNKS)
            return None
        data = message.data[: chunk.left]
        chunk.left -= _PAYLOAD
        self._parts.add(key, Form.CONTINUE, data)
        return self._ended(key)

    def _ended(self, key: LongKey) -> MixedDataSet | None:
        chunk = self._chunks[key]
        header = chunk.header
        if chunk.left > 0 or header.chunk != header.chunks or not self._parts.is_open(key):
            return None
        del self._chunks[key]
        data = self._parts.add(key, Form.END, b"")
        assert data is not None  # it was open, and an end adds nothing
        return MixedDataSet(
            header.group,
            header.set_id,
            header.manufacturer,
            header.device,
            header.sub_id_1,
            header.sub_id_2,
            data,
        )
