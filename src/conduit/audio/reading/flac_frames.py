"""One frame of a FLAC file: its header, and where the numbers of its subframes lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.audio.reading.bits import Bits, Ended
from conduit.midi.notes import Ints

FIXED: Final = ((), (1,), (2, -1), (3, -3, 1), (4, -6, 4, -1))
"""The fixed predictors (RFC 9639, section 9.2.5), the newest sample first."""

_SYNC: Final = 0b11111111111110
_BLOCK_SIZES: Final = {1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608} | {
    code: 256 << (code - 8) for code in range(8, 16)
}
_SAMPLE_SIZES: Final = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
_LEFT_SIDE, _SIDE_RIGHT, _MID_SIDE = 8, 9, 10


class Damaged(Exception):
    """The bits are no frame of this stream. Never leaves this folder."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What STREAMINFO says. ``total`` is 0 where it does not know."""

    rate: int
    channels: int
    bits: int
    total: int
    md5: bytes

    @classmethod
    def of(cls, info: bytes) -> Stream:
        packed = int.from_bytes(info[10:18], "big")
        return cls(
            rate=packed >> 44,
            channels=(packed >> 41 & 7) + 1,
            bits=(packed >> 36 & 31) + 1,
            total=packed & ((1 << 36) - 1),
            md5=info[18:34],
        )


@dataclass(frozen=True, slots=True)
class Subframe:
    """One channel: ``said`` is ``(size,)``, the first samples as they are and then what has to be
    added to what the predictor says, ``(order,)`` of coefficients, the newest sample first."""

    said: Ints
    coefficients: tuple[int, ...]
    shift: int
    wasted: int


@dataclass(frozen=True, slots=True)
class Frame:
    size: int
    """Samples of each channel."""
    assignment: int
    subframes: tuple[Subframe, ...]

    def channels(self, rows: Ints) -> Ints:
        """Left and right from what was stored, ``(channels, size)`` both."""
        if self.assignment == _LEFT_SIDE:
            return np.stack([rows[0], rows[0] - rows[1]])
        if self.assignment == _SIDE_RIGHT:
            return np.stack([rows[0] + rows[1], rows[1]])
        if self.assignment == _MID_SIDE:
            middle = (rows[0] << 1) | (rows[1] & 1)
            return np.stack([middle + rows[1], middle - rows[1]]) >> 1
        return rows


def read_frame(bits: Bits, stream: Stream) -> Frame:
    """The frame that begins where ``bits`` stands, at a whole byte; afterwards it stands behind
    it. Raises :class:`Damaged`, and ``Ended`` with the place as it was."""
    begins = bits.at
    try:
        size, assignment = _header(bits, stream)
        subframes = []
        for channel in range(stream.channels):
            side = assignment in (_LEFT_SIDE, _MID_SIDE) and channel == 1
            side = side or (assignment == _SIDE_RIGHT and channel == 0)
            subframes.append(_subframe(bits, size, stream.bits + side))
        bits.at = (bits.at + 7) // 8 * 8
        bits.number(16)  # a CRC-16; the MD5 of the whole tells more, and in C
    except (Ended, IndexError):
        bits.at = begins
        raise Ended from None
    return Frame(size, assignment, tuple(subframes))


def _header(bits: Bits, stream: Stream) -> tuple[int, int]:
    if bits.number(14) != _SYNC or bits.number(1):
        raise Damaged("a frame does not begin where it should")
    bits.number(1)
    size_code, rate_code = bits.number(4), bits.number(4)
    assignment, bits_code = bits.number(4), bits.number(3)
    bits.number(1)
    lead = bits.number(8)  # the frame's number, written as UTF-8 writes characters
    more = 8 - (lead ^ 0xFF).bit_length()
    bits.at += 8 * max(0, more - 1)
    if size_code in (6, 7):
        size = bits.number(8 if size_code == 6 else 16) + 1
    else:
        size = _BLOCK_SIZES.get(size_code, 0)
    bits.at += {12: 8, 13: 16, 14: 16}.get(rate_code, 0)
    bits.number(8)  # a CRC-8
    channels = 2 if assignment >= _LEFT_SIDE else assignment + 1
    if not size or assignment > _MID_SIDE or channels != stream.channels:
        raise Damaged("a frame has another shape than the stream")
    if bits_code and _SAMPLE_SIZES.get(bits_code) != stream.bits:
        raise Damaged("a frame has samples of another size")
    return size, assignment


def _subframe(bits: Bits, size: int, width: int) -> Subframe:
    if bits.number(1):
        raise Damaged("a subframe begins with what is reserved")
    kind = bits.number(6)
    wasted = bits.unary() + 1 if bits.number(1) else 0
    width -= wasted
    if width < 1:
        raise Damaged("a subframe wastes all its bits")
    if kind == 0:
        return Subframe(np.full(size, bits.signed(width)), (), 0, wasted)
    if kind == 1:
        return Subframe(_plain(bits, size, width), (), 0, wasted)
    if 8 <= kind <= 12:
        order = kind - 8
    elif kind >= 32:
        order = kind - 31
    else:
        raise Damaged("a subframe is of a reserved kind")
    if order > size:
        raise Damaged("a predictor looks back further than the frame")
    first = _plain(bits, order, width)
    shift = 0
    coefficients: tuple[int, ...] = FIXED[order] if kind < 32 else ()
    if kind >= 32:
        precision = bits.number(4) + 1
        shift = bits.signed(5)
        if precision == 16 or shift < 0:
            raise Damaged("a predictor is of a reserved kind")
        coefficients = tuple(bits.signed(precision) for _ in range(order))
    said = np.concatenate([first, _residual(bits, size, order)])
    return Subframe(said, coefficients, shift, wasted)


def _plain(bits: Bits, count: int, width: int) -> Ints:
    """So many samples of ``width`` bits, side by side."""
    if bits.at + count * width > bits.size:
        raise Ended
    found = bits.numbers(bits.at + width * np.arange(count), width)
    bits.at += count * width
    return found - ((found >> (width - 1)) << width)


def _residual(bits: Bits, size: int, order: int) -> Ints:
    """Rice codes in partitions (RFC 9639, section 9.2.7), ``(size - order,)``."""
    method = bits.number(2)
    if method > 1:
        raise Damaged("its numbers are coded in a reserved way")
    parameter_bits = 4 + method
    escape = (1 << parameter_bits) - 1
    partitions = 1 << bits.number(4)
    if size % partitions or size // partitions < order:
        raise Damaged("its partitions do not fit the frame")
    ends: list[int] = []
    starts: list[int] = []
    widths: list[int] = []
    counts: list[int] = []
    pieces: list[Ints] = []
    next_one = bits.next_one
    for partition in range(partitions):
        count = size // partitions - (0 if partition else order)
        parameter = bits.number(parameter_bits)
        if parameter == escape:
            pieces.append(_coded(bits, ends, starts, widths, counts))
            width = bits.number(5)
            pieces.append(_plain(bits, count, width) if width else np.zeros(count, np.int64))
            continue
        at = bits.at
        starts.append(at)
        widths.append(parameter)
        counts.append(count)
        step = parameter + 1
        ends += [at := next_one[at] + step for _ in range(count)]
        if at > bits.size:
            raise Ended
        bits.at = at
    pieces.append(_coded(bits, ends, starts, widths, counts))
    return np.concatenate(pieces)


def _coded(
    bits: Bits, ends: list[int], starts: list[int], widths: list[int], counts: list[int]
) -> Ints:
    """What the codes say that end at ``ends``, in partitions; the lists are emptied."""
    end = np.array(ends, np.int64)
    width = np.repeat(np.array(widths, np.int64), counts)
    begin = np.empty(len(end), np.int64)
    begin[1:] = end[:-1]
    begin[np.cumsum([0, *counts])[:-1][np.array(counts, np.int64) > 0]] = np.array(
        starts, np.int64
    )[np.array(counts, np.int64) > 0]
    zeros = end - width - 1 - begin
    folded = (zeros << width) | bits.numbers(end - width, width)
    for each in (ends, starts, widths, counts):
        each.clear()
    return (folded >> 1) ^ -(folded & 1)
