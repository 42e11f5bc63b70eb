"""Server-Sent Events, sent as they happen, with the work cancelled when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from conduit.contracts.errors import ConduitError
from conduit.surfaces.http.leaving import disconnected
from conduit.surfaces.http.limits import USUAL, Limits

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
]

Headers = list[tuple[bytes, bytes]]


class EventStream(Response):
    """Sends encoded events; an error before the first one becomes an ordinary response.

    The events are produced in one task of their own, so that what a block stores in its context
    stays with it. Its back-pressure is a short queue; a client that hangs up, or takes too long
    to take one event, ends the work.

    ``headers_after_first`` is asked for further headers once the first event is there.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        refuse: Callable[[ConduitError], Response],
        headers_after_first: Callable[[], Headers] = list,
        limits: Limits = USUAL,
    ) -> None:
        super().__init__()
        self._events = events
        self._refuse = refuse
        self._headers_after_first = headers_after_first
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        queue: asyncio.Queue[bytes | ConduitError | None] = asyncio.Queue(self._limits.events_ahead)
        work = asyncio.create_task(self._produce(queue))
        sending = asyncio.create_task(self._answer(queue, scope, receive, send))
        leaving = asyncio.create_task(disconnected(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, sending, leaving):
                task.cancel()
            ended = await asyncio.gather(work, sending, leaving, return_exceptions=True)
        for result in ended[:2]:
            if isinstance(result, Exception):
                raise result

    async def _produce(self, queue: asyncio.Queue[bytes | ConduitError | None]) -> None:
        """Fill the queue; None ends it. A refusal is data, any other failure ends the stream."""
        try:
            async with aclosing(self._events):
                async for item in self._events:
                    await queue.put(item)
        except ConduitError as error:
            await queue.put(error)
        except Exception:
            await queue.put(None)
            raise
        await queue.put(None)

    async def _answer(
        self,
        queue: asyncio.Queue[bytes | ConduitError | None],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        item = await queue.get()
        if isinstance(item, ConduitError):
            await self._refuse(item)(scope, receive, send)
            return
        headers = [*_HEADERS, *self._headers_after_first()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while isinstance(item, bytes):
            body = {"type": "http.response.body", "body": item, "more_body": True}
            # Not wait_for: before Python 3.12 it can swallow the cancellation of this task.
            try:
                async with asyncio.timeout(self._limits.slowest_reader_s):
                    await send(body)
            except TimeoutError:
                return  # without an end, so that the connection is cut
            try:
                async with asyncio.timeout(self._limits.keep_alive_s):
                    item = await queue.get()
            except TimeoutError:
                item = b": keep-alive\n\n"
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def event(name: str, data: bytes) -> bytes:
    """One event of JSON data; JSON has no line ends, so one ``data:`` line is enough."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
