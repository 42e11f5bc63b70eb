"""Asking until somebody answers: failover, retries, hedging, and what a stream does half-way.

A plan says whom to ask, in which order. An attempt asks one of them: it takes its turn at the
provider's limits, gets a permit from the circuit, and tells the circuit how it ended. A failure
before the first token or tool call passes to the next; one after it ends the stream, unless the
plan lets another provider finish the answer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import TypeVar

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    EmbeddingRequest,
    EmbeddingResponse,
    Message,
    ProviderFailure,
    Usage,
)
from conduit.contracts.errors import (
    AllProvidersFailed,
    NotFound,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    StreamInterrupted,
)
from conduit.models.asked import Asked
from conduit.models.breaker import Permit
from conduit.models.entry import Entry, Served
from conduit.models.http_provider import HttpProvider
from conduit.models.relay import RelayStream
from conduit.models.routing.hedge import race
from conduit.models.routing.retry import next_wait, worth_retrying
from conduit.models.routing.settings import ModelFacts, Price, RetryPolicy, Target
from conduit.models.routing.window import is_overflow
from conduit.models.turnstile import Turn

_ANY = Target("")
_UNKNOWN = ModelFacts()
_CHANCE = Random()
_GO_ON = (
    "Your answer above was cut off by a technical fault. Go on exactly where it stopped, in the "
    "middle of the word if need be. Repeat nothing, and do not mention this."
)
T = TypeVar("T")
Piece = Chunk | bytes
"""Of a stream: understood, or as it came from a provider of the client's own dialect."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody to ask. An empty ``model`` is the provider's own. As strategies see it, it is a
    target as it stands."""

    entry: Entry
    model: str = ""
    target: Target = _ANY
    facts: ModelFacts = _UNKNOWN

    @property
    def asked_model(self) -> str:
        return self.model or self.entry.current_model

    @property
    def latency_ms(self) -> float | None:
        return self.entry.served(self.asked_model).latency.answer_ms

    @property
    def in_flight(self) -> int:
        return self.entry.served(self.asked_model).in_flight

    @property
    def price(self) -> Price | None:
        return self.facts.price

    @property
    def open(self) -> bool:
        return self.entry.served(self.asked_model).circuit.state == "open"


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to ask, and how hard to try. With ``strict`` there is one candidate, and its own error
    is the error."""

    candidates: Sequence[Candidate]
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    deadline_s: float | None = None
    hedge_after_s: float | None = None
    continue_streams: bool = False
    strict: bool = False
    relay: bool = True
    """Whether a request may be passed on untranslated."""
    rng: Random = _CHANCE

    @property
    def simple(self) -> bool:
        """One candidate, asked once, for as long as it takes."""
        return (
            self.strict
            and self.deadline_s is None
            and len(self.candidates) == 1
            and not self.retry.attempts
        )


@dataclass(slots=True)
class Notes:
    """What happened on the way to an answer."""

    failures: list[ProviderError] = field(default_factory=list)
    retries: int = 0
    hedged: bool = False

    @property
    def reported(self) -> tuple[ProviderFailure, ...]:
        if not self.failures:
            return ()
        return tuple(
            ProviderFailure(error.provider, error.code, error.message) for error in self.failures
        )


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


async def answer(plan: Plan, asked: Asked, notes: Notes) -> Whole:
    """A whole answer of the first candidate that gives one.

    Raises ``AllProvidersFailed``, or, of a strict plan, that provider's own error, and
    ``InvalidInput`` for what cannot be sent.
    """

    if plan.simple:  # the usual case, without the machinery
        try:
            return await _ask(plan.candidates[0], asked, relay=plan.relay)
        except ProviderError as error:
            notes.failures.append(error)
            raise

    async def attempt(candidate: Candidate) -> Whole:
        return await _ask(candidate, asked, relay=plan.relay)

    return await _first(plan, attempt, notes)


@dataclass(slots=True)
class Opened:
    """A stream whose first token or tool call is there. ``pieces`` gives it all; ``aclose`` ends it
    early. ``live`` is the provider's that is being heard, ``earlier`` are those that broke off and
    were continued."""

    plan: Plan
    asked: Asked
    notes: Notes
    live: Live
    earlier: list[Live] = field(default_factory=list)

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """The first one that is a chunk says who answers and who failed before. Raises
        ``StreamInterrupted``."""
        signed = False
        while True:
            try:
                async with aclosing(self.live.pieces()) as pieces:
                    async for piece in pieces:
                        if signed or not isinstance(piece, Chunk):
                            yield piece
                        else:
                            signed = True
                            yield self._signed(piece)
                return
            except StreamInterrupted as error:
                await self._go_on(error)
                yield Chunk(continued_by=self.live.candidate.entry.name)

    async def aclose(self) -> None:
        """Close the connection, unless the stream has ended and given it back."""
        await self.live.aclose()

    def _signed(self, chunk: Chunk) -> Chunk:
        candidate = self.live.candidate
        return replace(
            chunk,
            provider=candidate.entry.name,
            model=chunk.model or candidate.asked_model,
            failures=self.notes.reported,
        )

    async def _go_on(self, error: StreamInterrupted) -> None:
        """Let somebody else finish the answer, who has not had a part in it; raises the error where
        that cannot be: nobody asked for it, nobody is left, or it broke off among tool calls, of
        which half is nothing."""
        plan, broken = self.plan, self.live
        heard = [live.candidate for live in (*self.earlier, broken)]
        others = tuple(each for each in plan.candidates if each not in heard)
        if not plan.continue_streams or broken.relayed or broken.tools_begun or not others:
            raise error
        self.notes.failures.append(error)
        said = "".join(piece for live in (*self.earlier, broken) for piece in live.text)
        asked = Asked.of(_resumed(self.asked.chat, said), stream=True)
        try:
            live = await _open_first(replace(plan, candidates=others), asked, self.notes)
        except ProviderError:
            raise error from None
        self.earlier.append(broken)
        self.live = live


async def open_stream(plan: Plan, asked: Asked, notes: Notes) -> Opened:
    """A stream of the first candidate whose first token or tool call is there. Raises as
    ``answer`` does. It must be read to its end, or closed."""
    return Opened(plan, asked, notes, await _open_first(plan, asked, notes))


async def _open_first(plan: Plan, asked: Asked, notes: Notes) -> Live:
    relay = plan.relay and not plan.continue_streams

    async def attempt(candidate: Candidate) -> Live:
        return await _open(candidate, asked, relay=relay)

    return await _first(plan, attempt, notes, abandon=Live.aclose)


def _resumed(request: ChatRequest, said: str) -> ChatRequest:
    """The request for the rest of an answer. Few providers can be made to go on in the middle of a
    turn, so they are asked for it in words."""
    turns = (Message("assistant", said), Message("user", _GO_ON)) if said.strip() else ()
    return replace(request, messages=(*request.messages, *turns))


async def embed(plan: Plan, request: EmbeddingRequest, notes: Notes) -> Embedded:
    """Vectors of the first candidate that gives them. Raises as ``answer`` does, and ``NotFound``
    where none of the candidates has embeddings."""
    able = tuple(
        each
        for each in plan.candidates
        if isinstance(each.entry.provider, HttpProvider) and each.entry.provider.embeds
    )
    if not able:
        names = ", ".join(each.entry.name for each in plan.candidates[:5]) or "nobody"
        raise NotFound(
            f"{names} has no embeddings",
            where="model",
            hint="ask a model of another provider, or offline/lexical",
        )

    async def attempt(candidate: Candidate) -> Embedded:
        entry, provider = candidate.entry, candidate.entry.provider
        assert isinstance(provider, HttpProvider)
        model = candidate.asked_model
        served = entry.served(model)
        permit = entry.admit(served)
        begun = entry.clock()
        try:
            response = await provider.embed(replace(request, model=model))
            permit.succeed()
            return Embedded(response, candidate)
        except ProviderError as error:
            entry.failed(served, permit, error, 1000 * (entry.clock() - begun))
            raise
        finally:
            permit.release()

    return await _first(replace(plan, candidates=able), attempt, notes)


async def _ask(candidate: Candidate, asked: Asked, *, relay: bool) -> Whole:
    entry, model = candidate.entry, candidate.asked_model
    served = entry.served(model)
    turn: Turn | None = None
    usage: Usage | None = None
    served.in_flight += 1
    try:
        if entry.turnstile is not None:
            turn = await entry.turnstile.enter(asked)
        permit = entry.admit(served)
        begun = entry.clock()
        try:
            raw = b""
            provider = entry.provider
            if relay and asked.dialect in entry.relays and isinstance(provider, HttpProvider):
                raw, response = await provider.relay(asked, model)
            else:
                response = await provider.chat(asked.chat_for(candidate.model or entry.model))
            entry.succeeded(served, permit, 1000 * (entry.clock() - begun))
            usage = response.usage
            return Whole(response, candidate, raw)
        except ProviderError as error:
            entry.failed(served, permit, error, 1000 * (entry.clock() - begun))
            raise
        finally:
            permit.release()
    finally:
        served.in_flight -= 1
        if turn is not None:
            turn.leave(usage)


async def _open(candidate: Candidate, asked: Asked, *, relay: bool) -> Live:
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
            source = provider.stream(asked.chat_for(candidate.model or entry.model))
    except BaseException:
        served.in_flight -= 1
        if turn is not None:
            turn.leave(None)
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


async def _first(
    plan: Plan,
    attempt: Callable[[Candidate], Awaitable[T]],
    notes: Notes,
    abandon: Callable[[T], Awaitable[None]] | None = None,
) -> T:
    """Try the candidates in their order, within the deadline."""
    if plan.deadline_s is None:
        return await _in_turn(plan, attempt, notes, None, abandon)
    ends = asyncio.get_running_loop().time() + plan.deadline_s
    try:
        async with asyncio.timeout_at(ends):
            return await _in_turn(plan, attempt, notes, ends, abandon)
    except TimeoutError:
        late = ProviderTimeout(
            f"nobody had answered within {plan.deadline_s:g} s, all tries together",
            provider=notes.failures[-1].provider if notes.failures else "chain",
            hint="raise deadline_s of the group, or ask for less",
        )
        raise AllProvidersFailed((*notes.failures, late)) from None


async def _in_turn(
    plan: Plan,
    attempt: Callable[[Candidate], Awaitable[T]],
    notes: Notes,
    ends: float | None,
    abandon: Callable[[T], Awaitable[None]] | None,
) -> T:
    """Each candidate in turn, each as often as the plan says; with hedging the next one's turn may
    come before the first has failed."""

    async def tried(candidate: Candidate) -> T:
        return await _with_retries(plan, attempt, candidate, notes, ends)

    too_short = -1
    waiting = plan.candidates
    if plan.hedge_after_s is not None:
        starts = [partial(tried, each) for each in waiting if not each.entry.closed]
        if len(starts) > 1:
            try:
                won = await race(starts, plan.hedge_after_s, close=abandon)
            except ProviderError:
                raise AllProvidersFailed(tuple(notes.failures)) from None
            notes.hedged = won.started > 1 + len(won.failures)
            return won.value
    for candidate in waiting:
        context = candidate.facts.context
        if candidate.entry.closed or (context is not None and context <= too_short):
            continue
        try:
            return await tried(candidate)
        except ProviderError as error:
            if isinstance(error, ProviderRefused) and is_overflow(error):
                too_short = max(too_short, context or 0)
    if plan.strict and notes.failures:
        raise notes.failures[-1]
    raise AllProvidersFailed(tuple(notes.failures))


async def _with_retries(
    plan: Plan,
    attempt: Callable[[Candidate], Awaitable[T]],
    candidate: Candidate,
    notes: Notes,
    ends: float | None,
) -> T:
    """One candidate, again after a failure that may pass."""
    failed = 0
    while True:
        try:
            return await attempt(candidate)
        except ProviderError as error:
            notes.failures.append(error)
            failed += 1
            if failed > plan.retry.attempts or not worth_retrying(error):
                raise
            left = math.inf if ends is None else ends - asyncio.get_running_loop().time()
            wait = next_wait(plan.retry, failed, error.retry_after_s, left, plan.rng)
            if wait is None:
                raise
        notes.retries += 1
        await asyncio.sleep(wait)


class Live:
    """A stream that has begun. ``pieces`` gives all of it, once; ``aclose`` ends it early."""

    __slots__ = (
        "_begun",
        "_characters",
        "_closed",
        "_ended",
        "_first",
        "_permit",
        "_served",
        "_source",
        "_turn",
        "_usage",
        "_watched",
        "candidate",
        "dropped",
        "finish_reason",
        "first_token_ms",
        "model",
        "text",
        "tools_begun",
    )

    def __init__(
        self,
        candidate: Candidate,
        source: AsyncIterator[Piece],
        served: Served,
        permit: Permit,
        turn: Turn | None,
    ) -> None:
        self.candidate = candidate
        self.first_token_ms = 0.0
        self.finish_reason = ""
        self.model = ""
        self.dropped: tuple[str, ...] = ()
        """What the request asked for and this provider has no means for."""
        self.text: list[str] = []
        """What was said, where it is understood."""
        self.tools_begun = False
        self._source = source
        self._watched = source if isinstance(source, RelayStream) else None
        self._first: list[Piece] = []
        self._usage: Usage | None = None
        self._characters = 0
        self._ended = False
        self._closed = False
        self._served = served
        self._permit = permit
        self._turn = turn
        self._begun = candidate.entry.clock()

    @property
    def finish(self) -> str:
        """Why the answer ended, where it is understood."""
        return self.finish_reason

    @property
    def over(self) -> bool:
        """The piece that was given last is the last."""
        return self._watched.over if self._watched else bool(self.finish_reason)

    @property
    def relayed(self) -> bool:
        """The pieces are bytes of the client's dialect."""
        return self._watched is not None

    @property
    def usage(self) -> Usage | None:
        """As the provider counted, so far."""
        return (self._watched.watcher.usage if self._watched else None) or self._usage

    @property
    def characters(self) -> int:
        """Length of the answer so far, about."""
        return (self._watched.watcher.characters if self._watched else 0) or self._characters

    @property
    def complete(self) -> bool:
        """The answer is whole, or nothing but bookkeeping is missing."""
        watcher = self._watched.watcher if self._watched else None
        return bool(self.finish_reason or (watcher and (watcher.complete or watcher.ended)))

    async def begin(self) -> None:
        """Wait for the first token or tool call."""
        async for piece in self._source:
            self._first.append(piece)
            if self._take(piece):
                break
        else:
            self._ended = True
        self.first_token_ms = self._elapsed_ms()

    def fail(self, error: ProviderError) -> None:
        """The provider did not do what it should."""
        self.candidate.entry.failed(self._served, self._permit, error, self._elapsed_ms())

    def _elapsed_ms(self) -> float:
        return 1000 * (self.candidate.entry.clock() - self._begun)

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Everything, from the beginning. Raises ``StreamInterrupted``. Success is only known at
        the end, or a provider that always breaks off half-way would never be found out."""
        entry = self.candidate.entry
        try:
            first, self._first = self._first, []
            for piece in first:
                yield piece
            if not self._ended:
                async for piece in self._source:
                    self._take(piece)
                    yield piece
            entry.succeeded(self._served, self._permit, self.first_token_ms)
        except ProviderError as error:
            self.fail(error)
            raise StreamInterrupted(
                f"the answer broke off: {error.message}", provider=error.provider, hint=error.hint
            ) from error
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connection, unless the stream has ended and given it back."""
        if self._closed:
            return
        self._closed = True
        self._served.in_flight -= 1
        self._permit.release()
        if self._turn is not None:
            self._turn.leave(self.usage)
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()

    def _take(self, piece: Piece) -> bool:
        """Learn from a piece; whether the answer has begun."""
        if not isinstance(piece, Chunk):
            assert self._watched is not None
            self.model = self._watched.watcher.model
            return self._watched.watcher.answered
        self._characters += len(piece.text)
        if piece.text:
            self.text.append(piece.text)
        self._usage = piece.usage or self._usage
        self.model = self.model or piece.model
        self.dropped = self.dropped or piece.dropped
        if piece.finish_reason:
            self.finish_reason = piece.finish_reason
        if piece.tool_calls:
            self.tools_begun = True
            self._characters += sum(len(call.arguments) for call in piece.tool_calls)
        if piece.thinking:
            self._characters += len(piece.thinking.text)
        return bool(piece.text or piece.tool_calls or piece.finish_reason or piece.thinking)
