"""Requests and answers through dialects and wires: what was said, called, shown and thought stays.

A wire speaks to a provider what a dialect understands from a client, so each is the other's proof.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    Citation,
    Image,
    Message,
    OutputSchema,
    Text,
    Thinking,
    ToolCall,
    ToolCallDelta,
    ToolSpec,
    Usage,
)
from conduit.models.dialects.anthropic import ANTHROPIC_MESSAGES
from conduit.models.dialects.dialect import Dialect, ReplyTo
from conduit.models.dialects.ollama import OLLAMA_CHAT
from conduit.models.dialects.openai_chat import OPENAI_CHAT
from conduit.models.dialects.openai_responses import OPENAI_RESPONSES
from conduit.models.exchange import Wire
from conduit.models.framing.ndjson import NdjsonParser
from conduit.models.framing.sse import SseParser
from conduit.models.wire.anthropic import ANTHROPIC
from conduit.models.wire.ollama import OLLAMA
from conduit.models.wire.openai_chat import openai_chat
from conduit.models.wire.openai_responses import OPENAI_RESPONSES as RESPONSES_WIRE


@dataclass(frozen=True)
class Pair:
    """A protocol from both sides."""

    wire: Wire
    dialect: Dialect


PAIRS = {
    pair.dialect.name: pair
    for pair in (
        Pair(openai_chat(), OPENAI_CHAT),
        Pair(ANTHROPIC, ANTHROPIC_MESSAGES),
        Pair(RESPONSES_WIRE, OPENAI_RESPONSES),
        Pair(OLLAMA, OLLAMA_CHAT),
    )
}
WORDS = st.text('abcäß漢😀 .\n"\\{', min_size=1, max_size=20).filter(str.strip)
NAMES = st.text("abcdefgh_", min_size=1, max_size=12)
ARGUMENTS = st.dictionaries(
    NAMES, st.integers(-9, 9) | WORDS | st.none() | st.booleans(), max_size=3
)
PICTURES = st.sampled_from(
    [
        Image(data="iVBORw0KGgoAAAA=", media_type="image/png"),
        Image(data="/9j/4AAQ", media_type="image/jpeg"),
    ]
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Well-formed turns: every call is answered, and nobody speaks twice in a row."""
    turns = [Message("system", draw(WORDS))] if draw(st.booleans()) else []
    called = itertools.count()
    for _ in range(draw(st.integers(1, 3))):
        said = draw(WORDS)
        shown = draw(st.lists(PICTURES, max_size=2))
        parts = (Text(said), *shown) if shown else ()
        turns.append(Message("user", said, parts=parts))
        calls = tuple(
            ToolCall(f"call_{next(called)}", draw(NAMES), orjson.dumps(draw(ARGUMENTS)).decode())
            for _ in range(draw(st.integers(0, 3)))
        )
        if calls:
            words = draw(WORDS | st.just(""))
            turns.append(Message("assistant", words, calls))
            turns += [Message("tool", draw(WORDS), tool_call_id=call.id) for call in calls]
        turns.append(Message("assistant", draw(WORDS)))
    return tuple(turns)


def sent(pair: Pair, request: ChatRequest) -> dict[str, Any]:
    """The body in which this protocol asks a provider."""
    body: dict[str, Any] = json.loads(pair.wire.encode(request, "m", False).body)
    return body


def plain(messages: tuple[Message, ...]) -> list[Any]:
    """Turns with the arguments as values, and calls by their place: not all protocols have ids."""
    ids: dict[str, int] = {}
    for message in messages:
        for call in message.tool_calls:
            ids[call.id] = len(ids)
    return [
        (
            message.role,
            message.content,
            [(ids[c.id], c.name, json.loads(c.arguments)) for c in message.tool_calls],
            ids[message.tool_call_id] if message.role == "tool" else None,
            message.parts,
        )
        for message in messages
    ]


@pytest.mark.parametrize("second", PAIRS)
@pytest.mark.parametrize("first", PAIRS)
@settings(max_examples=40)
@given(messages=conversations())
def test_a_conversation_crosses_any_two_protocols(
    first: str, second: str, messages: tuple[Message, ...]
) -> None:
    request = ChatRequest(messages, model="m", max_tokens=9)
    for name in (first, second):
        request = PAIRS[name].dialect.read(sent(PAIRS[name], request))
        assert plain(request.messages) == plain(messages)
        assert (request.model, request.max_tokens) == ("m", 9)


@pytest.mark.parametrize("name", [name for name in PAIRS if name != "ollama"])
@given(messages=conversations())
def test_ids_stay_where_a_protocol_has_them(name: str, messages: tuple[Message, ...]) -> None:
    request = ChatRequest(messages, model="m")
    assert PAIRS[name].dialect.read(sent(PAIRS[name], request)).messages == messages


@pytest.mark.parametrize("name", PAIRS)
def test_parameters_stay(name: str) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    request = ChatRequest(
        (Message("user", "hi"),),
        model="m",
        tools=(ToolSpec("look", "Look.", schema),),
        temperature=0.5,
        top_p=0.9,
        max_tokens=9,
        output=OutputSchema("answer", schema),
    )
    read = PAIRS[name].dialect.read(sent(PAIRS[name], request))
    assert read.tools == request.tools
    assert read.output == request.output
    assert (read.temperature, read.top_p, read.max_tokens) == (0.5, 0.9, 9)
    if name != "ollama":  # it has no choice of tools
        for choice in ("none", "required", "look"):
            asked = replace(request, tool_choice=choice)
            assert PAIRS[name].dialect.read(sent(PAIRS[name], asked)).tool_choice == choice


@pytest.mark.parametrize(
    ("name", "thinking"),
    [
        ("anthropic", (Thinking("because", "c2ln"), Thinking(redacted="sealed"))),
        ("openai_responses", (Thinking("because", "rs_1:sealed"),)),
        ("ollama", (Thinking("because"),)),
    ],
)
def test_thinking_goes_back_to_who_thought_it(name: str, thinking: tuple[Thinking, ...]) -> None:
    messages = (Message("user", "why?"), Message("assistant", "so", thinking=thinking))
    request = ChatRequest((*messages, Message("user", "and?")), model="m")
    assert PAIRS[name].dialect.read(sent(PAIRS[name], request)).messages[1] == messages[1]


CALLS = st.lists(st.tuples(NAMES, ARGUMENTS), max_size=3).map(
    lambda made: tuple(
        ToolCall(f"call_{at}", name, orjson.dumps(arguments).decode())
        for at, (name, arguments) in enumerate(made)
    )
)
USAGES = st.integers(0, 9).flatmap(
    lambda cached: st.builds(Usage, st.integers(10, 99), st.integers(1, 99), st.just(cached))
)


@st.composite
def answers(draw: st.DrawFn) -> ChatResponse:
    calls = draw(CALLS)
    reason = draw(st.sampled_from(["stop", "length"]))
    thinking = draw(st.none() | WORDS)
    return ChatResponse(
        draw(WORDS),
        calls,
        "tool_calls" if calls else reason,
        draw(USAGES),
        model="fake",
        thinking=(Thinking(thinking, "c2ln"),) if thinking else (),
    )


def reply_to(dialect: Dialect) -> ReplyTo:
    body: dict[str, Any] = {"stream_options": {"include_usage": True}}
    return ReplyTo("1", 1, "m", {"messages": [{}], **body}, itertools.count(1).__next__)


def same(name: str, read: ChatResponse, answer: ChatResponse) -> None:
    assert read.text == answer.text
    assert [(c.name, json.loads(c.arguments)) for c in read.tool_calls] == [
        (c.name, json.loads(c.arguments)) for c in answer.tool_calls
    ]
    assert [c.id for c in read.tool_calls] == [c.id for c in answer.tool_calls]
    assert read.finish_reason == answer.finish_reason
    assert read.model == answer.model
    assert [t.text for t in read.thinking] == [t.text for t in answer.thinking]
    if name in ("openai_chat", "anthropic"):  # the others have no place for a signature as it is
        assert read.thinking == answer.thinking
    assert read.usage is not None
    assert answer.usage is not None
    counted = (read.usage.input_tokens, read.usage.output_tokens)
    assert counted == (answer.usage.input_tokens, answer.usage.output_tokens)


@pytest.mark.parametrize("name", PAIRS)
@given(answer=answers())
def test_a_whole_answer_comes_back(name: str, answer: ChatResponse) -> None:
    pair = PAIRS[name]
    body = orjson.dumps(pair.dialect.write(answer, reply_to(pair.dialect)))
    same(name, pair.wire.decode(body, itertools.count().__str__), answer)


def cut(text: str, at: int) -> list[str]:
    return [piece for piece in (text[:at], text[at:]) if piece]


def chunks_of(answer: ChatResponse, at: int) -> list[Chunk]:
    chunks: list[Chunk] = []
    for thought in answer.thinking:
        chunks += [Chunk(thinking=Thinking(piece)) for piece in cut(thought.text, at)]
        chunks.append(Chunk(thinking=Thinking(signature=thought.signature)))
    chunks += [Chunk(piece) for piece in cut(answer.text, at)]
    for index, call in enumerate(answer.tool_calls):
        chunks.append(Chunk(tool_calls=(ToolCallDelta(index, call.id, call.name),)))
        chunks += [
            Chunk(tool_calls=(ToolCallDelta(index, arguments=piece),))
            for piece in cut(call.arguments, at)
        ]
    chunks[0] = replace(chunks[0], model=answer.model)
    return [*chunks, Chunk(finish_reason=answer.finish_reason, usage=answer.usage)]


def gathered(chunks: list[Chunk], model: str) -> ChatResponse:
    """Chunks put together, as the contract says that they are."""
    text = "".join(chunk.text for chunk in chunks)
    calls: dict[int, ToolCall] = {}
    for delta in (delta for chunk in chunks for delta in chunk.tool_calls):
        known = calls.get(delta.index, ToolCall(delta.id, delta.name, ""))
        calls[delta.index] = replace(known, arguments=known.arguments + delta.arguments)
    thinking: list[Thinking] = []
    growing = ""
    for thought in (chunk.thinking for chunk in chunks if chunk.thinking):
        growing += thought.text
        if thought.signature or thought.redacted:
            thinking.append(Thinking(growing, thought.signature, thought.redacted))
            growing = ""
    if growing:
        thinking.append(Thinking(growing))
    last = chunks[-1]
    assert last.finish_reason is not None
    return ChatResponse(
        text,
        tuple(calls.values()),
        last.finish_reason,
        last.usage,
        model=model,
        thinking=tuple(thinking),
    )


@pytest.mark.parametrize("name", PAIRS)
@given(answer=answers(), at=st.integers(0, 9))
def test_a_stream_comes_back(name: str, answer: ChatResponse, at: int) -> None:
    pair = PAIRS[name]
    writer = pair.dialect.writer(reply_to(pair.dialect))
    parser = SseParser() if pair.dialect.framing == "sse" else NdjsonParser()
    decoder = pair.wire.decoder(itertools.count().__str__)
    pieces = [*map(writer.write, chunks_of(answer, at)), writer.end()]
    read = [
        chunk for piece in pieces for frame in parser.feed(piece) for chunk in decoder.feed(frame)
    ]
    read += [chunk for frame in parser.close() for chunk in decoder.feed(frame)]
    assert decoder.complete
    read.append(decoder.finish())
    same(name, gathered(read, decoder.model), answer)


@pytest.mark.parametrize("name", ["openai_chat", "anthropic", "openai_responses"])
def test_sources_come_back(name: str) -> None:
    pair = PAIRS[name]
    sources = (Citation("https://a", "A"), Citation("https://b", "B", "quoted"))
    body = pair.dialect.write(ChatResponse("so", citations=sources), reply_to(pair.dialect))
    read = pair.wire.decode(orjson.dumps(body), str)
    assert [(c.url, c.title) for c in read.citations] == [(c.url, c.title) for c in sources]
