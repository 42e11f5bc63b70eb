"""Embeddings as clients ask for them: OpenAI's ``/v1/embeddings``, Ollama's ``/api/embed`` and its
older ``/api/embeddings``.

Source of the shapes: the API references of both. Tokens in place of text are refused: they mean
something only to the tokenizer of one model.
"""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conduit.contracts.chat import EmbeddingRequest, EmbeddingResponse, Usage
from conduit.contracts.json import Json, JsonObject
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects import ollama
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.dialects.openai_errors import error_body as openai_error
from conduit.models.dialects.reader import Reader

MOST_TEXTS = 2048
"""As many as OpenAI takes at once."""

_MOST_DIMENSIONS = 65_536
_OPENAI = frozenset("model input dimensions encoding_format user".split())
_OPENAI_EXTRA = frozenset({"input_type", "truncate", "user"})
_OLLAMA_EXTRA = frozenset({"truncate", "options", "keep_alive"})
_FORMATS = frozenset({"float", "base64"})
_OPENAI_HINT = "the fields and types are those of OpenAI's embeddings"
_OLLAMA_HINT = "the fields and types are those of Ollama's API"
_NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class EmbeddingDialect:
    """One protocol in which clients ask for embeddings, with the functions of a ``Dialect``."""

    name: str
    path: str
    read: Callable[[JsonObject], EmbeddingRequest]
    write: Callable[[EmbeddingResponse, ReplyTo], JsonObject]
    error: Callable[[ErrorInfo, int], JsonObject]


def read_openai(body: JsonObject) -> EmbeddingRequest:
    """Understand a body of ``/v1/embeddings``. Raises ``InvalidInput`` that names every wrong
    field."""
    reader = Reader(_OPENAI_HINT)
    given = reader.body(body, _OPENAI | _OPENAI_EXTRA)
    reader.choice(given.get("encoding_format"), "encoding_format", _FORMATS)
    reader.text(given.get("user"), "user")
    request = EmbeddingRequest(
        _texts(reader, given.get("input")),
        reader.name(given.get("model"), "model"),
        reader.whole(given.get("dimensions"), "dimensions", 1, _MOST_DIMENSIONS),
        {name: value for name, value in given.items() if name in _OPENAI_EXTRA},
        "openai_chat",
    )
    reader.refuse()
    return request


def write_openai(answer: EmbeddingResponse, to: ReplyTo) -> JsonObject:
    """A whole answer; with ``encoding_format: base64`` little-endian 32-bit floats in base64."""
    packed = to.body.get("encoding_format") == "base64"
    usage = answer.usage or _NOTHING
    counted = {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens}
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": at,
                "embedding": _packed(vector) if packed else vector,
            }
            for at, vector in enumerate(answer.vectors)
        ],
        "model": answer.model or to.model,
        "usage": counted | ({"estimated": True} if usage.estimated else {}),
    }


def _packed(vector: tuple[float, ...]) -> str:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def read_ollama(body: JsonObject) -> EmbeddingRequest:
    """Understand a body of ``/api/embed``. Raises ``InvalidInput`` as ``read_openai`` does."""
    reader = Reader(_OLLAMA_HINT)
    given = reader.body(body, _OLLAMA_EXTRA | {"model", "input", "dimensions"})
    request = EmbeddingRequest(
        _texts(reader, given.get("input")),
        reader.name(given.get("model"), "model"),
        reader.whole(given.get("dimensions"), "dimensions", 1, _MOST_DIMENSIONS),
        {name: value for name, value in given.items() if name in _OLLAMA_EXTRA},
        "ollama",
    )
    reader.refuse()
    return request


def write_ollama(answer: EmbeddingResponse, to: ReplyTo) -> JsonObject:
    """A whole answer of ``/api/embed``."""
    reply: JsonObject = {"model": answer.model or to.model, "embeddings": list(answer.vectors)}
    if to.elapsed_ns:
        reply |= {"total_duration": to.elapsed_ns(), "load_duration": 0}
    if answer.usage:
        reply["prompt_eval_count"] = answer.usage.input_tokens
    return reply


def read_ollama_old(body: JsonObject) -> EmbeddingRequest:
    """Understand a body of ``/api/embeddings``: one ``prompt``."""
    reader = Reader(_OLLAMA_HINT)
    given = reader.body(body, _OLLAMA_EXTRA | {"model", "prompt"})
    request = EmbeddingRequest(
        (reader.text(given.get("prompt"), "prompt"),),
        reader.name(given.get("model"), "model"),
        extra={name: value for name, value in given.items() if name in _OLLAMA_EXTRA},
        dialect="ollama",
    )
    if not request.texts[0]:
        reader.fault("prompt", "is missing")
    reader.refuse()
    return request


def write_ollama_old(answer: EmbeddingResponse, to: ReplyTo) -> JsonObject:
    """A whole answer of ``/api/embeddings``: one vector."""
    return {"embedding": answer.vectors[0] if answer.vectors else ()}


def _texts(reader: Reader, value: Json) -> tuple[str, ...]:
    if type(value) is str:
        return (_text(reader, value, "input"),)
    if value is None:
        reader.fault("input", "is missing")
    items = reader.array(value, "input", MOST_TEXTS)
    if value is not None and not items and type(value) is list and not value:
        reader.fault("input", "holds no text")
    if items and type(items[0]) in (int, list):
        hint = "send text: tokens mean something only to one model"
        reader.fault("input", "lists of tokens are not supported", hint)
        return ()
    return tuple(_text(reader, item, f"input[{at}]") for at, item in enumerate(items))


def _text(reader: Reader, value: Any, where: str) -> str:
    if type(value) is str and value:
        return reader.text(value, where)
    if value == "":
        reader.fault(where, "is empty")
    else:
        reader.wrong(where, "a string", value)
    return ""


OPENAI_EMBEDDINGS = EmbeddingDialect(
    "openai_chat", "/v1/embeddings", read_openai, write_openai, openai_error
)
OLLAMA_EMBED = EmbeddingDialect(
    "ollama", "/api/embed", read_ollama, write_ollama, ollama.error_body
)
OLLAMA_EMBEDDINGS = EmbeddingDialect(
    "ollama", "/api/embeddings", read_ollama_old, write_ollama_old, ollama.error_body
)
