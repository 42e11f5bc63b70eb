"""A provider over HTTP: its wires and a transport, and the error tree where either fails."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    EmbeddingRequest,
    EmbeddingResponse,
    ToolCallDelta,
)
from conduit.contracts.errors import InvalidInput, NotFound, ProviderError, ProviderUnfit
from conduit.models.asked import Asked
from conduit.models.exchange import (
    ErrorInside,
    Frame,
    Header,
    NotTheProtocol,
    Signing,
    StreamDecoder,
    Wire,
    WireRequest,
)
from conduit.models.faults import Faults
from conduit.models.framing.eventstream import EventStreamParser
from conduit.models.framing.ndjson import NdjsonParser
from conduit.models.framing.sse import SseParser
from conduit.models.reading import Unwritable, listed_models, parse_object
from conduit.models.relay import Parser, RelayStream
from conduit.models.settings import ProviderSettings
from conduit.models.tail import let_end, next_piece
from conduit.models.transport import Limits, PooledTransport, Reply, Transport

_PARSERS: dict[str, Callable[[], Parser]] = {
    "sse": SseParser,
    "ndjson": NdjsonParser,
    "eventstream": EventStreamParser,
}
_JSON = (("Content-Type", "application/json"),)


def _new_call_id() -> str:
    return f"call_{secrets.token_hex(12)}"


class HttpProvider:
    """One configured provider. Safe for concurrent calls in one event loop.

    ``wire`` is how it is asked; ``also`` are further dialects that it speaks at the same address,
    for clients that speak one of them too.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        wire: Wire,
        *,
        also: tuple[Wire, ...] = (),
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
        self.relays = frozenset(each.name for each in (wire, *also) if each.relay)
        self._wire = wire
        self._wires = {each.name: each for each in (wire, *also)}
        self._limits = limits or replace(Limits(), silence_s=settings.timeout_s)
        self._transport = transport or PooledTransport(settings.name, self._limits)
        self._new_call_id = new_call_id
        self._faults = Faults(settings)
        key = settings.key
        self._keyed = wire.authorize(key.reveal()) if key and not wire.sign else ()
        self._usual_headers = (*_JSON, *self._keyed)

    @property
    def embeds(self) -> bool:
        """Whether its protocol has embeddings."""
        return self._wire.embedding is not None

    def __repr__(self) -> str:
        return f"HttpProvider({self.name!r}, {self.type!r}, {self.model!r})"

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """The whole answer. Raises the four provider errors, and ``InvalidInput`` for text that
        has no UTF-8 form."""
        model = request.model or self.model
        encoded, dropped = self._encode(request, model, stream=False)
        async with self._send(self._wire, encoded, model) as reply:
            await self._faults.check_status(reply, model)
            response = self._decode(self._wire, await self._read_whole(reply), model)
        return replace(response, dropped=dropped) if dropped else response

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """The answer piece by piece; raises as ``chat`` does, at any point."""
        async with aclosing(self.batches(request)) as batches:
            async for batch in batches:
                for chunk in batch:
                    yield chunk

    async def batches(self, request: ChatRequest) -> AsyncGenerator[tuple[Chunk, ...], None]:
        """The same in the pieces that came together, which is cheaper for whoever sends them on.
        What came before a failure is given before it is raised."""
        model = request.model or self.model
        encoded, dropped = self._encode(request, model, stream=True)
        async with self._send(self._wire, encoded, model) as reply:
            await self._faults.check_status(reply, model)
            await self._faults.refuse_page(reply)
            if reply.media_type == "application/json" and self._wire.framing == "sse":
                response = self._decode(self._wire, await self._read_whole(reply), model)
                yield (replace(_as_chunk(response), dropped=dropped),)
                return
            decoder = self._wire.decoder(self._new_call_id)
            parser = _PARSERS[self._wire.framing]()
            begun, received, more = False, 0, True
            while more:
                data = await next_piece(reply, decoder.complete, self._limits)
                received += len(data)
                if received > self._limits.stream_bytes:
                    self._faults.bad_reply(f"the stream exceeds {self._limits.stream_bytes} bytes")
                batch, failure = self._batch(parser, decoder, data)
                if batch and not begun:
                    begun = True
                    batch[0] = replace(
                        batch[0],
                        provider=self.name,
                        model=decoder.model or model,
                        dropped=dropped,
                    )
                if batch:
                    yield tuple(batch)
                if failure is not None:
                    raise failure
                more = bool(data) and not decoder.ended
            await let_end(reply)

    async def relay(self, asked: Asked, model: str) -> tuple[bytes, ChatResponse]:
        """A client's own request passed on, in a dialect of ``relays``: the reply as it came, and
        what it says, as far as it says so itself. Raises as ``chat`` does."""
        wire = self._wires[asked.dialect]
        async with self._send_on(wire, asked, model, stream=False) as reply:
            if reply.status != 200:
                await self._faults.check_status(reply, model)
            body = await self._read_whole(reply)
        return body, self._read(wire, body)

    def relay_stream(self, asked: Asked, model: str) -> RelayStream:
        """The same as a stream."""
        wire = self._wires[asked.dialect]
        assert wire.relay is not None

        async def whole(reply: Reply) -> tuple[Chunk, ...]:
            return (_as_chunk(self._decode(wire, await self._read_whole(reply), model)),)

        return RelayStream(
            self._send_on(wire, asked, model, stream=True),
            wire.relay.watcher(asked.body),
            _PARSERS[wire.framing](),
            self._faults,
            self._limits,
            whole,
            model,
        )

    def understand(self, dialect: str, body: bytes) -> Iterator[Chunk]:
        """The chunks of a whole stream that was passed on. Raises ``NotTheProtocol`` and
        ``ErrorInside``."""
        wire = self._wires[dialect]
        decoder, parser = wire.decoder(self._new_call_id), _PARSERS[wire.framing]()
        begun = False
        for frame in (*parser.feed(body), *parser.close()):
            for chunk in decoder.feed(frame):
                yield chunk if begun else replace(chunk, provider=self.name, model=decoder.model)
                begun = True
            if decoder.ended:
                break
        yield decoder.finish()

    async def embed(self, request: EmbeddingRequest) -> EmbeddingResponse:
        """Vectors. Raises the provider errors, and ``NotFound`` where it has no embeddings."""
        embedding = self._wire.embedding
        if embedding is None:
            raise NotFound(
                f"{self.name} has no embeddings: its protocol ({self._wire.name}) knows none",
                hint="ask a model of another provider, or offline/lexical",
            )
        model = request.model or self.model
        foreign = request.extra and request.dialect != self._wire.name
        try:
            encoded = embedding.encode(replace(request, extra={}) if foreign else request, model)
        except Unwritable:
            raise
        except InvalidInput as error:
            raise self._unfit(error) from None
        dropped = (*encoded.dropped, *(sorted(request.extra) if foreign else ()))
        async with self._send(self._wire, encoded, model) as reply:
            await self._faults.check_status(reply, model)
            body = await self._read_whole(reply)
        try:
            response = embedding.decode(body)
        except NotTheProtocol as error:
            self._faults.bad_reply(str(error))
        except ErrorInside as error:
            self._faults.refused(200, str(error))
        if len(response.vectors) != len(request.texts):
            self._faults.bad_reply(
                f"{len(response.vectors)} vectors for {len(request.texts)} texts"
            )
        answering = response.model or model
        return replace(response, provider=self.name, model=answering, dropped=dropped)

    async def list_models(self) -> tuple[str, ...]:
        """The models that it says it offers. Raises the provider errors."""
        listing = self._wire.listing
        url = self.base_url + listing.path
        headers = (*listing.headers, *self._credentials(self._wire, "GET", url, b""))
        async with self._transport.open("GET", url, headers, b"") as reply:
            await self._faults.check_status(reply, "")
            body = await self._read_whole(reply)
        try:
            return listed_models(parse_object(body, "the list of models"), listing)
        except NotTheProtocol as error:
            self._faults.bad_reply(str(error))

    async def aclose(self) -> None:
        """Close all connections; a later call opens new ones."""
        await self._transport.aclose()

    def _encode(
        self, request: ChatRequest, model: str, *, stream: bool
    ) -> tuple[WireRequest, tuple[str, ...]]:
        """The request, and what of it has no place in this protocol."""
        foreign: tuple[str, ...] = ()
        if request.extra and request.dialect != self._wire.name:
            foreign = tuple(sorted(request.extra))  # another protocol's words would be refused
            request = replace(request, extra={})
        try:
            encoded = self._wire.encode(request, model, stream)
        except Unwritable:
            raise
        except InvalidInput as error:
            raise self._unfit(error) from None
        return encoded, (*encoded.dropped, *foreign)

    def _unfit(self, error: InvalidInput) -> ProviderUnfit:
        where = f"{error.where}: " if error.where else ""
        return ProviderUnfit(f"{where}{error.message}", provider=self.name, hint=error.hint)

    def _send_on(
        self, wire: Wire, asked: Asked, model: str, *, stream: bool
    ) -> AbstractAsyncContextManager[Reply]:
        assert wire.relay is not None
        request = wire.relay.encode(asked.body, model, stream)
        return self._send(wire, request, model, asked.headers)

    def _send(
        self, wire: Wire, request: WireRequest, model: str, more: tuple[Header, ...] = ()
    ) -> AbstractAsyncContextManager[Reply]:
        if wire is self._wire and not (wire.locate or wire.sign or request.headers or more):
            url = self.base_url + request.path
            return self._transport.open("POST", url, self._usual_headers, request.body)
        if wire.locate is not None:
            request = wire.locate(request, model, self.settings.options)
        url = self.base_url + request.path
        credentials = (
            self._keyed
            if wire is self._wire and wire.sign is None
            else self._credentials(wire, "POST", url, request.body)
        )
        headers = (*_JSON, *request.headers, *more, *credentials)
        return self._transport.open("POST", url, headers, request.body)

    def _credentials(self, wire: Wire, method: str, url: str, body: bytes) -> tuple[Header, ...]:
        key = self.settings.key
        if not key:
            return ()
        if wire.sign is None:
            return wire.authorize(key.reveal())
        options = self.settings.options
        return wire.sign(Signing(method, url, body, key.reveal(), options, time.time()))

    def _batch(
        self, parser: Parser, decoder: StreamDecoder, data: bytes
    ) -> tuple[list[Chunk], ProviderError | None]:
        batch: list[Chunk] = []
        try:
            for chunk in self._chunks(parser, decoder, data):
                batch.append(chunk)
        except ProviderError as error:
            return batch, error
        return batch, None

    def _chunks(self, parser: Parser, decoder: StreamDecoder, data: bytes) -> Iterator[Chunk]:
        """What a piece of the body says, up to the end mark; an empty piece is the body's end."""
        try:
            for frame in _frames(parser, decoder, data):
                yield from decoder.feed(frame)
                if decoder.ended:
                    break
            if decoder.ended or not data:
                yield decoder.finish()
        except NotTheProtocol as error:
            self._faults.bad_reply(str(error))
        except ErrorInside as error:
            self._faults.refused(200, str(error))

    def _decode(self, wire: Wire, body: bytes, model: str) -> ChatResponse:
        response = self._read(wire, body)
        return replace(response, provider=self.name, model=response.model or model)

    def _read(self, wire: Wire, body: bytes) -> ChatResponse:
        try:
            return wire.decode(body, self._new_call_id)
        except NotTheProtocol as error:
            self._faults.bad_reply(str(error))
        except ErrorInside as error:
            self._faults.refused(200, str(error))

    async def _read_whole(self, reply: Reply) -> bytes:
        body = await reply.read()
        if not body:
            return b""
        more = await reply.read()
        if not more:
            return body
        pieces = bytearray(body)
        while more:
            pieces += more
            if len(pieces) > self._limits.reply_bytes:
                self._faults.bad_reply(f"the reply exceeds {self._limits.reply_bytes} bytes")
            more = await reply.read()
        return bytes(pieces)


def _frames(parser: Parser, decoder: StreamDecoder, data: bytes) -> list[Frame]:
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
        thinking=response.thinking[0] if len(response.thinking) == 1 else None,
        citations=response.citations,
        logprobs=response.logprobs,
        stop_sequence=response.stop_sequence,
    )


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
