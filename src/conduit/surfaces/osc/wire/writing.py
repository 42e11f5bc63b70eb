"""Packets into bytes: what the specification allows, and nothing else."""

from __future__ import annotations

import re
import struct
from typing import Final

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.surfaces.osc.wire.packets import (
    DEEPEST,
    IMMEDIATELY,
    Argument,
    Char,
    Color,
    Double,
    Infinitum,
    Int64,
    Message,
    Midi,
    Packet,
    Symbol,
    TimeTag,
)

_ADDRESS: Final = re.compile(r"/[!-\"$-~]*")
"""Printable ASCII without blank and ``#``; ``,`` only within the braces of a pattern."""
_MOST: Final = 0x7FFF_FFFF


def encode(packet: Packet) -> bytes:
    """A packet as bytes; their count is a multiple of 4.

    Raises ``InvalidInput`` for what no packet can hold, ``TooLarge`` beyond 2 GiB.
    """
    return b"".join(_packet(packet, 1, TimeTag(0)))


def _packet(packet: Packet, depth: int, not_before: TimeTag) -> list[bytes]:
    if isinstance(packet, Message):
        return _message(packet)
    if depth > DEEPEST:
        raise InvalidInput(
            f"bundles lie more than {DEEPEST} deep", where="#bundle", hint="send them side by side"
        )
    at = packet.at
    if not 0 < at < 1 << 64:
        raise InvalidInput(f"{int(at)} is no time tag", where="#bundle", hint="1 is immediately")
    if at != IMMEDIATELY and at < not_before:
        raise InvalidInput(
            "a bundle within a bundle is earlier than that", where="#bundle", hint="swap the two"
        )
    pieces = [b"#bundle\0", at.to_bytes(8, "big")]
    for element in packet.elements:
        inside = _packet(element, depth + 1, max(at, not_before))
        pieces.append(_size(sum(map(len, inside)), "#bundle"))
        pieces += inside
    return pieces


def _message(message: Message) -> list[bytes]:
    address = message.address
    if not _ADDRESS.fullmatch(address) or ("," in address and "{" not in address):
        raise InvalidInput(
            f"{address[:80]!r} is no address",
            where="address",
            hint="it begins with /; printable ASCII without blank, # and comma",
        )
    tags = [","]
    data: list[bytes] = []
    for argument in message.arguments:
        _argument(argument, tags, data, 0, address)
    return [padded(address.encode()), padded("".join(tags).encode()), *data]


def _argument(value: Argument, tags: list[str], data: list[bytes], depth: int, where: str) -> None:
    match value:
        case None:
            tags.append("N")
        case bool():
            tags.append("T" if value else "F")
        case Infinitum():
            tags.append("I")
        case TimeTag():
            tags.append("t")
            data.append(_whole(value, ">Q", where))
        case Int64():
            tags.append("h")
            data.append(_whole(value, ">q", where))
        case int():
            small = -0x8000_0000 <= value <= _MOST
            tags.append("i" if small else "h")
            data.append(_whole(value, ">i" if small else ">q", where))
        case Double():
            tags.append("d")
            data.append(struct.pack(">d", value))
        case float():
            tags.append("f")
            data.append(_single(value, where))
        case Char():
            if len(value) != 1 or not value.isascii():
                raise _unfit("a character is one of ASCII", where)
            tags.append("c")
            data.append(struct.pack(">I", ord(value)))
        case str():
            tags.append("S" if isinstance(value, Symbol) else "s")
            data.append(_text(value, where))
        case bytes():
            tags.append("b")
            data += (_size(len(value), where), value, bytes(-len(value) % 4))
        case Color() | Midi():
            tags.append("r" if isinstance(value, Color) else "m")
            try:
                data.append(bytes(value))
            except (ValueError, TypeError):
                raise _unfit("colours and MIDI messages are four numbers of 0 to 255", where) from (
                    None
                )
        case tuple():
            if depth >= DEEPEST:
                raise _unfit(f"arrays lie more than {DEEPEST} deep", where)
            tags.append("[")
            for each in value:
                _argument(each, tags, data, depth + 1, where)
            tags.append("]")
        case _:
            raise _unfit(f"a {type(value).__name__} is no argument of OSC", where)


def padded(text: bytes) -> bytes:
    """An OSC-string: at least one null at its end, up to a multiple of 4."""
    return text + bytes(4 - len(text) % 4)


def _text(value: str, where: str) -> bytes:
    if "\0" in value:
        raise _unfit("a text ends at its first null character", where)
    try:
        return padded(value.encode())
    except UnicodeEncodeError:
        raise _unfit("the text has half a character (a lone surrogate)", where) from None


def _whole(value: int, layout: str, where: str) -> bytes:
    try:
        return struct.pack(layout, value)
    except struct.error:
        raise _unfit(f"{value:.6g} does not fit into 64 bits", where) from None


def _single(value: float, where: str) -> bytes:
    try:
        return struct.pack(">f", value)
    except OverflowError:
        raise _unfit(f"{value:.6g} does not fit into 32 bits", where, "send a Double") from None


def _size(count: int, where: str) -> bytes:
    if count > _MOST:
        raise TooLarge(f"{count:,} bytes are more than OSC can count", where=where)
    return struct.pack(">i", count)


def _unfit(
    message: str, where: str, hint: str = "send one of the types of OSC 1.0"
) -> InvalidInput:
    return InvalidInput(message, where=where, hint=hint)
