"""A stream that is passed on: what came before a failure is passed on first."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from conduit.contracts.errors import ProviderBadReply, ProviderError, ProviderRefused
from conduit.models.asked import Asked
from conduit.models.catalogue import CATALOGUE
from conduit.models.dialects.table import DIALECTS
from conduit.models.exchange import Header
from conduit.models.http_provider import HttpProvider
from conduit.models.secret import Secret
from conduit.models.settings import configure
from conduit.models.transport.transport import Reply


class Reads:
    """A transport whose one reply comes in just these reads."""

    def __init__(self, *reads: bytes) -> None:
        self._reads = list(reads)
        self.status = 200
        self.media_type = "text/event-stream"

    def header(self, name: str) -> str:
        return ""

    async def read(self) -> bytes:
        return self._reads.pop(0) if self._reads else b""

    @asynccontextmanager
    async def open(
        self, method: Literal["GET", "POST"], url: str, headers: tuple[Header, ...], body: bytes
    ) -> AsyncIterator[Reply]:
        yield self

    async def aclose(self) -> None:
        """Nothing is held open."""


def event(**fields: Any) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


def token(text: str) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}])


ERROR = event(error={"message": "the model is overloaded"})
ODD = b"data: {\n\n"


async def passed_on(*reads: bytes) -> tuple[bytes, type[ProviderError] | None]:
    """What reached the client, and how it ended."""
    settings = configure("p", "openai_compatible", source="file", base_url="http://x/v1", model="m",
                         key=Secret("k"))  # fmt: skip
    wire = CATALOGUE["openai_compatible"].wire
    provider = HttpProvider(settings, wire, transport=Reads(*reads))
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    asked = Asked("openai_chat", body, DIALECTS["openai_chat"].read, stream=True)
    stream, said = provider.relay_stream(asked, "m"), b""
    try:
        async for piece in stream:
            assert isinstance(piece, bytes)
            said += piece
    except ProviderError as error:
        return said, type(error)
    finally:
        await stream.aclose()
    return said, None


@pytest.mark.parametrize(
    ("fault", "kind"), [(ERROR, ProviderRefused), (ODD, ProviderBadReply)], ids=["error", "odd"]
)
async def test_tokens_that_came_with_an_error_are_passed_on_before_it(
    fault: bytes, kind: type[ProviderError]
) -> None:
    said, ended = await passed_on(token("one "), token("two ") + token("three ") + fault)
    assert said == token("one ") + token("two ") + token("three ")
    assert ended is kind


async def test_an_error_in_the_first_piece_is_one_before_any_token() -> None:
    """Nobody has heard of that answer yet, so another provider may give one."""
    assert await passed_on(token("one ") + ERROR) == (b"", ProviderRefused)


async def test_a_stream_without_faults_is_passed_on_whole() -> None:
    end = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    said, ended = await passed_on(token("one "), token("two ") + end, b"data: [DONE]\n\n")
    assert ended is None
    assert said.startswith(token("one ") + token("two ") + end)
    assert said.endswith(b"data: [DONE]\n\n")
