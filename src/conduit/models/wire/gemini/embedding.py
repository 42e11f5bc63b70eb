"""Embeddings: ``models.batchEmbedContents``."""

from __future__ import annotations

from conduit.contracts.chat import EmbeddingRequest, EmbeddingResponse, Usage
from conduit.contracts.json import JsonObject
from conduit.models.exchange import ErrorInside, WireRequest
from conduit.models.reading import (
    count_of,
    error_words,
    json_body,
    list_of,
    object_of,
    parse_object,
    vector_of,
)
from conduit.models.wire.gemini.model import resource


def encode_embedding(request: EmbeddingRequest, model: str) -> WireRequest:
    """All texts in one request. ``extra`` (a ``taskType``) goes with each."""
    theirs = request.dialect in ("", "gemini")
    name = resource(model)
    each: JsonObject = {**(request.extra if theirs else {}), "model": name}
    if request.dimensions is not None:
        each["outputDimensionality"] = request.dimensions
    rows = [each | {"content": {"parts": [{"text": text}]}} for text in request.texts]
    dropped = () if theirs else tuple(request.extra)
    return WireRequest(
        f"/{name}:batchEmbedContents", json_body({"requests": rows}), dropped=dropped
    )


def decode_embedding(body: bytes) -> EmbeddingResponse:
    """One vector for each text. Usage is there only where the model counts it."""
    reply = parse_object(body, "the reply")
    if reply.get("error"):
        raise ErrorInside(error_words(reply) or "an error without words")
    rows = list_of(reply.get("embeddings"), "embeddings")
    usage = reply.get("usageMetadata")
    counted = count_of(usage.get("promptTokenCount")) if isinstance(usage, dict) else 0
    return EmbeddingResponse(
        vectors=tuple(
            vector_of(object_of(row, f"embeddings[{at}]").get("values"), f"embeddings[{at}].values")
            for at, row in enumerate(rows)
        ),
        usage=Usage(counted) if counted else None,
    )
