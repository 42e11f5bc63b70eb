"""Going on with what a killed process left, and saying that this one lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from conduit.agents.runs.agent_runs import AgentRuns

log = logging.getLogger("conduit.app.going_on")


def going_on(runs: AgentRuns) -> tuple[asyncio.Task[None], ...]:
    """Start both, beside everything else. They end with ``stopped``."""

    async def recover() -> None:
        if count := await runs.recover():
            log.warning("went on with %d runs that were left by a process that is no more", count)

    return tuple(map(asyncio.create_task, (recover(), runs.watch())))


async def stopped(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End them. What was being gone on with is left again, and can be gone on with later."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            log.error("it ended with an error", exc_info=ended)
