"""What each key may spend in a calendar month, in UTC.

What was spent is what the usage records say, read once a minute, and what this process has seen
since. So a budget is exact where one process answers, and several know of each other within a
minute; requests that are under way when it is used up are finished.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

from conduit.app.keys import Holder
from conduit.contracts.errors import RateLimited
from conduit.models.breaker import Clock

_READ_EVERY_S: Final = 60.0
_ON_THE_WAY_S: Final = 5.0
"""How long a record may take to the database: what is younger is counted here as well."""


class Spending(Protocol):
    """Where usage is kept (``store.usage``)."""

    def cost_of(self, org_id: str, subject: str, since_ms: int) -> int:
        """Micro-US-dollars since a moment (Unix milliseconds)."""
        ...


@dataclass(slots=True)
class _Spent:
    """Of one key. ``recent`` are costs that the last reading may not have seen, and when."""

    month: str = ""
    read_micro: int = 0
    read_at: float = 0.0
    recent: deque[tuple[float, int]] = field(default_factory=deque)
    recent_micro: int = 0
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, cost: int, at: float) -> None:
        self.recent.append((at, cost))
        self.recent_micro += cost

    def forget_before(self, at: float) -> None:
        while self.recent and self.recent[0][0] < at:
            self.recent_micro -= self.recent.popleft()[1]


class Budgets:
    """The budgets of all keys. For one event loop. ``now`` is Unix seconds."""

    def __init__(
        self,
        spending: Spending,
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._spending = spending
        self._clock = clock
        self._now = now
        self._spent: dict[str, _Spent] = {}

    async def require(self, holder: Holder) -> None:
        """Raise ``RateLimited`` when the budget of this month is used up, and ``StoreError`` when
        nobody can say."""
        if holder.budget_micro is None:
            return
        today = datetime.fromtimestamp(self._now(), UTC)
        spent = self._spent.setdefault(holder.id, _Spent())
        month = f"{today:%Y-%m}"
        if spent.month != month or self._clock() >= spent.read_at + _READ_EVERY_S:
            async with spent.reading:
                if spent.month != month or self._clock() >= spent.read_at + _READ_EVERY_S:
                    await self._read(holder, spent, today)
        if spent.read_micro + spent.recent_micro >= holder.budget_micro:
            raise RateLimited(
                f"the budget of this key, US$ {holder.budget_micro / 1e6:g} a month, is used up",
                retry_after_s=(_next_month(today) - today).total_seconds(),
                where="key",
                hint="wait for the next month (UTC), or ask whoever gave you the key for more",
            )

    def add(self, holder_id: str, cost_micro: int) -> None:
        """A request of this key has cost so much."""
        spent = self._spent.get(holder_id)
        if spent is not None:
            spent.add(cost_micro, self._clock())

    async def _read(self, holder: Holder, spent: _Spent, today: datetime) -> None:
        first = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        begun = self._clock()
        principal = holder.principal
        spent.read_micro = await asyncio.to_thread(
            self._spending.cost_of,
            principal.org_id,
            principal.subject,
            int(first.timestamp() * 1000),
        )
        spent.month, spent.read_at = f"{today:%Y-%m}", begun
        spent.forget_before(begun - _ON_THE_WAY_S)


def _next_month(today: datetime) -> datetime:
    year, month = (today.year + 1, 1) if today.month == 12 else (today.year, today.month + 1)
    return datetime(year, month, 1, tzinfo=UTC)
