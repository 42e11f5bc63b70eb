"""OpenAI's shapes, and the ways in which look-alikes differ."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from conduit.contracts.chat import ChatRequest, Chunk, Message, ToolCall, ToolSpec, Usage
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol
from conduit.models.wire.openai_chat import OpenAIStream, Server, decode, openai_chat

SPEC = ToolSpec("look", "Look it up.", {"type": "object"})


def ids() -> Iterator[str]:
    return (f"new_{at}" for at in itertools.count())


def body_of(request: ChatRequest, stream: bool = False, **options: Any) -> dict[str, Any]:
    return json.loads(openai_chat(Server(**options)).encode(request, "m", stream).body)


def read(**reply: Any) -> Any:
    return decode(json.dumps(reply).encode(), ids().__next__)


def stream_of(*events: object) -> list[Chunk]:
    decoder = OpenAIStream(ids().__next__)
    chunks: list[Chunk] = []
    for event in events:
        data = event if isinstance(event, bytes) else json.dumps(event).encode()
        chunks += decoder.feed(Frame("", data))
    return [*chunks, decoder.finish()]


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def test_a_request_in_full() -> None:
    call = ToolCall("c1", "look", '{"a":1}')
    request = ChatRequest(
        (
            Message("system", "S"),
            Message("user", "U"),
            Message("assistant", "", (call,)),
            Message("tool", "R", tool_call_id="c1"),
        ),
        tools=(SPEC,),
        tool_choice="look",
        temperature=0.5,
        top_p=0.9,
        max_tokens=10,
        stop=("X",),
        seed=7,
        extra={"logit_bias": {"1": 2}, "model": "not this"},
    )
    assert body_of(request) == {
        "model": "m",
        "stream": False,
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "U"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "look", "arguments": '{"a":1}'},
                    }
                ],
            },
            {"role": "tool", "content": "R", "tool_call_id": "c1"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": "Look it up.",
                    "parameters": {"type": "object"},
                },
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 10,
        "stop": ["X"],
        "seed": 7,
        "logit_bias": {"1": 2},
    }


def test_what_is_not_given_is_not_sent() -> None:
    request = ChatRequest((Message("user", "U"),))
    messages = [{"role": "user", "content": "U"}]
    assert body_of(request) == {"model": "m", "stream": False, "messages": messages}


def test_the_differences_between_servers_are_options_of_the_wire() -> None:
    request = ChatRequest((Message("user", "U"),), max_tokens=5)
    assert (
        body_of(request, renamed={"max_tokens": "max_completion_tokens"})["max_completion_tokens"]
        == 5
    )
    assert body_of(request, stream=True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in body_of(request, stream=True, stream_usage=False)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "hello"}, "hello"),
        ({"content": None}, ""),
        ({"content": None, "refusal": "No."}, "No."),
        ({"content": [{"type": "thinking"}, {"type": "text", "text": "a"}]}, "a"),
    ],
)
def test_content_in_all_its_forms(message: dict[str, Any], text: str) -> None:
    assert read(choices=[{"message": message, "finish_reason": "stop"}]).text == text


def test_a_call_without_id_and_with_an_object_for_arguments() -> None:
    call = {"function": {"name": "look", "arguments": {"a": 1}}}
    answer = read(choices=[{"message": {"tool_calls": [call]}, "finish_reason": "stop"}])
    assert answer.tool_calls == (ToolCall("new_0", "look", '{"a":1}'),)
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"<html>",
        b'{"choices": []}',
        b'{"choices": {}}',
        b'{"choices": [1]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": {"tool_calls": [{}]}}]}',
        b'{"choices": [{"message": {"tool_calls": [{"function": {"name": ""}}]}}]}',
        b'{"choices": ' + b"[" * 100_000,
        b'{"choices": [{"message": {"content": "\xff"}}]}',
    ],
)
def test_what_is_not_the_protocol_is_refused(body: bytes) -> None:
    with pytest.raises(NotTheProtocol):
        decode(body, ids().__next__)


@pytest.mark.parametrize(
    "error", [{"message": "boom"}, "boom", {"error": {"message": "boom"}}, {"code": 5}]
)
def test_an_error_inside_a_reply_is_an_error(error: object) -> None:
    with pytest.raises(ErrorInside, match=r"boom|an error without words"):
        read(error=error, choices=[])


def test_usage_after_the_finish_reason_comes_with_the_last_chunk() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    chunks = stream_of(
        delta(content="a"), delta("length"), {"choices": [], "usage": usage}, b"[DONE]"
    )
    assert chunks == [Chunk("a"), Chunk(finish_reason="length", usage=Usage(3, 4))]


@pytest.mark.parametrize(
    "events",
    [
        (),
        (b"[DONE]",),
        (delta(content="a"),),
        ({"choices": [], "usage": {"prompt_tokens": 1}}, b"[DONE]"),
    ],
)
def test_a_stream_that_does_not_finish_is_no_answer(events: tuple[object, ...]) -> None:
    with pytest.raises(NotTheProtocol, match="before the answer did"):
        stream_of(*events)


def parts(*calls: dict[str, Any]) -> list[tuple[int, str, str, str]]:
    chunks = stream_of(*(delta(tool_calls=[call]) for call in calls), delta("tool_calls"))
    return [(d.index, d.id, d.name, d.arguments) for chunk in chunks for d in chunk.tool_calls]


def piece(arguments: str = "", **fields: Any) -> dict[str, Any]:
    name = fields.pop("name", None)
    return fields | {"function": ({"name": name} if name else {}) | {"arguments": arguments}}


TWO = [(0, "x", "look", ""), (0, "", "", "{}"), (1, "y", "look", ""), (1, "", "", "[]")]


def test_calls_by_index_interleaved() -> None:
    begun = [piece(index=0, id="x", name="look"), piece(index=1, id="y", name="look")]
    assert parts(*begun, piece("[]", index=1), piece("{}", index=0)) == [
        (0, "x", "look", ""),
        (1, "y", "look", ""),
        (1, "", "", "[]"),
        (0, "", "", "{}"),
    ]


def test_calls_without_index() -> None:
    calls = (piece(id="x", name="look"), piece("{}"), piece(id="y", name="look"), piece("[]"))
    assert parts(*calls) == TWO


def test_calls_that_all_have_index_0() -> None:
    calls = (
        piece(index=0, id="x", name="look"),
        piece("{}", index=0),
        piece(index=0, id="y", name="look"),
        piece("[]", index=0),
    )
    assert parts(*calls) == TWO


def test_a_server_that_repeats_the_id_does_not_begin_a_new_call() -> None:
    assert parts(
        piece(index=0, id="x", name="look"), piece("{}", index=0, id="x", name="look")
    ) == [
        (0, "x", "look", ""),
        (0, "", "", "{}"),
    ]


def test_a_second_choice_is_not_mixed_in() -> None:
    second = {"choices": [{"index": 1, "delta": {"content": "b"}}]}
    chunks = stream_of(delta(content="a"), second, delta("stop"))
    assert "".join(chunk.text for chunk in chunks) == "a"
