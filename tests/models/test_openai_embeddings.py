"""``POST /embeddings``: vectors in both of their forms."""

from __future__ import annotations

import json
from base64 import b64encode
from struct import pack
from typing import Any

import pytest

from conduit.contracts.chat import EmbeddingRequest, EmbeddingResponse, Usage
from conduit.models.exchange import Embedding, ErrorInside, NotTheProtocol
from conduit.models.wire.openai_chat import openai_chat


def wire() -> Embedding:
    found = openai_chat().embedding
    assert found is not None
    return found


def read(**reply: Any) -> EmbeddingResponse:
    return wire().decode(json.dumps(reply).encode())


def row(embedding: Any, index: int | None = 0) -> dict[str, Any]:
    return {"object": "embedding", "embedding": embedding, "index": index}


def test_a_request() -> None:
    asked = EmbeddingRequest(("a", "b"), dimensions=4, extra={"user": "u", "model": "not this"})
    sent = wire().encode(asked, "m")
    assert sent.path == "/embeddings"
    assert json.loads(sent.body) == {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 4,
        "user": "u",
    }
    assert json.loads(wire().encode(EmbeddingRequest(("a",)), "m").body) == {
        "model": "m",
        "input": ["a"],
    }


def test_vectors_in_the_order_of_their_indexes() -> None:
    answer = read(
        data=[row([3.5, 4], 1), row([1, 2.5], 0)],
        model="m-1",
        usage={"prompt_tokens": 8, "total_tokens": 8},
    )
    assert answer == EmbeddingResponse(((1.0, 2.5), (3.5, 4.0)), Usage(8), model="m-1")
    unnumbered = read(data=[row([1.0], None), row([2.0], None)])
    assert unnumbered.vectors == ((1.0,), (2.0,))


def test_vectors_in_base64() -> None:
    text = b64encode(pack("<3f", 0.5, -2.0, 1e10)).decode()
    assert read(data=[row(text)]).vectors == ((0.5, -2.0, 1e10),)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        [1],
        [row(None)],
        [row([])],
        [row([1, "2"])],
        [row([1, True])],
        [row([1, None])],
        [row("no base64!")],
        [row(b64encode(b"12345").decode())],
        [row(b64encode(pack("<f", float("nan"))).decode())],
        [row("")],
        [row([1.0], 0), row([1.0], 0)],
        [row([1.0], 1)],
    ],
)
def test_what_is_not_the_protocol_is_refused(data: Any) -> None:
    with pytest.raises(NotTheProtocol):
        read(data=data)


def test_an_error_inside_a_reply() -> None:
    with pytest.raises(ErrorInside, match="boom"):
        read(error={"message": "boom"})
