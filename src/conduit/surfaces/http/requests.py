"""Reading a request: its principal, its correlation id, its JSON body."""

from __future__ import annotations

from typing import Any

from starlette.requests import ClientDisconnect, Request

from conduit.blocks import loads
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import InvalidInput


def principal_of(_request: Request) -> Principal:
    """Who is asking. On loopback it is the person at the machine."""
    return LOCAL_OWNER


def correlation_of(request: Request) -> str:
    correlation: str = request.state.correlation_id
    return correlation


async def json_body(request: Request) -> Any:
    """The body as JSON; an empty one is an empty object. Raises ``MalformedJson``, ``TooLarge``."""
    try:
        body = await request.body()
    except ClientDisconnect:
        raise InvalidInput("the client left before the body was complete") from None
    return loads(body) if body else {}
