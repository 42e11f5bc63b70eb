"""The outermost layer of the server: bytes from the network, before they are a request.

Uvicorn's protocol over llhttp, which is strict about line ends, folded and malformed headers,
lengths and chunks. What is added here is a bound for everything a connection may take (time, bytes,
headers, requests in a row), and a refusal of what llhttp lets through and two programs may read in
two ways: that is how requests are smuggled past a proxy. Layout: RFC 9112.

It keeps to the way of Uvicorn's ``httptools_impl``, whose callbacks it replaces; the tests hold the
two together.
"""

from __future__ import annotations

import asyncio
import logging
import urllib.parse
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from conduit.contracts.errors import ConduitError, InvalidInput, Overloaded, TooLarge
from conduit.surfaces.http.errors import error_body
from conduit.surfaces.http.guard import HeadersTooLarge, RequestTimeout
from conduit.surfaces.http.limits import EDGE, Limits
from conduit.surfaces.http.phase import ANSWER, END, HEAD, IDLE, REST, Phase

log = logging.getLogger("conduit.http")

_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    414: b"URI Too Long",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}
_LOOKED_AT = frozenset((b"content-length", b"expect", b"host", b"transfer-encoding", b"upgrade"))
_LITTLE = 64 * 1024
"""Bytes of a body that are read though it was answered already."""
_NOT_HTTP = InvalidInput(
    "what was sent is not a well-formed HTTP request",
    hint="check the client, and any proxy in between",
)

_TOO_MANY = Overloaded(
    "too many connections, or requests in a row", hint="try again in a moment", retry_after_s=1.0
)


class _Refused(Exception):
    """Carried through the parser, out of a callback."""

    def __init__(self, status: int, error: ConduitError) -> None:
        super().__init__(status)
        self.status = status
        self.error = error


class EdgeProtocol(HttpToolsProtocol):
    """One connection. Given to Uvicorn as ``http``, with ``limits`` bound to it."""

    def __init__(
        self,
        limits: Limits,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._look_s = min(limits.head_s, limits.idle_s, limits.slowest_reader_s / 2)
        self._timer: asyncio.TimerHandle | None = None
        self._phase = HEAD
        self._since = 0.0
        """When the phase began, where it has an end."""
        self._deaf = False
        self._whole = True
        """No body is owed: the last request was received to its end."""
        self._task: asyncio.Task[Any] | None = None
        self.left = False
        """The connection is gone."""
        self._fed = 0
        """Bytes since the last that were of use: part of a head, or around a body."""
        self._special: dict[bytes, bytes] = {}
        self._unsent = 0
        self._moved_at = 0.0
        """When the client was last seen to take something, or to have taken everything."""

    def begin(self, scope: object, lines: bytes) -> bool:
        """The head of a streamed reply; the same as of a whole one, but for its length."""
        cycle = self.cycle
        if cycle.scope is not scope or cycle.response_started or cycle.scope["method"] == "HEAD":
            return False
        if cycle.scope["http_version"] != "1.1":
            return False
        if not cycle.disconnected:
            head = [STATUS_LINE[200]]
            for name, value in self.server_state.default_headers:
                head += (name, b": ", value, b"\r\n")
            close = b"" if cycle.keep_alive else b"connection: close\r\n"
            head += (lines, close, b"transfer-encoding: chunked\r\n\r\n")
            self.transport.write(b"".join(head))
        cycle.response_started = cycle.chunked_encoding = True
        cycle.waiting_for_100_continue = False
        return True

    async def write(self, data: bytes) -> None:
        """More of it, as fast as the client takes it. Nothing is not more: a chunk without a byte
        would be the end."""
        if self.flow.write_paused and not self.cycle.disconnected:
            await self.flow.drain()
        if data and not self.cycle.disconnected:
            self.transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """It is complete."""
        cycle = self.cycle
        if cycle.disconnected:
            return
        cycle.response_complete = True
        self.transport.write(b"0\r\n\r\n")
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def answered(self, scope: object) -> bool:
        """Whether an answer has begun."""
        return self.cycle.scope is scope and self.cycle.response_started

    # What the event loop calls.

    # asyncio names the base of all transports; Uvicorn narrows it in the same way.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self._moved_at = self.loop.time()
        self._timer = self.loop.call_later(self._look_s, self._look)
        if len(self.connections) > self._limits.connections:
            self.connections.discard(self)
            self._refuse(503, _TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.pipeline.clear()
        super().connection_lost(exc)
        self.left = True
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self.cycle is not None:  # or the two would hold each other until a collection
            cast("dict[str, Any]", self.cycle.scope).pop(EDGE, None)

    # What it offers to the application beyond ASGI, for the price of what ASGI takes.

    def cancel_on_leave(self, task: asyncio.Task[Any] | None) -> None:
        """What to cancel when the client hangs up (then ``left`` is true); None when it is done.
        Asking for that as ASGI does costs each request two tasks."""
        self._task = task

    def whole_body(self, scope: object, most: int) -> bytes | None:
        """The body of a request; None unless all of it is here, in ``most`` bytes."""
        cycle = self.cycle
        whole = cycle.scope is scope and not cycle.more_body and len(cycle.body) <= most
        return bytes(cycle.body) if whole else None

    def respond(self, scope: object, status: int, lines: bytes, body: bytes) -> bool:
        """A whole reply in one piece: whether it could be given so. ``lines`` are its headers,
        written out and fit to be sent, its length among them."""
        cycle = self.cycle
        if cycle.scope is not scope or cycle.response_started or self.flow.write_paused:
            return False
        if cycle.disconnected:
            return True
        head = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            head += (name, b": ", value, b"\r\n")
        head += (lines, b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n", body)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        self.transport.write(b"".join(head))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    # What the event loop calls.

    def data_received(self, data: bytes) -> None:
        self._fed += len(data)
        if self._deaf:
            if self._fed > self._limits.linger_bytes:
                self.transport.abort()
            return
        if self._phase is IDLE:
            self._phase = HEAD
            self._since = self.loop.time()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # the answer is under way, and what follows it is another protocol
        except httptools.HttpParserError as error:
            refused = error.__context__
            if isinstance(refused, _Refused):
                self._refuse(refused.status, refused.error)
            else:
                self._refuse(400, _NOT_HTTP)
        else:
            if self._fed > self._limits.header_bytes:
                self._refuse(*((431, self._too_long()) if self._whole else (400, _NOT_HTTP)))

    def resume_writing(self) -> None:
        self._moved_at = self.loop.time()
        super().resume_writing()

    # What the parser calls.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._special.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._whole:
            return  # a trailer, which nobody here expects and no check has seen
        name = name.lower()
        if name in _LOOKED_AT:
            known = self._special.get(name)
            self._special[name] = value if known is None else known + b", " + value
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        parser, scope, special, url = self.parser, self.scope, self._special, self.url
        version, method = parser.get_http_version(), parser.get_method()
        switching = b"upgrade" in special and parser.should_upgrade()
        self._check(version, method, switching)
        if version != "1.1":
            scope["http_version"] = version
        scope["method"] = method.decode("ascii")
        raw_path, _, query = url.partition(b"?")
        path = raw_path.decode("ascii")
        if "%" in path:
            path = urllib.parse.unquote(path)
        scope["path"] = self.root_path + path
        scope["raw_path"] = (
            self.root_path.encode("ascii") + raw_path if self.root_path else raw_path
        )
        scope["query_string"] = query
        before = self.cycle
        self.cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=special.get(b"expect", b"").lower() == b"100-continue",
            keep_alive=version == "1.1" and not switching and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        cast("dict[str, Any]", scope)[EDGE] = self  # its type knows only what ASGI names
        self._whole = False
        self._fed = 0
        self._phase = ANSWER
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        self._fed = 0
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._whole = True
        self._fed = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
        elif self._phase is REST:
            self._phase = IDLE
            self._since = self.loop.time()

    def on_response_complete(self) -> None:
        """The application has said all of one answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            self.flow.resume_reading()
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._whole and not self._owes_little:
            self._linger()  # to read the rest of a body that nobody wants could take for ever
        elif not self._whole:  # it is on its way: clients send their next request after it
            self.flow.resume_reading()
            self._wait_for(REST)
        else:
            self.flow.resume_reading()
            self._phase = IDLE
            self._since = self.loop.time()

    @property
    def _owes_little(self) -> bool:
        """The rest of the body is short, and will come: who waits for 100 may not send it."""
        length = self._special.get(b"content-length", b"")
        return b"expect" not in self._special and length.isdigit() and int(length) <= _LITTLE

    # Refusing, and not waiting for ever.

    def _check(self, version: str, method: bytes, switching: bool) -> None:
        """Raise ``_Refused`` for what no honest client sends, and for what another program could
        take for something else."""
        limits, special, url = self._limits, self._special, self.url
        if len(url) > limits.target_bytes:
            said = f"the address is longer than {limits.target_bytes // 1024} KiB"
            raise _Refused(414, TooLarge(said, hint="send what is large in the body"))
        if len(self.headers) > limits.headers or (
            self._fed > limits.header_bytes
            and sum([len(name) + len(value) for name, value in self.headers]) > limits.header_bytes
        ):
            raise _Refused(431, self._too_long())
        if version not in ("1.1", "1.0"):
            said = f"HTTP/{version} is not spoken here"
            raise _Refused(400, InvalidInput(said, hint="send HTTP/1.1"))
        if url[:1] != b"/" or b"#" in url or method == b"CONNECT":
            said = "the request's target is not a path"
            raise _Refused(
                400, InvalidInput(said, hint="Conduit is no proxy; send a path like /v1")
            )
        if b"host" not in special and version == "1.1":
            raise _Refused(400, InvalidInput("there is no Host header", hint="send one"))
        coding = special.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
            said = "the only transfer encoding is chunked, once, over HTTP/1.1"
            raise _Refused(400, InvalidInput(said, hint="or send Content-Length"))
        if switching and (coding is not None or special.get(b"content-length", b"0") != b"0"):
            said = "a request for another protocol has a body"
            raise _Refused(400, InvalidInput(said, hint="send it without Upgrade"))
        if len(self.pipeline) >= limits.pipelined:
            raise _Refused(503, _TOO_MANY)

    def _too_long(self) -> HeadersTooLarge:
        limits = self._limits
        return HeadersTooLarge(
            f"there are more than {limits.headers} headers, "
            f"or they are larger than {limits.header_bytes // 1024} KiB",
            hint="send what is large in the body",
        )

    def _refuse(self, status: int, error: ConduitError) -> None:
        """Read no more, say why where that can still be said, and close."""
        log.debug("refused with %d: %s", status, error.message)
        self._deaf = True
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._say(status, error)
        elif self._whole:
            cycle.keep_alive = False  # what came before the fault is answered, and is the last
        elif cycle.response_started or self.pipeline:
            self.transport.abort()
        else:
            cycle.disconnected = True
            cycle.message_event.set()
            self._say(status, error)

    def _say(self, status: int, error: ConduitError) -> None:
        body = error_body(error)
        again = b"retry-after: 1\r\n" if error is _TOO_MANY else b""
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"x-content-type-options: nosniff\r\n%bconnection: close\r\n\r\n%b"
            % (status, _REASONS[status], len(body), again, body)
        )
        self._linger()

    def _linger(self) -> None:
        """Close the sending side, and give the client a moment to read: closed at once, with its
        bytes unread, the connection would be reset, and the answer with it."""
        self._deaf = True
        self._fed = 0
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._wait_for(END)

    def _wait_for(self, phase: Phase) -> None:
        """A moment, and no longer."""
        self._phase = phase
        self._since = self.loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(self._limits.linger_s, self._look)

    def _look(self) -> None:
        """Compare the time with what is due. One timer for the connection's whole life: to arm one
        for each request would cost more than the comparison."""
        now, limits, transport = self.loop.time(), self._limits, self.transport
        self._timer = self.loop.call_later(self._look_s, self._look)
        unsent = transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent:
            self._moved_at = now
        self._unsent = unsent
        if now >= self._moved_at + limits.slowest_reader_s:
            transport.abort()
        elif transport.is_closing() or self._phase is ANSWER:
            return
        elif self._phase is END:
            if now >= self._since + limits.linger_s:
                transport.abort()
        elif self._phase is IDLE and unsent:
            self._since = now  # it has not even got the last answer yet
        elif now < (due := self._since + self._patience_s):
            if due < now + self._look_s:
                self._timer.cancel()
                self._timer = self.loop.call_at(due, self._look)
        elif self._phase is HEAD and self._fed:
            said = f"the headers did not arrive within {limits.head_s:g} s"
            self._refuse(408, RequestTimeout(said, hint="send them faster"))
        else:
            transport.close()

    @property
    def _patience_s(self) -> float:
        limits = self._limits
        if self._phase is REST:
            return limits.linger_s
        return limits.head_s if self._phase is HEAD else limits.idle_s
