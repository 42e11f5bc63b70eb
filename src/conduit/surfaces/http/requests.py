"""A request: who sent it, under which id, its JSON body, and whether anybody still waits."""

from __future__ import annotations

from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

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
