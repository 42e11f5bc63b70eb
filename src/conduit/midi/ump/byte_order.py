"""Words as bytes. On a network and in a clip file they are big-endian, over USB little-endian, and
a device file of ALSA has them as the processor does (``native``)."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from typing import Literal

from conduit.contracts.errors import InvalidInput
from conduit.midi.ump.codec import checked_words

Order = Literal["big", "little", "native"]


def words_of(data: bytes | bytearray | memoryview, order: Order) -> list[int]:
    """The words in whole bytes. Raises ``InvalidInput`` unless there are four for each."""
    if len(data) % 4:
        raise InvalidInput(
            f"{len(data)} bytes are not whole 32-bit words",
            where=f"byte {len(data) - len(data) % 4}",
            hint="read a stream with conduit.midi.ump.WordStream",
        )
    words = array("I", bytes(data))
    if _swapped(order):
        words.byteswap()
    return words.tolist()


def bytes_of(words: Iterable[int], order: Order) -> bytes:
    """The bytes of words. Raises ``InvalidInput`` for what is no word."""
    given = array("I", checked_words(words))
    if _swapped(order):
        given.byteswap()
    return given.tobytes()


class WordStream:
    """Words out of bytes that come in any portions. It keeps at most three bytes."""

    def __init__(self, order: Order) -> None:
        _swapped(order)
        self._order = order
        self._rest = b""

    @property
    def pending(self) -> bytes:
        """The beginning of a word."""
        return self._rest

    def feed(self, data: bytes | bytearray | memoryview) -> list[int]:
        """The words that are whole now."""
        given = self._rest + bytes(data)
        whole = len(given) - len(given) % 4
        self._rest = given[whole:]
        return words_of(given[:whole], self._order)


def _swapped(order: str) -> bool:
    if order not in ("big", "little", "native"):
        raise InvalidInput(
            f"{order!r:.20} is no order of bytes", where="order", hint="big, little or native"
        )
    return order not in ("native", sys.byteorder)
