"""A stream as one answer, and one answer as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from conduit.contracts.chat import (
    ChatResponse,
    Chunk,
    Citation,
    FinishReason,
    Thinking,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from conduit.contracts.json import Json

_PIECE_OVERHEAD: Final = 64
"""Bytes that a piece counts beside its text, so that a stream of empty ones ends too."""
_LEAST_PIECE: Final = 32
"""Characters of a piece in a replay: about eight tokens."""
_PIECES: Final = 64
"""About how many a long text is cut into."""


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Parts:
    text: list[str] = field(default_factory=list)
    thinking: list[Thinking] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    citations: list[Citation] = field(default_factory=list)
    logprobs: list[Json] = field(default_factory=list)
    dropped: tuple[str, ...] = ()
    usage: Usage | None = None
    finish: FinishReason | None = None
    stop_sequence: str = ""
    provider: str = ""
    model: str = ""

    def add(self, chunk: Chunk) -> None:
        if chunk.text:
            self.text.append(chunk.text)
        if chunk.thinking is not None:
            self._think(chunk.thinking)
        for delta in chunk.tool_calls:
            call = self.calls.setdefault(delta.index, _Call())
            call.id = call.id or delta.id
            call.name = call.name or delta.name
            call.arguments.append(delta.arguments)
        self.citations += chunk.citations
        self.logprobs += chunk.logprobs
        self.dropped += chunk.dropped
        self.usage = chunk.usage or self.usage
        self.finish = chunk.finish_reason or self.finish
        self.stop_sequence = chunk.stop_sequence or self.stop_sequence
        self.provider = chunk.provider or self.provider
        self.model = chunk.model or self.model

    def response(self, finish: FinishReason) -> ChatResponse:
        self._close("", "")
        return ChatResponse(
            text="".join(self.text),
            tool_calls=tuple(
                ToolCall(call.id, call.name, "".join(call.arguments))
                for _, call in sorted(self.calls.items(), key=lambda item: item[0])
            ),
            finish_reason=finish,
            usage=self.usage,
            provider=self.provider,
            model=self.model,
            thinking=tuple(self.thinking),
            citations=tuple(self.citations),
            logprobs=self.logprobs,
            stop_sequence=self.stop_sequence,
            dropped=self.dropped,
        )

    def _think(self, piece: Thinking) -> None:
        if piece.text:
            self.thought.append(piece.text)
        if piece.signature or piece.redacted:
            self._close(piece.signature, piece.redacted)

    def _close(self, signature: str, redacted: str) -> None:
        if self.thought or signature or redacted:
            self.thinking.append(Thinking("".join(self.thought), signature, redacted))
            self.thought = []


class Assembly:
    """Puts a stream together as it passes. Holds about ``most_bytes`` at most: a longer answer is
    let go at once, and ``whole`` is None."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._parts: _Parts | None = _Parts()

    def feed(self, chunk: Chunk) -> None:
        """The next chunk."""
        if self._parts is None:
            return
        self._left -= _size(chunk)
        if self._left < 0 or chunk.continued_by:  # of two providers' halves nothing is kept
            self._parts = None
        else:
            self._parts.add(chunk)

    def whole(self) -> ChatResponse | None:
        """The answer; None when it broke off, was continued by somebody else, or was too long."""
        if self._parts is None or self._parts.finish is None:
            return None
        return self._parts.response(self._parts.finish)


def replay(response: ChatResponse) -> Iterator[Chunk]:
    """An answer as a stream: thinking, text, calls, then the end. The text comes in pieces that end
    after a space where there is one, never more than 128, so that a page that draws as it reads has
    something to draw and a long answer costs no more than a short one.

    Log probabilities come with the first piece of text, as they are not told apart by piece."""
    first = Chunk(provider=response.provider, model=response.model, dropped=response.dropped)
    yield first
    for thought in response.thinking:
        *early, last = pieces(thought.text) or [""]
        for piece in early:
            yield Chunk(thinking=Thinking(piece))
        yield Chunk(thinking=Thinking(last, thought.signature, thought.redacted))
    logprobs = response.logprobs
    for piece in pieces(response.text):
        yield Chunk(text=piece, logprobs=logprobs)
        logprobs = []
    if response.citations:
        yield Chunk(citations=response.citations)
    for index, call in enumerate(response.tool_calls):
        yield Chunk(tool_calls=(ToolCallDelta(index, call.id, call.name),))
        for piece in pieces(call.arguments):
            yield Chunk(tool_calls=(ToolCallDelta(index, arguments=piece),))
    yield Chunk(
        finish_reason=response.finish_reason,
        usage=response.usage,
        stop_sequence=response.stop_sequence,
        logprobs=logprobs,
    )


def pieces(text: str) -> list[str]:
    """``text`` in pieces that join to it again; none of them empty."""
    size = max(_LEAST_PIECE, -(-len(text) // _PIECES))
    cut: list[str] = []
    at = 0
    while at < len(text):
        end = at + size
        if end < len(text):
            space = text.rfind(" ", at + size // 2, end)
            end = space + 1 if space >= 0 else end
        cut.append(text[at:end])
        at = end
    return cut


def _size(chunk: Chunk) -> int:
    size = _PIECE_OVERHEAD + len(chunk.text)
    if chunk.thinking is not None:
        size += len(chunk.thinking.text) + len(chunk.thinking.signature)
        size += len(chunk.thinking.redacted)
    for delta in chunk.tool_calls:
        size += _PIECE_OVERHEAD + len(delta.id) + len(delta.name) + len(delta.arguments)
    for source in chunk.citations:
        size += _PIECE_OVERHEAD + len(source.url) + len(source.title) + len(source.quote)
    return size + 256 * len(chunk.logprobs)
