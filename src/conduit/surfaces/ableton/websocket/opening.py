"""The opening handshake: a request for WebSocket, and what is answered (RFC 6455, 4.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Final

from conduit.contracts.errors import InvalidInput

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ASKED: Final = (b"upgrade", b"sec-websocket-version", b"sec-websocket-key")


def accepted(method: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The headers of the answer, written out. Raises ``InvalidInput`` for any other request."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ASKED:
            if name in found:
                raise _not_asked(f"there are two {name.decode()} headers")
            found[name] = value.strip()
    if method != "GET" or found.get(b"upgrade", b"").lower() != b"websocket":
        raise _not_asked("this address speaks WebSocket")
    if found.get(b"sec-websocket-version") != b"13":
        raise _not_asked("the only version of WebSocket here is 13")
    key = found.get(b"sec-websocket-key", b"")
    if not _is_key(key):
        raise _not_asked("the Sec-WebSocket-Key is no 16 bytes in Base64")
    answer = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    return b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: %b\r\n" % answer


def _is_key(key: bytes) -> bool:
    try:
        return len(key) == 24 and len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def _not_asked(why: str) -> InvalidInput:
    return InvalidInput(
        why,
        hint="connect with a WebSocket client (RFC 6455), or use the addresses for HTTP",
    )
