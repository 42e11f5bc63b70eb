"""What is asked of OpenAI's responses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conduit.contracts.chat import (
    ChatRequest,
    Image,
    Message,
    OutputSchema,
    Reasoning,
    Text,
    Thinking,
    ToolCall,
    ToolSpec,
)
from conduit.models.wire.openai_responses import (
    authorize,
    encode,
)

SPEC = ToolSpec("look", "Look it up.", {"type": "object"})
CLOSED: dict[str, Any] = {"type": "object", "additionalProperties": False}
HELLO = (Message("user", "U"),)


def body_of(request: ChatRequest, stream: bool = False) -> dict[str, Any]:
    return json.loads(encode(request, "m", stream).body)


def test_a_request_in_full() -> None:
    call = ToolCall("c1", "look", '{"a":1}')
    request = ChatRequest(
        (
            Message("system", "S"),
            Message("system", "T"),
            Message("user", "U"),
            Message("system", "later"),
            Message("assistant", "A", (call,), thinking=(Thinking("hm", "rs_1:gAAA"),)),
            Message("tool", "R", tool_call_id="c1"),
        ),
        tools=(SPEC,),
        tool_choice="look",
        temperature=0.5,
        top_p=0.9,
        max_tokens=10,
        parallel_tool_calls=False,
        reasoning=Reasoning("high"),
        top_logprobs=2,
        user="u1",
        output=OutputSchema("s", CLOSED),
        extra={
            "include": ["web_search_call.results"],
            "metadata": {"a": "b"},
            "model": "not this",
            "reasoning": {"summary": "auto"},
            "text": {"verbosity": "low"},
        },
    )
    assert body_of(request) == {
        "model": "m",
        "stream": False,
        "store": False,
        "instructions": "S\n\nT",
        "input": [
            {"role": "user", "content": "U"},
            {"role": "system", "content": "later"},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "gAAA",
            },
            {"role": "assistant", "content": "A"},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a":1}'},
            {"type": "function_call_output", "call_id": "c1", "output": "R"},
        ],
        "tools": [
            {
                "type": "function",
                "name": "look",
                "description": "Look it up.",
                "parameters": {"type": "object"},
                "strict": False,
            }
        ],
        "tool_choice": {"type": "function", "name": "look"},
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 10,
        "parallel_tool_calls": False,
        "reasoning": {"summary": "auto", "effort": "high"},
        "include": ["web_search_call.results", "message.output_text.logprobs"],
        "top_logprobs": 2,
        "user": "u1",
        "text": {
            "verbosity": "low",
            "format": {
                "type": "json_schema",
                "name": "s",
                "schema": CLOSED,
                "strict": True,
            },
        },
        "metadata": {"a": "b"},
    }


def test_what_is_not_given_is_not_sent() -> None:
    body = {"model": "m", "stream": True, "store": False}
    assert body_of(ChatRequest(HELLO), stream=True) == body | {
        "input": [{"role": "user", "content": "U"}]
    }


def test_what_has_no_place_is_named() -> None:
    messages = (Message("user", "U", name="ada"), Message("assistant", "", parts=(Image("u"),)))
    request = ChatRequest(
        messages, top_k=1, seed=2, stop=("x",), frequency_penalty=0.0, presence_penalty=1.0
    )
    assert encode(request, "m", False).dropped == (
        "top_k",
        "seed",
        "stop",
        "frequency_penalty",
        "presence_penalty",
        "name",
        "image_url",
    )


def test_pictures_also_those_of_tools() -> None:
    parts = (Text("a"), Image("", "QUJD"), Image("http://x", detail="low"))
    shown = [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "auto"},
        {"type": "input_image", "image_url": "http://x", "detail": "low"},
    ]
    messages = (
        Message("user", "a", parts=parts),
        Message("tool", "a", parts=parts, tool_call_id="c"),
        Message("tool", "a", parts=parts, tool_call_id="c", failed=True),
        Message("tool", "it broke", tool_call_id="c", failed=True),
    )
    failed = {"type": "input_text", "text": "Error:"}
    sent = body_of(ChatRequest(messages))["input"]
    assert [item.get("content") or item["output"] for item in sent] == [
        shown,
        shown,
        [failed, *shown],
        "Error: it broke",
    ]


def test_json_mode() -> None:
    asked = body_of(ChatRequest(HELLO, json_mode=True))["text"]
    assert asked == {"format": {"type": "json_object"}}


@pytest.mark.parametrize("signature", ["", "EqQB…", "rs_1", "rs_1:", "other:gAAA"])
def test_what_another_model_thought_does_not_go_back(signature: str) -> None:
    thought = (Thinking("hm", signature), Thinking(redacted="x"))
    items = body_of(ChatRequest((Message("assistant", "A", thinking=thought),)))["input"]
    assert items == [{"role": "assistant", "content": "A"}]


def test_a_key_is_a_bearer_token() -> None:
    assert authorize("k") == (("Authorization", "Bearer k"),)
