"""Forgetting what is older than the operator wants it kept: runs that are over, and usage."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable
from typing import Final

from conduit.app.settings import Settings
from conduit.contracts.errors import ConduitError
from conduit.store.runs import Runs
from conduit.store.usage import UsageStore

log = logging.getLogger("conduit.app.retention")

EVERY_S: Final = 3600.0
_DAY_MS: Final = 86_400_000
_AT_ONCE: Final = 200
"""Rows of one transaction, so that nobody waits long for it."""
REST_S: Final = 0.15
"""Between two. Whoever else waits to write to SQLite looks every tenth of a second whether they
may, and would hardly ever come to it if the next transaction followed at once."""

Forget = Callable[[int, int], int]
"""Deletes what is older than a moment (Unix time in ms), so many at once; how many that were."""


def forgetting(
    settings: Settings, runs: Runs, usage: UsageStore, clock: Callable[[], float] = time.time
) -> tuple[asyncio.Task[None], ...]:
    """Start it beside everything else; nothing where all is kept for ever."""
    wanted: list[tuple[str, int, Forget]] = [
        ("runs", settings.keep_runs_days, runs.forget),
        ("records of usage", settings.keep_usage_days, usage.forget),
    ]
    return tuple(
        asyncio.create_task(_forget(name, days, forget, clock))
        for name, days, forget in wanted
        if days
    )


async def _forget(name: str, days: int, forget: Forget, clock: Callable[[], float]) -> None:
    """Look now and every hour; never returns."""
    while True:
        before = int(1000 * clock()) - days * _DAY_MS
        forgotten = 0
        try:
            while some := await asyncio.to_thread(functools.partial(forget, before, _AT_ONCE)):
                forgotten += some
                await asyncio.sleep(REST_S)
        except ConduitError as error:
            log.warning("%s that are too old are still there: %s", name, error.message)
        if forgotten:
            log.info("%d %s were older than %d days and are forgotten", forgotten, name, days)
        await asyncio.sleep(EVERY_S)
