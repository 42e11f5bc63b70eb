"""The part of DNS that discovery on a local network needs (RFC 1035, 6762 and 6763).

Whatever is read was written by a stranger: names that point at themselves, counts without content
and lengths beyond the end are all ``InvalidInput``, and reading takes linear time.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from conduit.contracts.errors import InvalidInput

MESSAGE_BYTES = 9000
"""The most an mDNS message may have (RFC 6762, 17)."""
_RECORDS = 256
_JUMPS = 16
_NAME_BYTES = 255
_LABEL_BYTES = 63
_RESPONSE = 0x8400
_UNIQUE = 0x8000


class Type(IntEnum):
    A = 1
    PTR = 12
    TXT = 16
    AAAA = 28
    SRV = 33
    ANY = 255


Name = tuple[str, ...]
"""Labels from left to right, without the empty one of the root. Compare with ``folded``. What is no
UTF-8 is kept as Python keeps it in file names, so that it can be written again as it was."""


@dataclass(frozen=True, slots=True)
class Question:
    name: Name
    type: int


@dataclass(frozen=True, slots=True)
class Record:
    """``data`` is what its type says: a ``Name`` for PTR, ``Target`` for SRV, texts for TXT, four
    or sixteen bytes for an address, and other bytes for what we do not know. ``unique`` asks others
    to forget what they knew under this name and type; a ``ttl_s`` of 0 to forget this one."""

    name: Name
    type: int
    ttl_s: int
    data: Name | Target | Texts | bytes
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where a service is: SRV."""

    host: Name
    port: int


@dataclass(frozen=True, slots=True)
class Texts:
    """What a service says of itself, ``key=value`` each: TXT. Keys are without case."""

    items: tuple[tuple[str, str], ...]

    def get(self, key: str) -> str:
        return next((value for name, value in self.items if name.lower() == key.lower()), "")


@dataclass(frozen=True, slots=True)
class Message:
    questions: tuple[Question, ...] = ()
    answers: tuple[Record, ...] = ()
    proposed: tuple[Record, ...] = ()
    """Names somebody is about to take (the authority section of a query)."""
    more: tuple[Record, ...] = ()
    response: bool = field(default=False, kw_only=True)


def folded(name: Name) -> Name:
    """A name as names are compared: without case, of ASCII letters only."""
    return tuple(label.translate(_LOWER) for label in name)


_LOWER = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}


def encode(message: Message) -> bytes:
    """Raises ``InvalidInput`` for a label or a text that is too long."""
    counts = map(len, (message.questions, message.answers, message.proposed, message.more))
    out = bytearray(struct.pack(">HH4H", 0, _RESPONSE if message.response else 0, *counts))
    known: dict[Name, int] = {}
    for question in message.questions:
        _write_name(out, question.name, known)
        out += struct.pack(">HH", question.type, 1)
    for record in (*message.answers, *message.proposed, *message.more):
        _write_record(out, record, known)
    return bytes(out)


def decode(data: bytes) -> Message:
    """Raises ``InvalidInput`` for what is no DNS message."""
    if not 12 <= len(data) <= MESSAGE_BYTES:
        raise InvalidInput("a DNS message has 12 to 9000 bytes")
    _, flags, *counts = struct.unpack_from(">HH4H", data)
    if sum(counts) > _RECORDS:
        raise InvalidInput("a DNS message says that it holds more records than any needs")
    at = 12
    questions = []
    for _ in range(counts[0]):
        name, at = _read_name(data, at)
        if at + 4 > len(data):
            raise InvalidInput("a DNS question is cut off")
        questions.append(Question(name, int.from_bytes(data[at : at + 2], "big")))
        at += 4
    sections: list[tuple[Record, ...]] = []
    for count in counts[1:]:
        records = []
        for _ in range(count):
            record, at = _read_record(data, at)
            records.append(record)
        sections.append(tuple(records))
    answers, proposed, more = sections
    return Message(tuple(questions), answers, proposed, more, response=bool(flags & 0x8000))


def _write_name(out: bytearray, name: Name, known: dict[Name, int]) -> None:
    for at in range(len(name)):
        rest = name[at:]
        if rest in known:
            out += struct.pack(">H", 0xC000 | known[rest])
            return
        if len(out) < 0x4000:
            known[rest] = len(out)
        label = _label_bytes(rest[0])
        if not 1 <= len(label) <= _LABEL_BYTES:
            raise InvalidInput(
                f"{rest[0]!r} is no label of a DNS name", hint="use 1 to 63 bytes of UTF-8"
            )
        out += bytes((len(label),)) + label
    out.append(0)


def _label_bytes(label: str) -> bytes:
    try:
        return label.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return b""  # which is no label, and said to be none


def _write_record(out: bytearray, record: Record, known: dict[Name, int]) -> None:
    _write_name(out, record.name, known)
    out += struct.pack(">HHI", record.type, 1 | _UNIQUE * record.unique, record.ttl_s)
    at = len(out)
    out += b"\0\0"
    match record.data:
        case bytes():
            out += record.data
        case Target(host, port):
            out += struct.pack(">HHH", 0, 0, port)
            _write_name(
                out, host, {}
            )  # RFC 6762, 18.14, would allow to shorten it; not all read it
        case Texts(items):
            for key, value in items:
                text = f"{key}={value}".encode()
                if len(text) > 255:
                    raise InvalidInput(f"the text {key!r} of a service is too long")
                out += bytes((len(text),)) + text
            if not items:
                out.append(0)
        case name:
            _write_name(out, name, known)
    struct.pack_into(">H", out, at, len(out) - at - 2)


def _read_record(data: bytes, at: int) -> tuple[Record, int]:
    name, at = _read_name(data, at)
    if at + 10 > len(data):
        raise InvalidInput("a DNS record is cut off")
    kind, where, ttl_s, size = struct.unpack_from(">HHIH", data, at)
    at += 10
    end = at + size
    if end > len(data):
        raise InvalidInput("a DNS record says that it is longer than its message")
    return Record(name, kind, ttl_s, _read_data(data, kind, at, end), bool(where & _UNIQUE)), end


def _read_data(data: bytes, kind: int, at: int, end: int) -> Name | Target | Texts | bytes:
    if kind == Type.PTR:
        name, after = _read_name(data, at)
        if after != end:
            raise InvalidInput("a PTR record is not one name")
        return name
    if kind == Type.SRV:
        if end - at < 7:
            raise InvalidInput("an SRV record is too short")
        host, after = _read_name(data, at + 6)
        if after != end:
            raise InvalidInput("an SRV record does not end with a name")
        return Target(host, int.from_bytes(data[at + 4 : at + 6], "big"))
    if kind == Type.TXT:
        items = []
        while at < end:
            after = at + 1 + data[at]
            if after > end:
                raise InvalidInput("a TXT record is cut off")
            key, equals, value = data[at + 1 : after].decode(errors="replace").partition("=")
            if key and equals:
                items.append((key, value))
            at = after
        return Texts(tuple(items))
    if (kind == Type.A and end - at != 4) or (kind == Type.AAAA and end - at != 16):
        raise InvalidInput("an address record has the wrong length")
    return data[at:end]


def _read_name(data: bytes, at: int) -> tuple[Name, int]:
    """A name, and where what follows it begins."""
    labels: list[str] = []
    size = jumps = 0
    after = -1
    while True:
        if at >= len(data):
            raise InvalidInput("a DNS name is cut off")
        length = data[at]
        if length >= 0xC0:
            if at + 2 > len(data) or jumps >= _JUMPS:
                raise InvalidInput("a DNS name does not end")
            after = at + 2 if after < 0 else after
            target = (length & 0x3F) << 8 | data[at + 1]
            if target >= at:
                raise InvalidInput("a DNS name points forwards")
            at, jumps = target, jumps + 1
            continue
        if length > _LABEL_BYTES:
            raise InvalidInput("a DNS label has a kind that nobody uses")
        at += 1
        if length == 0:
            return tuple(labels), at if after < 0 else after
        size += length + 1
        if at + length > len(data) or size > _NAME_BYTES:
            raise InvalidInput("a DNS name is too long")
        labels.append(data[at : at + length].decode(errors="surrogateescape"))
        at += length
