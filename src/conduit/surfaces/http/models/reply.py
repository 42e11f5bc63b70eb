"""Sending an answer as a bare ASGI application does, and stopping when nobody listens any more."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache
from typing import Any, Final, TypeVar

from starlette.types import Receive, Scope, Send

from conduit.contracts.chat import ProviderFailure
from conduit.contracts.usage import Agreement
from conduit.models.gateway.blocks import ModelReply
from conduit.surfaces.http.leaving import ClientLeft, until_left
from conduit.surfaces.http.limits import EDGE

T = TypeVar("T")
Headers = list[tuple[bytes, bytes]]

_JSON: Final = (b"content-type", b"application/json")
_MEDIA_TYPES: Final = {
    "sse": b"text/event-stream; charset=utf-8",
    "ndjson": b"application/x-ndjson",
}
_NO_STORE: Final = (b"cache-control", b"no-store")
_KEEP_ALIVE: Final = b": keep-alive\n\n"


def answering(
    provider: str,
    model: str,
    failures: tuple[ProviderFailure, ...],
    dropped: tuple[str, ...],
    cache: str,
    agreement: Agreement | None = None,
) -> Headers:
    """Who answered, who failed before, what was left out, how sure it is: for those who look at
    headers only."""
    found = _named(provider, model).copy()
    if failures:
        failed = ", ".join(f"{f.provider}={f.code}" for f in failures)
        found.append((b"x-conduit-failed", _value(failed)))
    if dropped:
        found.append((b"x-conduit-dropped", _value(", ".join(dropped))))
    if cache:
        found.append((b"x-conduit-cache", cache.encode()))
    if agreement is not None:
        found += (
            (b"x-conduit-samples", b"%d" % agreement.samples),
            (b"x-conduit-agreement", b"%.2f" % agreement.share),
            (b"x-conduit-escalated", b"yes" if agreement.escalated else b"no"),
        )
    return found


@lru_cache(maxsize=1024)
def _named(provider: str, model: str) -> Headers:
    return [(b"x-conduit-provider", _value(provider)), (b"x-conduit-model", _value(model))]


def _value(text: str) -> bytes:
    """As a header may hold it: what somebody else wrote could end one and begin another."""
    if text.isascii() and text.isprintable():
        return text[:1000].encode()
    kept = "".join(c if c.isprintable() else " " for c in text[:1000])
    return kept.encode("latin-1", "replace")


@lru_cache(maxsize=1024)
def _lines(provider: str, model: str) -> bytes:
    """The lines of a usual answer."""
    headers = [_JSON, *_named(provider, model)]
    return b"".join(b"%b: %b\r\n" % header for header in headers)


async def send_answer(scope: Scope, send: Send, reply: ModelReply) -> None:
    """A model's whole answer."""
    body = reply.body.encode()
    edge = scope.get(EDGE)
    usual = not (reply.failures or reply.dropped or reply.cache or reply.agreement)
    if edge is not None and usual:
        lines = b"%bcontent-length: %d\r\n%b" % (
            _lines(reply.provider, reply.model),
            len(body),
            scope["state"]["more_headers"],
        )
        if edge.respond(scope, 200, lines, body):
            return
    headers = answering(
        reply.provider,
        reply.model,
        reply.failures,
        reply.dropped,
        reply.cache,
        reply.agreement,
    )
    await send_whole(scope, send, 200, body, headers)


async def send_whole(
    scope: Scope, send: Send, status: int, body: bytes, headers: Headers, *, json: bool = True
) -> None:
    """A whole reply; unless it is JSON, ``headers`` say what it is."""
    length = (b"content-length", str(len(body)).encode())
    given = [_JSON, length, *headers] if json else [length, *headers]
    edge = scope.get(EDGE)
    if edge is not None:
        lines = b"".join(b"%b: %b\r\n" % header for header in given)
        if edge.respond(scope, status, lines + scope["state"]["more_headers"], body):
            return
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class StreamReply:
    """A streamed reply. While it has nothing to say it says so (where the framing has a way to),
    or proxies would cut it."""

    __slots__ = (
        "_alive",
        "_edge",
        "_framing",
        "_last",
        "_period_s",
        "_scope",
        "_send",
        "_tick",
        "_write",
        "begun",
    )

    def __init__(self, scope: Scope, send: Send, framing: str, period_s: float) -> None:
        self._scope = scope
        self._send = send
        self._framing = framing
        self._period_s = period_s
        self._edge = scope.get(EDGE)
        self._write = self._by_asgi
        self._last = 0.0
        self._tick: asyncio.TimerHandle | None = None
        self._alive: asyncio.Task[None] | None = None
        self.begun = False

    async def begin(self, headers: Headers) -> None:
        """Status and headers."""
        self.begun = True
        given = [(b"content-type", _MEDIA_TYPES[self._framing]), _NO_STORE, *headers]
        lines = b"".join(b"%b: %b\r\n" % header for header in given)
        if self._edge is not None and self._edge.begin(
            self._scope, lines + self._scope["state"]["more_headers"]
        ):
            self._write = self._edge.write
        else:
            self._edge = None
            await self._send({"type": "http.response.start", "status": 200, "headers": given})
        if self._framing == "sse":
            loop = asyncio.get_running_loop()
            self._last = loop.time()
            self._tick = loop.call_later(self._period_s, self._look, loop)

    async def write(self, data: bytes) -> None:
        """Whole events."""
        self._last = math.inf  # until they are taken
        await self._write(data)
        self._last = asyncio.get_running_loop().time()

    async def end(self) -> None:
        """The answer is complete."""
        self.close()
        if self._edge is not None:
            self._edge.end()
        else:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def close(self) -> None:
        """Stop keeping it alive."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if self._alive is not None:
            self._alive.cancel()
            self._alive = None

    async def _by_asgi(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Once in a while, instead of a timer for each event."""
        left = self._last + self._period_s - loop.time()
        if left <= 0:
            self._alive = loop.create_task(_said(self._write, _KEEP_ALIVE))
        wait = left if 0 < left < self._period_s else self._period_s
        self._tick = loop.call_later(wait, self._look, loop)


async def _said(write: Callable[[bytes], Awaitable[None]], data: bytes) -> None:
    await write(data)


async def while_listening(scope: Scope, receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Do what a client waits for, until it hangs up: then the work is cancelled, down to the
    provider's connection. The body must have been read. Raises ``ClientLeft``, for nobody."""
    edge = scope.get(EDGE)
    if edge is None or scope["state"]["body"] is None:
        return await until_left(receive, work)
    task = asyncio.current_task()
    assert task is not None
    edge.cancel_on_leave(task)
    try:
        return await work
    except asyncio.CancelledError:
        if not edge.left:
            raise
        task.uncancel()
        raise ClientLeft("the client left before the answer", hint="wait for it") from None
    finally:
        edge.cancel_on_leave(None)
