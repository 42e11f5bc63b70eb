"""Embeddings by ``InvokeModel``: Amazon's Titan takes one text a request, Cohere's many."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import EmbeddingRequest, EmbeddingResponse, Usage
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject
from conduit.models.exchange import ErrorInside, WireRequest
from conduit.models.reading import (
    count_of,
    error_words,
    json_body,
    list_of,
    parse_object,
    vector_of,
)
from conduit.models.wire.bedrock.access import path


def encode_embedding(request: EmbeddingRequest, model: str) -> WireRequest:
    """Raises ``InvalidInput`` for several texts where the model takes one."""
    theirs = request.dialect in ("", "bedrock")
    body: JsonObject = dict(request.extra) if theirs else {}
    dropped = [] if theirs else list(request.extra)
    if "cohere" in model:
        body = {"input_type": "search_document"} | body | {"texts": list(request.texts)}
        if request.dimensions is not None:
            body["output_dimension"] = request.dimensions
    else:
        if len(request.texts) != 1:
            raise InvalidInput(
                f"{model[:80]!r} embeds one text a request, and {len(request.texts)} were given",
                where="input",
                hint="send them one by one, or use a model of Cohere's",
            )
        body["inputText"] = request.texts[0]
        if request.dimensions is not None:
            body["dimensions"] = request.dimensions
    return WireRequest(path(model, "invoke"), json_body(body), dropped=tuple(dropped))


def decode_embedding(body: bytes) -> EmbeddingResponse:
    """One vector for each text, in either shape."""
    reply = parse_object(body, "the reply")
    if "embedding" in reply:
        counted = count_of(reply.get("inputTextTokenCount"))
        vectors = (vector_of(reply["embedding"], "embedding"),)
        return EmbeddingResponse(vectors, Usage(counted) if counted else None)
    if "embeddings" not in reply and (words := error_words(reply)):
        raise ErrorInside(words)
    rows: Any = reply.get("embeddings")
    if isinstance(rows, dict):  # by type, where a type was asked for
        rows = rows.get("float")
    return EmbeddingResponse(
        tuple(
            vector_of(row, f"embeddings[{at}]")
            for at, row in enumerate(list_of(rows, "embeddings"))
        )
    )
