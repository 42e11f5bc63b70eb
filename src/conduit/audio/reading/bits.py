"""Bits of a window of a file: read by number, and found by the next one that is set."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from conduit.midi.notes import Ints

_Words: TypeAlias = np.ndarray[tuple[int], np.dtype[np.uint64]]

_TAIL: Final = 8
"""Bytes that may be read past the end of a window: reading any number there is no fault yet, but
standing there is."""


class Ended(Exception):
    """The window holds fewer bits than were asked for. Never leaves this folder."""


class Bits:
    """A window of a file, highest bit of a byte first, and the place of reading in it."""

    def __init__(self, data: bytes) -> None:
        self.at = 0
        self.size = 8 * len(data)
        padded = data + bytes(_TAIL)
        # A word of 64 bits from each byte on, so that up to 57 bits are one shift away.
        self._words: _Words = np.ndarray((len(data) + 1,), ">u8", padded, strides=(1,))
        ones = np.flatnonzero(np.unpackbits(np.frombuffer(padded, np.uint8)).view(np.bool_))
        ends = np.append(ones, 8 * len(padded)).astype(np.int32)
        nearest = np.repeat(ends, np.diff(ends, prepend=np.int32(-1)))
        self.next_one = memoryview(nearest.data)
        """Where the first set bit at or after each bit is; beyond the end where there is none."""

    def number(self, bits: int) -> int:
        """The next bits as a number. Raises :class:`Ended`."""
        found = self.peek(self.at, bits)
        self.at += bits
        return found

    def peek(self, at: int, bits: int) -> int:
        if at + bits > self.size:
            raise Ended
        return (int(self._words[at >> 3]) >> (64 - (at & 7) - bits)) & ((1 << bits) - 1)

    def signed(self, bits: int) -> int:
        """The next bits as a number in two's complement. Raises :class:`Ended`."""
        found = self.number(bits)
        return found - (1 << bits) if bits and found >> (bits - 1) else found

    def unary(self) -> int:
        """How many zeros come before the next one, which is read too. Raises :class:`Ended`."""
        if self.at >= self.size or (one := self.next_one[self.at]) >= self.size:
            raise Ended
        zeros = one - self.at
        self.at = one + 1
        return zeros

    def numbers(self, at: Ints, bits: Ints | int) -> Ints:
        """A number of up to 57 bits at each place, ``(n,)``; all places are inside."""
        width = np.asarray(bits, np.uint64)
        shift = np.uint64(64) - (at & 7).astype(np.uint64) - width
        # Nothing is shifted by 64: a number of no bits is shifted by 63 and masked to nothing.
        words = self._words[at >> 3].astype(np.uint64)
        found = words >> np.minimum(shift, np.uint64(63))
        mask = (np.uint64(1) << width) - np.uint64(1)
        numbers: Ints = (found & mask).astype(np.int64)
        return numbers
