"""A token bucket: so much at once, so much in a time.

The bucket holds ``capacity`` and is refilled all the time at ``per_second``; who takes more than is
in it waits. In any window of ``t`` seconds it admits at most ``capacity + per_second * t``. This is
how Anthropic counts its limits ("token bucket algorithm"), and OpenAI's behave like it.
"""

from __future__ import annotations

import math

from conduit.models.breaker import Clock

_LENT_S = 1e-6
"""So much of the refill is lent: who waited as long as told is not sent away for a rounding error
of the clock. It is owed afterwards, so nothing is gained by it in the long run."""


class TokenBucket:
    """A bucket of requests or of a model's tokens. Not for use from several threads.

    >>> now = 0.0
    >>> bucket = TokenBucket(lambda: now, capacity=10, per_second=2)
    >>> bucket.try_take(8)
    0.0
    >>> bucket.try_take(6)
    2.0
    >>> now = 2.0
    >>> bucket.try_take(6), bucket.try_take(11)
    (0.0, inf)
    """

    __slots__ = ("_at", "_clock", "_level", "capacity", "per_second")

    def __init__(self, clock: Clock, *, capacity: float, per_second: float) -> None:
        self._clock = clock
        self.capacity = capacity
        self.per_second = per_second
        self._level = float(capacity)
        self._at = clock()

    @classmethod
    def per_minute(cls, clock: Clock, amount: float) -> TokenBucket:
        """A limit as providers state it: ``amount`` in a minute, all of it at once if need be."""
        return cls(clock, capacity=amount, per_second=amount / 60.0)

    def try_take(self, amount: float = 1.0) -> float:
        """0 when ``amount`` was taken; otherwise nothing was, and these are the seconds until it
        could be, if nobody else takes anything. Infinite for more than ever fits in."""
        if amount > self.capacity:
            return math.inf
        self._refill()
        missing = amount - self._level
        if missing <= self.per_second * _LENT_S:
            self._level -= amount
            return 0.0
        return missing / self.per_second if self.per_second > 0.0 else math.inf

    def give_back(self, amount: float) -> None:
        """What was taken is not needed after all."""
        self._refill()
        self._level = min(self.capacity, self._level + amount)

    def settle(self, estimated: float, actual: float) -> None:
        """``estimated`` was taken, and ``actual`` was used. What was used beyond the estimate is
        owed: the next ones wait until it is refilled."""
        self.give_back(estimated - actual)

    def _refill(self) -> None:
        now = self._clock()
        if now > self._at:
            level = self._level + (now - self._at) * self.per_second
            self._level = level if level < self.capacity else float(self.capacity)
            self._at = now
