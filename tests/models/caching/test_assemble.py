"""A stream becomes one answer, and one answer the same stream's content again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import ChatResponse, Chunk, Thinking, ToolCallDelta, Usage
from conduit.models.caching.assemble import Assembly, pieces, replay
from tests.models.caching.questions import answer
from tests.models.caching.test_entry import answers


def assemble(chunks: Iterable[Chunk]) -> ChatResponse | None:
    assembly = Assembly(1 << 20)
    for chunk in chunks:
        assembly.feed(chunk)
    return assembly.whole()


@given(answers)
def test_a_replay_is_the_answer(response) -> None:
    # Thinking without an end mark runs into what follows it; such blocks are one.
    thinking = tuple(t for t in response.thinking if t.signature or t.redacted)
    response = replace(response, thinking=thinking)
    chunks = list(replay(response))
    assert assemble(chunks) == response
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[0].provider == response.provider


@given(st.text(max_size=5000))
def test_pieces_join_to_the_text(text) -> None:
    cut = pieces(text)
    assert "".join(cut) == text
    assert all(cut)
    assert len(cut) <= 128


def test_pieces_end_after_spaces() -> None:
    cut = pieces("four words and more " * 50)
    assert len(cut) > 20
    assert all(piece.endswith(" ") for piece in cut)
    assert len(pieces("x" * 10_000_000)) == 64


def test_a_stream_as_providers_send_it() -> None:
    whole = assemble(
        [
            Chunk(provider="p", model="m"),
            Chunk(thinking=Thinking("let ")),
            Chunk(thinking=Thinking("me see")),
            Chunk(thinking=Thinking(signature="s")),
            Chunk(text="A "),
            Chunk(text="b"),
            Chunk(tool_calls=(ToolCallDelta(1, "2", "late", "{"), ToolCallDelta(0, "1", "first"))),
            Chunk(tool_calls=(ToolCallDelta(0, arguments="{}"), ToolCallDelta(1, arguments="}"))),
            Chunk(finish_reason="tool_calls"),
            Chunk(usage=Usage(1, 2)),
        ]
    )
    assert whole is not None
    assert whole.text == "A b"
    assert whole.thinking == (Thinking("let me see", "s"),)
    assert [(c.id, c.name, c.arguments) for c in whole.tool_calls] == [
        ("1", "first", "{}"),
        ("2", "late", "{}"),
    ]
    assert whole.finish_reason == "tool_calls"
    assert whole.usage == Usage(1, 2)


def test_what_broke_off_is_no_answer() -> None:
    chunks = list(replay(answer()))
    assert assemble(chunks[:-1]) is None
    assert assemble([*chunks[:-1], Chunk(continued_by="q"), chunks[-1]]) is None


def test_a_long_stream_is_let_go() -> None:
    assembly = Assembly(10_000)
    for _ in range(1000):
        assembly.feed(Chunk(text="x" * 100))
    assembly.feed(Chunk(finish_reason="stop"))
    assert assembly.whole() is None
    assert assembly._parts is None
    empty = Assembly(10_000)
    for _ in range(1000):
        empty.feed(Chunk(tool_calls=(ToolCallDelta(0),)))
    assert empty._parts is None
