"""Something done about one block: try it again, give it a limit of time."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from conduit.blocks import flow
from conduit.blocks.block import Block, I, O, Part
from conduit.blocks.joined import Composite, Planned
from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    ProviderError,
    StoreError,
    StreamInterrupted,
    TimedOut,
    Unavailable,
)

A = TypeVar("A")
B = TypeVar("B")

PASSING: tuple[type[Exception], ...] = (ProviderError, StoreError, TimedOut, Unavailable, OSError)
"""Failures that another try may not meet. A wrong type or a refused permission is not among them:
it would be the same again."""

_LONGEST_PAUSE_S = 60.0
_MOST_DOUBLINGS = 64


class Retry(Planned[I, O]):
    """See :func:`retry`."""

    kind = "around"
    word = "retry"

    def __init__(
        self,
        block: Block[Any, Any],
        times: int,
        pause_s: float,
        on: tuple[type[Exception], ...],
        until: Callable[[Any], bool] | None,
        chance: Callable[[], float],
    ) -> None:
        if times < 1 or not pause_s >= 0:
            raise ConfigError(f"times={times}, pause_s={pause_s} make no sense", where="retry")
        errors = on if isinstance(on, tuple) else (on,)
        if not all(isinstance(each, type) and issubclass(each, Exception) for each in errors):
            raise ConfigError(
                "`on` is no tuple of exceptions", where="retry", hint="on=(OSError, TimedOut)"
            )
        if until is not None:
            flow.require_condition(until, "retry")
        self._of([Part(block, f"up to {times} times")])
        self.input_type, self.output_type = block.input_type, block.output_type
        self._block, self._times, self._pause_s = block, times, pause_s
        self._on, self._until, self._chance = on, until, chance

    def plan(self, data: I) -> flow.Plan:
        for attempt in range(self._times):
            if attempt:
                yield flow.Pause(self._pause(attempt))
            last = attempt == self._times - 1
            request = flow.Run(self._block, data)
            try:
                made = yield request
            except self._on as error:
                # What was passed on already cannot be taken back: a second try would repeat it.
                if last or request.begun or isinstance(error, StreamInterrupted):
                    raise
                continue
            if last or request.begun or self._until is None or self._until(made):
                return made
        return None  # never reached: times is at least 1

    def _pause(self, attempt: int) -> float:
        """Exponential backoff with full jitter, so that many do not come back together."""
        doubled = 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
        return min(self._pause_s * doubled, _LONGEST_PAUSE_S) * self._chance()


def retry(
    block: Block[A, B],
    *,
    times: int = 3,
    pause_s: float = 0.5,
    on: tuple[type[Exception], ...] = PASSING,
    until: Callable[[B], bool] | None = None,
    chance: Callable[[], float] = random.random,
) -> Block[A, B]:
    """Try a block up to ``times`` times: after an error in ``on``, and, with ``until``, while the
    output does not satisfy it (``until=lambda got: got.success``); the last output is given anyway.

    Between two tries it waits from 0 to ``pause_s`` seconds, twice as long each time and never
    longer than a minute; ``chance`` (0 to 1) says how much of that. A stream is not tried again
    once an event of it was passed on, whatever came of it.
    """
    return Retry(block, times, pause_s, on, until, chance)


class Timeout(Composite[I, O]):
    """See :func:`timeout`."""

    kind = "around"
    word = "timeout"
    plain = False

    def __init__(self, block: Block[Any, Any], seconds: float) -> None:
        if not seconds > 0:
            raise ConfigError(f"a limit of {seconds} s makes no sense", where="timeout")
        self._of([Part(block, f"at most {seconds:g} s")])
        self.input_type, self.output_type = block.input_type, block.output_type
        self._block, self._seconds = block, seconds

    @functools.cached_property
    def streams(self) -> bool:
        return self._block.streams

    def __call__(self, data: I) -> O:
        return flow.complete(self.label, self.acall, data)

    async def acall(self, data: I) -> O:
        async with aclosing(self._limited(data, events=False)) as items:
            made: O = (await anext(items)).value  # which the block itself has checked
            return made

    def astream(self, data: I) -> AsyncGenerator[Any, None]:
        return flow.told(self.items(data))

    def items(self, data: I) -> AsyncGenerator[Any, None]:
        return self._limited(data, events=True)

    async def _limited(self, data: I, *, events: bool) -> AsyncGenerator[Any, None]:
        """The limit counts the block's own time, not that of whoever takes its events."""
        plan = flow.astream(_once(self._block, data), events=events)
        loop = asyncio.get_running_loop()
        left = self._seconds
        async with aclosing(plan) as items:
            while True:
                began = loop.time()
                try:
                    async with asyncio.timeout(left) as limit:
                        item = await anext(items)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    if not limit.expired():
                        raise  # the block's own
                    raise self._too_slow() from error
                left -= loop.time() - began
                yield item

    def _too_slow(self) -> ConduitError:
        return TimedOut(
            f"it took longer than {self._seconds:g} s",
            where=self._block.label,
            hint="give it more time, or look at why it is slow with `with trace()`",
        )


def timeout(block: Block[A, B], *, seconds: float) -> Block[A, B]:
    """Give a block a limit of time; beyond it, it is cancelled and ``TimedOut`` raised.

    Blocking code in a thread cannot be cancelled: it is left to end by itself, and what it makes is
    dropped.
    """
    return Timeout(block, seconds)


def _once(block: Block[Any, Any], data: Any) -> flow.Plan:
    return (yield flow.Run(block, data))
