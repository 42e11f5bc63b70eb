"""What OpenAI and its look-alikes say beside the text: thinking, sources, usage, probabilities."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from conduit.contracts.chat import (
    ChatResponse,
    Chunk,
    Citation,
    Thinking,
    Usage,
)
from conduit.models.exchange import ErrorInside, Frame
from conduit.models.wire.openai_chat import OpenAIStream, decode


def ids() -> Iterator[str]:
    return (f"new_{at}" for at in itertools.count())


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


def whole(message: dict[str, Any], **fields: Any) -> ChatResponse:
    return read(choices=[{"message": message, "finish_reason": "stop"}], **fields)


@pytest.mark.parametrize(
    ("message", "thinking"),
    [
        ({"content": "a", "reasoning_content": "hm"}, (Thinking("hm"),)),
        ({"content": "a", "reasoning": "hm"}, (Thinking("hm"),)),
        (
            {
                "content": "a",
                "reasoning": "hm",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "hm", "signature": "sig"},
                    {"type": "reasoning.encrypted", "data": "xyz"},
                    {"type": "reasoning.text", "text": ""},
                ],
            },
            (Thinking("hm", "sig"), Thinking(redacted="xyz")),
        ),
        (
            {"reasoning": "hm", "reasoning_details": [{"data": "xyz"}]},
            (Thinking(redacted="xyz"), Thinking("hm")),
        ),
        ({"reasoning_details": [{"summary": "hm"}]}, (Thinking("hm"),)),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": "a"},
                ]
            },
            (Thinking("hm"),),
        ),
        ({"content": [{"type": "thinking", "thinking": "hm"}]}, (Thinking("hm"),)),
        ({"content": "<think>hm</think>a"}, ()),
    ],
)
def test_thinking_in_all_its_forms(message: dict[str, Any], thinking: tuple[Thinking, ...]) -> None:
    assert whole(message).thinking == thinking
    chunks = stream_of(delta(**message), delta("stop"))
    assert tuple(c.thinking for c in chunks if c.thinking) == thinking


NOTE = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "content": "q"}}
FOUND = {"search_results": [{"url": "u", "title": "t", "snippet": "q"}], "citations": ["u", "v"]}


def test_sources_are_kept() -> None:
    assert whole({"content": "a", "annotations": [NOTE, NOTE]}).citations == (
        Citation("u", "t", "q"),
    )
    assert whole({"content": "a"}, **FOUND).citations == (Citation("u", "t", "q"), Citation("v"))
    odd = {
        "search_results": [5, {}, {"url": 5}, {"url": [5]}],
        "citations": [None, ""],
        "annotations": 5,
    }
    assert whole({"content": "a", "annotations": [{}, 5]}, **odd).citations == ()


def test_sources_that_come_with_each_event_are_told_once() -> None:
    chunks = stream_of(
        delta(content="a") | FOUND, delta(content="b") | FOUND, delta("stop") | FOUND
    )
    assert [chunk.citations for chunk in chunks] == [
        (Citation("u", "t", "q"), Citation("v")),
        (),
        (),
    ]


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        (
            {
                "usage": {
                    "prompt_tokens": 9,
                    "completion_tokens": 8,
                    "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 1},
                    "completion_tokens_details": {"reasoning_tokens": 6},
                }
            },
            Usage(9, 8, 5, 1, 6),
        ),
        (
            {"usage": {"prompt_tokens": 9, "completion_tokens": 8, "prompt_cache_hit_tokens": 5}},
            Usage(9, 8, 5),
        ),
        ({"x_groq": {"usage": {"prompt_tokens": 9, "completion_tokens": 8}}}, Usage(9, 8)),
        (
            {
                "usage": {
                    "prompt_tokens": 32,
                    "completion_tokens": 9,
                    "total_tokens": 135,
                    "completion_tokens_details": {"reasoning_tokens": 94},
                }
            },
            Usage(32, 103, reasoning_tokens=94),
        ),
        ({"usage": None, "x_groq": {"id": "req_1"}}, None),
        ({"usage": {"prompt_tokens": -1, "prompt_tokens_details": 5}}, Usage()),
    ],
)
def test_usage_in_all_its_forms(fields: dict[str, Any], usage: Usage | None) -> None:
    assert whole({"content": "a"}, **fields).usage == usage
    assert stream_of(delta("stop", content="a") | fields)[-1].usage == usage


def test_of_usage_in_every_event_the_last_counts() -> None:
    events = [
        delta(content="a") | {"usage": {"prompt_tokens": 3, "completion_tokens": at}}
        for at in (1, 2, 3)
    ]
    assert stream_of(*events, delta("stop") | {"usage": None})[-1].usage == Usage(3, 3)


def test_log_probabilities_are_kept() -> None:
    tokens = [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]
    choice = {"message": {"content": "a"}, "logprobs": {"content": tokens}}
    assert read(choices=[choice]).logprobs == tokens
    event = {"choices": [{"delta": {"content": "a"}, "logprobs": {"content": tokens}}]}
    assert stream_of(event, delta("stop"))[0] == Chunk("a", logprobs=tokens)


def test_the_stop_sequence_where_the_server_tells() -> None:
    ended = {"finish_reason": "stop", "stop_reason": "###"}
    assert read(choices=[{"message": {"content": "a"}} | ended]).stop_sequence == "###"
    assert stream_of({"choices": [{"delta": {}} | ended]})[-1].stop_sequence == "###"
    ended["stop_reason"] = 128009  # type: ignore[assignment]  # vLLM: the number of a token
    assert read(choices=[{"message": {"content": "a"}} | ended]).stop_sequence == ""


@pytest.mark.parametrize("reason", ["error", "insufficient_system_resource", "network_error"])
def test_an_answer_that_broke_down_is_an_error(reason: str) -> None:
    with pytest.raises(ErrorInside, match=reason):
        read(choices=[{"message": {"content": "a"}, "finish_reason": reason}])
    with pytest.raises(ErrorInside, match=reason):
        stream_of(delta(content="a"), delta(reason))


def test_an_event_that_is_named_an_error() -> None:
    with pytest.raises(ErrorInside, match="boom"):
        OpenAIStream(ids().__next__).feed(Frame("error", b'{"message": "boom"}'))
