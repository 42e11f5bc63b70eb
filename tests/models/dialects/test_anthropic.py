"""Anthropic's Messages API, as the official client's own models read and write it."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest
from anthropic.types import Message as TheirMessage
from hypothesis import given
from hypothesis import strategies as st

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
from conduit.contracts.errors import InvalidInput
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects.anthropic import ANTHROPIC_MESSAGES, count_tokens
from conduit.models.dialects.dialect import ReplyTo

from .conftest import Serve

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
HI: list[Any] = [{"role": "user", "content": "hi"}]
TO = ReplyTo("1", 1, "asked", {}, input_tokens=9)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def asked(**fields: Any) -> Any:
    return ANTHROPIC_MESSAGES.read({"model": "m", "max_tokens": 9, "messages": HI, **fields})


def refusal(**fields: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        asked(**fields)
    assert refused.value.hint
    return refused.value


def wire_of(*chunks: Chunk, to: ReplyTo = TO) -> bytes:
    writer = ANTHROPIC_MESSAGES.writer(to)
    return b"".join([*map(writer.write, chunks), writer.end()])


def events(wire: bytes) -> list[dict[str, Any]]:
    found = []
    for frame in wire.split(b"\n\n"):
        if frame:
            name, data = frame.split(b"\n")
            found.append(json.loads(data.removeprefix(b"data: ")))
            assert name == b"event: " + found[-1]["type"].encode()
    return found


def accumulated(serve: Serve, wire: bytes) -> Any:
    url = serve(wire, "text/event-stream")
    with (
        anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client,
        client.messages.stream(model="m", max_tokens=9, messages=HI) as stream,
    ):
        return stream.get_final_message()


def test_a_request_in_full() -> None:
    """Shapes of the published reference."""
    request = ANTHROPIC_MESSAGES.read(
        {
            "model": "claude-sonnet-5",
            "max_tokens": 1024,
            "system": [
                {"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "be kind"},
            ],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "what is this?"},
                        {
                            "type": "image",
                            "source": {
                                "type": "base64",
                                "media_type": "image/jpeg",
                                "data": "/9j/AA==",
                            },
                        },
                        {"type": "image", "source": {"type": "url", "url": "https://e.com/a"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "because", "signature": "sig"},
                        {"type": "redacted_thinking", "data": "sealed"},
                        {"type": "text", "text": "I look."},
                        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}},
                        {"type": "tool_use", "id": "toolu_2", "name": "hear", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_1",
                            "content": [
                                {"type": "text", "text": "seen"},
                                {
                                    "type": "image",
                                    "source": {"type": "url", "url": "https://e.com/b"},
                                },
                            ],
                        },
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_2",
                            "content": "deaf",
                            "is_error": True,
                        },
                        {"type": "text", "text": "and?"},
                    ],
                },
            ],
            "tools": [{"name": "look", "description": "Look.", "input_schema": SCHEMA}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 2048},
            "output_config": {
                "effort": "high",
                "format": {"type": "json_schema", "schema": SCHEMA},
            },
            "metadata": {"user_id": "u1"},
            "stop_sequences": ["END"],
            "temperature": 0.5,
            "top_k": 5,
            "service_tier": "auto",
        }
    )
    assert request.messages == (
        Message("system", "be brief\nbe kind"),
        Message(
            "user",
            "what is this?",
            parts=(
                Text("what is this?"),
                Image(data="/9j/AA==", media_type="image/jpeg"),
                Image(url="https://e.com/a"),
            ),
        ),
        Message(
            "assistant",
            "I look.",
            (ToolCall("toolu_1", "look", '{"a":1}'), ToolCall("toolu_2", "hear", "{}")),
            thinking=(Thinking("because", "sig"), Thinking(redacted="sealed")),
        ),
        Message(
            "tool",
            "seen",
            tool_call_id="toolu_1",
            parts=(Text("seen"), Image(url="https://e.com/b")),
        ),
        Message("tool", "deaf", tool_call_id="toolu_2", failed=True),
        Message("user", "and?"),
    )
    assert request.tools == (ToolSpec("look", "Look.", SCHEMA),)
    assert (request.tool_choice, request.parallel_tool_calls) == ("required", False)
    assert request.reasoning == Reasoning("high", 2048)
    assert request.output == OutputSchema("answer", SCHEMA)
    assert (request.user, request.stop, request.top_k) == ("u1", ("END",), 5)
    assert request.extra == {"service_tier": "auto", "cache_control": {"type": "ephemeral"}}
    assert request.dialect == ANTHROPIC_MESSAGES.name


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        ({"type": "disabled"}, Reasoning("none")),
        ({"type": "adaptive"}, Reasoning("high")),
        ({"type": "enabled", "budget_tokens": 1024}, Reasoning("", 1024)),
    ],
)
def test_how_much_to_think(thinking: Any, reasoning: Reasoning) -> None:
    assert asked(thinking=thinking).reasoning == reasoning


BLOCK = "messages[0].content[0]"


def user(*blocks: Any) -> list[Any]:
    return [{"role": "user", "content": list(blocks)}]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": user("x")}, BLOCK),
        ({"messages": user({})}, f"{BLOCK}.type"),
        ({"messages": user({"type": "text"})}, f"{BLOCK}.text"),
        ({"messages": user({"type": "document", "source": {}})}, f"{BLOCK}.type"),
        ({"messages": user({"type": "image"})}, f"{BLOCK}.source"),
        (
            {"messages": user({"type": "image", "source": {"type": "file", "file_id": "f"}})},
            f"{BLOCK}.source.type",
        ),
        ({"messages": user({"type": "tool_result"})}, f"{BLOCK}.tool_use_id"),
        (
            {
                "messages": user(
                    {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "document"}]}
                )
            },
            f"{BLOCK}.content[0].type",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}]},
            f"{BLOCK}.type",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "1", "name": "f", "input": 1}],
                    }
                ]
            },
            f"{BLOCK}.input",
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"name": "a"}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"temperature": 1.5}, "temperature"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
    ],
    ids=str,
)
def test_what_cannot_be_honoured_is_refused_by_name(fields: Any, where: str) -> None:
    assert refusal(**fields).where == where


ANSWERS = st.builds(
    ChatResponse,
    TEXT,
    st.lists(st.builds(ToolCall, TEXT, TEXT, st.just('{"a":1}')), max_size=2).map(tuple),
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    st.none() | st.builds(Usage, st.integers(10, 99), st.integers(0, 9), st.integers(0, 9)),
    model=TEXT,
    thinking=st.lists(st.builds(Thinking, TEXT, TEXT), max_size=2).map(tuple),
    citations=st.lists(st.builds(Citation, TEXT, TEXT, TEXT), max_size=2).map(tuple),
)


@given(ANSWERS)
def test_a_whole_answer_comes_back(answer: ChatResponse) -> None:
    read = TheirMessage.model_validate(ANTHROPIC_MESSAGES.write(answer, TO), strict=True)
    blocks = read.content
    assert "".join(b.text for b in blocks if b.type == "text") == answer.text
    assert [(b.id, b.name, b.input) for b in blocks if b.type == "tool_use"] == [
        (c.id, c.name, {"a": 1}) for c in answer.tool_calls
    ]
    assert [(b.thinking, b.signature) for b in blocks if b.type == "thinking"] == [
        (t.text, t.signature) for t in answer.thinking
    ]
    usage = answer.usage or Usage()
    read_tokens = read.usage.input_tokens + (read.usage.cache_read_input_tokens or 0)
    assert (read_tokens, read.usage.output_tokens) == (usage.input_tokens, usage.output_tokens)


@pytest.mark.parametrize(
    ("answer", "reason", "sequence"),
    [
        (ChatResponse("a"), "end_turn", None),
        (ChatResponse("a", stop_sequence="END"), "stop_sequence", "END"),
        (ChatResponse("a", finish_reason="length"), "max_tokens", None),
        (ChatResponse("a", finish_reason="tool_calls"), "tool_use", None),
        (ChatResponse("a", finish_reason="content_filter"), "refusal", None),
    ],
)
def test_why_it_ended(serve: Serve, answer: ChatResponse, reason: str, sequence: str) -> None:
    written = ANTHROPIC_MESSAGES.write(answer, TO)
    assert (written["stop_reason"], written["stop_sequence"]) == (reason, sequence)
    last = Chunk(finish_reason=answer.finish_reason, stop_sequence=answer.stop_sequence)
    final = accumulated(serve, wire_of(Chunk("a"), last))
    assert (final.stop_reason, final.stop_sequence) == (reason, sequence)


def test_the_client_puts_a_stream_together(serve: Serve) -> None:
    wire = wire_of(
        Chunk(thinking=Thinking("be"), model="fake-2"),
        Chunk(thinking=Thinking("cause")),
        Chunk(thinking=Thinking(signature="sig")),
        Chunk(thinking=Thinking(redacted="sealed")),
        Chunk("Hel"),
        Chunk("lo", continued_by="second"),
        Chunk(" there", citations=(Citation("https://a", "A", "quoted"),)),
        Chunk(tool_calls=(ToolCallDelta(0, "t0", "look", '{"a"'),)),
        Chunk(tool_calls=(ToolCallDelta(0, arguments=":1}"), ToolCallDelta(1, "t1", "hear"))),
        Chunk(finish_reason="tool_calls", usage=Usage(30, 4, 20, 5, 2)),
    )
    kinds = [event["type"] for event in events(wire)]
    assert kinds[:2] == ["message_start", "ping"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 5
    final = accumulated(serve, wire)
    assert final.model == "fake-2"
    thinking, redacted, text, look, hear = final.content
    assert (thinking.thinking, thinking.signature) == ("because", "sig")
    assert redacted.data == "sealed"
    assert text.text == "Hello there"
    assert [(c.url, c.title, c.cited_text) for c in text.citations] == [
        ("https://a", "A", "quoted")
    ]
    assert (look.id, look.name, look.input) == ("t0", "look", {"a": 1})
    assert (hear.id, hear.name, hear.input) == ("t1", "hear", {})
    usage = final.usage
    assert (usage.input_tokens, usage.output_tokens) == (5, 4)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (20, 5)


def test_what_the_client_got_can_be_sent_back(serve: Serve) -> None:
    final = accumulated(
        serve,
        wire_of(
            Chunk(thinking=Thinking("because", "sig")),
            Chunk("so"),
            Chunk(tool_calls=(ToolCallDelta(0, "t0", "look", "{}"),)),
            Chunk(finish_reason="tool_calls"),
        ),
    )
    turn = {
        "role": "assistant",
        "content": [b.model_dump(exclude_none=True) for b in final.content],
    }
    (message,) = asked(messages=[turn]).messages
    expected = (ToolCall("t0", "look", "{}"),)
    assert message == Message("assistant", "so", expected, thinking=(Thinking("because", "sig"),))


@given(st.lists(TEXT.map(Chunk), max_size=5))
def test_pieces_of_text_are_one_block(chunks: list[Chunk]) -> None:
    read = events(wire_of(*chunks, Chunk(finish_reason="stop")))
    deltas = [e["delta"]["text"] for e in read if e["type"] == "content_block_delta"]
    assert "".join(deltas) == "".join(chunk.text for chunk in chunks)
    assert sum(e["type"] == "content_block_start" for e in read) == any(c.text for c in chunks)


def test_the_estimate_of_the_request_is_told_at_the_beginning() -> None:
    start = events(wire_of(Chunk("a")))[0]
    assert start["message"]["usage"]["input_tokens"] == 9


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
    ],
)
def test_an_error_has_both_shapes(serve: Serve, status: int, kind: str) -> None:
    body = ANTHROPIC_MESSAGES.error(ErrorInfo("circuit_open", "p: it is open", "wait"), status)
    assert body["type"] == "error"
    assert body["error"]["type"] == kind
    url = serve(json.dumps(body).encode(), status=status)
    with (
        anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client,
        pytest.raises(anthropic.APIStatusError, match="it is open") as refused,
    ):
        client.messages.create(model="m", max_tokens=9, messages=HI)
    assert refused.value.status_code == status


def test_the_client_sees_that_a_stream_broke_off(serve: Serve) -> None:
    writer = ANTHROPIC_MESSAGES.writer(TO)
    info = ErrorInfo("stream_interrupted", "p: it broke off", "ask again")
    with pytest.raises(anthropic.APIStatusError, match="it broke off"):
        accumulated(serve, writer.write(Chunk("Hel")) + writer.error(info, 502))


def test_counting_needs_no_limit_and_grows_with_the_request() -> None:
    body: dict[str, Any] = {"model": "m", "messages": HI}
    few = count_tokens(body)
    assert 0 < few < 20
    more = [{"role": "user", "content": "the quick brown fox " * 100}]
    assert 350 < count_tokens({**body, "messages": more}) < 650
    tools = [{"name": "look", "input_schema": SCHEMA}]
    assert count_tokens({**body, "tools": tools}) > few + 346
    with pytest.raises(InvalidInput):
        count_tokens({"model": "m"})
