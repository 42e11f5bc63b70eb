"""A request: who sent it, under which id, its JSON body, and whether anybody still waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from conduit.blocks import loads
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import InvalidInput

T = TypeVar("T")


CALLER = Principal(LOCAL_OWNER.subject, permissions=frozenset({"*"}))
"""Who asks when nothing else is set: the local subject, but not the owner at the terminal. Any
program on the machine can connect, so what is guarded must have been allowed."""


def principal_of(request: Request) -> Principal:
    """Who is asking."""
    principal: Principal = request.state.principal
    return principal


def correlation_of(request: Request) -> str:
    correlation: str = request.state.correlation_id
    return correlation


async def json_body(request: Request) -> Any:
    """The body as JSON; an empty one is an empty object. Raises ``MalformedJson``, ``TooLarge``."""
    try:
        body = await request.body()
    except ClientDisconnect:
        raise InvalidInput(
            "the client left before the body was complete", hint="send all of it"
        ) from None
    return loads(body) if body else {}


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do what a client waits for, until it stops waiting. The body must have been read.

    Raises ``InvalidInput``, for nobody to read, when the client leaves first.
    """
    task = asyncio.create_task(work)
    leaving = asyncio.create_task(disconnected(request.receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    finally:
        task.cancel()
        leaving.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)
    raise InvalidInput("the client left before the answer", hint="wait for it")


async def disconnected(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
