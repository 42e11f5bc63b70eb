"""A client that speaks Anthropic's protocol itself, and replies that are nearly the protocol's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import Usage
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol
from conduit.models.wire.anthropic import ANTHROPIC, AnthropicStream, AnthropicWatcher, decode
from tests.models.hostile import JSON, spoiled, survives

START = {"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 9}}}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}
CITED = {
    "type": "web_search_result_location",
    "url": "u",
    "title": "t",
    "cited_text": "q",
    "encrypted_index": "e",
}


def delta(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": value}


WHOLE: dict[str, Any] = {
    "type": "message",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "A", "citations": [CITED]},
        {"type": "tool_use", "id": "a", "name": "look", "input": {"n": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 1,
        "output_tokens": 2,
        "output_tokens_details": {"thinking_tokens": 1},
    },
}
TOOL = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
STREAM: list[dict[str, Any]] = [
    START,
    {"type": "content_block_start", "index": 0, "content_block": TOOL},
    delta({"type": "input_json_delta", "partial_json": "{}"}),
    {"type": "content_block_stop", "index": 0},
    delta({"type": "text_delta", "text": "x"}),
    END,
    {"type": "message_stop"},
]


@given(JSON | spoiled(WHOLE))
def test_no_reply_can_upset_the_decoder(reply: Any) -> None:
    survives(lambda: decode(json.dumps(reply).encode(), lambda: "id"))


@given(st.lists(st.sampled_from(STREAM).flatmap(spoiled) | st.sampled_from(STREAM), max_size=8))
def test_no_events_can_upset_the_stream(events: list[Any]) -> None:
    def all_of(reader: AnthropicStream | AnthropicWatcher) -> None:
        for event in events:
            named = event.get("type") if isinstance(event, dict) else ""
            reader.feed(Frame(named if isinstance(named, str) else "", json.dumps(event).encode()))
        reader.finish()

    survives(lambda: all_of(AnthropicStream(lambda: "id")))
    survives(lambda: all_of(AnthropicWatcher({})))


def test_a_relayed_body_is_the_clients_own() -> None:
    relay = ANTHROPIC.relay
    assert relay is not None
    body = {"model": "theirs", "stream": True, "mcp_servers": [{"x": 1}], "temperature": 9}
    sent = relay.encode(body, "ours", True)
    assert json.loads(sent.body) == body | {"model": "ours"}
    assert (sent.path, sent.headers) == ("/messages", (("anthropic-version", "2023-06-01"),))
    assert "stream" not in json.loads(relay.encode({"model": "x"}, "m", False).body)
    assert json.loads(relay.encode({"model": "x"}, "m", True).body)["stream"] is True


def relayed(*events: dict[str, Any]) -> tuple[bytes, AnthropicWatcher]:
    watcher = AnthropicWatcher({})
    out = b"".join(watcher.feed(Frame(e["type"], json.dumps(e).encode())) for e in events)
    return out + watcher.finish(), watcher


def test_a_watched_stream_is_passed_on_as_it_came() -> None:
    out, watcher = relayed(*STREAM)
    sent = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in STREAM]
    assert out == "".join(sent).encode()
    assert (watcher.model, watcher.usage) == ("claude", Usage(9, 2))
    assert (watcher.answered, watcher.complete, watcher.ended) == (True, True, True)
    nameless = AnthropicWatcher({})
    assert nameless.feed(Frame("", b'{"type":\n"ping"}')) == b'data: {"type":\ndata: "ping"}\n\n'


def test_a_missing_end_mark_is_supplied() -> None:
    out, watcher = relayed(*STREAM[:-1])
    assert out.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert watcher.complete


@pytest.mark.parametrize("events", [(), (START,), ({"type": "message_stop"},), (END,)])
def test_a_watched_stream_that_does_not_finish_is_no_answer(events: tuple[Any, ...]) -> None:
    with pytest.raises(NotTheProtocol, match="before the answer did"):
        relayed(*events)


def test_an_error_in_a_watched_stream_is_an_error() -> None:
    with pytest.raises(ErrorInside, match="busy"):
        relayed(START, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters='"\\\n'), min_size=1)))
def test_the_length_of_a_watched_answer_is_about_right(words: list[str]) -> None:
    watcher = AnthropicWatcher({})
    for word in words:
        event = delta({"type": "text_delta", "text": word})
        data = json.dumps(event, separators=(",", ":")).encode()
        watcher.feed(Frame("content_block_delta", data))
    escaped = sum(len(json.dumps(word)) - 2 for word in words)
    assert watcher.characters == escaped


def test_fixtures_are_those_of_the_official_package() -> None:
    types = pytest.importorskip("anthropic.types")
    types.Message.model_validate(WHOLE | {"id": "m", "role": "assistant"})
    events = types.RawMessageStreamEvent
    adapter = pytest.importorskip("pydantic").TypeAdapter(events)
    message = START["message"] | {"id": "m", "type": "message", "role": "assistant", "content": []}
    message |= {"stop_reason": None, "stop_sequence": None}
    message["usage"] = {"input_tokens": 9, "output_tokens": 1}
    for event in [START | {"message": message}, *STREAM[1:]]:
        adapter.validate_python(event)
