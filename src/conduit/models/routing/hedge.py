"""Asking a second one beside the first when the first is slow: whoever answers first is heard.

Dean & Barroso, "The Tail at Scale" (CACM 2013): a second request, sent after the time that most
take, costs little and cuts the slow tail. Everybody who is not heard is cancelled, closed and
waited for, so nothing goes on behind the caller's back; who is raced must end soon when cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from conduit.contracts.errors import InvalidInput, Unavailable

T = TypeVar("T")
Start = Callable[[], Awaitable[T]]
"""Begins to ask one contender."""


@dataclass(frozen=True, slots=True)
class Won(Generic[T]):
    """``contender`` is the index of who answered; ``started`` is how many were asked, ``failures``
    what those said who failed meanwhile, by index."""

    value: T
    contender: int
    started: int
    failures: tuple[tuple[int, Exception], ...] = ()


async def race(
    contenders: Sequence[Start[T]],
    after_s: float,
    *,
    close: Callable[[T], Awaitable[None]] | None = None,
) -> Won[T]:
    """The first answer. Contenders, one at least, are started in their order: the first at once,
    each next one after ``after_s`` without an answer, or at once when one has failed.

    ``close`` is called for an answer that came in the same moment as the winner's. When all fail,
    the error of the first is raised, with those of the others as notes. ``InvalidInput`` is raised
    at once: nobody else would like the request better. ::

        won = await race([lambda: ask(first), lambda: ask(second)], after_s=2.0)
    """
    running: dict[asyncio.Future[T], int] = {}
    won: Won[T] | None = None
    try:
        won = await _first(contenders, after_s, running)
        return won
    finally:
        try:
            await _call_off(list(running), close)
        except asyncio.CancelledError:
            if won is not None and close is not None:
                await close(won.value)  # nobody is there to take it any more
            raise


async def _first(
    contenders: Sequence[Start[T]], after_s: float, running: dict[asyncio.Future[T], int]
) -> Won[T]:
    """Leaves in ``running`` whoever has to be called off."""
    failures: dict[int, Exception] = {}
    started = 0
    while running or started < len(contenders):
        if started < len(contenders):
            running[asyncio.ensure_future(contenders[started]())] = started
            started += 1
        timeout = after_s if started < len(contenders) else None
        done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        # Of several at once the one that was started first has the better place.
        for finished in sorted(done, key=running.__getitem__):
            error = _error_of(finished)
            contender = running.pop(finished)
            if error is None:
                told = tuple(sorted(failures.items()))
                return Won(finished.result(), contender, started, told)
            if isinstance(error, InvalidInput):
                raise error
            failures[contender] = error
    raise _concluded(failures)


def _error_of(finished: asyncio.Future[T]) -> Exception | None:
    """Why it failed. A contender that was cancelled from elsewhere failed as well."""
    if finished.cancelled():
        return Unavailable("the request was cancelled", hint="try again")
    error = finished.exception()
    if error is None or isinstance(error, Exception):
        return error
    raise error


def _concluded(failures: dict[int, Exception]) -> Exception:
    first, *others = (error for _, error in sorted(failures.items()))
    for other in others:
        first.add_note(f"asked beside it, and failed too: {other}")
    return first


async def _call_off(
    losers: list[asyncio.Future[T]], close: Callable[[T], Awaitable[None]] | None
) -> None:
    if not losers:
        return
    for loser in losers:
        loser.cancel()
    # What goes wrong while a loser is closed must not cost the winner's answer.
    ended = asyncio.gather(*(_ended(loser, close) for loser in losers), return_exceptions=True)
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        await ended  # cancelled while calling off: that is still seen through
        raise


async def _ended(loser: asyncio.Future[T], close: Callable[[T], Awaitable[None]] | None) -> None:
    await asyncio.wait([loser])
    if loser.cancelled() or loser.exception() is not None or close is None:
        return
    await close(loser.result())
