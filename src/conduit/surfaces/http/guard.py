"""What every request passes before it is looked at: who may talk, how much, how slowly.

Conduit listens on the loopback interface and trusts whoever is at the machine, so the danger is a
web page that the person has open. Two checks keep it out: ``Host`` must name this machine (against
DNS rebinding), and an ``Origin``, which browsers send and pages cannot forge, must be our own.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conduit.contracts.errors import ConduitError, Forbidden, InvalidInput, TooLarge, Unavailable
from conduit.surfaces.http.errors import error_response
from conduit.surfaces.http.limits import EDGE, MIB, USUAL, Limits

log = logging.getLogger("conduit.http")

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_LOOKED_AT = {b"host": 1, b"origin": 2, b"content-length": 4, b"x-correlation-id": 8}
"""Header names; all but the last may come only once."""
_MOST_KNOWN = 64
_CORRELATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]

_LINES = b"".join(b"%b: %b\r\n" % header for header in _HEADERS)
_LINES = b"".join(b"%b: %b\r\n" % header for header in _HEADERS)
_NAMES = frozenset(name for name, _ in _HEADERS)


class RequestTimeout(InvalidInput):
    code = "request_timeout"


class HeadersTooLarge(TooLarge):
    code = "headers_too_large"


_STOPPING = Unavailable(
    "the server stops, and this takes too long to wait for",
    hint="ask again when it is back",
)


class Guard:
    """ASGI middleware around the whole HTTP surface. Nothing gets past it as a bare 500."""

    def __init__(
        self,
        app: ASGIApp,
        new_id: Callable[[], str],
        limits: Limits = USUAL,
        hosts: frozenset[str] | None = LOCAL_NAMES,
        sounds: Collection[str] = (),
    ) -> None:
        """``hosts`` are the names that this server goes by; None is any, for a server where
        everybody needs a key: a page that was led here by a false name has none. ``sounds`` are
        the addresses that take bodies as large as sounds are."""
        self._app = app
        self._new_id = new_id
        self._limits = limits
        self._hosts = hosts
        self._sounds = frozenset(sounds)
        self._for_sounds = limits.for_sounds()
        self._known: set[bytes] = set()
        """Host headers that were looked at already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation = ""
        answering = False

        async def answer(message: Message) -> None:
            nonlocal answering
            if message["type"] == "http.response.start":
                answering = True
                headers = message["headers"] = list(message["headers"])
                headers.append((b"x-correlation-id", correlation.encode()))
                for name, _ in headers:
                    if name in _NAMES:
                        given = {name for name, _ in headers}
                        headers += [header for header in _HEADERS if header[0] not in given]
                        break
                else:
                    headers += _HEADERS
            await send(message)

        try:
            host, origin, length, given = self._look(scope["headers"])
            if given and _CORRELATION.fullmatch(given.decode("latin-1")):
                correlation = given.decode()
            else:
                correlation = self._new_id()
            limits = self._for_sounds if scope["path"] in self._sounds else self._limits
            edge = scope.get(EDGE)
            body = None if edge is None else edge.whole_body(scope, limits.body_bytes)
            state = scope.setdefault("state", {})
            state["correlation_id"] = correlation
            state["body"] = body
            state["more_headers"] = b"%bx-correlation-id: %b\r\n" % (_LINES, correlation.encode())
            if origin is not None or (self._hosts is not None and host not in self._known):
                self._check(host.decode("latin-1"), origin)
            if length > limits.body_bytes:
                raise _too_large(limits)
            if body is None:
                receive = _Bounded(receive, limits)
            await self._app(scope, receive, answer)
        except ConduitError as error:
            correlation = correlation or self._new_id()
            if not answering and not _answered(scope):
                await error_response(error)(scope, receive, answer)
        except asyncio.CancelledError:
            if scope.get(EDGE) is None:
                raise
            # Uvicorn ends what takes longer than stopping may, and nobody waits for its task. What
            # was answered in part is cut.
            if not answering and not _answered(scope):
                await error_response(_STOPPING)(scope, receive, answer)
        except Exception:
            log.exception("request failed (correlation %s)", correlation)
            if answering or _answered(scope):
                raise  # the server cuts the connection, which is the truth
            failure = ConduitError(
                "the request failed unexpectedly",
                hint=f"this is a bug; the server's log has the details under {correlation}",
            )
            await error_response(failure)(scope, receive, answer)

    def _look(
        self, headers: Iterable[tuple[bytes, bytes]]
    ) -> tuple[bytes, bytes | None, int, bytes]:
        """Once over the headers: host, origin, length of the body (0 where none is given), and
        correlation id. Raises for more than any honest client sends, and for two that decide one
        thing: which of them counts would depend on who reads."""
        host, origin, length, correlation = b"", None, 0, b""
        size = seen = 0
        for name, value in headers:
            size += len(name) + len(value)
            bit = _LOOKED_AT.get(name)
            if bit is None:
                continue
            if seen & bit:
                raise InvalidInput(
                    f"there are two {name.decode('latin-1')} headers", hint="send one of them"
                )
            if bit == 1:
                host, seen = value, seen | 1
            elif bit == 2:
                origin, seen = value, seen | 2
            elif bit == 8:
                correlation = value
            else:
                seen |= 4
                length = int(value[:20]) if value.isdigit() else 0
        if size > self._limits.header_bytes:
            raise HeadersTooLarge(
                f"the headers are larger than {self._limits.header_bytes // 1024} KiB",
                hint="send what is large in the body",
            )
        return host, origin, length, correlation

    def _check(self, host: str, origin: bytes | None) -> None:
        """Raise ``Forbidden`` unless the request is meant for this machine and no page forged
        it."""
        if self._hosts is not None:
            if _host_name(f"//{host}") not in self._hosts:
                raise Forbidden(
                    f"the Host header names {host[:80]!r}",
                    hint="Conduit answers to localhost, 127.0.0.1 and [::1] only",
                )
            if len(self._known) < _MOST_KNOWN:
                self._known.add(host.encode("latin-1"))
        if origin is not None and _place(origin.decode("latin-1")) != host.lower():
            raise Forbidden(
                f"requests from the page {origin[:80].decode('latin-1')!r} are not allowed",
                hint="only Conduit's own pages may call it from a browser",
            )


def _answered(scope: Scope) -> bool:
    edge = scope.get(EDGE)
    return edge is not None and bool(edge.answered(scope))


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(
        f"the body is larger than {limits.body_bytes / MIB:g} MiB", hint="send less at once"
    )


class _Bounded:
    """A request body that ends, in size and in time."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._size = 0
        self._complete = False
        self._deadline: float | None = None

    async def __call__(self) -> Message:
        if self._complete:  # what still comes is a disconnect, which may take its time
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._deadline = self._deadline or loop.time() + self._limits.body_s
        try:
            async with asyncio.timeout_at(self._deadline):
                message: dict[str, Any] = dict(await self._receive())
        except TimeoutError:
            raise RequestTimeout(
                f"the body did not arrive within {self._limits.body_s:g} s", hint="send it faster"
            ) from None
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._size > self._limits.body_bytes:
                raise _too_large(self._limits)
        return message
