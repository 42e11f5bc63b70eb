"""A server at an address, spoken to over streamable HTTP.

The address is the operator's own choice. Any other one comes from the server, which says where it
wants people to log in, so it may only be one that anybody may ask: see ``_Reachable``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from mcp.client.streamable_http import streamable_http_client

from conduit.blocks.utility.addresses import LookUp, Reach, look_up
from conduit.blocks.utility.url import bracketed, host_of
from conduit.contracts.errors import Forbidden

_LARGEST_ANSWER: Final = 8 << 20
_MOST_UNASKED: Final = 32 << 20
_LONGEST_ANSWER_OF_OURS: Final = 64 << 10
_CONNECT_S: Final = 10.0


@asynccontextmanager
async def web_streams(
    url: str,
    headers: Mapping[str, str],
    timeout_s: float,
    auth: httpx2.Auth | None,
    answered: Callable[[int], None],
) -> AsyncIterator[Any]:
    """The streams of a connection. An answer has a largest size, an event too; ``answered`` is told
    the status of each."""
    transport = _Bounded(_Reachable(httpx2.AsyncHTTPTransport(), httpx2.URL(url)), answered)
    async with (
        httpx2.AsyncClient(
            headers=dict(headers),
            timeout=httpx2.Timeout(timeout_s + 1, connect=_CONNECT_S),
            transport=transport,
            auth=auth,
        ) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


class _Reachable(httpx2.AsyncBaseTransport):
    """Lets requests go to the server, and to others only where they are public. A server of this
    machine or network may name itself, at other ports too."""

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, server: httpx2.URL, ask: LookUp = look_up
    ) -> None:
        self._inner = inner
        self._server = server
        self._ask = ask

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not self._same(request.url):
            request = await self._judged(request)
        return await self._inner.handle_async_request(request)

    def _same(self, url: httpx2.URL) -> bool:
        mine = self._server
        return (url.scheme, url.host, url.port) == (mine.scheme, mine.host, mine.port)

    async def _judged(self, request: httpx2.Request) -> httpx2.Request:
        """The same to the address that was judged. Raises ``Forbidden``, and ``Unavailable``."""
        host = host_of(bracketed(request.url.host))
        own = host_of(bracketed(self._server.host))
        if request.url.scheme != "https" and host != own:
            raise Forbidden(
                f"the server leads to {host} without encryption", hint="tell whoever runs it"
            )
        found = await Reach(private=(own,)).resolve(host, self._ask)
        return httpx2.Request(
            request.method,
            request.url.copy_with(host=found[0]),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncBaseTransport):
    """Lets no answer be larger than it may, and all streams of events together not bring more than
    so much since we last asked for something. Each event is bounded by the SDK."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, answered: Callable[[int], None]) -> None:
        self._inner = inner
        self._answered = answered
        self.unasked = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST" and await _asks(request):
            self.unasked = 0
        response = await self._inner.handle_async_request(request)
        self._answered(response.status_code)
        events = response.headers.get("content-type", "").startswith("text/event-stream")
        stream: Any = response.stream
        response.stream = _BoundedStream(stream, self if events else None)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _asks(request: httpx2.Request) -> bool:
    """Whether it is a request of ours, not an answer to one of the server's."""
    body = await request.aread()
    return len(body) > _LONGEST_ANSWER_OF_OURS or b'"method"' in body


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any, streams: _Bounded | None) -> None:
        self._inner = inner
        self._streams = streams

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if self._streams is not None:
                self._streams.unasked += len(chunk)
                if self._streams.unasked > _MOST_UNASKED:
                    raise httpx2.ReadError("it sends events that nobody asked for, without end")
            elif size > _LARGEST_ANSWER:
                raise httpx2.ReadError(f"an answer of more than {_LARGEST_ANSWER >> 20} MiB")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
