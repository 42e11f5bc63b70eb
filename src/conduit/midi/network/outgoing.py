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
from conduit.midi.network.words import in_commands

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

    def datagrams(self, words: Sequence[int]) -> list[bytes]:
        """Whole messages as datagrams; no words at all as one with an empty command.

        Each datagram begins with the commands before it, and has at most as many new ones as the
        next can repeat, so that the loss of one is repaired by the next.
        """
        made: list[bytes] = []
        new: list[bytes] = []
        for part in in_commands(words):
            if new and len(new) >= self._repeats:
                made.append(self._datagram(new))
                new = []
            new.append(encode_data(self._next, tuple(part)))
            self._next = (self._next + 1) % _NUMBERS
            self.commands += 1
        made.append(self._datagram(new))
        return made

    def again(self, sequence: int, count: int) -> list[bytes] | RetransmitError:
        """What was asked for, as far as four datagrams go: who misses more asks again, and who asks
        in the name of somebody else brings little upon them."""
        oldest = (self._next - len(self._history)) % _NUMBERS
        position = (sequence - oldest) % _NUMBERS
        if position >= len(self._history):
            return RetransmitError(oldest)
        end = position + count if count else None
        return _packed(islice(self._history, position, end), most=_SERVED_DATAGRAMS)

    def _datagram(self, new: list[bytes]) -> bytes:
        room = DATAGRAM_BYTES - len(SIGNATURE) - sum(map(len, new))
        earlier: list[bytes] = []
        for command in islice(reversed(self._history), self._repeats):
            room -= len(command)
            if room < 0:
                break
            earlier.append(command)
        self._history.extend(new)
        return SIGNATURE + b"".join(reversed(earlier)) + b"".join(new)


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
