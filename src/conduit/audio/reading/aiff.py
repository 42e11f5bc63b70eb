"""AIFF and AIFF-C files: IFF chunks, big-endian (Apple, 1989 and 1991)."""

from __future__ import annotations

import math
import struct
from typing import Final

from conduit.audio.reading.pcm import Kind, Portion, Shape, Sound, Word, decode_pcm
from conduit.audio.reading.riff import chunks
from conduit.contracts.errors import InvalidInput

_PLAIN: Final = (b"NONE", b"twos", b"in24", b"in32")
_FLOATS: Final = {b"fl32": 4, b"FL32": 4, b"fl64": 8, b"FL64": 8}


def read_aiff(data: bytes, portion: Portion) -> Sound:
    """Raises ``InvalidInput`` and ``TooLarge``."""
    found: tuple[Shape, Word, int] | None = None
    sound: tuple[int, int] | None = None
    for tag, at, size in chunks(data, 12, ">"):
        if tag == b"COMM":
            found = _layout(data[at : at + min(size, 64)], data[8:12] == b"AIFC")
        elif tag == b"SSND" and at + 8 <= len(data):
            skipped = 8 + int.from_bytes(data[at : at + 4], "big")
            sound = (at + skipped, max(0, size - skipped))
        if found and sound:
            shape, word, frames = found
            at, there = sound
            claimed = min(there, frames * word.size * shape.channels)
            return decode_pcm(data, at, claimed, shape, word, portion)
    missing = "COMM" if found is None else "SSND"
    raise InvalidInput(f"the file has no sound: its {missing} chunk is missing", where=missing)


def _layout(comm: bytes, compressed: bool) -> tuple[Shape, Word, int]:
    if len(comm) < (22 if compressed else 18):
        raise InvalidInput("the format is cut off", where="COMM")
    channels, frames, bits = struct.unpack_from(">HIH", comm)
    shape = Shape.of(_extended(comm[8:18]), channels)
    form = comm[18:22] if compressed else b"NONE"
    if form in _FLOATS:
        return shape, Word("float", _FLOATS[form], big=True), frames
    size = (bits + 7) // 8
    if form not in (*_PLAIN, b"sowt", b"raw ") or not 1 <= size <= 4:
        raise InvalidInput(
            f"samples of form {form.decode('latin-1')!r} with {bits} bits",
            where="COMM",
            hint="AIFF without compression is read: convert it",
        )
    kind: Kind = "unsigned" if form == b"raw " and size == 1 else "signed"
    return shape, Word(kind, size, big=form != b"sowt"), frames


def _extended(ten: bytes) -> float:
    """An 80-bit number of IEEE 754 as a double; infinite and no numbers as 0, which no rate is."""
    exponent = int.from_bytes(ten[:2], "big")
    if exponent >= 0x7FFF:  # also any negative one
        return 0.0
    try:
        return math.ldexp(int.from_bytes(ten[2:], "big"), exponent - 16383 - 63)
    except OverflowError:
        return 0.0
