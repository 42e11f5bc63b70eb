"""WAV files: RIFF chunks, little-endian (Microsoft's *Multimedia Programming Interface*, 1991, its
``WAVE_FORMAT_EXTENSIBLE``, and RF64 of EBU Tech 3306 for what is longer than 4 GiB)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, Literal

from conduit.audio.reading.pcm import Kind, Portion, Shape, Sound, Word, decode_pcm
from conduit.contracts.errors import InvalidInput

MOST_CHUNKS: Final = 1000
"""A file of empty chunks is not walked for ever."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SIZES: Final = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8)}
_UNKNOWN: Final = (0, 0xFFFFFFFF)
"""Sizes that a recorder writes first and corrects at the end, when it comes to that."""


def read_wav(data: bytes, portion: Portion) -> Sound:
    """Raises ``InvalidInput`` and ``TooLarge``."""
    layout: tuple[Shape, Word] | None = None
    long_size = 0
    for tag, at, size in chunks(data, 12, "<"):
        if tag == b"ds64" and size >= 16:
            long_size = int.from_bytes(data[at + 8 : at + 16], "little")
        elif tag == b"fmt ":
            layout = layout_of(data[at : at + min(size, 64)])
        elif tag == b"data":
            if layout is None:
                raise InvalidInput("the sound comes before its format", where="data")
            if size == 0xFFFFFFFF and long_size:
                size = long_size
            if size in _UNKNOWN:
                size = len(data) - at
            return decode_pcm(data, at, size, *layout, portion)
    raise InvalidInput("the file has no sound: its data chunk is missing", where="data")


def chunks(data: bytes, at: int, order: Literal["<", ">"]) -> Iterator[tuple[bytes, int, int]]:
    """The tag of each chunk, where its contents begin, and the size that it claims."""
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(data):
            return
        tag, size = struct.unpack_from(f"{order}4sI", data, at)
        yield tag, at + 8, size
        at += 8 + size + (size & 1)
    raise InvalidInput(f"the file has more than {MOST_CHUNKS} chunks before its sound")


def layout_of(fmt: bytes) -> tuple[Shape, Word]:
    """What a format chunk says. Raises ``InvalidInput``."""
    if len(fmt) < 16:
        raise InvalidInput("the format is cut off", where="fmt")
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", fmt)
    if tag == _EXTENSIBLE and len(fmt) >= 26:
        tag = int.from_bytes(fmt[24:26], "little")  # the sub-format's GUID begins with it
    shape = Shape.of(rate, channels)
    size = (bits + 7) // 8
    if tag not in _SIZES or size not in _SIZES[tag]:
        raise InvalidInput(
            f"samples of format {tag} with {bits} bits",
            where="fmt",
            hint="PCM of 8 to 32 bits and floating point of 32 or 64 are read: convert it",
        )
    if align != size * channels:
        raise InvalidInput(
            f"a frame of {channels} × {size} bytes cannot be {align} bytes long", where="fmt"
        )
    kind: Kind = "float" if tag == _FLOAT else "unsigned" if size == 1 else "signed"
    return shape, Word(kind, size, big=False)
