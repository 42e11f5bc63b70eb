"""How well a provider has been doing lately, as one number.

score = 100 × s × l, rounded, over the last 20 responses:
s, the share that succeeded;
l, a factor for the mean time of those that did: 1 up to 2 s, falling linearly to 0.5 at 30 s.
A provider that has not been asked has 100: nothing is known against it.
"""

from __future__ import annotations

from collections import deque

WINDOW = 20
_FAST_MS = 2_000.0
_SLOW_MS = 30_000.0


class Health:
    """The window of one provider. A response's time is that of the whole answer, or of the first
    token when it is streamed."""

    def __init__(self) -> None:
        self._times: deque[float | None] = deque(maxlen=WINDOW)

    def succeeded(self, elapsed_ms: float) -> None:
        """It answered."""
        self._times.append(elapsed_ms)

    def failed(self) -> None:
        """It did not."""
        self._times.append(None)

    @property
    def average_ms(self) -> float | None:
        """Mean time of the answers in the window, None without any."""
        good = [time for time in self._times if time is not None]
        return sum(good) / len(good) if good else None

    @property
    def score(self) -> int:
        """0 (nothing works) to 100."""
        average = self.average_ms
        if average is None:
            return 0 if self._times else 100
        share = sum(time is not None for time in self._times) / len(self._times)
        excess = (average - _FAST_MS) / (_SLOW_MS - _FAST_MS)
        return round(100 * share * (1 - 0.5 * min(1.0, max(0.0, excess))))
