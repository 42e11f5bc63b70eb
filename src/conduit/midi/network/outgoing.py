"""UMP Data commands to be sent: numbered, repeated with those that follow, and kept for a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from conduit.midi.network.commands import (
    DATAGRAM_BYTES,
    SIGNATURE,
    RetransmitError,
    encode_data,
)
from conduit.midi.network.settings import Limits

_NUMBERS = 1 << 16
_SERVED_DATAGRAMS = 4


class Outgoing:
    """One direction of a session."""

    def __init__(self, limits: Limits) -> None:
        self._repeats = limits.repeats
        self._history: deque[bytes] = deque(maxlen=limits.history)
        self._next = 0
        self.commands = 0
        """How many there were."""

    def restart(self) -> None:
        """Count from 0, and forget what could be sent again."""
        self._history.clear()
        self._next = 0

    def datagram(self, words: Sequence[int]) -> bytes:
        """Whole messages, at most 64 words, or none, as one new command. The last ones go before
        it, so that the loss of a datagram is repaired by the next."""
        new = encode_data(self._next, words)
        self._next = (self._next + 1) % _NUMBERS
        self.commands += 1
        made = self.repeated(DATAGRAM_BYTES - len(new)) + new
        self._history.append(new)
        return made

    def repeated(self, room: int) -> bytes:
        """The beginning of a datagram: the last commands once more, as many as fit."""
        room -= len(SIGNATURE)
        earlier: list[bytes] = []
        for command in islice(reversed(self._history), self._repeats):
            room -= len(command)
            if room < 0:
                break
            earlier.append(command)
        return SIGNATURE + b"".join(reversed(earlier))

    def again(self, sequence: int, count: int) -> list[bytes] | RetransmitError:
        """What was asked for, as far as four datagrams go: who misses more asks again, and who asks
        in the name of somebody else brings little upon them."""
        oldest = (self._next - len(self._history)) % _NUMBERS
        position = (sequence - oldest) % _NUMBERS
        if position >= len(self._history):
            return RetransmitError(oldest)
        end = position + count if count else None
        return _packed(islice(self._history, position, end), most=_SERVED_DATAGRAMS)


def _packed(commands: Iterable[bytes], *, most: int) -> list[bytes]:
    made: list[bytes] = []
    current = bytearray(SIGNATURE)
    for command in commands:
        if len(current) + len(command) > DATAGRAM_BYTES:
            made.append(bytes(current))
            if len(made) == most:
                return made
            current = bytearray(SIGNATURE)
        current += command
    return [*made, bytes(current)]
