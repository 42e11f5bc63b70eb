"""Whatever JSON a client sends is understood or refused, and what was understood is answered."""

from __future__ import annotations

import copy
import gc
import time
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    EmbeddingRequest,
    EmbeddingResponse,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from conduit.contracts.errors import InvalidInput
from conduit.models.dialects.anthropic import ANTHROPIC_MESSAGES, count_tokens
from conduit.models.dialects.counting import estimate
from conduit.models.dialects.dialect import Dialect, ReplyTo
from conduit.models.dialects.embeddings import OLLAMA_EMBED, OLLAMA_EMBEDDINGS, OPENAI_EMBEDDINGS
from conduit.models.dialects.ollama import OLLAMA_CHAT, OLLAMA_GENERATE
from conduit.models.dialects.openai_chat import OPENAI_CHAT
from conduit.models.dialects.openai_responses import OPENAI_RESPONSES

SCHEMA = {"type": "object"}
PICTURE = "data:image/png;base64,iVBORw0KGgo="
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
BODIES: dict[str, tuple[Dialect, dict[str, Any]]] = {
    "openai_chat": (
        OPENAI_CHAT,
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "s", "name": "n"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "t"},
                        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": "a",
                    "tool_calls": [CALL],
                    "reasoning_details": [{"type": "reasoning.text", "text": "r"}],
                },
                {"role": "tool", "tool_call_id": "c", "content": "r"},
                {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "r"},
            ],
            "tools": [FUNCTION],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "functions": [{"name": "g"}],
            "function_call": {"name": "g"},
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": SCHEMA},
            },
            "stream_options": {"include_usage": True},
            "logprobs": True,
            "top_logprobs": 1,
            "stop": ["x"],
            "temperature": 1,
            "seed": 1,
            "max_tokens": 1,
            "metadata": {"k": "v"},
        },
    ),
    "openai_responses": (
        OPENAI_RESPONSES,
        {
            "model": "m",
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "t"},
                        {"type": "input_image", "image_url": PICTURE},
                    ],
                },
                {
                    "type": "reasoning",
                    "id": "r",
                    "summary": [{"type": "summary_text", "text": "r"}],
                },
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "r"},
            ],
            "instructions": "s",
            "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}],
            "tool_choice": {"type": "function", "name": "f"},
            "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
            "reasoning": {"effort": "low"},
            "include": ["reasoning.encrypted_content"],
            "metadata": {"k": "v"},
            "truncation": "auto",
        },
    ),
    "anthropic": (
        ANTHROPIC_MESSAGES,
        {
            "model": "m",
            "max_tokens": 1,
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "t"},
                        {"type": "image", "source": {"type": "url", "url": "https://e.com"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "t", "signature": "s"},
                        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": [1]}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "c",
                            "content": [{"type": "text", "text": "r"}],
                        }
                    ],
                },
            ],
            "tools": [{"name": "f", "input_schema": SCHEMA}],
            "tool_choice": {"type": "tool", "name": "f"},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
            "metadata": {"user_id": "u"},
            "stop_sequences": ["x"],
        },
    ),
    "ollama": (
        OLLAMA_CHAT,
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": "t", "images": ["iVBORw0KGgo="]},
                {
                    "role": "assistant",
                    "thinking": "r",
                    "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
                },
                {"role": "tool", "content": "r", "tool_name": "f"},
            ],
            "tools": [FUNCTION],
            "format": SCHEMA,
            "options": {"temperature": 1, "stop": ["x"], "num_ctx": 1},
            "think": "low",
            "keep_alive": "5m",
        },
    ),
    "ollama_generate": (
        OLLAMA_GENERATE,
        {"model": "m", "prompt": "t", "system": "s", "images": ["iVBORw0KGgo="], "format": "json"},
    ),
}
EMBEDDINGS = {
    dialect.path: (dialect, body)
    for dialect, body in (
        (OPENAI_EMBEDDINGS, {"model": "m", "input": ["a"], "encoding_format": "base64"}),
        (OLLAMA_EMBED, {"model": "m", "input": ["a"], "options": {}}),
        (OLLAMA_EMBEDDINGS, {"model": "m", "prompt": "a"}),
    )
}
TYPES = ["text", "image_url", "function", "tool_use", "tool_result", "message", "user", "", "\0"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TYPES)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
)
KEYS = st.sampled_from(
    ["type", "role", "content", "text", "name", "function", "id", "url", "input"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=9,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a value."""
    found = [at] if at else []
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        found += [path for key, each in inside for path in places(each, (*at, key))]
    return found


@st.composite
def bent(draw: st.DrawFn, body: dict[str, Any]) -> Any:
    """A good body in which some values are replaced, or taken away."""
    copied = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(copied)))
        holder: Any = copied
        for key in way:
            holder = holder[key]
        if draw(st.integers(0, 3)):
            holder[last] = draw(VALUES)
        elif len(holder) > 1:
            del holder[last]
    return copied


Read = TypeVar("Read")


def read_or_refused(read: Callable[[Any], Read], body: Any) -> Read | InvalidInput:
    try:
        return read(body)
    except InvalidInput as refused:
        return refused


def understood(read: Callable[[Any], Read], body: Any) -> Read | None:
    """What was read; None when it was refused, as it should be: with a hint, and in few words."""
    outcome = read_or_refused(read, body)
    if not isinstance(outcome, InvalidInput):
        return outcome
    assert outcome.message
    assert outcome.hint
    assert len(str(outcome)) < 4000
    return None


def answer_all(dialect: Dialect, body: dict[str, Any]) -> None:
    """Everything that may be written for a body that was understood."""
    to = ReplyTo("1", 1, "m", body)
    answer = ChatResponse("a", (ToolCall("c", "f", "{"),), usage=Usage(1, 2))
    orjson.dumps(dialect.write(answer, to))
    writer = dialect.writer(to)
    for chunk in (Chunk("a"), Chunk(tool_calls=(ToolCallDelta(1, "c", "f", "{"),))):
        writer.write(chunk)
    writer.end()


@pytest.mark.parametrize("name", BODIES)
def test_the_good_bodies_are_good(name: str) -> None:
    dialect, body = BODIES[name]
    assert dialect.read(body).model == "m"
    answer_all(dialect, body)


@pytest.mark.parametrize("name", BODIES)
@given(body=VALUES)
def test_any_json_is_no_surprise(name: str, body: Any) -> None:
    understood(BODIES[name][0].read, body)


@pytest.mark.parametrize("name", BODIES)
@settings(max_examples=150)
@given(data=st.data())
def test_a_bent_body_is_understood_or_refused(name: str, data: st.DataObject) -> None:
    dialect, good = BODIES[name]
    body = data.draw(bent(good))
    request = understood(dialect.read, body)
    if request is not None:
        assert isinstance(request, ChatRequest)
        assert dialect.streams(body) in (True, False)
        assert estimate(request) >= 0
        answer_all(dialect, body)


@given(bent(BODIES["anthropic"][1]))
def test_counting_is_no_surprise(body: Any) -> None:
    count = understood(count_tokens, body)
    assert count is None or count > 0


@pytest.mark.parametrize("path", EMBEDDINGS)
@given(data=st.data())
def test_any_body_for_embeddings_is_no_surprise(path: str, data: st.DataObject) -> None:
    dialect, good = EMBEDDINGS[path]
    body = data.draw(VALUES | bent(good))
    request = understood(dialect.read, body)
    if request is None:
        return
    assert isinstance(request, EmbeddingRequest)
    assert request.texts
    orjson.dumps(dialect.write(EmbeddingResponse(((0.5,),)), ReplyTo("1", 1, "m", body)))


def deep(object: bool) -> Any:
    value: Any = 1
    for _ in range(1000):
        value = {"a": value} if object else [value]
    return value


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("object", [True, False])
def test_depth_is_no_surprise(name: str, object: bool) -> None:
    dialect, good = BODIES[name]
    for path in [*places(good), ("tools", 0, "x"), ("text", "x"), ("reasoning", "x")]:
        if any(key not in good for key in path[:1]):
            continue
        body = copy.deepcopy(good)
        holder: Any = body
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = deep(object)
        request = understood(dialect.read, body)
        if request is not None:
            assert estimate(request) >= 0
            answer_all(dialect, body)


MANY = 20_000


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("openai_chat", {"model": "m", "messages": [7] * MANY}),
        ("openai_chat", {"model": "m", "messages": [{"role": "user", "content": [7] * MANY}]}),
        ("openai_chat", {"model": "m", **{f"x{at}": 1 for at in range(MANY)}}),
        (
            "ollama",
            {
                "model": "m",
                "messages": [
                    {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}] * 500}
                ]
                * 40
                + [{"role": "tool", "content": "r", "tool_name": "g"}] * MANY,
            },
        ),
        ("openai_responses", {"model": "m", "input": [{"type": "function_call"}] * MANY}),
        ("anthropic", {"model": "m", "max_tokens": 1, "messages": [{}] * MANY}),
    ],
    ids=["turns", "parts", "fields", "waiting_calls", "items", "empty_turns"],
)
def test_many_faults_take_little_time(name: str, body: Any) -> None:
    begun = time.process_time()
    assert understood(BODIES[name][0].read, body) is None
    assert time.process_time() - begun < 10


@pytest.mark.parametrize("name", [name for name in BODIES if name != "ollama_generate"])
def test_reading_is_linear(name: str) -> None:
    """Sixteen times the turns take less than 64 times the time, on a machine that does other work
    as well; were it quadratic, it would be 256."""
    dialect, good = BODIES[name]
    field = "input" if "input" in good else "messages"

    def seconds(times: int) -> float:
        body = {**good, field: good[field] * times}
        begun = time.process_time()
        dialect.read(body)
        return time.process_time() - begun

    gc.disable()  # it walks over all that the tests before have left
    try:
        few = min(seconds(100) for _ in range(5))
        assert min(seconds(1600) for _ in range(3)) < 64 * few
    finally:
        gc.enable()
