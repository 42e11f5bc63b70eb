"""One address for every model.

A request comes in some dialect, or as we understand it. Its model name is looked up, kept answers
are looked through, somebody is asked, and what it took is recorded before the end of the answer is
handed out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from conduit.blocks import current_call
from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    EmbeddingRequest,
    EmbeddingResponse,
    Message,
    ProviderFailure,
    Usage,
)
from conduit.contracts.errors import ConduitError
from conduit.contracts.usage import Agreement, Operation
from conduit.models.asked import Asked
from conduit.models.caching import lexical
from conduit.models.caching.assemble import replay
from conduit.models.caching.cache import Cache, Found, Hit, Miss, Question
from conduit.models.caching.entry import Raw
from conduit.models.facts import cost_micro
from conduit.models.failover import Opened, Piece, Whole, answer, embed, open_stream
from conduit.models.gateway.account import Account, Quota, Recorder, characters
from conduit.models.gateway.keeping import Keeping
from conduit.models.gateway.options import USUAL, CallOptions
from conduit.models.gateway.routes import Routed, Routes, require_model
from conduit.models.gateway.sampling import answers_in_text
from conduit.models.gateway.voting import ask_consistently, open_consistently, totalled
from conduit.models.registry import Route

LEXICAL = ("offline", "offline/lexical")
"""Names of the embedding that needs nobody."""


@dataclass(slots=True)
class Answer:
    """A whole answer, who gave it and who failed before. ``raw`` is how the provider wrote it in
    the client's own dialect, or empty; ``cache`` is ``exact`` or ``semantic`` when nobody
    was asked, ``miss`` or ``off`` when somebody was, empty where nothing is cached at all.
    ``agreement`` is there when it was asked for several times."""

    response: ChatResponse
    provider: str
    model: str
    failures: tuple[ProviderFailure, ...] = ()
    raw: bytes = b""
    cache: str = ""
    agreement: Agreement | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a stream when its first token is there."""

    provider: str
    model: str
    failures: tuple[ProviderFailure, ...]
    dropped: tuple[str, ...] = ()
    cache: str = ""
    agreement: Agreement | None = None


def _nothing() -> None:
    """Nobody counts."""


class Gateway:
    """For use in one event loop."""

    def __init__(
        self,
        routes: Routes,
        recorder: Recorder,
        new_id: Callable[[], str],
        cache: Cache,
        *,
        quota: Quota | None = None,
        missed: Callable[[], None] = _nothing,
    ) -> None:
        """``cache`` may be exchanged at any time; ``missed`` is told when it had no answer."""
        self.routes = routes
        self.cache = cache
        self._recorder = recorder
        self._new_id = new_id
        self._quota = quota
        self._missed = missed

    async def answer(
        self,
        model: str,
        asked: Asked,
        options: CallOptions = USUAL,
        *,
        route: Route | None = None,
    ) -> Answer:
        """A whole answer from whoever the name leads to, or a route that is decided already.

        Raises ``NotFound`` and ``Forbidden`` for the name, ``InvalidInput`` for what cannot be
        sent, ``RateLimited`` for a key, ``AllProvidersFailed``, or the error of the one provider
        that was named.
        """
        account, routed = await self._begin(model, asked, options, route)
        looked_up = ""
        try:
            if self.cache.on or options.cache == "only":
                found = await self._kept(routed, asked, options)
                if isinstance(found, Hit):
                    return await self._from_cache(account, found, stream=False)
                looked_up = found.result
                with found:
                    whole = await _asked(routed, asked, account)
                    if account.doubtful:
                        found.dissolve()
                    else:
                        await self.cache.store(found, *_kept(whole))
            else:
                whole = await _asked(routed, asked, account)
        except ConduitError as error:
            account.failed(error)
            raise
        except BaseException:  # the client left, or the fault is ours: what was asked counts
            account.left(None, [])
            raise
        response, candidate = whole.response, whole.candidate
        self.routes.keep(routed, candidate)
        account.answered(
            candidate,
            response.usage,
            response.model,
            response.finish_reason,
            characters(response),
        )
        await self._on_disk()
        return Answer(
            response,
            candidate.entry.name,
            response.model or candidate.asked_model,
            account.reported,
            whole.raw,
            looked_up,
            account.agreement,
        )

    async def stream(
        self,
        model: str,
        asked: Asked,
        options: CallOptions = USUAL,
        *,
        route: Route | None = None,
    ) -> AsyncGenerator[Head | Piece, None]:
        """The same piece by piece, after a ``Head``. Raises as ``answer`` does before the head, and
        ``StreamInterrupted`` after it. Closing the generator closes the connection at once."""
        account, routed = await self._begin(model, asked, options, route)
        opened: Opened | None = None
        found: Found | None = None
        try:
            if self.cache.on or options.cache == "only":
                found = await self._kept(routed, asked, options)
            if isinstance(found, Hit):
                kept = await self._from_cache(account, found, stream=True)
                yield Head(kept.provider, kept.model, (), cache=kept.cache)
                if kept.raw:
                    yield kept.raw
                else:
                    for chunk in replay(kept.response):
                        yield (chunk,)
                return
            looked_up = found.result if found else ""
            if routed.sampling is None:
                opened = await open_stream(routed.plan, asked, account.notes)
            else:
                said = await open_consistently(routed.sampling, routed.plan, asked, account)
                if isinstance(said, Whole):
                    async with aclosing(self._elected(routed, said, account, found)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
                opened = said
            yield _head(opened, account, looked_up)
            keeping = None if found is None else Keeping(opened, self.cache, found)
            told = opened.pieces()
            if account.samples is not None:
                told = totalled(told, account.samples)
            async with aclosing(told) as parts:
                async for piece in parts:
                    if keeping is not None:
                        keeping.take(piece)
                    if opened.live.over:
                        account.streamed(opened.live, opened.earlier)
                        await self._on_disk()
                    yield piece
            account.streamed(opened.live, opened.earlier)
            self.routes.keep(routed, opened.live.candidate)
            if keeping is not None:
                await keeping.store()
        except ConduitError as error:
            if opened is None:
                account.failed(error)
            else:
                account.broke_off(opened.live, opened.earlier, error)
            raise
        finally:
            if isinstance(found, Miss):
                found.release()
            if opened is not None:
                await opened.aclose()
                account.left(opened.live, opened.earlier)
            else:
                account.left(None, [])

    async def _elected(
        self, routed: Routed, whole: Whole, account: Account, found: Miss | None
    ) -> AsyncGenerator[Head | Piece, None]:
        """The answer of a majority as a stream: all of it is there."""
        response, _ = _kept(whole)
        if found is not None:
            if account.doubtful:
                found.dissolve()
            else:
                await self.cache.store(found, response)
        self.routes.keep(routed, whole.candidate)
        await self._on_disk()
        yield Head(
            response.provider,
            response.model,
            account.reported,
            response.dropped,
            found.result if found else "",
            account.agreement,
        )
        for chunk in replay(response):
            yield (chunk,)

    async def _kept(self, routed: Routed, asked: Asked, options: CallOptions) -> Found:
        """A kept answer, or the leave to ask."""
        cache = self.cache
        org_id = current_call().principal.org_id
        question = Question(org_id, routed.name, asked, options.cache)
        found = await cache.lookup(question)
        if isinstance(found, Miss) and found.result == "miss":
            self._missed()
        return found

    async def _from_cache(self, account: Account, hit: Hit, *, stream: bool) -> Answer:
        response, raw = hit.entry.response, hit.entry.raw_for(stream) or b""
        account.from_cache(hit.result, response.provider, response.model, response.finish_reason)
        await self._on_disk()
        return Answer(response, response.provider, response.model, (), raw, hit.result)

    def price_of(self, provider: str, model: str, usage: Usage) -> int | None:
        """What an answer of a provider cost, in micro-units; None where that is not known."""
        price = self.routes.price(provider, model)
        return cost_micro(price, usage) if price is not None else None

    async def _on_disk(self) -> None:
        """Where usage is to be durable: when what was recorded is on the disk."""
        if self._recorder.durable:
            await self._recorder.settled()

    async def embed(
        self, request: EmbeddingRequest, *, named_by_client: bool = True
    ) -> EmbeddingResponse:
        """Vectors from whoever the name leads to. Raises as ``answer`` does. A model that the
        operator has named, and not the client, need not be one that its key may ask for, nor is it
        one of the requests of that key."""
        if request.model in LEXICAL:
            vectors = tuple(await lexical.embed_all(request.texts))
            return EmbeddingResponse(vectors, provider="offline", model="lexical")
        asked = Asked.of(
            ChatRequest(tuple(Message("user", text) for text in request.texts)), stream=False
        )
        account, routed = await self._begin(
            request.model,
            asked,
            USUAL,
            None,
            "embeddings",
            named_by_client=named_by_client,
        )
        try:
            found = await embed(routed.plan, asked, request, account.notes)
        except ConduitError as error:
            account.failed(error)
            raise
        except BaseException:
            account.left(None, [])
            raise
        account.answered(found.candidate, found.response.usage, found.response.model, "", 0)
        await self._on_disk()
        return replace(
            found.response,
            provider=found.candidate.entry.name,
            failures=account.notes.reported,
        )

    async def _begin(
        self,
        model: str,
        asked: Asked,
        options: CallOptions,
        route: Route | None,
        operation: Operation = "chat",
        *,
        named_by_client: bool = True,
    ) -> tuple[Account, Routed]:
        call = current_call()
        if named_by_client:
            require_model(_asked_for(model, route), call.principal.models)
        routed = (
            self.routes.plan(model, asked, options, call.principal.org_id)
            if route is None
            else self.routes.along(route, _kept_as(model, route), options)
        )
        times = 1
        if routed.sampling is not None:
            if operation == "chat" and answers_in_text(asked):
                times = routed.sampling.rule.samples
            else:
                routed = replace(routed, sampling=None)
        account = Account(
            self._recorder,
            self._new_id,
            call,
            asked,
            model,
            operation,
            options.traceparent,
            await self._quota.admit(call.principal, asked, times)
            if self._quota is not None and call.principal.key_id and named_by_client
            else None,
        )
        return account, routed


def _asked_for(model: str, route: Route | None) -> str:
    """The name by which a key's models are judged."""
    provider = (route.only or route.first) if route is not None else None
    if not provider:
        return model
    return f"{provider}/{model}" if model else provider


def _kept_as(model: str, route: Route) -> str:
    """What a route's answers are kept under: not what others gave to the same model name."""
    return f"{route.only or ''}\n{route.first or ''}\n{model}"


def _kept(whole: Whole) -> tuple[ChatResponse, Raw | None]:
    """An answer as it is kept: it says who gave it."""
    candidate, response = whole.candidate, whole.response
    model = response.model or candidate.asked_model
    named = replace(response, provider=candidate.entry.name, model=model)
    return named, Raw(whole.raw) if whole.raw else None


def _asked(routed: Routed, asked: Asked, account: Account) -> Awaitable[Whole]:
    """No coroutine of its own, which each request would pay for."""
    if routed.sampling is None:
        return answer(routed.plan, asked, account.notes)
    return ask_consistently(routed.sampling, routed.plan, asked, account)


def _head(opened: Opened, account: Account, looked_up: str) -> Head:
    candidate = opened.live.candidate
    return Head(
        candidate.entry.name,
        opened.live.model or candidate.asked_model,
        account.reported,
        opened.live.dropped,
        looked_up,
        account.agreement,
    )
