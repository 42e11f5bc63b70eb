"""One connection to an origin: one request at a time, its reply taken apart as it comes.

Read in the order in which things happen: ``begin`` sends, ``head`` waits for status and headers,
``read`` hands out the body. The bytes are taken apart by llhttp, strictly; what it lets through and
must not be believed is looked at here. Layout: RFC 9112.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import cast

import httptools

from conduit.contracts.errors import ProviderError
from conduit.models.transport.failures import Failures

HEAD_BYTES = 64 << 10
"""Of a reply's status and headers, of whatever precedes and follows them (``100 Continue``,
trailers), and of anything else that is sent without the body getting longer."""
_AHEAD_BYTES = 256 << 10
"""Of the body that may wait unread before the provider has to."""
_ONE_WRITE_BYTES = 64 << 10
"""Up to here it is cheaper to copy a body behind its head than to write twice."""


class _State(Enum):
    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    COMPLETE = auto()
    FAILED = auto()


_IDLE, _HEAD, _BODY, _COMPLETE, _FAILED = _State  # to look one up costs more than to compare it


class Connection(asyncio.Protocol):
    """``idle_s`` is how long it may wait for its next request before it closes itself; ``lost`` is
    told once it is closed."""

    def __init__(
        self, failures: Failures, idle_s: float, lost: Callable[[Connection], None]
    ) -> None:
        limits = failures.limits
        self.used = False
        """A reply has come over it before, so its other end may have gone since."""
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self._failures = failures
        self._silence_s = limits.silence_s
        self._total_s = limits.total_s
        self._idle_s = idle_s
        self._lost = lost
        self._look_s = min(limits.silence_s, limits.total_s, idle_s)
        self._loop = asyncio.get_running_loop()
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._state = _IDLE
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._fault: Callable[[], ProviderError] | None = None
        """Makes the error anew each time: one that is kept would keep the frames it passed."""
        self._pairs: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._ahead = 0
        self._overhead = 0
        self._heard = False
        self._interim = False
        self._ends_with_connection = False
        self._reusable = False
        self._paused = False
        self._begun_at = 0.0
        self._active_at = 0.0

    # What the pool and the exchange call.

    @property
    def alive(self) -> bool:
        """It can carry another request, as far as is known here."""
        return (
            self._state is _IDLE
            and self._transport is not None
            and not self._transport.is_closing()
        )

    @property
    def went_stale(self) -> bool:
        """It had been idle, and was gone before a byte of a reply: whoever closed it can hardly
        have seen the request."""
        return self.used and not self._heard and self._transport is None

    @property
    def reusable(self) -> bool:
        """The reply is complete, the request was sent whole, and both leave the connection open."""
        return (
            self._complete
            and self._reusable
            and self._waiter is None
            and self._transport is not None
            and not self._transport.is_closing()
            and not self._transport.get_write_buffer_size()
        )

    @property
    def _complete(self) -> bool:
        return self._state is _COMPLETE

    def begin(self, head: bytes, body: bytes) -> None:
        """Send a request. The connection is ``alive``."""
        assert self._transport is not None
        self._state = _HEAD
        self._heard = self._interim = self._ends_with_connection = self._reusable = False
        self._overhead = 0
        self._begun_at = self._active_at = self._loop.time()
        if len(body) <= _ONE_WRITE_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    async def head(self) -> None:
        """Wait for ``status`` and ``headers``. Raises the errors of ``Transport.open``."""
        while self._state is _HEAD:
            await self._wait()
        if self._state is _FAILED and self._fault is not None:
            raise self._fault()

    async def read(self) -> bytes:
        """What has come of the body since the last time, or will come next; empty at its end."""
        while not self._pieces:
            if self._state is not _BODY:
                if self._fault is not None:
                    raise self._fault()
                return b""
            await self._wait()
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._let_go()
        return data

    def rest(self) -> None:
        """The exchange is over, and the connection is ``reusable``."""
        self._state = _IDLE
        self.used = True
        self._let_go()
        self._active_at = self._loop.time()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def _let_go(self) -> None:
        """Of the pieces that were waiting: there is room for more."""
        self._pieces.clear()
        self._ahead = 0
        if self._paused:
            self._paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's inherits from nothing
        self._active_at = self._loop.time()
        self._timer = self._loop.call_later(self._look_s, self._look)

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._transport is None:
            return
        if self._state is not _HEAD and self._state is not _BODY:
            # Nobody asked: at best a mistake, at worst the reply to somebody else's next request.
            self._reusable = False
            self._transport.abort()
            return
        self._heard = True
        self._active_at = self._loop.time()
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._reusable = False
            if self._complete:
                self._transport.abort()
            else:
                self._fail(self._fault or self._failures.not_http)
            return
        if self._overhead > HEAD_BYTES:
            self._fail(self._failures.not_http)
        elif self._ahead > _AHEAD_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        if self._waiter is not None and (self._pieces or self._state is not _HEAD):
            self._wake()

    def eof_received(self) -> bool:
        self._reusable = False
        if self._state is _BODY and self._ends_with_connection:
            self._state = _COMPLETE
            self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._transport = self._parser = None  # the last one holds on to this object
        if self._state is _HEAD or self._state is _BODY:
            if exc is None and self._state is _BODY and self._ends_with_connection:
                self._state = _COMPLETE
            else:
                why = type(exc).__name__ if exc else "it ended too early"
                self._fail(partial(self._failures.dropped, why))
        elif self._state is _IDLE:
            self._state = _FAILED
        self._wake()
        self._lost(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._state is not _HEAD:
            raise ValueError("more than one reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._state is _HEAD:
            self._pairs.append((name, value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        pairs, self._pairs = self._pairs, []
        status = self._parser.get_status_code()
        if status < 200:
            self._interim = True  # but for 101, at which llhttp stops
            return
        if self._overhead > HEAD_BYTES:
            size = sum([len(name) + len(value) + 4 for name, value in pairs])
            if size > HEAD_BYTES:
                raise ValueError("too many headers")
        headers = {name.lower(): value for name, value in pairs}
        if len(headers) < len(pairs):
            headers = _joined(pairs)
        coding = headers.get(b"transfer-encoding")
        if coding is None:
            self._ends_with_connection = b"content-length" not in headers
        elif coding.strip().lower() != b"chunked":
            self._fault = partial(self._failures.compressed, coding.decode("latin-1"))
            raise ValueError("not only chunked")
        self.status = status
        self.headers = headers
        self._overhead = 0
        self._state = _BODY

    def on_body(self, body: bytes) -> None:
        self._overhead = 0
        self._ahead += len(body)
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if self._interim:
            self._interim = False
            return
        self._overhead = 0
        self._reusable = self._parser.should_keep_alive()
        self._state = _COMPLETE

    # Waiting, and not for ever.

    async def _wait(self) -> None:
        self._active_at = self._loop.time()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, fault: Callable[[], ProviderError]) -> None:
        self._fault = fault
        self._state = _FAILED
        self._reusable = False
        self.abort()
        self._wake()

    def _look(self) -> None:
        """Compare the time with what is due. One timer for the connection's whole life: to arm one
        for each wait would cost more than the wait."""
        now = self._loop.time()
        due = now + self._look_s
        if self._state is _HEAD or self._state is _BODY:
            if now >= self._begun_at + self._total_s:
                self._fail(self._failures.too_long)
            elif self._waiter is not None and now >= self._active_at + self._silence_s:
                self._fail(self._failures.silent)
            else:
                due = min(due, self._begun_at + self._total_s)
                if self._waiter is not None:
                    due = min(due, self._active_at + self._silence_s)
        elif self._state is _IDLE:
            if now >= self._active_at + self._idle_s:
                self.abort()
            else:
                due = min(due, self._active_at + self._idle_s)
        self._timer = self._loop.call_at(due, self._look)


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    several: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        several.setdefault(name.lower(), []).append(value)
    return {name: b", ".join(values) for name, values in several.items()}
