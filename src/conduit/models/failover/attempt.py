"""Asking one provider once: its limits, its circuit, and how it ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from conduit.contracts.chat import ChatResponse, Chunk, EmbeddingRequest, EmbeddingResponse
from conduit.contracts.errors import ProviderError
from conduit.models.asked import Asked
from conduit.models.failover.live import Live, Piece
from conduit.models.failover.plan import Candidate
from conduit.models.http_provider import HttpProvider
from conduit.models.turnstile import Turn


@dataclass(slots=True)
class Whole:
    """A whole answer; ``raw`` is how the provider wrote it, where it speaks the client's
    dialect."""

    response: ChatResponse
    candidate: Candidate
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, and who gave them."""

    response: EmbeddingResponse
    candidate: Candidate


Said = TypeVar("Said", Whole, Embedded)


async def ask(candidate: Candidate, asked: Asked, *, relay: bool) -> Whole:
    """A whole answer; passed on untranslated if ``relay`` allows it and both speak one dialect."""
    entry = candidate.entry
    provider = entry.provider

    async def said(model: str) -> Whole:
        if relay and asked.dialect in entry.relays and isinstance(provider, HttpProvider):
            raw, response = await provider.relay(asked, model)
            return Whole(response, candidate, raw)
        chat = asked.chat_for(candidate.model or entry.model)
        return Whole(await provider.chat(chat), candidate)

    return await _once(candidate, asked, said)


async def embed_once(candidate: Candidate, asked: Asked, request: EmbeddingRequest) -> Embedded:
    """Vectors of a provider that has embeddings."""
    provider = candidate.entry.provider
    assert isinstance(provider, HttpProvider)

    async def said(model: str) -> Embedded:
        return Embedded(await provider.embed(replace(request, model=model)), candidate)

    return await _once(candidate, asked, said)


async def _once(candidate: Candidate, asked: Asked, say: Callable[[str], Awaitable[Said]]) -> Said:
    """Ask within the limits and the circuit, and learn from how it ended."""
    entry, model = candidate.entry, candidate.asked_model
    served = entry.served(model)
    turn: Turn | None = None
    said: Said | None = None
    served.in_flight += 1
    try:
        if entry.turnstile is not None:
            turn = await entry.turnstile.enter(asked)
        permit = entry.admit(served)
        begun = entry.clock()
        try:
            said = await say(model)
            entry.succeeded(served, permit, 1000 * (entry.clock() - begun))
            return said
        except ProviderError as error:
            entry.failed(served, permit, error, 1000 * (entry.clock() - begun))
            raise
        finally:
            permit.release()
    finally:
        served.in_flight -= 1
        if turn is not None:
            turn.leave(said.response.usage if said else None, answered=said is not None)


async def open_live(candidate: Candidate, asked: Asked, *, relay: bool) -> Live:
    """The same as a stream, when its first token or tool call is there."""
    entry, model = candidate.entry, candidate.asked_model
    served = entry.served(model)
    turn: Turn | None = None
    served.in_flight += 1
    try:
        if entry.turnstile is not None:
            turn = await entry.turnstile.enter(asked)
        permit = entry.admit(served)
        provider = entry.provider
        source: AsyncIterator[Piece]
        if relay and asked.dialect in entry.relays and isinstance(provider, HttpProvider):
            source = provider.relay_stream(asked, model)
        else:
            chat = asked.chat_for(candidate.model or entry.model)
            if isinstance(provider, HttpProvider):
                source = provider.batches(chat)
            else:
                source = _one_by_one(provider.stream(chat))
    except BaseException:
        served.in_flight -= 1
        if turn is not None:
            turn.leave(None, answered=False)
        raise
    live = Live(candidate, source, served, permit, turn)
    try:
        await live.begin()
    except BaseException as error:
        if isinstance(error, ProviderError):
            live.fail(error)
        await live.aclose()
        raise
    return live


async def _one_by_one(chunks: AsyncIterator[Chunk]) -> AsyncGenerator[tuple[Chunk, ...], None]:
    """The stream of a provider that knows of no pieces that came together."""
    try:
        async for chunk in chunks:
            yield (chunk,)
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
