"""OpenAI's shape as the official client's own models read it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from conduit.blocks import dumps
from conduit.contracts.chat import ChatResponse, Chunk, ToolCall, ToolCallDelta, Usage
from conduit.contracts.errors import InvalidInput, ProviderTimeout
from conduit.surfaces.http import openai_shape as shape

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
CALLS = st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=3).map(tuple)
COUNTS = st.integers(0, 10**9)
USAGES = st.none() | st.builds(Usage, COUNTS, COUNTS)
ANSWERS = st.builds(
    ChatResponse,
    TEXT,
    CALLS,
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    USAGES,
    model=TEXT,
)
DELTAS = st.lists(st.builds(ToolCallDelta, st.integers(0, 3), TEXT, TEXT, TEXT), max_size=2)
CHUNKS = st.builds(Chunk, TEXT, DELTAS.map(tuple), st.none() | st.just("stop"), USAGES)


@given(ANSWERS)
def test_a_whole_answer_comes_back(answer: ChatResponse) -> None:
    body = dumps(shape.completion(answer, id="chatcmpl-1", created=1, model="asked"))
    read = ChatCompletion.model_validate_json(body)
    (choice,) = read.choices
    assert (choice.message.content or "") == answer.text
    assert choice.finish_reason == answer.finish_reason
    assert read.model == (answer.model or "asked")
    calls = choice.message.tool_calls or []
    read_calls = [(c.id, c.function.name, c.function.arguments) for c in calls]  # type: ignore[union-attr]
    assert read_calls == [(c.id, c.name, c.arguments) for c in answer.tool_calls]
    assert read.usage is not None
    assert read.usage.prompt_tokens == (answer.usage or Usage()).input_tokens


@given(st.lists(CHUNKS, min_size=1, max_size=6), st.booleans())
def test_a_stream_comes_back(chunks: list[Chunk], include_usage: bool) -> None:
    writer = shape.ChunkWriter("chatcmpl-1", 1, "asked", include_usage)
    wire = b"".join([*(writer.write(chunk) for chunk in chunks), writer.end()])
    *payloads, last = [line.removeprefix(b"data: ") for line in wire.split(b"\n\n") if line]
    assert last == b"[DONE]"
    read = [ChatCompletionChunk.model_validate_json(payload) for payload in payloads]
    tokens = [each.choices[0] for each in read if each.choices]
    assert "".join(t.delta.content or "" for t in tokens) == "".join(c.text for c in chunks)
    assert [t.delta.role for t in tokens] == ["assistant"] + [None] * (len(chunks) - 1)
    assert [t.finish_reason for t in tokens] == [c.finish_reason for c in chunks]
    assert [each.usage is not None for each in read] == [False] * len(chunks) + [
        True
    ] * include_usage


@given(TEXT, TEXT)
def test_text_in_parts_is_one_text(first: str, second: str) -> None:
    parts = [{"type": "text", "text": first}, {"type": "text", "text": second}]
    asked = shape.read_request({"model": "m", "messages": [{"role": "user", "content": parts}]})
    assert asked.chat.messages[0].content == f"{first}\n{second}"


def test_null_is_the_same_as_nothing() -> None:
    """Clients send null for whatever was not set."""
    messages = [{"role": "user", "content": "hi", "name": None}]
    nulls = {"tools": None, "temperature": None, "stop": None, "logit_bias": None, "stream": None}
    plain = shape.read_request({"model": "m", "messages": messages})
    assert shape.read_request({"model": "m", "messages": messages, **nulls}) == plain


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "f"}}, "f"),
    ],
)
def test_tool_choices(choice: Any, expected: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}], "tool_choice": choice}
    assert shape.read_request(body).chat.tool_choice == expected


@pytest.mark.parametrize("body", [None, [], 1, "text", {}, {"model": "m"}, {"messages": []}])
def test_what_is_no_request(body: Any) -> None:
    with pytest.raises(InvalidInput):
        shape.read_request(body)


@pytest.mark.parametrize(("status", "kind"), [(400, "invalid_request_error"), (504, "api_error")])
def test_an_error_has_both_shapes(status: int, kind: str) -> None:
    error = json.loads(shape.error_body(ProviderTimeout("silent", provider="p"), status))["error"]
    assert set(error) == {"message", "type", "param", "code", "hint"}
    assert (error["type"], error["code"]) == (kind, "provider_timeout")
    assert error["message"] == "p: silent"
    assert error["hint"]
