"""Carrying one request to a provider and its reply back, within limits.

The transport knows bytes, status and time; it knows no protocol. It is a seam: a faster client can
take the place of aiohttp without a wire or the registry noticing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from conduit.contracts.errors import (
    Conflict,
    ProviderBadReply,
    ProviderTimeout,
    ProviderUnreachable,
)
from conduit.models.exchange import Header
from conduit.models.reading import quote

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider may take before it is given up. Seconds and bytes."""

    connect_s: float = 5.0
    silence_s: float = 60.0
    """Between two reads, and until the first byte of the reply."""
    total_s: float = 600.0
    """A whole exchange, streams included: a slow drip is never silent."""
    settle_s: float = 2.0
    """How long a stream may stay open after its answer is complete."""
    reply_bytes: int = 8 << 20
    stream_bytes: int = 64 << 20


class Reply(Protocol):
    """A reply whose status is there and whose body is still coming."""

    @property
    def status(self) -> int: ...

    @property
    def media_type(self) -> str:
        """Lower case, without parameters."""
        ...

    async def read(self) -> bytes:
        """The next piece of the body; empty at its end."""
        ...


class Transport(Protocol):
    """Sends requests. Raises only ``ProviderTimeout``, ``ProviderUnreachable``,
    ``ProviderBadReply`` (not HTTP, or compressed without being asked) and ``Conflict``."""

    def open(
        self, method: Literal["GET", "POST"], url: str, headers: tuple[Header, ...], body: bytes
    ) -> AbstractAsyncContextManager[Reply]:
        """Send, and wait for the status. Leaving the context early closes the connection."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class AiohttpTransport:
    """aiohttp underneath, imported on first use because that takes longer than all of Conduit.

    Redirects are not followed (a key must not travel), cookies are not kept, and replies are asked
    for uncompressed, so that a small reply cannot become a large one.

    The session belongs to the event loop of the first request; after ``aclose`` another loop may
    begin anew.
    """

    def __init__(self, provider: str, limits: Limits) -> None:
        self._provider = provider
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def open(
        self, method: Literal["GET", "POST"], url: str, headers: tuple[Header, ...], body: bytes
    ) -> AsyncIterator[Reply]:
        """See ``Transport.open``."""
        session = self._open_session()
        with self._errors_of_the_tree():
            response = await session.request(
                method, url, data=body or None, headers=headers, allow_redirects=False
            )
        try:
            encoding = response.headers.get("Content-Encoding", "identity").lower()
            if encoding != "identity":
                raise ProviderBadReply(
                    f"the reply is compressed ({quote(encoding)}) though asked not to be",
                    provider=self._provider,
                    hint="check for a proxy in between that compresses on its own",
                )
            yield _AiohttpReply(self, response)
        finally:
            # A body read to its end has given its connection back already; any other is cut.
            response.close()

    async def aclose(self) -> None:
        """See ``Transport.aclose``."""
        session, self._session, self._loop = self._session, None, None
        if session is not None:
            await session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None:
            self._session, self._loop = _new_session(self._limits), loop
        elif self._loop is not loop:
            raise Conflict(
                f"provider {self._provider!r} is in use in another event loop",
                hint="await aclose() in that loop before using it in this one",
            )
        return self._session

    @contextmanager
    def _errors_of_the_tree(self) -> Iterator[None]:
        import aiohttp

        try:
            yield
        except aiohttp.ConnectionTimeoutError:
            raise ProviderTimeout(
                f"no connection within {self._limits.connect_s:g} s",
                provider=self._provider,
                hint="check base_url and the network",
            ) from None
        except aiohttp.SocketTimeoutError:
            raise ProviderTimeout(
                f"nothing came for {self._limits.silence_s:g} s",
                provider=self._provider,
                hint="raise timeout_s in providers.yaml if the model is only slow",
            ) from None
        except TimeoutError:
            raise ProviderTimeout(
                f"the reply was not complete within {self._limits.total_s:g} s",
                provider=self._provider,
                hint="ask for a shorter answer, or another provider",
            ) from None
        except aiohttp.ClientConnectorError as error:
            raise ProviderUnreachable(
                f"cannot connect: {quote(str(error.os_error.strerror or error.os_error))}",
                provider=self._provider,
                hint="is it running, and is base_url right?",
            ) from None
        except (aiohttp.InvalidURL, UnicodeError):
            raise ProviderUnreachable(
                "its address is none that can be connected to",
                provider=self._provider,
                hint="check base_url",
            ) from None
        except aiohttp.ClientResponseError:
            raise ProviderBadReply(
                "the reply is not HTTP",
                provider=self._provider,
                hint="check base_url",
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise ProviderUnreachable(
                f"the connection was dropped ({type(error).__name__})",
                provider=self._provider,
                hint="try again; if it persists, look at the provider's own log",
            ) from None


class _AiohttpReply:
    def __init__(self, transport: AiohttpTransport, response: aiohttp.ClientResponse) -> None:
        self._errors_of_the_tree = transport._errors_of_the_tree
        self._response = response
        self.status = response.status
        self.media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        with self._errors_of_the_tree():
            return await self._response.content.readany()


def load_client() -> None:
    """Import aiohttp. It takes longer than a request, so whoever has an event loop with other work
    to do lets a thread do this first."""
    import aiohttp  # noqa: F401


def _new_session(limits: Limits) -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        auto_decompress=False,
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "conduit"},
        skip_auto_headers=("Accept-Encoding",),
        timeout=aiohttp.ClientTimeout(
            total=limits.total_s, connect=limits.connect_s, sock_read=limits.silence_s
        ),
    )
