"""Streams that are passed on as they come: what the client gets, and what is learnt on the way."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.event_shape import EventShape
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol, Relay, StreamWatcher
from conduit.models.wire.openai_chat import OpenAIStream, Server, openai_chat
from tests.fakes.dialects import DIALECTS, Answer, ToolUse

DONE = b"[DONE]"
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
WITH_USAGE = {"stream_options": {"include_usage": True}}


def relay(**server: Any) -> Relay:
    found = openai_chat(Server(**server)).relay
    assert found is not None
    return found


def watcher(body: dict[str, Any] | None = None) -> StreamWatcher:
    return relay().watcher(body or {})


def event(text: str | None = None, finish: str | None = None, **fields: Any) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return orjson.dumps({"id": "c", "model": "m-1", "choices": [choice]} | fields)


def passed(watch: StreamWatcher, *events: bytes) -> bytes:
    return b"".join(watch.feed(Frame("", data)) for data in events)


def as_sent(*events: bytes) -> bytes:
    return b"".join(b"data: " + data + b"\n\n" for data in events)


def test_a_clients_body_goes_on_as_it_is() -> None:
    body = {"model": "theirs", "messages": [], "max_tokens": 5, "max_completion_tokens": 6, "x": 1}
    sent = relay(renamed={"max_tokens": "max_completion_tokens"}).encode(body, "ours", False)
    assert json.loads(sent.body) == body | {"model": "ours", "stream": False}
    assert (sent.path, sent.dropped) == ("/chat/completions", ())
    assert body["model"] == "theirs"


@pytest.mark.parametrize("given", [None, {}, {"include_usage": False}, {"include_obfuscation": 0}])
def test_usage_of_a_stream_is_asked_for_beside_what_else_is(given: Any) -> None:
    body = {"messages": []} | ({} if given is None else {"stream_options": given})
    asked = (given or {}) | {"include_usage": True}
    assert json.loads(relay().encode(body, "m", True).body)["stream_options"] == asked
    refuses = relay(stream_usage=False).encode(body, "m", True)
    assert "stream_options" not in json.loads(refuses.body)


def test_every_event_is_passed_on_as_it_came() -> None:
    events = [event(""), *(event(f" w{at}") for at in range(9)), event(None, "stop"), DONE]
    watch = watcher()
    assert passed(watch, *events) == as_sent(*events)
    assert watch.finish() == b""
    assert (watch.model, watch.answered, watch.complete, watch.ended) == ("m-1", True, True, True)
    assert watch.characters == sum(len(f" w{at}") for at in range(9))


def test_an_answer_begins_with_its_first_piece() -> None:
    watch = watcher()
    passed(watch, event(""))
    assert not watch.answered
    passed(watch, event("a"))
    assert watch.answered


@pytest.mark.parametrize("asked", [False, True])
def test_usage_that_the_client_did_not_ask_for_is_kept_from_it(asked: bool) -> None:
    watch = watcher(WITH_USAGE if asked else {})
    summary = orjson.dumps({"choices": [], "usage": USAGE})
    assert passed(watch, event("a"), event(None, "stop")) != b""
    assert passed(watch, summary) == (as_sent(summary) if asked else b"")
    assert watch.usage is not None
    assert (watch.usage.input_tokens, watch.usage.output_tokens) == (3, 4)


def test_events_without_choices_that_are_no_usage_are_passed_on() -> None:
    filters = orjson.dumps({"choices": [], "prompt_filter_results": [], "usage": None})
    assert passed(watcher(), filters) == as_sent(filters)


def test_usage_in_every_event_the_last_counts() -> None:
    watch = watcher()
    events = [event(f"{at}", usage=USAGE | {"completion_tokens": at}) for at in range(1, 6)]
    assert passed(watch, *events, event(None, "stop")) == as_sent(*events, event(None, "stop"))
    assert watch.usage is not None
    assert watch.usage.output_tokens == 5


def test_an_end_mark_with_a_space_behind_is_one() -> None:
    watch, decoder = watcher(), OpenAIStream(lambda: "id")
    passed(watch, event("a"))
    assert passed(watch, b"[DONE] ") == as_sent(DONE)
    decoder.feed(Frame("", b"[DONE] "))
    assert watch.ended
    assert decoder.ended


def test_what_follows_the_end_mark_is_swallowed() -> None:
    watch = watcher()
    passed(watch, event("a"), event(None, "stop"), DONE)
    assert passed(watch, DONE, b"not json", event("b")) == b""


def test_a_missing_end_mark_is_supplied() -> None:
    watch = watcher()
    passed(watch, event("a"), event(None, "stop"))
    assert watch.finish() == as_sent(DONE)
    assert watch.finish() == b""


@pytest.mark.parametrize("events", [(), (event("a"),), (DONE,), (event(""), event("a"))])
def test_a_stream_that_broke_off_is_no_answer(events: tuple[bytes, ...]) -> None:
    watch = watcher()
    passed(watch, *events)
    with pytest.raises(NotTheProtocol, match="before the answer did"):
        watch.finish()


def test_an_answer_of_many_choices_is_complete_with_the_last() -> None:
    watch = watcher({"n": 2})
    second = {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}]}
    passed(watch, event("a"), event(None, "stop"))
    assert not watch.complete
    passed(watch, orjson.dumps(second))
    assert watch.complete


@pytest.mark.parametrize("after", [0, 1, 5])
@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"",
        b"[]",
        event("a")[:-1],
        event("a") + b"x",
        event("a") + b"}",
        event("a").replace(b'"a"', b'"\xff"'),
        event("a").replace(b'"a"', b'"\x01"'),
        event("a").replace(b'"a"', b'"\\x"'),
        event("a").replace(b'"a"', b'"'),
        event("a").replace(b'"a"', b"5 5"),
    ],
)
def test_what_is_no_json_is_found_out_also_after_events_that_were(
    broken: bytes, after: int
) -> None:
    watch = watcher()
    passed(watch, *(event("abc") for _ in range(after)))
    with pytest.raises(NotTheProtocol):
        passed(watch, broken)


@pytest.mark.parametrize(
    "error", [b'{"error": {"message": "boom"}}', event("a", error={"message": "boom"})]
)
def test_an_error_in_the_middle_is_an_error(error: bytes) -> None:
    watch = watcher()
    passed(watch, event("a"), event("b"))
    with pytest.raises(ErrorInside, match="boom"):
        passed(watch, error)


def test_a_model_that_broke_down_is_an_error() -> None:
    with pytest.raises(ErrorInside, match="insufficient_system_resource"):
        passed(watcher(), event("a"), event(None, "insufficient_system_resource"))


def test_data_of_many_lines_stays_one_event() -> None:
    pretty = json.dumps(json.loads(event("a")), indent=1).encode()
    sent = passed(watcher(), pretty)
    lines = sent.removesuffix(b"\n\n").split(b"\n")
    assert all(line.startswith(b"data: ") for line in lines)
    assert b"\n".join(line.removeprefix(b"data: ") for line in lines) == pretty


USES = st.builds(ToolUse, st.just("look"), st.dictionaries(st.text(max_size=4), st.integers()))
ANSWERS = st.builds(
    Answer,
    st.text(max_size=60),
    st.lists(USES, max_size=2).map(tuple),
    thinking=st.text(max_size=30),
)


@given(ANSWERS, st.booleans(), st.booleans())
def test_a_watched_stream_says_what_a_read_one_does(
    answer: Answer, logprobs: bool, ascii: bool
) -> None:
    body = {"model": "m", "messages": [], **WITH_USAGE} | ({"logprobs": True} if logprobs else {})
    pieces = DIALECTS["/v1/chat/completions"](answer, body).pieces
    events = [piece.removeprefix(b"data: ").strip() for piece in pieces]
    if not ascii:
        events = [e if e == DONE else orjson.dumps(orjson.loads(e)) for e in events]
    watch, decoder = watcher(body), OpenAIStream(lambda: "id")
    assert passed(watch, *events) + watch.finish() == as_sent(*events)
    said = [chunk for data in events for chunk in decoder.feed(Frame("", data))]
    last = decoder.finish()
    assert (watch.usage, watch.model, watch.complete) == (last.usage, decoder.model, True)
    assert bool(watch.characters) == any(
        chunk.text or chunk.thinking or any(call.arguments for call in chunk.tool_calls)
        for chunk in said
    )


# The shape of events: what is taken for alike must be what a parser takes for JSON.
BODIES = st.sampled_from(
    [
        event("abc"),
        event("abc", obfuscation="xyz"),
        json.dumps(json.loads(event("abc"))).encode(),
        b'{"type":"response.output_text.delta","sequence_number":4,"delta":"abc","logprobs":[]}',
        b'{"delta":"abc","obfuscation":"","sequence_number":0}',
    ]
)


VARIES = ("content", "delta", "obfuscation", "sequence_number")


def skeleton(value: Any, key: str = "") -> Any:
    """All but what may differ between two events that are alike."""
    if isinstance(value, dict):
        return {name: skeleton(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [skeleton(inner) for inner in value]
    return type(value) if key in VARIES else value


@given(
    BODIES,
    st.text(max_size=8),
    st.text(max_size=5),
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=2), st.booleans()), max_size=2),
)
def test_what_is_alike_is_sound(
    first: bytes, text: str, padding: str, number: int, edits: list[tuple[int, bytes, bool]]
) -> None:
    shape = EventShape()
    shape.learn(first)
    length = len(orjson.dumps(text)) - 2
    data = first.replace(b'"abc"', orjson.dumps(text)).replace(b'"xyz"', orjson.dumps(padding))
    data = data.replace(b'number":4', b'number":%d' % number)
    assert shape.match(data) == length
    for at, new, put in edits:
        data = data[:at] + new + data[at if put else at + len(new) :]
    if shape.match(data) >= 0:
        assert skeleton(orjson.loads(data)) == skeleton(orjson.loads(first))


@pytest.mark.parametrize(
    "odd",
    [
        b'{"content": "a", "delta": "b"}',
        b'{"a": "\\"content\\":\\"x"}',
        b'{"content": 5}',
        b'{"content":"' + b"x" * 9000 + b'"}',
        b'{"sequence_number": 1.5, "delta": "a"}',
        b'{"obfuscation": "a"}',
        b"[DONE]",
    ],
)
def test_a_shape_that_cannot_be_relied_on_is_not_learnt(odd: bytes) -> None:
    shape = EventShape()
    shape.learn(odd)
    assert shape.match(odd) == -1


def test_a_shape_is_looked_for_a_few_times_only() -> None:
    shape = EventShape()
    for at in range(9):
        shape.learn(b'{"content": "a", "n": %d}' % at)
    assert shape.match(b'{"content": "a", "n": 8}') == -1
    assert shape.match(b'{"content": "a", "n": 3}') == 1
