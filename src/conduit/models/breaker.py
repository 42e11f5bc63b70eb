"""A circuit breaker: stop asking who keeps failing, and find out cheaply when they are back.

Closed lets everybody through; three failures in a row open it; after 60 s of rest it is half open:
one caller at a time may try, whose success closes it and whose failure opens it anew.
The pattern is Michael Nygard's (*Release It!*, "Stability Patterns").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Clock = Callable[[], float]
"""Seconds that only go forward, like ``time.monotonic``."""
CircuitState = Literal["closed", "open", "half_open"]


class Permit:
    """Leave to make one call. Settle it once: the first of the three methods counts, later ones do
    nothing, so ``release`` belongs in a ``finally``."""

    __slots__ = ("_breaker", "_era", "_settled")

    def __init__(self, breaker: CircuitBreaker, era: int) -> None:
        self._breaker = breaker
        self._era = era
        self._settled = False

    def succeed(self) -> None:
        """The provider answered."""
        self._settle(self._breaker._succeeded)

    def fail(self) -> None:
        """The provider did not answer as it should."""
        self._settle(self._breaker._failed)

    def release(self) -> None:
        """Nothing was learned about the provider: the caller left, or the request was at fault."""
        self._settle(self._breaker._released)

    def _settle(self, outcome: Callable[[], None]) -> None:
        if self._settled:
            return
        self._settled = True
        if self._era == self._breaker._era:
            outcome()


class CircuitBreaker:
    """One provider's circuit. Not for use from several threads.

    Each change of state begins a new era; a permit of an earlier era has no say, so a call that was
    already under way when the circuit opened can neither close it nor prolong its rest.
    """

    def __init__(self, clock: Clock, *, threshold: int = 3, cooldown_s: float = 60.0) -> None:
        self._clock = clock
        self._threshold = threshold
        self._cooldown_s = cooldown_s
        self._era = 0
        self._opened_at: float | None = None
        self._probing = False
        self.consecutive_failures = 0

    @property
    def state(self) -> CircuitState:
        """``half_open`` from the end of the rest until a probe has decided."""
        if self._opened_at is None:
            return "closed"
        return "open" if self.retry_in_s > 0 else "half_open"

    @property
    def retry_in_s(self) -> float:
        """Seconds of rest left; 0 when a call may be tried."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._cooldown_s - self._clock())

    def acquire(self) -> Permit | None:
        """A permit, or None when nobody may call now."""
        if self.state == "open" or self._probing:
            return None
        self._probing = self.state == "half_open"
        return Permit(self, self._era)

    def reset(self) -> None:
        """Close it by hand and forget the failures."""
        self._begin_era(None)
        self.consecutive_failures = 0

    def _succeeded(self) -> None:
        self.consecutive_failures = 0
        if self._opened_at is not None:
            self._begin_era(None)

    def _failed(self) -> None:
        self.consecutive_failures += 1
        if self._opened_at is not None or self.consecutive_failures >= self._threshold:
            self._begin_era(self._clock())

    def _released(self) -> None:
        self._probing = False

    def _begin_era(self, opened_at: float | None) -> None:
        self._era += 1
        self._opened_at = opened_at
        self._probing = False
