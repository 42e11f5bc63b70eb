"""The width and height of a picture, read from the beginning of its file.

Layouts: PNG (IHDR is the first chunk), GIF (logical screen descriptor), JPEG (the first SOF
segment), WebP (VP8, VP8L and VP8X headers). Only the first 64 KiB are looked at.
"""

from __future__ import annotations

import base64
import binascii
import struct

_HEAD = 64 * 1024
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})
_UNKNOWN = (0, 0)


def picture_size(data: str) -> tuple[int, int]:
    """Pixels of a picture in base64; (0, 0) when they cannot be told."""
    try:
        head = base64.b64decode(data[: _HEAD // 3 * 4])
    except (binascii.Error, ValueError):
        return _UNKNOWN
    try:
        if head[:8] == b"\x89PNG\r\n\x1a\n":
            return struct.unpack_from(">II", head, 16)
        if head[:4] == b"GIF8":
            return struct.unpack_from("<HH", head, 6)
        if head[:2] == b"\xff\xd8":
            return _jpeg(head)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head)
    except struct.error:  # it ends too early
        pass
    return _UNKNOWN


def _jpeg(head: bytes) -> tuple[int, int]:
    """Segments until one that begins a frame (ITU T.81, annex B): its height, then its width."""
    at = 2
    while head[at : at + 1] == b"\xff":
        marker = head[at + 1] if at + 1 < len(head) else 0
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + max(2, struct.unpack_from(">H", head, at + 2)[0])
    return _UNKNOWN


def _webp(head: bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        wide, high = head[24:27], head[27:30]
        return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return _UNKNOWN
