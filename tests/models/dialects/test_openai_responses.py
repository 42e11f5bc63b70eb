"""OpenAI's Responses, as the official client's own models read and write them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

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
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.dialects.openai_responses import OPENAI_RESPONSES

from .conftest import Serve

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
TOOL = {"type": "function", "name": "look", "description": "Look.", "parameters": SCHEMA}
FULL: dict[str, Any] = {
    "model": "gpt-5.4",
    "instructions": "be brief",
    "input": [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "what is this?"},
                {"type": "input_image", "image_url": "https://e.com/a", "detail": "high"},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "because"}],
            "encrypted_content": "sealed",
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
        },
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a":1}'},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "seen"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "seen too"}],
        },
        {"role": "developer", "content": "go on"},
    ],
    "tools": [TOOL],
    "tool_choice": {"type": "function", "name": "look"},
    "parallel_tool_calls": False,
    "text": {
        "format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True},
        "verbosity": "low",
    },
    "reasoning": {"effort": "high", "summary": "auto"},
    "max_output_tokens": 50,
    "temperature": 0.5,
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "top_logprobs": 2,
    "metadata": {"k": "v"},
    "store": True,
    "truncation": "disabled",
    "user": "u1",
    "prompt_cache_key": "key",
}


def asked(**fields: Any) -> Any:
    return OPENAI_RESPONSES.read({"model": "m", "input": "hi", **fields})


def refusal(**fields: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        asked(**fields)
    assert refused.value.hint
    return refused.value


def reply_to(**body: Any) -> ReplyTo:
    return ReplyTo("1", 1, "asked", body)


def wire_of(*chunks: Chunk, to: ReplyTo | None = None) -> bytes:
    writer = OPENAI_RESPONSES.writer(to or reply_to())
    return b"".join([*map(writer.write, chunks), writer.end()])


def events(wire: bytes) -> list[Any]:
    """The events, each as strictly as the client's models can read it, and in their order."""
    found = []
    for frame in wire.split(b"\n\n"):
        if frame:
            name, data = frame.split(b"\n")
            found.append(EVENT.validate_json(data.removeprefix(b"data: "), strict=True))
            assert name == b"event: " + found[-1].type.encode()
    assert [event.sequence_number for event in found] == list(range(len(found)))
    return found


def streamed(serve: Serve, wire: bytes, **fields: Any) -> Any:
    url = serve(wire, "text/event-stream")
    with (
        openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client,
        client.responses.stream(model="m", input="hi", **fields) as stream,
    ):
        return list(stream), stream.get_final_response()


def test_a_request_in_full() -> None:
    request = OPENAI_RESPONSES.read(FULL)
    assert request.messages == (
        Message("system", "be brief"),
        Message(
            "user",
            "what is this?",
            parts=(Text("what is this?"), Image(url="https://e.com/a", detail="high")),
        ),
        Message(
            "assistant",
            "I look.",
            (ToolCall("c1", "look", '{"a":1}'), ToolCall("c2", "look", "{}")),
            thinking=(Thinking("because", "rs_1:sealed"),),
        ),
        Message("tool", "seen", tool_call_id="c1"),
        Message("tool", "seen too", tool_call_id="c2"),
        Message("system", "go on"),
    )
    assert request.tools == (ToolSpec("look", "Look.", SCHEMA),)
    assert (request.tool_choice, request.parallel_tool_calls) == ("look", False)
    assert request.output == OutputSchema("answer", SCHEMA)
    assert request.reasoning == Reasoning("high")
    assert (request.max_tokens, request.temperature, request.user) == (50, 0.5, "u1")
    assert request.top_logprobs == 2
    assert request.extra == {"prompt_cache_key": "key", "text": {"verbosity": "low"}}
    assert request.dialect == OPENAI_RESPONSES.name


def test_a_string_is_one_turn_of_the_user() -> None:
    assert asked().messages == (Message("user", "hi"),)


@pytest.mark.parametrize(
    "thinking",
    [Thinking("a"), Thinking("a", "b"), Thinking("", "b"), Thinking(redacted="c")],
    ids=str,
)
def test_what_was_thought_comes_back_as_it_was(thinking: Thinking) -> None:
    output = OPENAI_RESPONSES.write(ChatResponse("x", thinking=(thinking,)), reply_to())["output"]
    last = events(wire_of(Chunk(thinking=thinking), Chunk("x", finish_reason="stop")))[-1]
    streamed = [item.model_dump() for item in last.response.output]
    for items in (output, streamed):
        (message,) = asked(input=items).messages
        assert message == Message("assistant", "x", thinking=(thinking,))


def test_two_answers_after_each_other_stay_two_turns() -> None:
    said = [{"role": "assistant", "content": text} for text in ("a", "b")]
    assert [m.content for m in asked(input=said).messages] == ["a", "b"]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [1]}, "input[0]"),
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "input[0].content[0].type",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"no_such_parameter": 1}, "no_such_parameter"),
    ],
    ids=str,
)
def test_what_cannot_be_honoured_is_refused_by_name(fields: Any, where: str) -> None:
    assert refusal(**fields).where == where


ANSWERS = st.builds(
    ChatResponse,
    TEXT,
    st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    st.none() | st.builds(Usage, st.integers(0, 99), st.integers(0, 9), st.integers(0, 9)),
    model=TEXT,
    thinking=st.lists(st.builds(Thinking, TEXT, TEXT), max_size=2).map(tuple),
    citations=st.lists(st.builds(Citation, TEXT, TEXT, TEXT), max_size=2).map(tuple),
)


@given(ANSWERS, st.sampled_from([{}, FULL]))
def test_a_whole_answer_comes_back(answer: ChatResponse, body: dict[str, Any]) -> None:
    written = json.dumps(OPENAI_RESPONSES.write(answer, reply_to(**body)))
    read = Response.model_validate_json(written, strict=True)
    assert read.output_text == answer.text
    calls = [i for i in read.output if i.type == "function_call"]
    assert [(c.call_id, c.name, c.arguments) for c in calls] == [
        (c.id, c.name, c.arguments) for c in answer.tool_calls
    ]
    thought = [i for i in read.output if i.type == "reasoning"]
    assert [("".join(s.text for s in t.summary), t.encrypted_content) for t in thought] == [
        (t.text, f"signature:{t.signature}" if t.signature else None) for t in answer.thinking
    ]
    assert read.usage is not None
    assert read.usage.input_tokens == (answer.usage or Usage()).input_tokens
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = read.incomplete_details.reason if read.incomplete_details else None
    assert reason == cut.get(answer.finish_reason)
    assert read.status == ("incomplete" if reason else "completed")


def test_the_answer_repeats_what_was_asked() -> None:
    read = Response.model_validate(OPENAI_RESPONSES.write(ChatResponse("a"), reply_to(**FULL)))
    assert read.instructions == "be brief"
    assert read.metadata == {"k": "v"}
    assert read.max_output_tokens == 50
    assert read.parallel_tool_calls is False
    assert read.previous_response_id is None
    assert read.tools[0].type == "function"
    assert read.text is not None
    assert read.text.format is not None
    assert read.text.format.type == "json_schema"
    assert (read.model_extra or {})["store"] is False


def test_the_client_puts_a_stream_together(serve: Serve) -> None:
    token = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}
    wire = wire_of(
        Chunk(thinking=Thinking("be"), model="fake-2"),
        Chunk(thinking=Thinking("cause")),
        Chunk(thinking=Thinking(signature="sig")),
        Chunk("Hel", logprobs=[token]),
        Chunk("lo", citations=(Citation("https://a", "A"),)),
        Chunk(tool_calls=(ToolCallDelta(0, "c0", "look", '{"a"'),)),
        Chunk(tool_calls=(ToolCallDelta(1, "c1", "look", "{"),)),
        Chunk(tool_calls=(ToolCallDelta(0, arguments=":1}"), ToolCallDelta(1, arguments="}"))),
        Chunk(finish_reason="tool_calls", usage=Usage(3, 4, cached_tokens=2, reasoning_tokens=1)),
    )
    kinds = [event.type for event in events(wire)]
    assert kinds[:3] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert kinds[-1] == "response.completed"
    seen, final = streamed(serve, wire, tools=[{**TOOL, "strict": False}])
    assert {event.type for event in seen} == set(kinds)
    assert final.model == "fake-2"
    reasoning, message, first, second = final.output
    assert [part.text for part in reasoning.summary] == ["because"]
    assert reasoning.encrypted_content == "signature:sig"
    assert message.content[0].text == final.output_text == "Hello"
    assert message.content[0].logprobs[0].logprob == -0.1
    assert message.content[0].annotations[0].url == "https://a"
    assert [(c.call_id, c.name, c.arguments) for c in (first, second)] == [
        ("c0", "look", '{"a":1}'),
        ("c1", "look", "{}"),
    ]
    assert final.usage.total_tokens == 7
    assert final.usage.output_tokens_details.reasoning_tokens == 1
    back = asked(input=[item.model_dump(exclude_none=True) for item in final.output]).messages
    calls = (ToolCall("c0", "look", '{"a":1}'), ToolCall("c1", "look", "{}"))
    assert back == (Message("assistant", "Hello", calls, thinking=(Thinking("because", "sig"),)),)


CHUNKS = st.builds(
    Chunk,
    TEXT,
    st.lists(
        st.integers(0, 2).flatmap(
            lambda at: TEXT.map(lambda text: ToolCallDelta(at, f"c{at}", "f", text))
        ),
        max_size=2,
    ).map(tuple),
    thinking=st.none() | st.builds(Thinking, TEXT, TEXT),
    continued_by=st.sampled_from(["", "second"]),
)


@given(st.lists(CHUNKS, max_size=6))
def test_any_stream_is_well_formed_and_ends_with_the_whole(chunks: list[Chunk]) -> None:
    read = events(wire_of(*chunks, Chunk(finish_reason="stop")))
    added = [e.output_index for e in read if e.type == "response.output_item.added"]
    done = [e.output_index for e in read if e.type == "response.output_item.done"]
    assert added == list(range(len(added)))
    assert sorted(done) == added
    whole = read[-1].response
    assert whole.output_text == "".join(chunk.text for chunk in chunks)
    pieces: dict[str, str] = {}
    for call in (call for chunk in chunks for call in chunk.tool_calls):
        pieces[call.id] = pieces.get(call.id, "") + call.arguments
    assert {i.call_id: i.arguments for i in whole.output if i.type == "function_call"} == pieces
    by_index = {e.output_index: e.item for e in read if e.type == "response.output_item.done"}
    assert [by_index[at] for at in added] == whole.output


def test_an_answer_that_was_cut_is_incomplete() -> None:
    last = events(wire_of(Chunk("a"), Chunk(finish_reason="length")))[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details.reason == "max_output_tokens"


def test_a_stream_that_broke_off_has_failed() -> None:
    writer = OPENAI_RESPONSES.writer(reply_to())
    info = ErrorInfo("stream_interrupted", "p: it broke off", "ask again")
    last = events(writer.write(Chunk("Hel")) + writer.error(info, 502))[-1]
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert last.response.error.message == "p: it broke off"
    assert last.response.output_text == "Hel"


def test_one_that_was_passed_on_until_then_does_not_begin_again() -> None:
    info = ErrorInfo("stream_interrupted", "p: it broke off", "ask again")
    said = events(OPENAI_RESPONSES.writer(reply_to()).error(info, 502))
    assert [each.type for each in said] == ["response.failed"]
