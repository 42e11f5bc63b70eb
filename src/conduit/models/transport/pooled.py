"""Our own client: connections kept for the next request to the same origin.

It does what a provider needs and nothing else. Redirects are not followed (a key must not travel),
cookies are not kept, proxies of the environment are not asked, and replies are asked for
uncompressed, so that a small reply cannot become a large one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Literal, Self

from conduit.contracts.errors import ProviderUnreachable
from conduit.models.exchange import Header
from conduit.models.transport.connection import Connection
from conduit.models.transport.dialing import speak_http_1, tls_context
from conduit.models.transport.failures import Failures
from conduit.models.transport.pool import Pool
from conduit.models.transport.request_head import Origin, locate, opening, request_head
from conduit.models.transport.transport import Limits, Reply

_MOST_URLS = 256


def load_client() -> None:
    """Prepare TLS. It takes longer than a request, so whoever has an event loop with other work to
    do lets a thread do this first."""
    tls_context()


class PooledTransport:
    """Connections belong to the event loop of the first request; after ``aclose`` another loop may
    begin anew.

    ``tls`` says whom to trust instead of this machine's authorities; it is told to speak HTTP/1.1.
    ``most_idle`` connections to an origin wait for another request, ``idle_s`` seconds at most.
    """

    def __init__(
        self,
        provider: str,
        limits: Limits,
        *,
        tls: ssl.SSLContext | None = None,
        most_idle: int = 100,
        idle_s: float = 30.0,
    ) -> None:
        self._failures = Failures(provider, limits)
        if tls is not None:
            speak_http_1(tls)
        self._tls = tls
        self._most_idle = most_idle
        self._idle_s = idle_s
        self._pool: Pool | None = None
        self._known: dict[tuple[str, str], tuple[Origin, str]] = {}

    def open(
        self, method: Literal["GET", "POST"], url: str, headers: tuple[Header, ...], body: bytes
    ) -> AbstractAsyncContextManager[Reply]:
        """See ``Transport.open``."""
        return _Exchange(self, method, url, headers, body)

    async def aclose(self) -> None:
        """See ``Transport.aclose``."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    async def _not_open(self) -> bytes:
        """What a reply reads outside of its context."""
        raise self._failures.dropped("it was closed here")

    def _opened(self) -> Pool:
        loop = asyncio.get_running_loop()
        if self._pool is None:
            self._pool = Pool(self._failures, loop, self._tls, self._most_idle, self._idle_s)
        elif self._pool.loop is not loop:
            raise self._failures.elsewhere()
        return self._pool

    def _addressed(self, method: str, url: str) -> tuple[Origin, str]:
        """The origin and the opening lines. Raises ``ProviderUnreachable``."""
        known = self._known.get((method, url))
        if known is None:
            try:
                origin, target = locate(url)
            except ValueError:
                raise self._failures.no_address() from None
            if len(self._known) >= _MOST_URLS:  # paths may hold names that clients choose
                self._known.clear()
            known = self._known[method, url] = origin, opening(method, origin, target)
        return known


class _Exchange:
    """One request and its reply. A class and no generator, because everything passes here."""

    __slots__ = (
        "_body",
        "_connection",
        "_fields",
        "_headers",
        "_method",
        "_pool",
        "_transport",
        "_url",
        "read",
        "status",
    )

    def __init__(
        self,
        transport: PooledTransport,
        method: str,
        url: str,
        headers: tuple[Header, ...],
        body: bytes,
    ) -> None:
        self._transport = transport
        self._method = method
        self._url = url
        self._headers = headers
        self._body = body
        self.status = 0
        # A method of its own would make it refer to itself, and the collector's work of each.
        self.read: Callable[[], Coroutine[Any, Any, bytes]] = transport._not_open
        """See ``Reply.read``."""
        self._fields: dict[bytes, bytes] = {}
        self._pool: Pool | None = None
        self._connection: Connection | None = None

    async def __aenter__(self) -> Self:
        transport = self._transport
        self._pool = pool = transport._opened()
        origin, opening = transport._addressed(self._method, self._url)
        length = len(self._body) if self._method == "POST" else -1
        head = request_head(opening, self._headers, length)
        connection = pool.idle(origin)
        if connection is None or not await self._ask(connection, head):
            connection = await pool.connect(origin)
            await self._ask(connection, head)
        self._connection = connection
        self.status = connection.status
        self._fields = connection.headers
        self.read = connection.read
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._connection, None
        self.read = self._transport._not_open
        if connection is not None:
            if connection.reusable and self._pool is not None:
                self._pool.give_back(connection)
            else:
                connection.abort()

    @property
    def media_type(self) -> str:
        """See ``Reply.media_type``."""
        return self.header("content-type").partition(";")[0].strip().lower()

    def header(self, name: str) -> str:
        """See ``Reply.header``."""
        return self._fields.get(name.encode("latin-1"), b"").decode("latin-1").strip()

    async def _ask(self, connection: Connection, head: bytes) -> bool:
        """Send, and wait for the status; false where the connection turns out to have been closed
        before, so that the same request is to go over a new one, once."""
        try:
            connection.begin(head, self._body)
            await connection.head()
            encoding = connection.headers.get(b"content-encoding", b"identity").strip().lower()
            if encoding != b"identity":
                raise self._transport._failures.compressed(encoding.decode("latin-1"))
        except BaseException as error:
            if isinstance(error, ProviderUnreachable) and connection.went_stale:
                return False
            connection.abort()
            raise
        return True
