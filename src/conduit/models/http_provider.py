"""A provider over HTTP: a wire and a transport, and the error tree where either fails."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import urlsplit

from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk, ToolCallDelta
from conduit.contracts.errors import ProviderBadReply, ProviderError, ProviderRefused
from conduit.models.exchange import (
    ErrorInside,
    Frame,
    Header,
    NotTheProtocol,
    StreamDecoder,
    Wire,
    WireRequest,
)
from conduit.models.framing.ndjson import NdjsonParser
from conduit.models.framing.sse import SseParser
from conduit.models.reading import error_body, listed_models, parse_object, quote
from conduit.models.settings import ProviderSettings
from conduit.models.transport import AiohttpTransport, Limits, Reply, Transport

_ERROR_BYTES = 1 << 16
_END_S = 0.05
_PAGES = ("text/html", "application/xhtml+xml", "text/xml", "application/xml")


def _new_call_id() -> str:
    return f"call_{secrets.token_hex(12)}"


class HttpProvider:
    """One configured provider. Safe for concurrent calls in one event loop."""

    def __init__(
        self,
        settings: ProviderSettings,
        wire: Wire,
        *,
        transport: Transport | None = None,
        limits: Limits | None = None,
        new_call_id: Callable[[], str] = _new_call_id,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.type = settings.type
        self.model = settings.model
        self.base_url = settings.base_url.rstrip("/")
        self.local = _on_this_machine(settings.base_url)
        self._wire = wire
        self._limits = limits or replace(Limits(), silence_s=settings.timeout_s)
        self._transport = transport or AiohttpTransport(settings.name, self._limits)
        self._new_call_id = new_call_id

    def __repr__(self) -> str:
        return f"HttpProvider({self.name!r}, {self.type!r}, {self.model!r})"

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """The whole answer. Raises the four provider errors, and ``InvalidInput`` for text that
        has no UTF-8 form."""
        model = request.model or self.model
        async with self._open(self._encode(request, model, stream=False)) as reply:
            await self._check_status(reply, model)
            return self._decode(await self._read_whole(reply), model)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """The answer piece by piece; raises as ``chat`` does, at any point."""
        model = request.model or self.model
        async with self._open(self._encode(request, model, stream=True)) as reply:
            await self._check_status(reply, model)
            await self._refuse_page(reply)
            if reply.media_type == "application/json" and self._wire.framing == "sse":
                yield _as_chunk(self._decode(await self._read_whole(reply), model))
                return
            decoder = self._wire.decoder(self._new_call_id)
            parser = SseParser() if self._wire.framing == "sse" else NdjsonParser()
            begun, received, more = False, 0, True
            while more:
                data = await self._next_piece(reply, decoder)
                received += len(data)
                if received > self._limits.stream_bytes:
                    self._bad_reply(f"the stream exceeds {self._limits.stream_bytes} bytes")
                for chunk in self._chunks(parser, decoder, data):
                    yield chunk if begun else self._signed(chunk, decoder, model)
                    begun = True
                more = bool(data) and not decoder.ended
            await self._let_end(reply)

    async def list_models(self) -> tuple[str, ...]:
        """The models that it says it offers. Raises the provider errors."""
        listing = self._wire.listing
        headers = (*listing.headers, *self._keyed())
        url = self.base_url + listing.path
        async with self._transport.open("GET", url, headers, b"") as reply:
            await self._check_status(reply, "")
            body = await self._read_whole(reply)
        try:
            return listed_models(parse_object(body, "the list of models"), listing)
        except NotTheProtocol as error:
            self._bad_reply(str(error))

    async def aclose(self) -> None:
        """Close all connections; a later call opens new ones."""
        await self._transport.aclose()

    def _encode(self, request: ChatRequest, model: str, *, stream: bool) -> WireRequest:
        if request.extra and request.dialect != self._wire.name:
            request = replace(request, extra={})  # another protocol's words would be refused
        return self._wire.encode(request, model, stream)

    def _open(self, request: WireRequest) -> AbstractAsyncContextManager[Reply]:
        headers = (("Content-Type", "application/json"), *request.headers, *self._keyed())
        return self._transport.open("POST", self.base_url + request.path, headers, request.body)

    def _keyed(self) -> tuple[Header, ...]:
        key = self.settings.key
        return self._wire.authorize(key.reveal()) if key else ()

    async def _next_piece(self, reply: Reply, decoder: StreamDecoder) -> bytes:
        """More of the body. Once the answer is complete nothing can be lost, so whatever happens
        to the connection then is its end."""
        if not decoder.complete:
            return await reply.read()
        try:
            async with asyncio.timeout(self._limits.settle_s):
                return await reply.read()
        except (TimeoutError, ProviderError):
            return b""

    async def _let_end(self, reply: Reply) -> None:
        """Give the body a moment to end, so that its connection can serve another request."""
        with suppress(TimeoutError, ProviderError):
            async with asyncio.timeout(_END_S):
                while await reply.read():
                    continue

    def _signed(self, chunk: Chunk, decoder: StreamDecoder, model: str) -> Chunk:
        return replace(chunk, provider=self.name, model=decoder.model or model)

    def _chunks(
        self, parser: SseParser | NdjsonParser, decoder: StreamDecoder, data: bytes
    ) -> Iterator[Chunk]:
        """What a piece of the body says, up to the end mark; an empty piece is the body's end."""
        try:
            for frame in _frames(parser, decoder, data):
                yield from decoder.feed(frame)
                if decoder.ended:
                    break
            if decoder.ended or not data:
                yield decoder.finish()
        except NotTheProtocol as error:
            self._bad_reply(str(error))
        except ErrorInside as error:
            self._refused(200, str(error))

    def _decode(self, body: bytes, model: str) -> ChatResponse:
        try:
            response = self._wire.decode(body, self._new_call_id)
        except NotTheProtocol as error:
            self._bad_reply(str(error))
        except ErrorInside as error:
            self._refused(200, str(error))
        return replace(response, provider=self.name, model=response.model or model)

    async def _read_whole(self, reply: Reply) -> bytes:
        body = bytearray()
        while data := await reply.read():
            body += data
            if len(body) > self._limits.reply_bytes:
                self._bad_reply(f"the reply exceeds {self._limits.reply_bytes} bytes")
        return bytes(body)

    async def _read_some(self, reply: Reply) -> bytes:
        """Enough of an error to quote from."""
        body = bytearray()
        while len(body) < _ERROR_BYTES and (data := await reply.read()):
            body += data
        return bytes(body[:_ERROR_BYTES])

    async def _check_status(self, reply: Reply, model: str) -> None:
        if reply.status == 200:
            return
        if 300 <= reply.status < 400:
            self._refused(reply.status, "a redirect, which is not followed")
        self._refused(reply.status, error_body(await self._read_some(reply)), model)

    async def _refuse_page(self, reply: Reply) -> None:
        if reply.media_type in _PAGES:
            said = error_body(await self._read_some(reply)) or "nothing"
            self._bad_reply(f"{reply.media_type} instead of a stream: {said}")

    def _refused(self, status: int, said: str, model: str = "") -> NoReturn:
        words = self._quotable(said) or "nothing said"
        raise ProviderRefused(
            f"answered {status}: {words}" if status != 200 else f"answered with an error: {words}",
            provider=self.name,
            status=status,
            hint=_hint(status, model, self.settings),
        )

    def _bad_reply(self, what: str) -> NoReturn:
        raise ProviderBadReply(
            self._quotable(what),
            provider=self.name,
            hint=f"does base_url lead to an API of type {self.type!r}?",
        )

    def _quotable(self, words: str) -> str:
        """Without the key first: cut short, half of it would not be recognised."""
        return quote(self.settings.key.scrub(words))


def _frames(parser: SseParser | NdjsonParser, decoder: StreamDecoder, data: bytes) -> list[Frame]:
    """A complete answer is not spoiled by half an event after it."""
    if data:
        return parser.feed(data)
    return [] if decoder.complete else parser.close()


def _as_chunk(response: ChatResponse) -> Chunk:
    """A whole answer from a server that does not stream."""
    return Chunk(
        text=response.text,
        tool_calls=tuple(
            ToolCallDelta(at, call.id, call.name, call.arguments)
            for at, call in enumerate(response.tool_calls)
        ),
        finish_reason=response.finish_reason,
        usage=response.usage,
        provider=response.provider,
        model=response.model,
    )


def _hint(status: int, model: str, settings: ProviderSettings) -> str:
    if status in (401, 403):
        return f"check the key in {settings.key_env}" if settings.key_env else "check its api_key"
    if status == 404:
        ending = "" if settings.type == "ollama" else " (most end in /v1)"
        offer = f", and that it offers the model {model!r}" if model else ""
        return f"check base_url{ending}{offer}"
    if status == 429:
        return "its rate limit or credit is used up; wait, or switch provider"
    if 300 <= status < 400:
        return "put the address it redirects to into base_url"
    if status >= 500:
        return "the fault is on its side; try again later"
    return "its words above say what it did not like"


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
