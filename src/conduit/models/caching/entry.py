"""One kept answer, and its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from conduit.contracts.chat import ChatResponse
from conduit.models.caching.key import VERSION

_MARK: Final = b"cC" + bytes([VERSION])


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as its provider wrote it, in the client's own dialect: a ``stream`` with all its
    events, or one document."""

    body: bytes
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """``created_ms`` is Unix time. ``raw`` is there where the answer was passed on untranslated:
    it holds what ``response`` has no place for."""

    response: ChatResponse
    created_ms: int
    raw: Raw | None = None

    def raw_for(self, stream: bool) -> bytes | None:
        """The bytes to send again, when the client wants them in the form they have."""
        return self.raw.body if self.raw and self.raw.stream == stream else None


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(tuple[int, ChatResponse, bool, bytes]).decode


def encode(entry: Entry) -> bytes:
    """Three bytes of mark and version, then MessagePack: created, response, and the raw answer.

    Raises ``ValueError`` or ``TypeError`` for text that is no Unicode."""
    raw = entry.raw or Raw(b"")
    return _MARK + _ENCODE((entry.created_ms, entry.response, raw.stream, raw.body))


def decode(data: bytes) -> Entry | None:
    """None for whatever ``encode`` of this version did not write."""
    if not data.startswith(_MARK):
        return None
    try:
        created_ms, response, stream, body = _DECODE(memoryview(data)[len(_MARK) :])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return Entry(response, created_ms, Raw(body, stream) if body else None)
