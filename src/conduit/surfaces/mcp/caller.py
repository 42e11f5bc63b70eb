"""On whose behalf a message was sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcp.server.context import ServerRequestContext
from starlette.requests import Request

from conduit.contracts.call import Principal
from conduit.contracts.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Caller:
    """``correlation_id`` is empty where the transport has none: then the gate gives one.
    ``person`` is who answers when the client asks the person that sits at it."""

    principal: Principal
    person: Principal
    correlation_id: str = ""


WhoCalls = Callable[[ServerRequestContext[Any, Any]], Caller]


def always(principal: Principal, person: Principal | None = None) -> WhoCalls:
    """Everybody is the same: whoever started this process and holds the other end of its pipe. A
    model drives that client, and may less than the ``person`` behind it."""
    return lambda context: Caller(principal, person or principal)


def of_request(context: ServerRequestContext[Any, Any]) -> Caller:
    """Whoever sent the HTTP request that brought this message, whatever session it is part of."""
    request = context.request
    principal = request.state.principal if isinstance(request, Request) else None
    if not isinstance(request, Request) or not isinstance(principal, Principal):
        raise Unauthenticated("nobody is known to have sent this", hint="send it as a request")
    return Caller(principal, principal, request.state.correlation_id)
