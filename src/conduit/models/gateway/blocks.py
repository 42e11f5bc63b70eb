"""The gateway as blocks: a request of some dialect, as it came, and the answer in that dialect."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson

from conduit.blocks import Block, Checks, Effects, Length, block, current_call
from conduit.contracts.chat import (
    ChatRequest,
    EmbeddingRequest,
    EmbeddingResponse,
    Message,
    ProviderFailure,
)
from conduit.contracts.errors import ConduitError, InvalidInput
from conduit.contracts.json import JsonObject
from conduit.contracts.outcome import ErrorInfo
from conduit.contracts.usage import Agreement
from conduit.models.asked import Asked
from conduit.models.dialects.counting import estimate
from conduit.models.dialects.dialect import Dialect, ReplyTo
from conduit.models.dialects.table import DIALECTS
from conduit.models.gateway.gateway import Gateway, Head
from conduit.models.gateway.options import USUAL, CallOptions
from conduit.models.routing.complexity import Term

_MODEL_LIMIT = 200


@dataclass(slots=True)
class ModelCall:
    """A request as a client of a dialect wrote it. ``headers`` are those of its that belong to the
    dialect; ``size`` is its length in bytes, about."""

    dialect: Annotated[str, Length(1, 64), "openai_chat, openai_responses, anthropic, ollama, …"]
    body: JsonObject
    options: CallOptions = USUAL
    headers: dict[str, str] = field(default_factory=dict)
    size: int = 0


@dataclass(slots=True)
class ModelReply:
    """The answer in the dialect, as JSON text, and who gave it. ``cache`` is ``exact`` or
    ``semantic`` when nobody was asked; ``agreement`` is there when somebody was several times."""

    body: str
    provider: str
    model: str
    failures: tuple[ProviderFailure, ...] = ()
    dropped: tuple[str, ...] = ()
    cache: str = ""
    agreement: Agreement | None = None


@dataclass(frozen=True, slots=True)
class StreamOver:
    """The stream is complete."""

    model: str


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """The answer broke off; ``data`` says so in the dialect."""

    data: bytes
    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class RouteQuestion:
    """A question that is not asked: who would be, and why?"""

    prompt: Annotated[str, Length(0, 1_000_000)] = ""
    model: Annotated[str, Length(0, _MODEL_LIMIT), "a group, an alias, a model; empty: auto"] = ""


@dataclass(frozen=True, slots=True)
class RouteStep:
    """Somebody in the order of asking."""

    provider: str
    model: str
    circuit: str
    in_flight: int
    latency_ms: float | None = None
    tier: str = ""
    context: int | None = None
    stronger: bool = False


@dataclass(frozen=True, slots=True)
class RouteExplained:
    """Who would be asked, in this order, by which strategy. Where it is ``complexity``, ``score``
    is how hard the question looks, from 0 to 1, and ``terms`` is how it came about. Where the first
    is asked up to ``samples`` times, those that are ``stronger`` are asked when less than the share
    ``agree`` of its answers say the same."""

    name: str
    strategy: str
    steps: tuple[RouteStep, ...]
    deadline_s: float | None = None
    score: float | None = None
    tier: str = ""
    terms: tuple[Term, ...] = ()
    samples: int = 1
    agree: float | None = None


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of a request's input, estimated."""

    input_tokens: int


class CallModel(Block[ModelCall, ModelReply]):
    """A whole answer."""

    name = "models.call"
    summary = "Answer a request of some API dialect with whichever provider its model leads to"
    effects = Effects.NETWORK
    checks = Checks.SHALLOW

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def forward(self, data: ModelCall) -> ModelReply:
        begun = time.perf_counter_ns()
        dialect = dialect_named(data.dialect)
        asked = _asked(data, dialect, stream=False)
        answer = await self._gateway.answer(_model_of(data.body), asked, data.options)
        response = answer.response
        if answer.raw:
            body = answer.raw.decode()
        else:
            to = _reply_to(data.body, answer.model, begun, asked)
            body = orjson.dumps(dialect.write(response, to)).decode()
        return ModelReply(
            body,
            answer.provider,
            answer.model,
            answer.failures,
            response.dropped,
            answer.cache,
            answer.agreement,
        )


class StreamModel(Block[ModelCall, StreamOver]):
    """The same piece by piece: a ``Head``, then bytes in the dialect's framing."""

    name = "models.call_stream"
    summary = "Answer a request of some API dialect as a stream"
    effects = Effects.NETWORK
    checks = Checks.SHALLOW

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def forward(
        self, data: ModelCall
    ) -> AsyncIterator[Head | bytes | BrokenOff | StreamOver]:
        begun = time.perf_counter_ns()
        dialect = dialect_named(data.dialect)
        asked = _asked(data, dialect, stream=True)
        writer = None
        model = ""
        stream = self._gateway.stream(_model_of(data.body), asked, data.options)
        async with aclosing(stream) as pieces:
            try:
                async for piece in pieces:
                    if isinstance(piece, bytes):
                        yield piece
                        continue
                    if isinstance(piece, Head):
                        model = piece.model
                        yield piece
                        continue
                    if writer is None:
                        writer = dialect.writer(_reply_to(data.body, model, begun, asked))
                    written = [writer.write(chunk) for chunk in piece]
                    if piece[-1].finish_reason:
                        written.append(writer.end())
                    if whole := b"".join(written):
                        yield whole
            except ConduitError as error:
                if not model:
                    raise
                writer = writer or dialect.writer(_reply_to(data.body, model, begun, asked))
                info = ErrorInfo.of(error)
                yield BrokenOff(writer.error(info, 502), info)
        yield StreamOver(model)


def gateway_blocks(gateway: Gateway) -> tuple[Block[Any, Any], ...]:
    """``models.call`` and what belongs to it."""

    @block("models.embed", summary="Place texts in a vector space", effects=Effects.NETWORK)
    async def embed(request: EmbeddingRequest) -> EmbeddingResponse:
        return await gateway.embed(request)

    @block("models.count_tokens", summary="Estimate how many tokens a request has")
    def count(data: ModelCall) -> TokenCount:
        dialect = dialect_named(data.dialect)
        return TokenCount(estimate(dialect.read(data.body)))

    @block("models.explain_route", summary="Tell who would answer a question, and why", inline=True)
    def explain_route(question: RouteQuestion) -> RouteExplained:
        chat = ChatRequest((Message("user", question.prompt),))
        asked = Asked.of(chat, stream=False)
        org = current_call().principal.org_id
        routed = gateway.routes.plan(question.model, asked, USUAL, org)
        judged, sampling = routed.complexity, routed.sampling
        return RouteExplained(
            routed.name or "auto",
            routed.group.strategy if routed.group else "chain",
            tuple(
                RouteStep(
                    each.entry.name,
                    each.asked_model,
                    each.entry.served(each.asked_model).circuit.state,
                    each.in_flight,
                    each.latency_ms,
                    each.target.tier or "",
                    each.facts.context,
                    sampling is not None and each in sampling.stronger,
                )
                for each in routed.plan.candidates
            ),
            routed.plan.deadline_s,
            judged.score if judged else None,
            judged.tier if judged else "",
            judged.terms if judged else (),
            sampling.rule.samples if sampling else 1,
            sampling.rule.agree if sampling else None,
        )

    return CallModel(gateway), StreamModel(gateway), embed, count, explain_route


def dialect_named(name: str) -> Dialect:
    """Raises ``InvalidInput``."""
    try:
        return DIALECTS[name]
    except KeyError:
        raise InvalidInput(
            f"there is no dialect {name[:80]!r}",
            where="dialect",
            hint=f"use one of: {', '.join(DIALECTS)}",
        ) from None


def _asked(data: ModelCall, dialect: Dialect, *, stream: bool) -> Asked:
    return Asked(
        dialect.name,
        data.body,
        dialect.read,
        stream=stream,
        headers=tuple(data.headers.items()) if data.headers else (),
        size=data.size,
    )


def _model_of(body: JsonObject) -> str:
    model = body.get("model", "")
    if not isinstance(model, str) or len(model) > _MODEL_LIMIT:
        raise InvalidInput(
            "the name of a model is a string of at most 200 characters",
            where="model",
            hint="GET /v1/models lists the names that lead somewhere; auto is whoever answers",
        )
    return model


def _reply_to(body: JsonObject, model: str, begun_ns: int, asked: Asked) -> ReplyTo:
    return ReplyTo(
        current_call().correlation_id,
        int(time.time()),
        model,
        body,
        lambda: time.perf_counter_ns() - begun_ns,
        asked.tokens(estimate),
    )
