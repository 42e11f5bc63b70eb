"""``GET /link/events``: what happens in the Ableton Link session, as events that a browser's own
``EventSource`` reads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from conduit.blocks import Gate, decode, dumps
from conduit.contracts.errors import ConduitError
from conduit.playing.blocks import LONGEST_WATCH_S, LinkState, LinkWatch
from conduit.surfaces.http.errors import error_response
from conduit.surfaces.http.events import EventStream, event
from conduit.surfaces.http.limits import Limits
from conduit.surfaces.http.requests import correlation_of, principal_of

PATH: Final = "/link/events"
_BLOCK: Final = "link.watch"


def link_events_endpoint(gate: Gate, limits: Limits) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint, for a route. Its query is the input of the block, which goes on for an hour
    unless it says how long: then an ``EventSource`` asks again."""

    async def endpoint(request: Request) -> Response:
        data = {"seconds": LONGEST_WATCH_S, **request.query_params}
        try:
            wanted = decode(LinkWatch, data, lenient=True, where=_BLOCK)
        except ConduitError as error:
            return error_response(error)
        items = gate.stream(
            _BLOCK, wanted, principal_of(request), correlation_id=correlation_of(request)
        )
        return EventStream(_states(items), error_response, limits=limits)

    return endpoint


async def _states(items: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(items):
        async for item in items:
            if isinstance(item, LinkState):
                yield event("link", dumps(item))
