"""The limits of one provider, as a request passes them: its rates, and how many at once."""

from __future__ import annotations

import math

from conduit.contracts.chat import Usage
from conduit.contracts.errors import Overloaded, ProviderBusy
from conduit.models.asked import Asked
from conduit.models.breaker import Clock
from conduit.models.dialects.counting import estimate
from conduit.models.routing.buckets import TokenBucket
from conduit.models.routing.concurrency import ConcurrencyLimiter, Slot
from conduit.models.routing.settings import ProviderLimits


class Turn:
    """A request that may be made now. Leave it exactly once."""

    __slots__ = ("_reserved", "_slot", "_tokens")

    def __init__(self, slot: Slot | None, tokens: TokenBucket | None, reserved: int) -> None:
        self._slot = slot
        self._tokens = tokens
        self._reserved = reserved

    def leave(self, usage: Usage | None, *, answered: bool) -> None:
        """The request is over. What it took in tokens replaces the estimate. Of one that was
        ``answered`` by a provider that does not count, the estimate stands; of one that was not, it
        is given back."""
        if self._slot is not None:
            self._slot.release()
        if self._tokens is not None and (usage is not None or not answered):
            taken = usage.input_tokens + usage.output_tokens if usage else 0
            self._tokens.settle(self._reserved, taken)


class Turnstile:
    """In front of one provider."""

    def __init__(
        self, provider: str, limits: ProviderLimits, clock: Clock, *, workers: int = 1
    ) -> None:
        """Each of several ``workers`` takes an equal share of the limits."""
        self._provider = provider
        self._requests = _per_minute(limits.requests_per_minute, clock, workers)
        self._tokens = _per_minute(limits.tokens_per_minute, clock, workers)
        self._limiter = (
            ConcurrencyLimiter(
                clock,
                limit=-(-limits.concurrency // workers),
                queue=-(-limits.queue // workers),
                queue_s=limits.queue_s,
                where=provider,
            )
            if limits.concurrency is not None
            else None
        )

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return self._limiter.waiting if self._limiter is not None else 0

    async def enter(self, asked: Asked) -> Turn:
        """Wait for a turn, at most as long as the limits say. Raises ``ProviderBusy``."""
        if self._requests is not None and (wait := self._requests.try_take(1)) > 0:
            raise self._busy("requests", wait)
        reserved = 0
        if self._tokens is not None:
            reserved = asked.tokens(estimate)
            if (wait := self._tokens.try_take(reserved)) > 0:
                if self._requests is not None:
                    self._requests.give_back(1)
                raise self._busy("tokens", wait)
        slot = None
        try:
            if self._limiter is not None:
                slot = await self._limiter.acquire()
        except BaseException as error:
            if self._tokens is not None:
                self._tokens.give_back(reserved)
            if self._requests is not None:
                self._requests.give_back(1)
            if isinstance(error, Overloaded):
                raise ProviderBusy(
                    error.message,
                    provider=self._provider,
                    retry_after_s=error.retry_after_s,
                    queue_full=True,
                    hint="raise its concurrency or queue in providers.yaml, or send less at once",
                ) from None
            raise
        return Turn(slot, self._tokens, reserved)

    def _busy(self, what: str, wait_s: float) -> ProviderBusy:
        if wait_s == math.inf:
            return ProviderBusy(
                f"not asked: the request is larger than all of its {what} per minute",
                provider=self._provider,
                retry_after_s=None,
                hint="raise the limit in providers.yaml, or send less at once",
            )
        return ProviderBusy(
            f"not asked: its {what} per minute are used up",
            provider=self._provider,
            retry_after_s=wait_s,
            hint="wait, or give its group another target",
        )


def _per_minute(limit: float | None, clock: Clock, workers: int) -> TokenBucket | None:
    return None if limit is None else TokenBucket.per_minute(clock, limit / workers)
