"""The Responses API: requests, items, events, and what is passed on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatResponse,
    Chunk,
    Citation,
    Thinking,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol, StreamWatcher
from conduit.models.wire.openai_responses import (
    OPENAI_RESPONSES,
    ResponsesStream,
    decode,
)
from tests.fakes.answer import Answer, ToolUse
from tests.fakes.responses import responses


def ids() -> Iterator[str]:
    return (f"new_{at}" for at in itertools.count())


def read(**reply: Any) -> ChatResponse:
    return decode(json.dumps(reply).encode(), ids().__next__)


def frames(*events: dict[str, Any]) -> list[Frame]:
    return [Frame(event["type"], orjson.dumps(event)) for event in events]


def stream_of(*events: dict[str, Any]) -> list[Chunk]:
    decoder = ResponsesStream(ids().__next__)
    chunks = [chunk for frame in frames(*events) for chunk in decoder.feed(frame)]
    return [*chunks, decoder.finish()]


def over(status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{status}", "response": {"status": status, "output": []} | fields}


WHOLE = Answer(
    "Hello from the fake.",
    (ToolUse("look", {"n": 1}, "c1"), ToolUse("look", {}, "c2")),
    thinking="Let me think.",
    sources=(("http://a", "A"), ("http://b", "B")),
    cached=2,
)
ASKED = {"model": "m-1", "include": ["message.output_text.logprobs"], "top_logprobs": 1}


def test_an_answer_in_full() -> None:
    reply = responses(WHOLE, ASKED)
    answer = decode(json.dumps(reply.body).encode(), ids().__next__)
    assert answer.text == WHOLE.text
    assert answer.tool_calls == (ToolCall("c1", "look", '{"n": 1}'), ToolCall("c2", "look", "{}"))
    assert answer.finish_reason == "tool_calls"
    assert answer.usage == Usage(7, 5, cached_tokens=2, reasoning_tokens=3)
    assert answer.model == "m-1"
    assert answer.thinking == (Thinking("Let me think.", "rs_1:gAAA"),)
    assert answer.citations == (Citation("http://a", "A"), Citation("http://b", "B"))
    assert [token["token"] for token in answer.logprobs] == ["Hello ", "from ", "the ", "fake."]


def split(piece: bytes) -> Frame:
    name, _, data = piece.strip().partition(b"\ndata: ")
    return Frame(name.removeprefix(b"event: ").decode(), data)


@pytest.mark.parametrize("finish", ["", "length", "content_filter"])
def test_a_stream_says_the_same_as_a_whole_answer(finish: str) -> None:
    reply = responses(Answer(**{**vars_of(WHOLE), "finish": finish}), ASKED)
    answer = decode(json.dumps(reply.body).encode(), ids().__next__)
    decoder = ResponsesStream(ids().__next__)
    chunks = [chunk for piece in reply.pieces for chunk in decoder.feed(split(piece))]
    last = decoder.finish()
    thoughts = [chunk.thinking for chunk in chunks if chunk.thinking]
    calls: dict[int, list[ToolCallDelta]] = {}
    for delta in itertools.chain.from_iterable(chunk.tool_calls for chunk in chunks):
        calls.setdefault(delta.index, []).append(delta)
    assert decoder.ended
    assert decoder.model == answer.model
    assert "".join(chunk.text for chunk in chunks) == answer.text
    assert [
        ToolCall(deltas[0].id, deltas[0].name, "".join(d.arguments for d in deltas))
        for deltas in calls.values()
    ] == list(answer.tool_calls)
    assert Thinking("".join(t.text for t in thoughts), thoughts[-1].signature) == answer.thinking[0]
    assert tuple(c for chunk in chunks for c in chunk.citations) == answer.citations
    assert [token for chunk in chunks for token in chunk.logprobs] == answer.logprobs
    assert (last.finish_reason, last.usage) == (answer.finish_reason, answer.usage)


def vars_of(answer: Answer) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in Answer.__dataclass_fields__}


def test_arguments_that_come_only_with_the_end_of_the_item() -> None:
    item = {"type": "function_call", "id": "f", "call_id": "c", "name": "look", "arguments": ""}
    begun = {"type": "response.output_item.added", "output_index": 3, "item": item}
    done = begun | {"type": "response.output_item.done", "item": item | {"arguments": '{"a":1}'}}
    pieces = [(0, "c", "look", ""), (0, "", "", '{"a":1}')]
    for events in ((begun, done), (done,)):
        chunks = stream_of(*events, over())
        deltas = [delta for chunk in chunks for delta in chunk.tool_calls]
        assert [(d.index, d.id, d.name, d.arguments) for d in deltas] == pieces
        assert chunks[-1].finish_reason == "tool_calls"


def test_a_call_without_arguments_has_an_empty_object() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "look", "arguments": ""}
    events = [
        {"type": f"response.output_item.{what}", "output_index": 0, "item": item}
        for what in ("added", "done")
    ]
    deltas = [delta for chunk in stream_of(*events, over()) for delta in chunk.tool_calls]
    assert "".join(delta.arguments for delta in deltas) == "{}"


def test_parts_of_a_summary_are_paragraphs() -> None:
    added = {"type": "response.reasoning_summary_part.added", "output_index": 0}
    text = {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "a"}
    chunks = stream_of(added, text, added, text, over())
    assert "".join(c.thinking.text for c in chunks if c.thinking) == "a\n\na"
    summary = [{"type": "summary_text", "text": "a"}] * 2
    assert read(output=[{"type": "reasoning", "summary": summary}]).thinking == (
        Thinking("a\n\na"),
    )


def test_a_refusal() -> None:
    part = {"type": "refusal", "refusal": "No."}
    answer = read(output=[{"type": "message", "content": [part]}], status="completed")
    assert (answer.text, answer.finish_reason) == ("No.", "content_filter")
    chunks = stream_of({"type": "response.refusal.delta", "delta": "No."}, over())
    assert (chunks[0].text, chunks[-1].finish_reason) == ("No.", "content_filter")


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"output": {}},
        {"output": [1]},
        {"output": [], "status": "in_progress"},
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": 5}]}]},
        {"output": [{"type": "function_call", "call_id": "c"}]},
        {"output": [{"type": "reasoning", "encrypted_content": "x"}]},
    ],
)
def test_what_is_not_the_protocol_is_refused(reply: dict[str, Any]) -> None:
    with pytest.raises(NotTheProtocol):
        read(**reply)


BOOM = {"code": "server_error", "message": "boom"}


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "error", "code": "x", "message": "boom", "param": None}],
        [{"type": "error", "error": BOOM}],
        [over("failed", error=BOOM)],
    ],
)
def test_an_error_in_a_stream(events: list[dict[str, Any]]) -> None:
    with pytest.raises(ErrorInside, match="boom"):
        stream_of(*events)
    with pytest.raises(ErrorInside, match="boom"):
        passed(watcher(), *frames(*events))


def test_a_response_that_failed_without_saying_why() -> None:
    failed = {"type": "response.failed", "response": {"output": []}}
    with pytest.raises(ErrorInside, match="marked as failed"):
        stream_of(failed)
    with pytest.raises(ErrorInside, match="marked as failed"):
        passed(watcher(), *frames(failed))


def test_an_error_in_a_reply() -> None:
    with pytest.raises(ErrorInside, match="boom"):
        read(error=BOOM, status="failed", output=[])
    with pytest.raises(ErrorInside, match="cancelled"):
        read(error=None, status="cancelled", output=[])


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{"},
        {"type": "response.function_call_arguments.delta", "delta": "{"},
        {"type": "response.output_text.delta", "delta": 5},
        {"type": "response.created"},
    ],
)
def test_an_event_that_is_not_the_protocol_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(NotTheProtocol):
        stream_of(event, over())


def test_events_that_are_not_known_are_passed_over() -> None:
    assert stream_of({"type": "response.web_search_call.searching"}, over()) == [
        Chunk(finish_reason="stop")
    ]


def watcher() -> StreamWatcher:
    assert OPENAI_RESPONSES.relay is not None
    return OPENAI_RESPONSES.relay.watcher({})


def passed(watch: StreamWatcher, *events: Frame) -> bytes:
    return b"".join(watch.feed(frame) for frame in events)


def test_a_clients_body_goes_on_as_it_is() -> None:
    assert OPENAI_RESPONSES.relay is not None
    body = {"model": "theirs", "input": "hi", "previous_response_id": "resp_1", "x": 1}
    sent = OPENAI_RESPONSES.relay.encode(body, "ours", True)
    assert (sent.path, json.loads(sent.body)) == (
        "/responses",
        body | {"model": "ours", "stream": True},
    )


def test_events_are_passed_on_as_they_came_with_their_names() -> None:
    reply, watch = responses(WHOLE, ASKED), watcher()
    assert passed(watch, *map(split, reply.pieces)) + watch.finish() == b"".join(reply.pieces)
    assert watch.usage == Usage(7, 5, cached_tokens=2, reasoning_tokens=3)
    assert (watch.model, watch.answered, watch.complete) == ("m-1", True, True)
    arguments = sum(len(json.dumps(use.arguments)) for use in WHOLE.tools)
    said = len(WHOLE.text) + len(WHOLE.thinking) + arguments
    assert said <= watch.characters <= said + 6  # quotes in arguments are escaped
    assert passed(watch, Frame("", b"[DONE]"), Frame("", b"{")) == b""


def test_a_stream_that_broke_off_is_no_answer() -> None:
    reply = responses(WHOLE, ASKED)
    for count in range(len(reply.pieces)):
        watch, decoder = watcher(), ResponsesStream(ids().__next__)
        for piece in reply.pieces[:count]:
            watch.feed(split(piece))
            decoder.feed(split(piece))
        with pytest.raises(NotTheProtocol, match="before the answer did"):
            watch.finish()
        with pytest.raises(NotTheProtocol, match="before the answer did"):
            decoder.finish()


@pytest.mark.parametrize("broken", [b"{", b"[]", b"", b'{"type": "\xff"}'])
def test_an_event_that_is_no_json_is_not_passed_on(broken: bytes) -> None:
    with pytest.raises(NotTheProtocol):
        watcher().feed(Frame("response.output_text.delta", broken))


LEAF = st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3)
NAMES = st.sampled_from(
    "type output response status error incomplete_details reason content text annotations url "
    "title call_id id name arguments summary encrypted_content usage input_tokens delta item "
    "output_index input_tokens_details annotation logprobs model message".split()
)
ANY = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
TYPES = st.sampled_from(
    "message reasoning function_call response.output_text.delta response.output_item.added "
    "response.output_item.done response.completed response.created error response.refusal.delta "
    "response.output_text.annotation.added response.function_call_arguments.delta".split()
)
ITEM = st.builds(lambda d, t: d | {"type": t}, st.dictionaries(NAMES, ANY), TYPES)


@given(st.dictionaries(NAMES, ANY), st.lists(ITEM, max_size=3))
def test_whatever_comes_is_read_or_refused(
    reply: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    with suppress(NotTheProtocol, ErrorInside):
        read(**reply | {"output": items})
    with suppress(NotTheProtocol, ErrorInside):
        stream_of(*items)
    with suppress(NotTheProtocol, ErrorInside):
        passed(watcher(), *frames(*items))
