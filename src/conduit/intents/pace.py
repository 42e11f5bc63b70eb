"""How often somebody may ask: a bucket for each, of which only so many are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from conduit.models.routing.buckets import TokenBucket


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in a minute, ``burst`` of them at once."""

    per_minute: float
    burst: float


class Pace:
    """``clock`` is monotonic, in seconds. Of ``most`` buckets the one used least lately is
    forgotten, which fills it."""

    def __init__(self, clock: Callable[[], float], most: int) -> None:
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, rate: Rate, count: float = 1.0) -> float:
        """0 when so many were counted; else none was, and these are the seconds until they could
        be."""
        return self._bucket(key, rate).try_take(count)

    def give_back(self, key: Hashable, count: float = 1.0) -> None:
        """They were counted, and came to nothing."""
        known = self._buckets.get(key)
        if known is not None:
            known.give_back(count)

    def _bucket(self, key: Hashable, rate: Rate) -> TokenBucket:
        found = self._buckets.get(key)
        if found is None:
            if len(self._buckets) >= self._most:
                self._buckets.popitem(last=False)
            found = TokenBucket(self._clock, capacity=rate.burst, per_second=rate.per_minute / 60)
            self._buckets[key] = found
        else:
            self._buckets.move_to_end(key)
        return found
