"""Tasks that run beside everything else, until the process ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

log = logging.getLogger("conduit.app.beside")


async def stopped(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End them. One that has ended by itself with an error is logged."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            log.error("it ended with an error", exc_info=ended)
