"""Equal requests at one time: the first asks, the others wait for its answer.

Whoever holds the lead ends it in one of three ways: with an answer, which all waiting get; without
one (``hand_over``: it failed or its client left), and the next in line takes the lead; or with an
answer that is not for keeping (``dissolve``), and all waiting ask for themselves at once, as one
after the other they would wait for the sum of their times.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from conduit.models.breaker import Clock
from conduit.models.caching.key import CacheKey

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class _Alone:
    """Told to a waiter: ask yourself, and nobody waits for you."""


@dataclass(frozen=True, slots=True)
class _Lead:
    """Told to a waiter: you are the first now."""


_ALONE: Final = _Alone()
_LEAD: Final = _Lead()


@dataclass(slots=True, eq=False)
class _Line(Generic[A]):
    """The waiting for one key, in order."""

    began_at: float
    waiting: OrderedDict[asyncio.Future[A | _Lead | _Alone], None]


class Lead(Generic[A]):
    """The lead for one key. The first of the three methods counts, later ones do nothing."""

    __slots__ = ("_flights", "_key", "_line", "_settled")

    def __init__(self, flights: Flights[A], key: CacheKey, line: _Line[A]) -> None:
        self._flights = flights
        self._key = key
        self._line = line
        self._settled = False

    def land(self, answer: A) -> None:
        """Give the answer to all who wait."""
        if not self._settled:
            self._settled = True
            self._flights._tell_all(self._key, self._line, answer)

    def dissolve(self) -> None:
        """There is no answer for them: let all ask for themselves."""
        if not self._settled:
            self._settled = True
            self._flights._tell_all(self._key, self._line, _ALONE)

    def hand_over(self) -> None:
        """Let the next in line ask."""
        if not self._settled:
            self._settled = True
            self._flights._next(self._key, self._line)


class Flights(Generic[A]):
    """The requests under way in this process, by key. A key holds its tenant, so nobody waits for
    another tenant's request. ``clock`` is monotonic; nobody waits for more than ``wait_s``, nor in
    a line that is older than that."""

    def __init__(self, clock: Clock, wait_s: float) -> None:
        self._clock = clock
        self._wait_s = wait_s
        self._lines: dict[CacheKey, _Line[A]] = {}
        self.waiting = 0
        """How many wait, for all keys together."""

    def __len__(self) -> int:
        return len(self._lines)

    def lead(self, key: CacheKey) -> Lead[A] | None:
        """The lead, when nobody has it, or had it for too long."""
        now = self._clock()
        line = self._lines.get(key)
        if line is not None and now - line.began_at < self._wait_s:
            return None
        line = self._lines[key] = _Line(now, OrderedDict())
        return Lead(self, key, line)

    async def join(self, key: CacheKey) -> A | Lead[A] | None:
        """Wait for somebody's answer: that, or the lead, or None when one is to ask for oneself,
        as waiting took too long or there is nothing to wait for."""
        line = self._lines.get(key)
        if line is None:
            return None
        told: asyncio.Future[A | _Lead | _Alone] = asyncio.get_running_loop().create_future()
        line.waiting[told] = None
        self.waiting += 1
        try:
            await asyncio.wait((told,), timeout=self._wait_s)
        except asyncio.CancelledError:
            # The lead may have come in the same moment as the end: it must not be lost.
            if told.done() and isinstance(told.result(), _Lead):
                self._next(key, line)
            raise
        finally:
            self.waiting -= 1
            line.waiting.pop(told, None)
        if not told.done():
            return None
        word = told.result()
        if isinstance(word, _Lead):
            return Lead(self, key, line)
        return None if isinstance(word, _Alone) else word

    def _tell_all(self, key: CacheKey, line: _Line[A], word: A | _Alone) -> None:
        self._close(key, line)
        while line.waiting:
            told, _ = line.waiting.popitem(last=False)
            told.set_result(word)

    def _next(self, key: CacheKey, line: _Line[A]) -> None:
        if line.waiting:
            line.began_at = self._clock()
            told, _ = line.waiting.popitem(last=False)
            told.set_result(_LEAD)
        else:
            self._close(key, line)

    def _close(self, key: CacheKey, line: _Line[A]) -> None:
        if self._lines.get(key) is line:
            del self._lines[key]
