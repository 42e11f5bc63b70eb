"""Bytes into packets. Hostile bytes cost time in proportion to their number, and no more depth than
``DEEPEST``.

Taken although the specification has it otherwise, because senders in use do it: padding that is not
null, or that is missing at the very end; texts in UTF-8; a message without type tags, when nothing
follows its address. ``strict`` refuses all of these.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.surfaces.osc.wire.packets import (
    DEEPEST,
    INFINITUM,
    Argument,
    Bundle,
    Char,
    Color,
    Double,
    Int64,
    Message,
    Midi,
    Packet,
    Symbol,
    TimeTag,
)

_BUNDLE: Final = b"#bundle\0"
_FIXED: Final[dict[str, tuple[struct.Struct, Callable[..., Argument]]]] = {
    "i": (struct.Struct(">i"), int),
    "f": (struct.Struct(">f"), float),
    "h": (struct.Struct(">q"), Int64),
    "d": (struct.Struct(">d"), Double),
    "t": (struct.Struct(">Q"), TimeTag),
    "r": (struct.Struct(">4B"), Color),
    "m": (struct.Struct(">4B"), Midi),
}
_EMPTY: Final[dict[str, Argument]] = {"T": True, "F": False, "N": None, "I": INFINITUM}
_HINT: Final = "send OSC 1.0"


def decode(
    data: bytes, *, strict: bool = False, left_out: Callable[[InvalidInput], None] | None = None
) -> Packet:
    """The packet in ``data``. An element of a bundle that cannot be read, while its size can, is
    left out, told to ``left_out``, and refused when ``strict``.

    Raises ``InvalidInput``.
    """
    return _packet(data, strict, left_out or _nobody, 1)


def _nobody(_: InvalidInput) -> None:
    """Whoever is not told of what is left out."""


def _packet(
    data: bytes, strict: bool, left_out: Callable[[InvalidInput], None], depth: int
) -> Packet:
    if strict and len(data) % 4:
        raise _fault("the size of a packet is a multiple of 4", 0)
    if not data.startswith(_BUNDLE):
        return _MessageReader(data, strict).message()
    if depth > DEEPEST:
        raise _fault(f"bundles lie more than {DEEPEST} deep", 0)
    if len(data) < 16:
        raise _fault("the bundle ends before its time tag", 0)
    elements: list[Packet] = []
    at = 16
    while len(data) - at >= 4:
        size = int.from_bytes(data[at : at + 4], "big")
        at += 4
        if size > len(data) - at:
            raise _fault(f"an element of {size:,} bytes, and {len(data) - at:,} follow", at - 4)
        try:
            elements.append(_packet(data[at : at + size], strict, left_out, depth + 1))
        except InvalidInput as error:
            if strict:
                raise
            left_out(error)
        at += size
    if at != len(data) and strict:
        raise _fault("the bundle ends within a size", at)
    return Bundle(tuple(elements), TimeTag.from_bytes(data[8:16], "big"))


class _MessageReader:
    def __init__(self, data: bytes, strict: bool) -> None:
        self._data = data
        self._strict = strict

    def message(self) -> Message:
        """The message, and nothing behind it."""
        end = len(self._data)
        address, at = self._text(0, "the address")
        if not address.startswith("/"):
            raise _fault("neither / nor #bundle is at the beginning", 0)
        if at >= end:
            if self._strict:
                raise _fault("the message has no type tags", at)
            return Message(address)
        tags, at = self._text(at, "the type tags")
        if not tags.startswith(","):
            raise _fault("the message has no type tags", at)
        open_arrays: list[list[Argument]] = [[]]
        for tag in tags[1:]:
            if tag == "[":
                if len(open_arrays) > DEEPEST:
                    raise _fault(f"arrays lie more than {DEEPEST} deep", at)
                open_arrays.append([])
            elif tag == "]":
                if len(open_arrays) == 1:
                    raise _fault("an array ends that has not begun", at)
                whole = tuple(open_arrays.pop())
                open_arrays[-1].append(whole)
            else:
                value, at = self._argument(tag, at)
                open_arrays[-1].append(value)
        if len(open_arrays) > 1:
            raise _fault("an array does not end", at)
        if at < end and self._strict:
            raise _fault("something follows the last argument", at)
        return Message(address, tuple(open_arrays[0]))

    def _argument(self, tag: str, at: int) -> tuple[Argument, int]:
        if tag in _FIXED:
            layout, kind = _FIXED[tag]
            if at + layout.size > len(self._data):
                self._taken(at, layout.size)
            return kind(*layout.unpack_from(self._data, at)), at + layout.size
        if tag in _EMPTY:
            return _EMPTY[tag], at
        if tag in "sS":
            text, at = self._text(at, "a text")
            return (Symbol(text) if tag == "S" else text), at
        if tag == "b":
            size = int.from_bytes(self._taken(at, 4), "big")
            blob = self._taken(at + 4, size)
            return blob, self._past_padding(at + 4 + size)
        if tag == "c":
            code = int.from_bytes(self._taken(at, 4), "big")
            if code > 0x7F and (self._strict or code > 0x10FFFF or 0xD800 <= code < 0xE000):
                raise _fault("a character that is none", at)
            return Char(chr(code)), at + 4
        raise _fault(f"the type {tag!r} is not known", at)

    def _text(self, at: int, what: str) -> tuple[str, int]:
        stop = self._data.find(b"\0", at)
        if stop < 0:
            if self._strict or at >= len(self._data):
                raise _fault(f"{what} does not end", at)
            stop = len(self._data)
        raw = self._data[at:stop]
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            if self._strict:
                raise _fault(f"{what} is not UTF-8", at) from None
            text = raw.decode(errors="replace")
        return text, self._past_padding(stop + 1)

    def _taken(self, at: int, size: int) -> bytes:
        left = max(len(self._data) - at, 0)
        if size > left:
            raise _fault(f"{size:,} bytes are missing, and {left:,} are there", at)
        return self._data[at : at + size]

    def _past_padding(self, at: int) -> int:
        after = at + -at % 4
        if self._strict and (after > len(self._data) or any(self._data[at:after])):
            raise _fault("the padding is not of nulls", at)
        return min(after, len(self._data))


def _fault(message: str, at: int) -> InvalidInput:
    return InvalidInput(message, where=f"byte {at}", hint=_HINT)
