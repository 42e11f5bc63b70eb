"""What clients ask beside chats: embeddings, lists of models, counts of tokens."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

from conduit.contracts.errors import NotFound
from conduit.contracts.json import JsonObject
from conduit.models.dialects import models_list as listing
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.dialects.embeddings import (
    OLLAMA_EMBED,
    OLLAMA_EMBEDDINGS,
    OPENAI_EMBEDDINGS,
    EmbeddingDialect,
)
from conduit.models.dialects.models_list import ModelRow
from conduit.models.dialects.ollama_models import running, show, tags, version
from conduit.models.gateway.blocks import ModelCall
from conduit.surfaces.http.models.reply import Headers, answering
from conduit.surfaces.http.models.request import Said

Answered = tuple[Any, Headers]


class CallBlock(Protocol):
    """Calls a block through the gate as whoever asks."""

    def __call__(self, block: str, given: object) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class Question:
    """``rest`` is what follows a ``*`` in the address; ``own`` are models that are none of the
    gateway's, but of Conduit itself."""

    call: CallBlock
    body: JsonObject
    rest: str
    said: Said
    correlation: str
    own: tuple[str, ...] = ()


Other = Callable[[Question], Coroutine[Any, Any, Answered]]


def embeds(dialect: EmbeddingDialect) -> Other:
    """Vectors, in a dialect."""

    async def embed(question: Question) -> Answered:
        begun = time.perf_counter_ns()
        response = await question.call("models.embed", dialect.read(question.body))
        to = ReplyTo(
            question.correlation,
            int(time.time()),
            response.model,
            question.body,
            lambda: time.perf_counter_ns() - begun,
        )
        headers = answering(
            response.provider, response.model, response.failures, response.dropped, ""
        )
        return dialect.write(response, to), headers

    return embed


async def _rows(question: Question) -> list[ModelRow]:
    known = await question.call("models.names", {})
    rows = [ModelRow(each.name, each.owned_by, facts=each.facts) for each in known.models]
    return [*(ModelRow(name, "conduit") for name in question.own), *rows]


async def models(question: Question) -> Answered:
    """Every name that leads somewhere, as OpenAI or Anthropic lists them."""
    rows = await _rows(question)
    if question.said.anthropic:
        return listing.anthropic_list(rows, limit=1000), []
    return listing.openai_list(rows), []


async def model(question: Question) -> Answered:
    """One of them."""
    row = _named(await _rows(question), question.rest)
    written = listing.anthropic_model if question.said.anthropic else listing.openai_model
    return written(row), []


def _named(rows: list[ModelRow], name: str) -> ModelRow:
    for row in rows:
        if row.name == name:
            return row
    raise NotFound(
        f"no provider offers the model {name[:100]!r}", hint="GET /v1/models lists those there are"
    )


async def count_tokens(question: Question) -> Answered:
    """Anthropic's count of a request's tokens; ours is an estimate."""
    body = {"max_tokens": 1} | question.body
    counted = await question.call("models.count_tokens", ModelCall("anthropic", body))
    return {"input_tokens": counted.input_tokens}, [(b"x-conduit-estimated", b"input_tokens")]


async def ollama_tags(question: Question) -> Answered:
    """The models, as Ollama lists them."""
    return tags(await _rows(question)), []


async def ollama_show(question: Question) -> Answered:
    """What is known of one model, as Ollama shows it."""
    name = question.body.get("model") or question.body.get("name") or ""
    row = _named(await _rows(question), str(name).removesuffix(":latest"))
    return show(row), []


async def ollama_version(question: Question) -> Answered:
    """Clients ask to see whether somebody is there."""
    return version(), []


async def ollama_running(question: Question) -> Answered:
    """What is loaded."""
    return running(), []


OTHERS: Final[dict[str, dict[str, Other]]] = {
    "/v1/embeddings": {"POST": embeds(OPENAI_EMBEDDINGS)},
    "/v1/models": {"GET": models},
    "/v1/models/*": {"GET": model},
    "/v1/messages/count_tokens": {"POST": count_tokens},
    "/api/embed": {"POST": embeds(OLLAMA_EMBED)},
    "/api/embeddings": {"POST": embeds(OLLAMA_EMBEDDINGS)},
    "/api/tags": {"GET": ollama_tags},
    "/api/show": {"POST": ollama_show},
    "/api/ps": {"GET": ollama_running},
    "/api/version": {"GET": ollama_version},
}
