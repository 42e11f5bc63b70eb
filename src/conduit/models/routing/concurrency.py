"""So many at once, and a queue for a few more: a limit that sends away before anything collapses.

A place that becomes free is handed to the one who has waited longest, never put back while somebody
waits: nobody overtakes, and nobody starves. Whoever is cancelled at any moment, even between being
handed a place and noticing it, passes it on.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from types import TracebackType

from conduit.contracts.errors import Overloaded, TimedOut
from conduit.models.breaker import Clock

_LONGEST_RETRY_S = 60.0
_SHORTEST_RETRY_S = 1.0


class Slot:
    """A place among those at work. ``release`` it once, or leave its ``with``: later calls do
    nothing."""

    __slots__ = ("_limiter",)

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter: ConcurrencyLimiter | None = limiter

    def release(self) -> None:
        """Give the place up."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter._freed()

    def __enter__(self) -> Slot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class ConcurrencyLimiter:
    """``limit`` at once; ``queue`` more may wait, each for ``queue_s`` at most. For one event loop.

    ``where`` is named in its errors. Acquiring and releasing are O(1). ::

        limiter = ConcurrencyLimiter(time.monotonic, limit=8, queue=100, queue_s=10, where="openai")
        with await limiter.acquire(deadline):
            ...
    """

    __slots__ = (
        "_clock",
        "_handed_at",
        "_pace_s",
        "_waiting",
        "_where",
        "in_flight",
        "limit",
        "queue",
        "queue_s",
    )

    def __init__(
        self, clock: Clock, *, limit: int, queue: int = 100, queue_s: float = 10.0, where: str = ""
    ) -> None:
        self._clock = clock
        self._where = where
        self.limit = limit
        self.queue = queue
        self.queue_s = queue_s
        self.in_flight = 0
        # True when a place was handed over, False when the time was up; ordered, and O(1) anywhere.
        self._waiting: OrderedDict[asyncio.Future[bool], None] = OrderedDict()
        self._pace_s = 0.0
        self._handed_at = 0.0

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

    async def acquire(self, deadline: float | None = None) -> Slot:
        """A place; does not give way to the event loop when one is free.

        ``deadline`` is a time of the clock. Raises ``Overloaded`` when the queue is full, or after
        ``queue_s`` in it (then with ``waited_s``), ``TimedOut`` when the deadline comes first.
        """
        if self.in_flight < self.limit:
            self.in_flight += 1
            return Slot(self)
        if len(self._waiting) >= self.queue:
            raise self._full()
        return await self._wait(deadline)

    async def _wait(self, deadline: float | None) -> Slot:
        began = self._clock()
        patience = self.queue_s
        hurried = deadline is not None and deadline - began < patience
        if deadline is not None and hurried:
            patience = deadline - began
        if patience <= 0.0:
            raise self._waited_out(0.0, hurried)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting[turn] = None
        timer = loop.call_later(patience, self._give_up, turn)
        try:
            mine = await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.pop(turn, None)
            elif turn.result():
                self._freed()  # it was handed a place in the very moment it was cancelled
            raise
        finally:
            timer.cancel()
        if not mine:
            raise self._waited_out(self._clock() - began, hurried)
        return Slot(self)

    def _give_up(self, turn: asyncio.Future[bool]) -> None:
        if not turn.done():
            del self._waiting[turn]
            turn.set_result(False)

    def _freed(self) -> None:
        """The place of the caller goes to whoever has waited longest, or is free."""
        if self.in_flight <= self.limit:
            while self._waiting:
                turn, _ = self._waiting.popitem(last=False)
                if not turn.done():  # a cancelled one that has not noticed yet is passed over
                    turn.set_result(True)
                    self._keep_pace()
                    return
        self.in_flight -= 1

    def _keep_pace(self) -> None:
        """Seconds between two places becoming free, smoothed: what an estimate rests on."""
        now = self._clock()
        if self._handed_at:
            self._pace_s += 0.2 * (min(now - self._handed_at, self.queue_s) - self._pace_s)
        self._handed_at = now if self._waiting else 0.0

    def _full(self) -> Overloaded:
        return Overloaded(
            f"{self.in_flight} requests are under way and {len(self._waiting)} wait already",
            where=self._where,
            retry_after_s=self._estimate_s(),
            hint="try again later, or raise the limits of concurrency and queue",
        )

    def _waited_out(self, waited_s: float, hurried: bool) -> Overloaded | TimedOut:
        if hurried:
            return TimedOut(
                f"no place became free within the {waited_s:.1f} s that were left",
                where=self._where,
                hint="allow more time, or ask when less is going on",
            )
        return Overloaded(
            f"no place became free within {self.queue_s:g} s",
            where=self._where,
            retry_after_s=self._estimate_s(),
            waited_s=waited_s,
            hint="try again later, or raise the limits of concurrency and queue",
        )

    def _estimate_s(self) -> float:
        """Until the queue of now is worked off, within reason."""
        estimate = self._pace_s * (len(self._waiting) + 1)
        return min(max(estimate, _SHORTEST_RETRY_S), _LONGEST_RETRY_S)
