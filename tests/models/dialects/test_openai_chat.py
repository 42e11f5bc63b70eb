"""OpenAI's chat completions, as the official client's own models read and write them."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from conduit.contracts.chat import (
    ChatResponse,
    Chunk,
    Citation,
    Image,
    Message,
    OutputSchema,
    Reasoning,
    Text,
    Thinking,
    ToolCall,
    ToolCallDelta,
    ToolSpec,
    Usage,
)
from conduit.contracts.errors import InvalidInput, ProviderTimeout
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects.dialect import ReplyTo, StreamWriter
from conduit.models.dialects.openai_chat import OPENAI_CHAT

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
CALLS = st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=3).map(tuple)
COUNTS = st.integers(0, 10**9)
USAGES = st.none() | st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.booleans())
CITATIONS = st.lists(st.builds(Citation, TEXT, TEXT, TEXT), max_size=2).map(tuple)
THINKING = st.lists(st.builds(Thinking, TEXT, TEXT), max_size=2).map(tuple)
ANSWERS = st.builds(
    ChatResponse,
    TEXT,
    CALLS,
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    USAGES,
    model=TEXT,
    citations=CITATIONS,
    thinking=THINKING,
)
DELTAS = st.lists(st.builds(ToolCallDelta, st.integers(0, 3), TEXT, TEXT, TEXT), max_size=2)
CHUNKS = st.builds(
    Chunk,
    TEXT,
    DELTAS.map(tuple),
    st.none() | st.just("stop"),
    USAGES,
    thinking=st.none() | st.builds(Thinking, TEXT, TEXT),
    citations=CITATIONS,
    continued_by=st.just("") | TEXT,
)
HI: list[Any] = [{"role": "user", "content": "hi"}]


def reply_to(**body: Any) -> ReplyTo:
    return ReplyTo("1", 1, "asked", body)


def asked(**fields: Any) -> Any:
    return OPENAI_CHAT.read({"model": "m", "messages": HI, **fields})


def refusal(**fields: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        asked(**fields)
    assert refused.value.hint
    return refused.value


def written(writer: StreamWriter, *chunks: Chunk) -> bytes:
    return b"".join([*map(writer.write, chunks), writer.end()])


def events(wire: bytes) -> list[dict[str, Any]]:
    return [
        json.loads(line[6:]) for line in wire.split(b"\n\n") if line[6:] not in (b"", b"[DONE]")
    ]


@given(ANSWERS)
def test_a_whole_answer_comes_back(answer: ChatResponse) -> None:
    read = ChatCompletion.model_validate_json(
        orjson.dumps(OPENAI_CHAT.write(answer, reply_to())), strict=True
    )
    (choice,) = read.choices
    assert (choice.message.content or "") == answer.text
    assert choice.finish_reason == answer.finish_reason
    assert read.model == (answer.model or "asked")
    calls = choice.message.tool_calls or []
    read_calls = [(c.id, c.function.name, c.function.arguments) for c in calls]  # type: ignore[union-attr] # all are functions
    assert read_calls == [(c.id, c.name, c.arguments) for c in answer.tool_calls]
    assert read.usage is not None
    usage = answer.usage or Usage()
    assert read.usage.prompt_tokens == usage.input_tokens
    assert read.usage.prompt_tokens_details is not None
    assert read.usage.prompt_tokens_details.cached_tokens == usage.cached_tokens
    assert read.usage.completion_tokens_details is not None
    assert read.usage.completion_tokens_details.reasoning_tokens == usage.reasoning_tokens
    sources = [each.url_citation.url for each in choice.message.annotations or []]
    assert sources == [each.url for each in answer.citations]


@given(st.lists(CHUNKS, min_size=1, max_size=6), st.booleans())
def test_a_stream_comes_back(chunks: list[Chunk], include_usage: bool) -> None:
    to = reply_to(stream_options={"include_usage": include_usage})
    wire = written(OPENAI_CHAT.writer(to), *chunks)
    *payloads, last = [line.removeprefix(b"data: ") for line in wire.split(b"\n\n") if line]
    assert last == b"[DONE]"
    read = [ChatCompletionChunk.model_validate_json(payload, strict=True) for payload in payloads]
    tokens = [each.choices[0] for each in read if each.choices]
    assert "".join(t.delta.content or "" for t in tokens) == "".join(c.text for c in chunks)
    assert [t.delta.role for t in tokens] == ["assistant"] + [None] * (len(chunks) - 1)
    assert [t.finish_reason for t in tokens] == [c.finish_reason for c in chunks]
    assert [each.usage is not None for each in read] == [False] * len(chunks) + [
        True
    ] * include_usage
    thought = "".join(
        json.loads(p)["choices"][0]["delta"].get("reasoning_content", "")
        for p in payloads
        if json.loads(p)["choices"]
    )
    assert thought == "".join(c.thinking.text for c in chunks if c.thinking)


def test_a_request_in_full() -> None:
    """Shapes of the published reference."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    request = OPENAI_CHAT.read(
        {
            "model": "gpt-5.4",
            "messages": [
                {"role": "developer", "content": "be brief"},
                {
                    "role": "user",
                    "name": "ann",
                    "content": [
                        {"type": "text", "text": "what is this?"},
                        {
                            "type": "image_url",
                            "image_url": {"url": "data:image/png;base64,iVBORw0=", "detail": "low"},
                        },
                        {"type": "image_url", "image_url": {"url": "https://e.com/a.jpg"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "reasoning_content": "let me look",
                    "refusal": None,
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "look", "arguments": '{"city":"Bern"}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            ],
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "look",
                        "description": "Look.",
                        "parameters": schema,
                        "strict": True,
                    },
                },
                {"type": "function", "function": {"name": "bare"}},
            ],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "parallel_tool_calls": False,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema, "strict": True},
            },
            "reasoning_effort": "high",
            "max_completion_tokens": 50,
            "temperature": 1,
            "stop": "END",
            "seed": 7,
            "logprobs": True,
            "top_logprobs": 3,
            "frequency_penalty": 0.5,
            "presence_penalty": -0.5,
            "user": "u1",
            "prompt_cache_key": "k",
            "store": False,
            "stream": True,
        }
    )
    assert request.messages == (
        Message("system", "be brief"),
        Message(
            "user",
            "what is this?",
            parts=(
                Text("what is this?"),
                Image(data="iVBORw0=", media_type="image/png", detail="low"),
                Image(url="https://e.com/a.jpg"),
            ),
            name="ann",
        ),
        Message(
            "assistant",
            "",
            (ToolCall("call_1", "look", '{"city":"Bern"}'),),
            thinking=(Thinking("let me look"),),
        ),
        Message("tool", "rain", tool_call_id="call_1"),
    )
    assert request.tools == (
        ToolSpec("look", "Look.", schema),
        ToolSpec("bare", "", {"type": "object", "properties": {}}),
    )
    assert request.tool_choice == "look"
    assert request.parallel_tool_calls is False
    assert request.output == OutputSchema("answer", schema)
    assert request.reasoning == Reasoning("high")
    assert (request.max_tokens, request.temperature, request.stop) == (50, 1, ("END",))
    assert (request.seed, request.top_logprobs, request.user) == (7, 3, "u1")
    assert (request.frequency_penalty, request.presence_penalty) == (0.5, -0.5)
    assert request.extra == {"prompt_cache_key": "k", "store": False}
    assert request.dialect == OPENAI_CHAT.name


def test_functions_of_2023_are_tools() -> None:
    body: dict[str, Any] = {
        "model": "m",
        "messages": [
            *HI,
            {
                "role": "assistant",
                "content": None,
                "function_call": {"name": "look", "arguments": "{}"},
            },
            {"role": "function", "name": "look", "content": "rain"},
        ],
        "functions": [{"name": "look", "parameters": {"type": "object"}}],
        "function_call": {"name": "look"},
    }
    request = OPENAI_CHAT.read(body)
    _, said, result = request.messages
    assert said.tool_calls[0].name == "look"
    assert result == Message("tool", "rain", tool_call_id=said.tool_calls[0].id)
    assert request.tools == (ToolSpec("look", "", {"type": "object"}),)
    assert (request.tool_choice, request.parallel_tool_calls) == ("look", False)
    answer = ChatResponse("", (ToolCall("c", "look", "{}"),), "tool_calls")
    choice = OPENAI_CHAT.write(answer, reply_to(**body))["choices"][0]
    assert choice["message"]["function_call"] == {"name": "look", "arguments": "{}"}
    assert choice["finish_reason"] == "function_call"
    chunks = (
        Chunk(tool_calls=(ToolCallDelta(0, "c", "look", "{"),)),
        Chunk(tool_calls=(ToolCallDelta(0, arguments="}"),)),
        Chunk(finish_reason="tool_calls"),
    )
    read = events(written(OPENAI_CHAT.writer(reply_to(**body)), *chunks))
    pieces = [e["choices"][0]["delta"].get("function_call", {}) for e in read]
    assert pieces[0]["name"] == "look"
    assert "".join(piece.get("arguments", "") for piece in pieces) == "{}"
    assert read[-1]["choices"][0]["finish_reason"] == "function_call"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reasoning_effort": "low"}, Reasoning("low")),
        ({"reasoning": {"effort": "low"}}, Reasoning("low")),
        ({"reasoning": {"max_tokens": 2000}}, Reasoning("", 2000)),
        ({"reasoning": {"enabled": True}}, Reasoning("medium")),
        ({"reasoning": {"enabled": False}}, Reasoning("none")),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Reasoning("", 2000)),
        ({"thinking": {"type": "enabled"}}, Reasoning("medium")),
        ({"thinking": {"type": "disabled"}}, Reasoning("none")),
        ({"thinking": {"type": "enabled"}, "reasoning_effort": "max"}, Reasoning("max")),
        ({}, None),
    ],
    ids=str,
)
def test_how_much_to_think(fields: Any, expected: Reasoning | None) -> None:
    assert asked(**fields).reasoning == expected


@given(TEXT, TEXT)
def test_text_in_parts_is_one_text(first: str, second: str) -> None:
    parts = [{"type": "text", "text": first}, {"type": "text", "text": second}]
    (message,) = asked(messages=[{"role": "user", "content": parts}]).messages
    assert message == Message("user", f"{first}\n{second}")


def test_null_is_the_same_as_nothing() -> None:
    """Clients send null for whatever was not set."""
    messages = [{"role": "user", "content": "hi", "name": None}]
    nulls = {"tools": None, "temperature": None, "stop": None, "logit_bias": None, "stream": None}
    assert asked(messages=messages, **nulls) == asked(messages=messages)


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
    assert asked(tool_choice=choice).tool_choice == expected


def test_a_choice_of_some_tools_leaves_only_them() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in "abc"]
    some = [tools[0], tools[2]]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": some}}
    request = asked(tools=tools, tool_choice=choice)
    assert [tool.name for tool in request.tools] == ["a", "c"]
    assert request.tool_choice == "required"


@pytest.mark.parametrize("body", [None, [], 1, "text", {}, {"model": "m"}, {"messages": []}])
def test_what_is_no_request(body: Any) -> None:
    with pytest.raises(InvalidInput):
        OPENAI_CHAT.read(body)


PART = "messages[0].content[0]"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [7]}, "messages[0]"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": [], "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "a\0"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "a", "x": 1}]}, "messages[0].x"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, f"{PART}.image_url"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}],
                    }
                ]
            },
            f"{PART}.image_url.url",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "data:text/a,b"}}],
                    }
                ]
            },
            f"{PART}.image_url.url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            f"{PART}.type",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "file"}]}]}, f"{PART}.type"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]},
            "messages[0].tool_calls[0].function",
        ),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 9}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"seed": 2**63}, "seed"),
        ({"stop": [1]}, "stop[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": 1}}]},
            "tools[0].function.parameters",
        ),
        ({"tool_choice": 3}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"no_such_parameter": 1}, "no_such_parameter"),
    ],
    ids=str,
)
def test_what_cannot_be_honoured_is_refused_by_name(fields: Any, where: str) -> None:
    assert refusal(**fields).where == where


def test_all_faults_are_named_at_once() -> None:
    said = refusal(temperature=9, max_tokens="x", messages=[{"role": "user", "content": 1}]).message
    for where in ("temperature", "max_tokens", "messages[0].content"):
        assert where in said


def test_as_many_faults_as_messages_make_a_short_error() -> None:
    assert len(str(refusal(messages=[{"role": "x" * 10_000}] * 1000))) < 2000


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (429, "rate_limit_error"),
        (504, "api_error"),
    ],
)
def test_an_error_has_both_shapes(status: int, kind: str) -> None:
    info = ErrorInfo.of(ProviderTimeout("silent", provider="p", hint="wait"))
    error = OPENAI_CHAT.error(info, status)["error"]
    assert error == {
        "message": "p: silent",
        "type": kind,
        "param": None,
        "code": "provider_timeout",
        "hint": "wait",
    }
