"""What is written in a dialect is read back by the wire of the same protocol, and so on around."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    Image,
    Message,
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
from conduit.models.exchange import Wire
from conduit.models.framing.eventstream import EventStreamParser
from conduit.models.framing.ndjson import NdjsonParser
from conduit.models.framing.sse import SseParser
from conduit.models.wire.anthropic import ANTHROPIC
from conduit.models.wire.bedrock import BEDROCK
from conduit.models.wire.gemini import GEMINI
from conduit.models.wire.ollama import OLLAMA
from tests.fakes import bedrock, gemini
from tests.fakes.answer import Answer, ToolUse

PAIRS = [(ANTHROPIC, ANTHROPIC_MESSAGES), (OLLAMA, OLLAMA_CHAT)]
TO = ReplyTo("1", 1_700_000_000, "m", {"model": "m", "stream": True, "messages": [{}]})
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # noqa: E501 (a whole picture of one pixel)

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
SAID = WORDS.filter(str.strip)
NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
COUNTS = st.integers(0, 1000)
CALLS = st.builds(
    ToolCall,
    st.from_regex(r"call_[a-z0-9]{1,8}", fullmatch=True),
    NAMES,
    st.dictionaries(NAMES, st.integers(-9, 9) | WORDS, max_size=2).map(
        lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    ),
)


def answers(wire: Wire) -> st.SearchStrategy[ChatResponse]:
    """Answers of the kind that the protocol can say."""
    claude = wire is ANTHROPIC
    signed = st.builds(Thinking, SAID, st.just("c2ln"))
    thinking = (
        st.lists(signed, max_size=2) if claude else st.lists(st.builds(Thinking, SAID), max_size=1)
    )
    calls = st.lists(CALLS, max_size=2, unique_by=lambda call: call.id)
    usage = st.builds(Usage, COUNTS, COUNTS)
    return st.builds(
        lambda text, calls, thinking, usage, cut: ChatResponse(
            text=text,
            tool_calls=tuple(calls),
            finish_reason="length" if cut else "tool_calls" if calls else "stop",
            usage=usage,
            model="m",
            thinking=tuple(thinking),
        ),
        SAID,
        calls,
        thinking,
        usage,
        st.booleans(),
    )


def same(found: ChatResponse, said: ChatResponse) -> None:
    names = [call.name for call in said.tool_calls]
    assert (found.text, found.thinking, found.model) == (said.text, said.thinking, said.model)
    assert [call.name for call in found.tool_calls] == names
    assert [call.arguments for call in found.tool_calls] == [c.arguments for c in said.tool_calls]
    assert (found.finish_reason, found.usage) == (said.finish_reason, said.usage)


@pytest.mark.parametrize(("wire", "dialect"), PAIRS, ids=["anthropic", "ollama"])
@given(st.data())
def test_a_whole_answer(wire: Wire, dialect: Dialect, data: st.DataObject) -> None:
    said = data.draw(answers(wire))
    same(wire.decode(json.dumps(dialect.write(said, TO)).encode(), lambda: "id"), said)


def pieces(said: ChatResponse) -> list[Chunk]:
    chunks = []
    for thought in said.thinking:
        chunks += [Chunk(thinking=Thinking(letter)) for letter in thought.text]
        if thought.signature:
            chunks.append(Chunk(thinking=Thinking(signature=thought.signature)))
    chunks += [Chunk(letter) for letter in said.text]
    for at, call in enumerate(said.tool_calls):
        chunks.append(Chunk(tool_calls=(ToolCallDelta(at, call.id, call.name),)))
        half = len(call.arguments) // 2
        for part in (call.arguments[:half], call.arguments[half:]):
            chunks.append(Chunk(tool_calls=(ToolCallDelta(at, arguments=part),)))
    chunks.append(Chunk(finish_reason=said.finish_reason, usage=said.usage))
    return [Chunk(**{**_fields(chunks[0]), "model": "m"}), *chunks[1:]]


def _fields(chunk: Chunk) -> dict[str, Any]:
    return {name: getattr(chunk, name) for name in chunk.__slots__}


def gathered(chunks: list[Chunk], model: str) -> ChatResponse:
    calls: list[list[str]] = []
    thoughts: list[Thinking] = []
    text = thought = ""
    for chunk in chunks:
        text += chunk.text
        for delta in chunk.tool_calls:
            if delta.index == len(calls):
                calls.append([delta.id, delta.name, ""])
            calls[delta.index][2] += delta.arguments
        if chunk.thinking:
            thought += chunk.thinking.text
            if chunk.thinking.signature:
                thoughts.append(Thinking(thought, chunk.thinking.signature))
                thought = ""
    if thought:
        thoughts.append(Thinking(thought))
    return ChatResponse(
        text=text,
        tool_calls=tuple(ToolCall(*call) for call in calls),
        finish_reason=chunks[-1].finish_reason or "stop",
        usage=chunks[-1].usage,
        model=model,
        thinking=tuple(thoughts),
    )


@pytest.mark.parametrize(("wire", "dialect"), PAIRS, ids=["anthropic", "ollama"])
@given(st.data())
def test_an_answer_in_pieces(wire: Wire, dialect: Dialect, data: st.DataObject) -> None:
    said = data.draw(answers(wire))
    writer = dialect.writer(TO)
    stream = b"".join(writer.write(chunk) for chunk in pieces(said)) + writer.end()
    cut = data.draw(st.integers(0, len(stream)))
    parser = SseParser() if wire.framing == "sse" else NdjsonParser()
    decoder = wire.decoder(lambda: "id")
    frames = [*parser.feed(stream[:cut]), *parser.feed(stream[cut:]), *parser.close()]
    chunks = [chunk for frame in frames for chunk in decoder.feed(frame)]
    assert decoder.ended
    same(gathered([*chunks, decoder.finish()], decoder.model), said)

    assert wire.relay is not None
    watcher = wire.relay.watcher({})
    passed = b"".join(watcher.feed(frame) for frame in frames) + watcher.finish()
    again = SseParser() if wire.framing == "sse" else NdjsonParser()
    assert [*again.feed(passed), *again.close()] == frames
    assert (watcher.usage, watcher.model, watcher.complete) == (said.usage, "m", True)


def conversations(claude: bool) -> st.SearchStrategy[tuple[Message, ...]]:
    """A question, calls of tools and their results, another question."""
    picture = st.just(Image(data=PNG, media_type="image/png"))
    parts = st.tuples(picture, st.builds(Text, SAID))
    asked = SAID.map(lambda text: Message("user", text)) | parts.map(
        lambda found: Message("user", found[1].text, parts=found)
    )
    thinking = st.builds(Thinking, SAID, st.just("c2ln" if claude else ""))

    def turns(first: Message, call: ToolCall, thought: Thinking, result: str, failed: bool) -> Any:
        return (
            first,
            Message("assistant", result, (call,), thinking=(thought,)),
            Message("tool", result, tool_call_id=call.id, failed=failed and claude),
            Message("user", "so?"),
        )

    return st.builds(turns, asked, CALLS, thinking, SAID, st.booleans())


@given(conversations(claude=True))
def test_a_request_of_anthropic(messages: tuple[Message, ...]) -> None:
    request = ChatRequest(
        (Message("system", "S"), *messages),
        tools=(ToolSpec("look", "L", {"type": "object"}),),
        tool_choice="look",
        max_tokens=7,
        stop=("X",),
        top_k=3,
        user="u",
        parallel_tool_calls=False,
    )
    read = ANTHROPIC_MESSAGES.read(json.loads(ANTHROPIC.encode(request, "m", False).body))
    assert read.messages == request.messages
    assert (read.tools, read.tool_choice, read.max_tokens) == (request.tools, "look", 7)
    assert (read.stop, read.top_k, read.user) == (("X",), 3, "u")
    assert read.parallel_tool_calls is False


@given(conversations(claude=False))
def test_a_request_of_ollama(messages: tuple[Message, ...]) -> None:
    request = ChatRequest(
        (Message("system", "S"), *messages), max_tokens=7, stop=("X",), seed=4, top_k=3
    )
    read = OLLAMA_CHAT.read(json.loads(OLLAMA.encode(request, "m", False).body))
    assert [(m.role, m.content) for m in read.messages] == [
        (m.role, m.content) for m in request.messages
    ]
    told = [(c.name, json.loads(c.arguments)) for m in request.messages for c in m.tool_calls]
    assert told == [(c.name, json.loads(c.arguments)) for m in read.messages for c in m.tool_calls]
    images = [p.data for m in request.messages for p in m.parts if isinstance(p, Image)]
    assert images == [p.data for m in read.messages for p in m.parts if isinstance(p, Image)]
    assert (read.max_tokens, read.stop, read.seed, read.top_k) == (7, ("X",), 4, 3)


USES = CALLS.map(lambda call: ToolUse(call.name, json.loads(call.arguments), call.id))


@pytest.mark.parametrize("wire", [GEMINI, BEDROCK], ids=["gemini", "bedrock"])
@given(SAID, st.lists(USES, max_size=2, unique_by=lambda use: use.id), WORDS, st.data())
def test_whole_and_in_pieces_are_the_same(
    wire: Wire, text: str, uses: list[ToolUse], thinking: str, data: st.DataObject
) -> None:
    path = "/v1beta/models/g:generateContent" if wire is GEMINI else "/model/b/converse"
    place = gemini.place_of(path) or bedrock.place_of(path)
    assert place is not None
    reply = place.make(Answer(text, tuple(uses), thinking=thinking), {})
    whole = wire.decode(json.dumps(reply.body).encode(), lambda: "id")
    assert whole.text == text
    assert [call.id for call in whole.tool_calls] == [use.id for use in uses]
    assert "".join(block.text for block in whole.thinking) == thinking

    stream = b"".join(reply.pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    parser = SseParser() if wire is GEMINI else EventStreamParser()
    decoder = wire.decoder(lambda: "id")
    parts = [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]
    frames = [frame for part in parts for frame in parser.feed(part)] + parser.close()
    chunks = [chunk for frame in frames for chunk in decoder.feed(frame)]
    found = gathered([*chunks, decoder.finish()], decoder.model)
    assert found.thinking == whole.thinking
    assert [call.name for call in found.tool_calls] == [use.name for use in uses]
    given_as = [json.loads(call.arguments) for call in found.tool_calls]
    assert given_as == [use.arguments for use in uses]
    assert (found.text, found.usage, found.finish_reason) == (
        whole.text,
        whole.usage,
        whole.finish_reason,
    )
