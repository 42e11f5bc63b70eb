"""Bits of a window of a file: read by number, and found by the next one that is set."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from conduit.midi.notes import Ints

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
        raw = np.frombuffer(data + bytes(_TAIL), np.uint8)
        # A word of 64 bits from each byte on, so that up to 57 bits are one shift away.
        self._words = np.zeros(len(data) + 1, np.uint64)
        for place in range(_TAIL):
            part = raw[place : place + len(data) + 1].astype(np.uint64)
            self._words |= part << np.uint64(8 * (_TAIL - 1 - place))
        ones = np.unpackbits(raw)
        place_of = np.where(ones, np.arange(len(ones), dtype=np.int32), np.int32(len(ones)))
        nearest: npt.NDArray[np.int32] = np.minimum.accumulate(place_of[::-1])[::-1]
        self.next_one = memoryview(np.ascontiguousarray(nearest).data)
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
        found = self._words[at >> 3] >> np.minimum(shift, np.uint64(63))
        mask = (np.uint64(1) << width) - np.uint64(1)
        numbers: Ints = (found & mask).astype(np.int64)
        return numbers
