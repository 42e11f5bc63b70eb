"""A client that hangs up: nobody waits any more, so the work for it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from conduit.contracts.errors import InvalidInput

T = TypeVar("T")


class ClientLeft(InvalidInput):
    """For nobody to read."""


async def until_left(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Do what a client waits for, until it stops waiting. The body must have been read. Raises
    ``ClientLeft`` when it leaves first."""
    task = asyncio.create_task(work)
    leaving = asyncio.create_task(disconnected(receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    finally:
        task.cancel()
        leaving.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)
    raise ClientLeft("the client left before the answer", hint="wait for it")


async def disconnected(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
