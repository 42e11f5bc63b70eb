"""Embeddings: ``POST /api/embed``."""

from __future__ import annotations

from conduit.contracts.chat import EmbeddingRequest, EmbeddingResponse, Usage
from conduit.contracts.json import JsonObject
from conduit.models.exchange import WireRequest
from conduit.models.reading import count_of, json_body, list_of, text_of, vector_of
from conduit.models.wire.ollama.reply import checked


def encode_embedding(request: EmbeddingRequest, model: str) -> WireRequest:
    """All texts in one request."""
    theirs = request.dialect in ("", "ollama")
    body: JsonObject = dict(request.extra) if theirs else {}
    body |= {"model": model, "input": list(request.texts)}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return WireRequest(
        "/api/embed", json_body(body), dropped=() if theirs else tuple(request.extra)
    )


def decode_embedding(body: bytes) -> EmbeddingResponse:
    """One vector for each text."""
    reply = checked(body, "the reply")
    rows = list_of(reply.get("embeddings"), "embeddings")
    counted = count_of(reply.get("prompt_eval_count"))
    return EmbeddingResponse(
        vectors=tuple(vector_of(row, f"embeddings[{at}]") for at, row in enumerate(rows)),
        usage=Usage(counted) if counted else None,
        model=text_of(reply.get("model"), "model"),
    )
