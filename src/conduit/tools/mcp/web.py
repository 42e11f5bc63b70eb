"""A server at an address, spoken to over streamable HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from mcp.client.streamable_http import streamable_http_client

_LARGEST_ANSWER: Final = 8 << 20
_CONNECT_S: Final = 10.0


@asynccontextmanager
async def web_streams(url: str, headers: Mapping[str, str], timeout_s: float) -> AsyncIterator[Any]:
    """The streams of a connection. An answer has a largest size, an event too."""
    async with (
        httpx2.AsyncClient(
            headers=dict(headers),
            timeout=httpx2.Timeout(timeout_s + 1, connect=_CONNECT_S),
            transport=_Bounded(httpx2.AsyncHTTPTransport()),
        ) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


class _Bounded(httpx2.AsyncBaseTransport):
    """Lets no answer be larger than it may. A stream of events is as long as it likes: each of its
    events is bounded by the SDK."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            stream: Any = response.stream
            response.stream = _BoundedStream(stream)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > _LARGEST_ANSWER:
                raise httpx2.ReadError(f"an answer of more than {_LARGEST_ANSWER >> 20} MiB")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
