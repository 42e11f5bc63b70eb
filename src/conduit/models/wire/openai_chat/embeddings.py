"""``POST /embeddings``: texts as vectors."""

from __future__ import annotations

import math
import sys
from array import array
from base64 import b64decode
from typing import Any

from conduit.contracts.chat import EmbeddingRequest, EmbeddingResponse
from conduit.contracts.json import JsonObject
from conduit.models.exchange import Embedding, NotTheProtocol, WireRequest
from conduit.models.reading import json_body, list_of, object_of, parse_object, text_of
from conduit.models.wire.openai_chat.reply import refuse_error, usage_of


def _encode(request: EmbeddingRequest, model: str) -> WireRequest:
    body: JsonObject = request.extra | {"model": model, "input": list(request.texts)}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return WireRequest("/embeddings", json_body(body))


def _decode(body: bytes) -> EmbeddingResponse:
    """Rows are in the order of their ``index``, where all have one."""
    reply = parse_object(body, "the reply")
    refuse_error(reply)
    rows = [object_of(row, "data[]") for row in list_of(reply.get("data"), "data")]
    if not rows:
        raise NotTheProtocol("the reply has no embeddings")
    if all(type(row.get("index")) is int for row in rows):
        rows.sort(key=lambda row: row["index"])
        if [row["index"] for row in rows] != list(range(len(rows))):
            raise NotTheProtocol("the indexes of the embeddings are not 0, 1, 2 …")
    return EmbeddingResponse(
        tuple(_vector(row.get("embedding")) for row in rows),
        usage=usage_of(reply),
        model=text_of(reply.get("model"), "model"),
    )


def _vector(value: Any) -> tuple[float, ...]:
    if isinstance(value, str):
        vector = _from_base64(value)
    else:
        given = list_of(value, "embedding")
        if not {*map(type, given)} <= {float, int}:
            raise NotTheProtocol("embedding holds something that is not a number")
        vector = tuple(map(float, given))
    if not vector or not all(map(math.isfinite, vector)):
        raise NotTheProtocol("embedding is empty, or a number in it is not finite")
    return vector


def _from_base64(text: str) -> tuple[float, ...]:
    """OpenAI's ``encoding_format: base64``: 32-bit floats, little-endian."""
    floats = array("f")
    try:
        floats.frombytes(b64decode(text, validate=True))
    except ValueError:
        raise NotTheProtocol("embedding is no base64 of 32-bit numbers") from None
    if sys.byteorder == "big":
        floats.byteswap()
    return tuple(floats)


EMBEDDINGS = Embedding(_encode, _decode)
