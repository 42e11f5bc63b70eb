"""How much each key may ask for in a minute, and spend in a month."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from conduit.app.budgets import Budgets
from conduit.app.keys import Holder, Keys
from conduit.contracts.call import Principal
from conduit.contracts.errors import RateLimited, TooLarge
from conduit.models.asked import Asked
from conduit.models.breaker import Clock
from conduit.models.dialects.counting import estimate
from conduit.models.gateway.account import Settle
from conduit.models.routing.buckets import TokenBucket

_MOST_KEYS: Final = 20_000


@dataclass(slots=True)
class _Buckets:
    """Of one key, as long as its limits stay what they are."""

    holder: Holder
    requests: TokenBucket | None
    tokens: TokenBucket | None


class KeyQuota:
    """The limits of all keys. Each of several ``workers`` counts an equal share. For one event
    loop."""

    def __init__(self, keys: Keys, budgets: Budgets, clock: Clock, workers: int = 1) -> None:
        self._workers = workers
        self._budgets = budgets
        self._keys = keys
        self._clock = clock
        self._buckets: OrderedDict[str, _Buckets] = OrderedDict()

    async def admit(self, principal: Principal, asked: Asked, times: int = 1) -> Settle | None:
        """Take one request, and the tokens of its input, so many ``times`` as it is passed on.
        Raises ``RateLimited``, and ``TooLarge`` for one that never fits."""
        holder = self._keys.holder(principal.key_id)
        if holder is None:
            return None
        if holder.budget_micro is not None:
            await self._budgets.require(holder)
        elif holder.requests_per_minute is None and holder.tokens_per_minute is None:
            return None
        buckets = self._of(holder)
        if buckets.requests is not None and (wait := buckets.requests.try_take()) > 0:
            raise _limited("requests", holder.requests_per_minute, wait)
        tokens, reserved = buckets.tokens, 0
        if tokens is not None:
            reserved = asked.tokens(estimate)
            if times > 1:  # what fits once is not refused for being asked more than once
                reserved = max(reserved, min(times * reserved, int(tokens.capacity)))
            if (wait := tokens.try_take(reserved)) > 0:
                if buckets.requests is not None:
                    buckets.requests.give_back(1)
                raise _limited("tokens", holder.tokens_per_minute, wait)

        def settle(used: int, cost_micro: int) -> None:
            if tokens is not None:
                tokens.settle(reserved, used)
            self._budgets.add(holder.id, cost_micro)

        return settle

    def _of(self, holder: Holder) -> _Buckets:
        found = self._buckets.get(holder.id)
        if found is not None and found.holder is holder:
            return found
        if found is not None and _limits(found.holder) == _limits(holder):
            found.holder = holder  # the file was read again, and says the same
            return found
        made = _Buckets(
            holder,
            self._bucket(holder.requests_per_minute),
            self._bucket(holder.tokens_per_minute),
        )
        self._buckets[holder.id] = made
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return made

    def _bucket(self, limit: float | None) -> TokenBucket | None:
        return None if limit is None else TokenBucket.per_minute(self._clock, limit / self._workers)


def _limits(holder: Holder) -> tuple[float | None, float | None]:
    return holder.requests_per_minute, holder.tokens_per_minute


def _limited(what: str, limit: float | None, wait_s: float) -> RateLimited | TooLarge:
    if wait_s == math.inf:
        return TooLarge(
            f"the request is larger than the {limit:g} {what} that this key may use in a minute",
            where="key",
            hint="send less at once, or ask whoever gave you the key for a higher limit",
        )
    return RateLimited(
        f"this key may use {limit:g} {what} in a minute, and they are used up",
        retry_after_s=wait_s,
        where="key",
        hint="wait, or ask whoever gave you the key for a higher limit",
    )
