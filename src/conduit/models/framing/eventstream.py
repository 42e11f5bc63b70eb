"""AWS's binary event stream (``application/vnd.amazon.eventstream``), incrementally.

Layout ("Amazon event stream encoding" in the Smithy specification), all integers big-endian::

    total length  u32   of the whole message
    headers       u32   length of the headers
    prelude CRC   u32   CRC-32 of the eight bytes above
    headers             name length u8, name, type u8, value
    payload
    message CRC   u32   CRC-32 of everything above

A frame is named after its event. One that tells of an exception is named after that (it ends in
``Exception``), one that tells of an error is named ``error``; its payload is then JSON with a
``message``, as the others have.
"""

from __future__ import annotations

import json
import struct
from zlib import crc32

from conduit.models.exchange import Frame, NotTheProtocol

MAX_MESSAGE = 4 << 20
"""Bytes. A longer message is no event of a chat."""
MAX_HEADERS = 128 << 10
"""Bytes: the limit of the specification."""

_PRELUDE = struct.Struct(">III")
_WORD = struct.Struct(">I")
_LEAST = _PRELUDE.size + _WORD.size
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a value, by type: true, false, byte, short, integer, long, timestamp, uuid."""
_SIZED = {6: "bytes", 7: "string"}


class EventStreamParser:
    """Feed bytes, get messages. Raises ``NotTheProtocol`` for a wrong checksum, headers that do not
    fit, and messages above ``max_message`` bytes."""

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._max = max_message
        self._open = bytearray()
        self._needed = _PRELUDE.size

    def feed(self, data: bytes) -> list[Frame]:
        """The messages that ``data`` completes."""
        self._open += data
        if len(self._open) < self._needed:
            return []
        frames: list[Frame] = []
        view, at = bytes(self._open), 0
        while len(view) - at >= _PRELUDE.size:
            length = self._length(view, at)
            if len(view) - at < length:
                self._needed = length
                break
            frames.append(_message(view[at : at + length]))
            at += length
        else:
            self._needed = _PRELUDE.size
        del self._open[:at]
        return frames

    def close(self) -> list[Frame]:
        """The body has ended. Half a message is none: raises ``NotTheProtocol``."""
        if self._open:
            raise NotTheProtocol("the stream ended inside a message")
        return []

    def _length(self, view: bytes, at: int) -> int:
        total, headers, checksum = _PRELUDE.unpack_from(view, at)
        if crc32(view[at : at + 8]) != checksum:
            raise NotTheProtocol("a message of the stream has a wrong prelude")
        if total > self._max or headers > MAX_HEADERS:
            raise NotTheProtocol(f"a message of the stream exceeds {self._max} bytes")
        if total < _LEAST + headers:
            raise NotTheProtocol("a message of the stream is shorter than its headers")
        return int(total)


def _message(message: bytes) -> Frame:
    (checksum,) = _WORD.unpack_from(message, len(message) - _WORD.size)
    if crc32(message[: -_WORD.size]) != checksum:
        raise NotTheProtocol("a message of the stream has a wrong checksum")
    (length,) = _WORD.unpack_from(message, 4)
    end = _PRELUDE.size + length
    headers = _headers(message[_PRELUDE.size : end])
    payload = message[end : -_WORD.size]
    match headers.get(":message-type", "event"):
        case "exception":
            return Frame(headers.get(":exception-type", "unknownException"), payload)
        case "error":
            words = f"{headers.get(':error-code', '')}: {headers.get(':error-message', '')}"
            return Frame("error", json.dumps({"message": words.strip(": ")}).encode())
    return Frame(headers.get(":event-type", ""), payload)


def _headers(data: bytes) -> dict[str, str]:
    """Those that hold text; the others are measured and passed over."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind = data[at + 1 : name_end].decode(), data[name_end]
            at = name_end + 1
            if kind in _SIZED:
                size = int.from_bytes(data[at : at + 2], "big")
                value = data[at + 2 : at + 2 + size]
                at += 2 + size
                if kind == 7:
                    found[name] = value.decode()
            else:
                at += _FIXED[kind]
    except (IndexError, KeyError, UnicodeDecodeError):
        raise NotTheProtocol("a message of the stream has headers that cannot be read") from None
    if at != len(data):
        raise NotTheProtocol("a message of the stream has headers that do not fit")
    return found
