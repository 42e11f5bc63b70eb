"""Embeddings as the official clients ask for them."""

from __future__ import annotations

import json
import struct
from typing import Any

import ollama
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import EmbeddingRequest, EmbeddingResponse, Usage
from conduit.contracts.errors import InvalidInput
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.dialects.embeddings import (
    OLLAMA_EMBED,
    OLLAMA_EMBEDDINGS,
    OPENAI_EMBEDDINGS,
    EmbeddingDialect,
)

from .conftest import Serve

TO = ReplyTo("1", 1, "asked", {}, lambda: 5000)
VECTORS = ((0.5, -1.25), (0.0, 3.0))
ANSWER = EmbeddingResponse(VECTORS, Usage(7), model="fake")


@pytest.mark.parametrize("given_input", ["a", ["a"]])
def test_what_openai_asks_for(given_input: Any) -> None:
    body = {"model": "m", "input": given_input, "dimensions": 2, "user": "u"}
    read = OPENAI_EMBEDDINGS.read(body)
    assert read == EmbeddingRequest(("a",), "m", 2, {"user": "u"}, "openai_chat")


def test_what_ollama_asks_for() -> None:
    read = OLLAMA_EMBED.read({"model": "m", "input": ["a", "b"], "truncate": True})
    assert read == EmbeddingRequest(("a", "b"), "m", None, {"truncate": True}, "ollama")
    old = OLLAMA_EMBEDDINGS.read({"model": "m", "prompt": "a"})
    assert old == EmbeddingRequest(("a",), "m", None, {}, "ollama")


@pytest.mark.parametrize(
    ("dialect", "body", "where"),
    [
        (OPENAI_EMBEDDINGS, {"input": "a"}, "model"),
        (OPENAI_EMBEDDINGS, {"model": "m"}, "input"),
        (OPENAI_EMBEDDINGS, {"model": "m", "input": []}, "input"),
        (OPENAI_EMBEDDINGS, {"model": "m", "input": ""}, "input"),
        (OPENAI_EMBEDDINGS, {"model": "m", "input": ["a", ""]}, "input[1]"),
        (OPENAI_EMBEDDINGS, {"model": "m", "input": [1, 2]}, "input"),
        (OPENAI_EMBEDDINGS, {"model": "m", "input": [[1, 2]]}, "input"),
        (OPENAI_EMBEDDINGS, {"model": "m", "input": ["a"] * 2049}, "input"),
        (OPENAI_EMBEDDINGS, {"model": "m", "input": "a", "dimensions": 0}, "dimensions"),
        (
            OPENAI_EMBEDDINGS,
            {"model": "m", "input": "a", "encoding_format": "int8"},
            "encoding_format",
        ),
        (OLLAMA_EMBED, {"model": "m", "input": 7}, "input"),
        (OLLAMA_EMBEDDINGS, {"model": "m"}, "prompt"),
        (OLLAMA_EMBEDDINGS, {"model": "m", "prompt": "a", "input": "b"}, "input"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_honoured_is_refused_by_name(
    dialect: EmbeddingDialect, body: dict[str, Any], where: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        dialect.read(body)
    assert where in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_the_openai_client_reads_both_encodings(serve: Serve, encoding: Any) -> None:
    to = ReplyTo("1", 1, "asked", {"encoding_format": encoding})
    url = serve(json.dumps(OPENAI_EMBEDDINGS.write(ANSWER, to)).encode())
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        # base64 is what the client asks for by itself, and decodes
        asked = {} if encoding == "base64" else {"encoding_format": encoding}
        read = client.embeddings.create(model="m", input=["a", "b"], **asked)
    assert [tuple(each.embedding) for each in read.data] == list(VECTORS)
    assert [each.index for each in read.data] == [0, 1]
    assert (read.model, read.usage.prompt_tokens) == ("fake", 7)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=9))
def test_base64_is_little_endian_32_bit(vector: list[float]) -> None:
    to = ReplyTo("1", 1, "asked", {"encoding_format": "base64"})
    written = OPENAI_EMBEDDINGS.write(EmbeddingResponse((tuple(vector),)), to)
    import base64

    data = base64.b64decode(written["data"][0]["embedding"])
    assert list(struct.unpack(f"<{len(vector)}f", data)) == vector


def test_the_ollama_client_reads_both_answers(serve: Serve) -> None:
    url = serve(json.dumps(OLLAMA_EMBED.write(ANSWER, TO)).encode())
    read = ollama.Client(host=url).embed("m", ["a", "b"])
    assert [tuple(each) for each in read.embeddings] == list(VECTORS)
    assert (read.prompt_eval_count, read.total_duration) == (7, 5000)
    url = serve(json.dumps(OLLAMA_EMBEDDINGS.write(ANSWER, TO)).encode())
    assert tuple(ollama.Client(host=url).embeddings("m", "a").embedding) == VECTORS[0]
