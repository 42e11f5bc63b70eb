"""UMP Data commands as they come, put into the order in which they were sent.

Sequence numbers have 16 bits and wrap (M2-124-UM, 5.6 and 7.2). What is a little behind the
expected one has been seen; what is a little ahead waits for the missing ones, which are asked for,
and in the end given up.
"""

from __future__ import annotations

from conduit.midi.network.commands import RetransmitRequest
from conduit.midi.network.events import Counters, Event, Gap, Received
from conduit.midi.network.settings import Limits, Timing

_NUMBERS = 1 << 16
_HELD_WORDS = 1 << 16
_STRAYS = 8
_CATCH_UP = 1 << 14


def ahead(sequence: int, of: int) -> int:
    """How many numbers after ``of`` a sequence number is, 0 to 65,535."""
    return (sequence - of) % _NUMBERS


class Incoming:
    """One direction of a session. ``events`` is where what has come in order goes to."""

    def __init__(
        self, timing: Timing, limits: Limits, counters: Counters, events: list[Event]
    ) -> None:
        self._timing = timing
        self._window = limits.window
        self._counters = counters
        self._events = events
        self.can_ask = True
        """Whether the other side sends again what it is asked for. One that says it cannot must not
        be asked any more (7.2.3)."""
        self.restart()
        self._fresh = True

    def restart(self) -> None:
        """Expect the number 0, and forget what waited."""
        self._fresh = False
        self._none_yet = True
        self._expected: int = 0
        self._held: dict[int, tuple[int, ...]] = {}
        self._held_words = 0
        self._strays = 0
        self._stray = 0
        self._tries = self._asked = 0
        self._act_at: float | None = None

    @property
    def lost_track(self) -> bool:
        """Whether so much was where nothing can be, in a row, that only beginning anew helps."""
        return self._strays >= _STRAYS

    def take(self, sequence: int, words: tuple[int, ...], now: float, *, repeated: bool) -> None:
        """``repeated`` says that a newer command came in the same datagram."""
        distance = (sequence - self._expected) % _NUMBERS
        if distance == 0:
            self._strays, self._fresh, self._none_yet = 0, False, False
            self._counters.received += 1
            if self._asked:
                self._asked -= 1
                self._counters.retransmitted += 1
            elif repeated:
                self._counters.repaired += 1
            self._expected = (sequence + 1) % _NUMBERS
            if words:
                self._events.append(Received(words))
            if self._held:
                self._deliver_held(now)
        elif sequence in self._held or distance >= _NUMBERS - self._window:
            self._counters.duplicates += 1
        elif distance < self._window:
            self._strays, self._fresh = 0, False
            self._held[sequence] = words
            self._held_words += len(words)
            if self._act_at is None:
                self._act_at = now + self._timing.reorder_s
            if self._held_words > _HELD_WORDS:
                self._give_up(now, self._missing())
        elif self._fresh:
            # some peers begin with another number than 0
            self._expected = sequence
            self.take(sequence, words, now, repeated=repeated)
        else:
            self._stray_away(sequence, words, now)

    def finish(self) -> None:
        """Nothing more will come: what waits is told, with what is missing before it."""
        while self._held:
            self._give_up(0.0, self._missing())

    def deadline(self) -> float | None:
        return self._act_at

    def tick(self, now: float, round_trip_s: float) -> RetransmitRequest | None:
        """What to ask the other side for, if it is time to."""
        if self._act_at is None or now < self._act_at:
            return None
        wait = max(self._timing.ask_again_s, 1.5 * round_trip_s)
        if self._tries >= (self._timing.ask_tries if self.can_ask else 1):
            self._give_up(now, self._missing())
            return None
        self._tries += 1
        self._act_at = now + wait
        self._asked = self._missing() if self.can_ask else 0
        return RetransmitRequest(self._expected, self._asked) if self.can_ask else None

    def cannot_have(self, earliest: int, now: float) -> None:
        """The other side has nothing before ``earliest``. ALSA's amidi2net says there what it was
        asked for: then that one is lost, and the next may not be."""
        if self._held and self._tries:  # or else it is an answer to nobody
            if self._none_yet and earliest == min(self._held):
                self._none_yet = False  # nothing is lost: some peers count from 1
                self._expected = earliest
                self._deliver_held(now)
                return
            lost = max(1, ahead(earliest, self._expected))
            self._give_up(now, min(lost, self._missing()))

    def _stray_away(self, sequence: int, words: tuple[int, ...], now: float) -> None:
        """A command further ahead than may wait. One says nothing, anybody can send one; several
        that follow each other say that we are late, and that what lies between is lost."""
        follows = 0 < ahead(sequence, self._stray) < self._window
        self._strays = self._strays + 1 if follows or not self._strays else 1
        self._stray = sequence
        if self.lost_track and ahead(sequence, self._expected) < _CATCH_UP:
            while self._held:
                self._give_up(now, self._missing())
            self._give_up(now, ahead(sequence, self._expected))
            self.take(sequence, words, now, repeated=False)

    def _missing(self) -> int:
        return min(ahead(sequence, self._expected) for sequence in self._held)

    def _give_up(self, now: float, count: int) -> None:
        self._none_yet = False
        self._counters.lost += count
        self._events.append(Gap(self._expected, count))
        self._expected = (self._expected + count) % _NUMBERS
        self._act_at, self._tries = now, 0
        self._deliver_held(now)

    def _deliver_held(self, now: float) -> None:
        before = self._expected
        while (words := self._held.pop(self._expected, None)) is not None:
            self._held_words -= len(words)
            self._counters.received += 1
            self._expected = (self._expected + 1) % _NUMBERS
            if words:
                self._events.append(Received(words))
        if not self._held:
            self._act_at, self._tries, self._asked = None, 0, 0
        elif self._expected != before:
            # another one is missing, and has been for as long
            self._act_at, self._tries, self._asked = now, 0, 0
        elif self._tries:
            # a part of what was asked for has come, and more may be right behind
            self._act_at, self._tries = now + self._timing.reorder_s, 0
