"""Frames of WebSocket: bytes from a client into messages, messages into bytes (RFC 6455, 5).

What a reader holds is bounded by the largest message, whatever a header claims; what the protocol
forbids ends the connection with the code that it has for that.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

TEXT: Final = 0x1
_BINARY: Final = 0x2
_CLOSE: Final = 0x8
_PING: Final = 0x9
_PONG: Final = 0xA
_MORE: Final = 0x0
_LONGEST_CONTROL: Final = 125

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL: Final = 1002
UNSUPPORTED: Final = 1003
NOT_UTF8: Final = 1007
POLICY: Final = 1008
TOO_BIG: Final = 1009


@dataclass(frozen=True, slots=True)
class Said:
    """A whole message of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Pinged:
    """It wants to know whether we are there."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Ponged:
    """It is there."""


@dataclass(frozen=True, slots=True)
class Closed:
    """It has said its last word, or something that no client may say: then ``fault`` says what.
    ``code`` is to be answered."""

    code: int
    fault: str = ""


Event = Said | Pinged | Ponged | Closed


class Reader:
    """Of one connection. After ``Closed`` it reads no more."""

    def __init__(self, largest: int) -> None:
        """``largest`` is the most bytes that a message may have."""
        self._largest = largest
        self._held = bytearray()
        self._message = bytearray()
        self._open = False
        """A message has begun, and its end is not there."""
        self._ended = False

    def feed(self, data: bytes) -> list[Event]:
        """What these bytes complete."""
        if self._ended:
            return []
        self._held += data
        found: list[Event] = []
        at = 0
        while not self._ended:
            try:
                frame = self._frame(at)
                if frame is None:
                    break
                first, payload, at = frame
                event = self._event(first, payload)
            except _Broken as broken:
                event = Closed(broken.code, broken.why)
            if event is not None:
                found.append(event)
                self._ended = isinstance(event, Closed)
        if self._ended:
            self._held.clear()
            self._message.clear()
        else:
            del self._held[:at]
        return found

    def _frame(self, at: int) -> tuple[int, bytes, int] | None:
        """First byte, payload, and where the next frame begins; None until all of it is there."""
        held = self._held
        if len(held) - at < 2:
            return None
        first, second = held[at], held[at + 1]
        if first & 0x70:
            raise _Broken(PROTOCOL, "a bit is set that belongs to an extension")
        if not second & 0x80:
            raise _Broken(PROTOCOL, "a frame of a client is not masked")
        size, at = second & 0x7F, at + 2
        if first & 0x8 and (size > _LONGEST_CONTROL or not first & 0x80):
            raise _Broken(PROTOCOL, "a control frame is too long, or in pieces")
        if size >= 126:
            wide = 2 if size == 126 else 8
            if len(held) - at < wide:
                return None
            size = int.from_bytes(held[at : at + wide])
            at += wide
            if size < (126 if wide == 2 else 1 << 16) or size >> 63:
                raise _Broken(PROTOCOL, "a length is not written in its shortest form")
        if len(self._message) + size > self._largest and not first & 0x8:
            raise _Broken(TOO_BIG, f"a message is larger than {self._largest >> 20} MiB")
        if len(held) - at < 4 + size:
            return None
        mask, body = held[at : at + 4], held[at + 4 : at + 4 + size]
        return first, _unmasked(body, mask), at + 4 + size

    def _event(self, first: int, payload: bytes) -> Event | None:
        kind = first & 0xF
        match kind:
            case _ if kind == _PING:
                return Pinged(payload)
            case _ if kind == _PONG:
                return Ponged()
            case _ if kind == _CLOSE:
                return _closing(payload)
            case _ if kind == _BINARY:
                raise _Broken(UNSUPPORTED, "messages here are text")
            case _ if kind not in (TEXT, _MORE):
                raise _Broken(PROTOCOL, "a frame is of a kind that is not known")
        if (kind == _MORE) is not self._open:
            raise _Broken(PROTOCOL, "the pieces of messages are out of order")
        self._message += payload
        self._open = not first & 0x80
        if self._open:
            return None
        whole, self._message = self._message, bytearray()
        try:
            return Said(whole.decode())
        except UnicodeDecodeError:
            raise _Broken(NOT_UTF8, "a text is not UTF-8") from None


class _Broken(Exception):
    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


def _closing(payload: bytes) -> Closed:
    if not payload:
        return Closed(NORMAL)
    code = int.from_bytes(payload[:2])
    usual = 1000 <= code <= 1014 and code not in (1004, 1005, 1006)
    if len(payload) < 2 or not (usual or 3000 <= code <= 4999):
        raise _Broken(PROTOCOL, "it closed with a code that nobody may send")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise _Broken(NOT_UTF8, "a reason is not UTF-8") from None
    return Closed(code)


def _unmasked(body: bytes | bytearray, mask: bytes | bytearray) -> bytes:
    """Each byte with one of four (5.3), as one number: byte by byte would take fifty times as
    long."""
    size = len(body)
    key = bytes(mask) * (size // 4 + 1)
    return (int.from_bytes(body) ^ int.from_bytes(key[:size])).to_bytes(size)


def text_frame(data: bytes) -> bytes:
    """A message of UTF-8 text, in one piece."""
    return _framed(TEXT, data)


def ping_frame() -> bytes:
    return _framed(_PING, b"")


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping with this payload."""
    return _framed(_PONG, payload)


def close_frame(code: int, why: str = "") -> bytes:
    """The last frame. ``why`` is cut to what there is room for."""
    reason = why.encode()[: _LONGEST_CONTROL - 2].decode(errors="ignore").encode()
    return _framed(_CLOSE, code.to_bytes(2) + reason)


def _framed(kind: int, data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        head = struct.pack(">BB", 0x80 | kind, size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", 0x80 | kind, 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | kind, 127, size)
    return head + data
