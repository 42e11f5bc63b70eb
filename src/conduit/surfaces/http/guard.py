"""What every request passes before it is looked at: who may talk, how much, how slowly.

Conduit listens on the loopback interface and trusts whoever is at the machine, so the danger is a
web page that the person has open. Two checks keep it out: ``Host`` must name this machine (against
DNS rebinding), and an ``Origin``, which browsers send and pages cannot forge, must be our own.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conduit.contracts.errors import ConduitError, Forbidden, InvalidInput, TooLarge
from conduit.surfaces.http.errors import error_response

log = logging.getLogger("conduit.http")

LARGEST_BODY = 8 * 1024 * 1024
_SLOWEST_BODY_S = 30.0
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_CORRELATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]


class RequestTimeout(InvalidInput):
    code = "request_timeout"


class Guard:
    """ASGI middleware around the whole HTTP surface. Nothing gets past it as a bare 500."""

    def __init__(self, app: ASGIApp, new_id: Callable[[], str]) -> None:
        self._app = app
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        correlation = headers.get("x-correlation-id", "")
        if not _CORRELATION.fullmatch(correlation):
            correlation = self._new_id()
        scope.setdefault("state", {})["correlation_id"] = correlation
        answering = False

        async def answer(message: Message) -> None:
            nonlocal answering
            if message["type"] == "http.response.start":
                answering = True
                given = list(message["headers"])
                names = {name.lower() for name, _ in given}
                given += [header for header in _HEADERS if header[0] not in names]
                message["headers"] = [*given, (b"x-correlation-id", correlation.encode())]
            await send(message)

        try:
            check_host(headers)
            check_length(headers)
            await self._app(scope, _Bounded(receive), answer)
        except ConduitError as error:
            if not answering:
                await error_response(error)(scope, receive, answer)
        except Exception:
            log.exception("request failed (correlation %s)", correlation)
            if answering:
                raise  # the server cuts the connection, which is the truth
            failure = ConduitError(
                "the request failed unexpectedly",
                hint=f"this is a bug; the server's log has the details under {correlation}",
            )
            await error_response(failure)(scope, receive, answer)


def check_host(headers: dict[str, str]) -> None:
    """Raise ``Forbidden`` unless the request was meant for this machine and comes from no other page."""
    host = headers.get("host", "")
    if _host_name(f"//{host}") not in _LOCAL_NAMES:
        raise Forbidden(
            f"the Host header names {host[:80]!r}",
            hint="Conduit answers to localhost, 127.0.0.1 and [::1] only",
        )
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        raise Forbidden(
            f"requests from the page {origin[:80]!r} are not allowed",
            hint="only Conduit's own pages may call it from a browser",
        )


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def check_length(headers: dict[str, str]) -> None:
    """Raise ``TooLarge`` before a body that says it is too large is read."""
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > LARGEST_BODY:
        raise _too_large()


def _too_large() -> TooLarge:
    return TooLarge(
        f"the body is larger than {LARGEST_BODY // 1024 // 1024} MiB", hint="send less at once"
    )


class _Bounded:
    """A request body that ends, in size and in time."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self._complete = False
        self._deadline: float | None = None

    async def __call__(self) -> Message:
        if self._complete:  # what still comes is a disconnect, which may take its time
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._deadline = self._deadline or loop.time() + _SLOWEST_BODY_S
        try:
            async with asyncio.timeout_at(self._deadline):
                message: dict[str, Any] = dict(await self._receive())
        except TimeoutError:
            raise RequestTimeout(
                f"the body did not arrive within {_SLOWEST_BODY_S:g} s", hint="send it faster"
            ) from None
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._size > LARGEST_BODY:
                raise _too_large()
        return message
