"""Asking until a ballot is decided, and no more often than that needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from conduit.models.consistency.ballot import MOST_SAMPLES, Ballot


async def poll(
    ballot: Ballot, ask: Callable[[], Coroutine[None, None, None]], at_once: int = MOST_SAMPLES
) -> None:
    """Run ``ask``, which adds what it hears to the ballot, until nothing more is wanted.

    As many run beside each other as could decide it by agreeing, so that a clear majority costs
    no sample too many. Those that are under way when it is decided are cancelled, and all are when
    the caller is, or when one raises.
    """
    running: set[asyncio.Task[None]] = set()
    try:
        while wanted := ballot.wanted:
            for _ in range(min(wanted, at_once) - len(running)):
                running.add(asyncio.create_task(ask(), name="sample"))
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            errors = [error for task in done if (error := task.exception()) is not None]
            if errors:
                raise errors[0]
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
