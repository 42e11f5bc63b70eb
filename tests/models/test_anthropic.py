"""Anthropic's shapes, and what must be bridged to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conduit.contracts.chat import (
    ChatRequest,
    Chunk,
    Citation,
    Image,
    Message,
    OutputSchema,
    Text,
    Thinking,
    ToolCall,
    ToolSpec,
    Usage,
)
from conduit.contracts.errors import InvalidInput
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol
from conduit.models.wire.anthropic import (
    ANTHROPIC,
    AnthropicStream,
    decode,
    encode,
    without_bounds,
)

SPEC = ToolSpec("look", "Look it up.", {"type": "object"})


def new_id() -> str:
    raise AssertionError("this protocol gives its own ids")


def body_of(*messages: Message, **fields: Any) -> dict[str, Any]:
    return json.loads(encode(ChatRequest(messages, **fields), "m", False).body)


def dropped(*messages: Message, model: str = "m", **fields: Any) -> tuple[str, ...]:
    return encode(ChatRequest(messages, **fields), model, False).dropped


def asked(model: str, **fields: Any) -> dict[str, Any]:
    messages = fields.pop("messages", (Message("user", "U"),))
    return json.loads(encode(ChatRequest(messages, **fields), model, False).body)


def read(**reply: Any) -> Any:
    return decode(json.dumps({"type": "message"} | reply).encode(), new_id)


def test_system_turns_become_the_system_prompt() -> None:
    body = body_of(Message("system", "A"), Message("user", "U"), Message("system", "B"))
    assert body["system"] == "A\n\nB"
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "U"}]}]
    assert body["max_tokens"] == 4096


def test_parallel_results_share_one_user_turn() -> None:
    calls = (ToolCall("a", "look", '{"n": 1}'), ToolCall("b", "look", "not json"))
    body = body_of(
        Message("user", "U"),
        Message("assistant", "Looking.", calls),
        Message("tool", "one", tool_call_id="a"),
        Message("tool", "two", tool_call_id="b"),
        Message("user", "and?"),
    )
    roles = [turn["role"] for turn in body["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert body["messages"][1]["content"] == [
        {"type": "text", "text": "Looking."},
        {"type": "tool_use", "id": "a", "name": "look", "input": {"n": 1}},
        {"type": "tool_use", "id": "b", "name": "look", "input": {"unparsed": "not json"}},
    ]
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "one"},
        {"type": "tool_result", "tool_use_id": "b", "content": "two"},
        {"type": "text", "text": "and?"},
    ]


def test_empty_turns_are_left_out_because_they_are_refused() -> None:
    body = body_of(Message("user", "U"), Message("assistant", " "), Message("user", "V"))
    assert [turn["role"] for turn in body["messages"]] == ["user"]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ("look", {"type": "tool", "name": "look"}),
    ],
)
def test_tool_choice(choice: str, sent: dict[str, str]) -> None:
    body = body_of(Message("user", "U"), tools=(SPEC,), tool_choice=choice)
    assert body["tool_choice"] == sent
    assert body["tools"][0]["input_schema"] == {"type": "object"}


def test_sampling_within_what_the_api_takes() -> None:
    body = body_of(Message("user", "U"), temperature=1.7, stop=("X",), seed=3, max_tokens=9)
    assert (body["temperature"], body["stop_sequences"], body["max_tokens"]) == (1.0, ["X"], 9)
    assert "seed" not in body
    assert asked(NEWEST)["max_tokens"] == 16_384


def test_headers() -> None:
    assert ANTHROPIC.authorize("k") == (("x-api-key", "k"),)
    request = encode(ChatRequest((Message("user", "U"),)), "m", True)
    assert request.headers == (("anthropic-version", "2023-06-01"),)


def test_a_reply_with_thinking_text_and_two_tools() -> None:
    answer = read(
        content=[
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "Let me "},
            {"type": "text", "text": "look."},
            {"type": "tool_use", "id": "a", "name": "look", "input": {"n": 1}},
            {"type": "tool_use", "id": "b", "name": "look", "input": {}},
        ],
        stop_reason="tool_use",
        usage={"input_tokens": 3, "cache_read_input_tokens": 10, "output_tokens": 4},
    )
    assert answer.text == "Let me look."
    calls = (ToolCall("a", "look", '{"n":1}'), ToolCall("b", "look", "{}"))
    assert (answer.tool_calls, answer.finish_reason) == (calls, "tool_calls")
    assert answer.usage == Usage(13, 4, cached_tokens=10)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
        (None, "stop"),
    ],
)
def test_stop_reasons(reason: str | None, finish: str) -> None:
    assert read(content=[], stop_reason=reason).finish_reason == finish


@pytest.mark.parametrize(
    "reply",
    [
        {"type": "completion"},
        {"content": "text"},
        {"content": [{"type": "tool_use", "name": "look", "input": {}}]},
        {"content": [{"type": "tool_use", "id": "a", "name": "look", "input": "{}"}]},
        {"content": [{"type": "text", "text": 1}]},
    ],
)
def test_what_is_not_the_protocol_is_refused(reply: dict[str, Any]) -> None:
    with pytest.raises(NotTheProtocol):
        read(**reply)


def test_an_error_inside_a_reply_is_an_error() -> None:
    with pytest.raises(ErrorInside, match="busy"):
        read(type="error", error={"type": "overloaded_error", "message": "busy"})


def fed(*events: dict[str, Any]) -> AnthropicStream:
    decoder = AnthropicStream(new_id)
    for event in events:
        decoder.feed(Frame("", json.dumps(event).encode()))
    return decoder


START = {"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 9}}}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}


def test_usage_is_gathered_over_the_stream() -> None:
    decoder = fed(START, {"type": "ping"}, {"type": "unheard_of"}, END, {"type": "message_stop"})
    assert decoder.finish().usage == Usage(9, 2)
    assert (decoder.model, decoder.ended) == ("claude", True)


@pytest.mark.parametrize("events", [(), (START,), ({"type": "message_stop"},)])
def test_a_stream_that_does_not_finish_is_no_answer(events: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(NotTheProtocol, match="before the answer did"):
        fed(*events).finish()


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_start", "index": 0},
        {"type": "content_block_start", "content_block": {"type": "tool_use", "id": "a"}},
        {
            "type": "content_block_delta",
            "index": 3,
            "delta": {"type": "input_json_delta", "partial_json": "{"},
        },
        {"type": "content_block_stop"},
    ],
)
def test_events_that_do_not_fit_are_refused(event: dict[str, Any]) -> None:
    with pytest.raises(NotTheProtocol):
        fed(START, event)


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"


def test_pictures_in_their_order() -> None:
    parts = (Image(data=PNG), Text("and"), Image(url="https://x.org/a.jpg"), Text(" "))
    (turn,) = body_of(Message("user", "and", parts=parts))["messages"]
    assert turn["content"] == [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
        },
        {"type": "text", "text": "and"},
        {"type": "image", "source": {"type": "url", "url": "https://x.org/a.jpg"}},
    ]
    with pytest.raises(InvalidInput, match="what kind"):
        body_of(Message("user", "", parts=(Image(data="AAAA"),)))


def test_a_failed_tool_and_one_that_shows_a_picture() -> None:
    call = (ToolCall("functions.look:0", "look", "{}"),)
    shown = Message("tool", "", parts=(Image(data=PNG),), tool_call_id="functions.look:0")
    body = body_of(
        Message("assistant", "", call),
        Message("tool", "no", tool_call_id="functions.look:0", failed=True),
        shown,
    )
    called, (failed, picture) = (turn["content"] for turn in body["messages"])
    assert called[0]["id"] == failed["tool_use_id"] == "functions_look_0"
    assert failed["is_error"] is True
    assert picture["content"][0]["type"] == "image"


def test_a_schema_of_any_shape_is_passed_on_or_refused() -> None:
    odd = {"type": "object", "properties": [1], "items": False, "anyOf": {}, "$defs": None}
    assert without_bounds(odd | {"minimum": 1}) == odd | {"additionalProperties": False}
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"items": deep}
    with pytest.raises(InvalidInput, match="nests deeper"):
        body_of(Message("user", "U"), output=OutputSchema("o", deep))


def test_what_has_no_place_is_named() -> None:
    assert dropped(
        Message("user", "U", name="Ann"),
        seed=1,
        top_logprobs=0,
        frequency_penalty=0.1,
        presence_penalty=-0.1,
        json_mode=True,
        stop=("\n", "X"),
    ) == (
        "seed",
        "logprobs",
        "frequency_penalty",
        "presence_penalty",
        "response_format",
        "name",
        "stop",
    )
    assert dropped(Message("user", "U"), extra={"a": 1}, dialect="openai_chat") == ("a",)
    assert dropped(Message("user", "U"), extra={"a": 1}, dialect="anthropic") == ()


def test_user_top_k_and_one_tool_at_a_time() -> None:
    body = body_of(
        Message("user", "U"),
        user="u1",
        top_k=5,
        tools=(SPEC,),
        parallel_tool_calls=False,
        extra={"metadata": {"x": 1}, "service_tier": "auto"},
    )
    assert body["metadata"] == {"x": 1, "user_id": "u1"}
    assert (body["top_k"], body["service_tier"]) == (5, "auto")
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


NEWEST = "claude-opus-5-5"


def test_a_model_that_cannot_be_made_to_call_a_tool() -> None:
    forced: dict[str, Any] = {"tools": (SPEC,), "tool_choice": "look"}
    assert asked(NEWEST, **forced)["tool_choice"] == {"type": "auto"}
    assert dropped(Message("user", "U"), model=NEWEST, **forced) == ("tool_choice",)
    assert asked("claude-opus-5", **forced)["tool_choice"] == {"type": "tool", "name": "look"}


def test_thinking_citations_and_a_stop_sequence_in_a_reply() -> None:
    web = {
        "type": "web_search_result_location",
        "url": "https://x.org",
        "title": "X",
        "cited_text": "so",
        "encrypted_index": "e",
    }
    document = {"type": "char_location", "document_title": "D", "cited_text": "thus"}
    answer = read(
        content=[
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "locked"},
            {"type": "text", "text": "A", "citations": [web, document, web]},
        ],
        stop_reason="stop_sequence",
        stop_sequence="X",
        usage={
            "input_tokens": 3,
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 20,
            "output_tokens": 4,
            "output_tokens_details": {"thinking_tokens": 2},
        },
    )
    assert answer.thinking == (Thinking("hm", "s"), Thinking(redacted="locked"))
    assert answer.citations == (
        Citation("https://x.org", "X", "so"),
        Citation("", "D", "thus"),
    )
    assert (answer.stop_sequence, answer.usage) == ("X", Usage(33, 4, 10, 20, 2))


def test_thinking_and_citations_in_a_stream() -> None:
    events: list[dict[str, Any]] = [
        START,
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        delta({"type": "thinking_delta", "thinking": "hm"}),
        delta({"type": "signature_delta", "signature": "s"}),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "redacted_thinking", "data": "locked"},
        },
        delta(
            {"type": "citations_delta", "citation": {"url": "u", "title": "t", "cited_text": "q"}}
        ),
    ]
    decoder = AnthropicStream(new_id)
    chunks = [c for e in events for c in decoder.feed(Frame("", json.dumps(e).encode()))]
    assert chunks == [
        Chunk(thinking=Thinking("hm")),
        Chunk(thinking=Thinking(signature="s")),
        Chunk(thinking=Thinking(redacted="locked")),
        Chunk(citations=(Citation("u", "t", "q"),)),
    ]


def delta(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": value}
