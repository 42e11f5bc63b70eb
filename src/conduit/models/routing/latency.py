"""How fast a target answers: a mean that forgets.

Each answer counts half as much after every half-life. A target that nobody has asked for long is
unknown again, so one that was slow once gets another chance. The mean is the exponentially decayed
one over irregular samples, the sum of ``x_i * d_i`` over the sum of ``d_i`` with ``d_i = 2 **
(-age / half_life)``: unlike the usual ``mean += a * (x - mean)`` it does not depend on how many
samples fall into one instant.
"""

from __future__ import annotations

from conduit.models.breaker import Clock

_FORGOTTEN = 0.01
"""The weight below which nothing is known any more: one answer, 6.6 half-lives ago."""

FAILURE_MS = 10_000.0
"""What a failure is taken to cost: the time to ask somebody else, and what it says of the next."""


class DecayedMean:
    """A mean of recent values. Not for use from several threads.

    >>> now = 0.0
    >>> mean = DecayedMean(lambda: now, half_life_s=60.0)
    >>> mean.value is None
    True
    >>> mean.add(100.0)
    >>> now = 60.0
    >>> mean.add(400.0)
    >>> mean.value
    300.0
    """

    __slots__ = ("_at", "_clock", "_half_life_s", "_sum", "_weight")

    def __init__(self, clock: Clock, *, half_life_s: float = 30.0) -> None:
        self._clock = clock
        self._half_life_s = half_life_s
        self._sum = 0.0
        self._weight = 0.0
        self._at = 0.0

    @property
    def value(self) -> float | None:
        """The mean; None when nothing is known, or everything is too long ago."""
        weight = self._weight
        if weight == 0.0 or weight * self._fading(self._clock()) < _FORGOTTEN:
            return None
        return self._sum / weight

    def add(self, value: float) -> None:
        """One more value, of now."""
        now = self._clock()
        fading = self._fading(now) if self._weight else 0.0
        self._sum = self._sum * fading + value
        self._weight = self._weight * fading + 1.0
        self._at = now

    def _fading(self, now: float) -> float:
        age = now - self._at
        return 0.5 ** (age / self._half_life_s) if age > 0.0 else 1.0


class Latency:
    """How long one target takes, in milliseconds: until an answer is whole, or until the first
    token of one that is streamed.

    >>> latency = Latency(lambda: 0.0)
    >>> latency.answered(800.0)
    >>> latency.answered(900.0)
    >>> latency.answer_ms
    850.0
    """

    __slots__ = ("_answer",)

    def __init__(self, clock: Clock, *, half_life_s: float = 30.0) -> None:
        self._answer = DecayedMean(clock, half_life_s=half_life_s)

    @property
    def answer_ms(self) -> float | None:
        """None when unknown."""
        return self._answer.value

    def answered(self, elapsed_ms: float) -> None:
        """An answer came."""
        self._answer.add(elapsed_ms)

    def failed(self, elapsed_ms: float) -> None:
        """No answer came. It counts as ten seconds at least: who refuses at once is not fast."""
        self._answer.add(max(elapsed_ms, FAILURE_MS))
