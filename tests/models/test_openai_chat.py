"""OpenAI's shapes, and the ways in which look-alikes differ."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatRequest,
    Chunk,
    Image,
    Message,
    OutputSchema,
    Reasoning,
    Text,
    Thinking,
    ToolCall,
    ToolSpec,
    Usage,
)
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


def test_a_server_that_refuses_stream_options_never_gets_any() -> None:
    request = ChatRequest((Message("user", "U"),), extra={"stream_options": {"x": 1}})
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


def test_everything_that_can_be_asked_for() -> None:
    request = ChatRequest(
        (Message("user", "U", name="ada"),),
        json_mode=True,
        top_k=5,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        top_logprobs=2,
        parallel_tool_calls=False,
        tools=(SPEC,),
        reasoning=Reasoning("high"),
        user="u1",
        extra={"stream_options": {"include_obfuscation": False}},
    )
    body = body_of(request, stream=True)
    assert body.pop("tools")
    assert body == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_obfuscation": False, "include_usage": True},
        "messages": [{"role": "user", "content": "U", "name": "ada"}],
        "tool_choice": "auto",
        "response_format": {"type": "json_object"},
        "top_k": 5,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "logprobs": True,
        "top_logprobs": 2,
        "parallel_tool_calls": False,
        "reasoning_effort": "high",
        "user": "u1",
    }
    wire = openai_chat(Server(lacks=frozenset(("top_k", "name", "logprobs", "top_logprobs"))))
    sent = wire.encode(request, "m", False)
    assert sent.dropped == ("top_k", "logprobs", "top_logprobs", "name")
    assert not {*sent.dropped} & {*json.loads(sent.body), *json.loads(sent.body)["messages"][0]}


def test_log_probabilities_of_the_chosen_tokens_alone() -> None:
    body = body_of(ChatRequest((Message("user", "U"),), top_logprobs=0))
    assert body["logprobs"] is True
    assert "top_logprobs" not in body


def test_nothing_is_said_of_parallel_calls_where_there_are_no_tools() -> None:
    body = body_of(ChatRequest((Message("user", "U"),), parallel_tool_calls=True))
    assert "parallel_tool_calls" not in body


SWITCH = {"thinking": "switch", "efforts": ("low", "max")}


@pytest.mark.parametrize(
    ("asked", "server", "sent"),
    [
        (Reasoning("xhigh"), {}, {"reasoning_effort": "xhigh"}),
        (Reasoning("xhigh"), {"efforts": ("low", "high")}, {"reasoning_effort": "high"}),
        (Reasoning("minimal"), {"efforts": ("low", "high")}, {"reasoning_effort": "low"}),
        (Reasoning("default"), {"efforts": ("low", "high")}, {"reasoning_effort": "default"}),
        (Reasoning(max_tokens=0), {}, {"reasoning_effort": "none"}),
        (Reasoning(max_tokens=500), {}, {"reasoning_effort": "low"}),
        (Reasoning(max_tokens=9000), {}, {"reasoning_effort": "medium"}),
        (Reasoning(max_tokens=10**9), {}, {"reasoning_effort": "high"}),
        (Reasoning(), {}, {}),
        (Reasoning("none"), SWITCH, {"thinking": {"type": "disabled"}}),
        (
            Reasoning("medium"),
            SWITCH,
            {"thinking": {"type": "enabled"}, "reasoning_effort": "low"},
        ),
        (Reasoning(max_tokens=9), SWITCH | {"efforts": ()}, {"thinking": {"type": "enabled"}}),
        (Reasoning(), SWITCH, {}),
        (Reasoning("low"), {"thinking": "object"}, {"reasoning": {"effort": "low"}}),
        (Reasoning(max_tokens=7), {"thinking": "object"}, {"reasoning": {"max_tokens": 7}}),
    ],
)
def test_how_much_to_think(asked: Reasoning, server: dict[str, Any], sent: dict[str, Any]) -> None:
    body = body_of(ChatRequest((Message("user", "U"),), reasoning=asked), **server)
    assert {name: body[name] for name in body if name.startswith(("reason", "think"))} == sent


def test_pictures_in_a_persons_turn() -> None:
    parts = (Text("a"), Image("http://x/y.png", detail="low"), Image("", "QUJD", "image/gif"))
    body = body_of(ChatRequest((Message("user", "a", parts=parts),)))
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "http://x/y.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,QUJD"}},
    ]


def test_pictures_that_tools_gave_follow_their_turns() -> None:
    shown = (Text("seen"), Image("http://x/1"))
    request = ChatRequest(
        (
            Message("assistant", "", (ToolCall("a", "look", "{}"), ToolCall("b", "look", "{}"))),
            Message("tool", "seen", tool_call_id="a", parts=shown),
            Message("tool", "it broke", tool_call_id="b", failed=True),
            Message("user", "and?"),
        )
    )
    picture = {"type": "image_url", "image_url": {"url": "http://x/1"}}
    assert body_of(request)["messages"][1:] == [
        {"role": "tool", "content": "seen", "tool_call_id": "a"},
        {"role": "tool", "content": "Error: it broke", "tool_call_id": "b"},
        {"role": "user", "content": [picture]},
        {"role": "user", "content": "and?"},
    ]
    assert body_of(replace(request, messages=request.messages[:3]))["messages"][-1] == {
        "role": "user",
        "content": [picture],
    }


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool"])
def test_a_picture_that_has_no_place_is_named(role: Any) -> None:
    message = Message(role, "a", parts=(Text("a"), Image("http://x/1")), tool_call_id="t")
    wire = openai_chat(Server(lacks=frozenset(("image_url",))))
    sent = wire.encode(ChatRequest((message,)), "m", False)
    assert sent.dropped == ("image_url",)
    assert [turn["content"] for turn in json.loads(sent.body)["messages"]] == ["a"]


def test_thinking_goes_back_only_where_it_is_wanted() -> None:
    thought = (Thinking("I th"), Thinking("ink."))
    request = ChatRequest((Message("assistant", "A", thinking=thought),))
    assert body_of(request)["messages"] == [{"role": "assistant", "content": "A"}]
    assert body_of(request, thinking_field="reasoning_content")["messages"] == [
        {"role": "assistant", "content": "A", "reasoning_content": "I think."}
    ]


def test_a_shape_where_only_json_can_be_asked_for() -> None:
    request = ChatRequest((Message("user", "U"),), output=OutputSchema("s", {"type": "object"}))
    sent = openai_chat(Server(schemas=False)).encode(request, "m", False)
    assert json.loads(sent.body)["response_format"] == {"type": "json_object"}
    assert sent.dropped == ("response_format",)


# Anything at all, in the shape of a reply: it is read or refused, and nothing else happens.
LEAF = st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3) | st.floats(-1, 1)
NAMES = st.sampled_from(
    "choices message delta content index finish_reason usage text type thinking reasoning "
    "reasoning_details annotations url_citation url citations search_results tool_calls function "
    "snippet name arguments id logprobs x_groq prompt_tokens prompt_tokens_details model error "
    "refusal summary data signature stop_reason total_tokens reasoning_content".split()
)
ANY = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
CHOICE = st.fixed_dictionaries({}, optional={"message": ANY, "delta": ANY, "finish_reason": ANY})


@given(st.dictionaries(NAMES, ANY), st.lists(CHOICE, max_size=2))
def test_whatever_comes_is_read_or_refused(
    reply: dict[str, Any], choices: list[dict[str, Any]]
) -> None:
    body = json.dumps(reply | {"choices": choices}).encode()
    for look in (
        lambda: decode(body, ids().__next__),
        lambda: stream_of(body),
        lambda: openai_chat().relay.watcher({}).feed(Frame("", body)),  # type: ignore[union-attr]  # it has one
    ):
        with suppress(NotTheProtocol, ErrorInside):
            look()
