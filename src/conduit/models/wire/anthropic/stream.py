"""What the Messages API answers, piece by piece."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import Chunk, Thinking, ToolCallDelta, Usage
from conduit.contracts.json import JsonObject
from conduit.models.exchange import Frame, NewId, NotTheProtocol
from conduit.models.reading import object_of, parse_object, text_of
from conduit.models.wire.anthropic.reply import (
    citation,
    finish,
    named,
    refuse_error,
    thinking,
    usage,
)


class AnthropicStream:
    """Chunks of one stream. Events of a type that is not known are passed over, as the API asks."""

    def __init__(self, new_id: NewId) -> None:
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()
        self.model = ""
        self._reason: Any = None
        self._stop_sequence = ""
        self._usage: Usage | None = None
        self._started = False
        self.ended = False

    @property
    def complete(self) -> bool:
        return self._reason is not None

    def feed(self, frame: Frame) -> list[Chunk]:
        event = parse_object(frame.data, "an event of the stream")
        refuse_error(event)
        match event.get("type"):
            case "content_block_delta":
                return self._delta(event)
            case "content_block_start":
                return self._begin(event)
            case "content_block_stop":
                return self._end(event)
            case "message_start":
                message = object_of(event.get("message"), "message")
                self._started = True
                self.model = text_of(message.get("model"), "message.model")
                self._usage = usage(message.get("usage"), None)
            case "message_delta":
                delta = object_of(event.get("delta"), "delta")
                self._reason = delta.get("stop_reason") or self._reason
                self._stop_sequence = text_of(delta.get("stop_sequence"), "delta.stop_sequence")
                self._usage = usage(event.get("usage"), self._usage)
            case "message_stop":
                self.ended = True
        return []

    def finish(self) -> Chunk:
        if not self._started or not (self.ended or self.complete):
            raise NotTheProtocol("the stream ended before the answer did")
        return Chunk(
            finish_reason=finish(self._reason),
            usage=self._usage,
            stop_sequence=self._stop_sequence,
        )

    def _begin(self, event: JsonObject) -> list[Chunk]:
        part = object_of(event.get("content_block"), "content_block")
        match part.get("type"):
            case "text":
                return _text(part.get("text"))
            case "thinking" | "redacted_thinking":
                return _thought(thinking(part, "content_block"))
            case "tool_use":
                at = _index(event)
                self._calls[at] = len(self._calls)
                self._silent.add(at)
                return _one_call(ToolCallDelta(self._calls[at], *named(part, "content_block")))
        return []

    def _delta(self, event: JsonObject) -> list[Chunk]:
        delta = object_of(event.get("delta"), "delta")
        match delta.get("type"):
            case "text_delta":
                return _text(delta.get("text"))
            case "thinking_delta":
                return _thought(Thinking(text_of(delta.get("thinking"), "delta.thinking")))
            case "signature_delta":
                signature = text_of(delta.get("signature"), "delta.signature")
                return _thought(Thinking(signature=signature))
            case "citations_delta":
                return [Chunk(citations=(citation(delta.get("citation")),))]
            case "input_json_delta":
                return self._arguments(event, delta)
        return []

    def _arguments(self, event: JsonObject, delta: JsonObject) -> list[Chunk]:
        piece, at = text_of(delta.get("partial_json"), "delta.partial_json"), _index(event)
        if at not in self._calls:
            raise NotTheProtocol(f"a delta for block {at}, which is no tool call")
        if not piece:
            return []
        self._silent.discard(at)
        return _one_call(ToolCallDelta(self._calls[at], arguments=piece))

    def _end(self, event: JsonObject) -> list[Chunk]:
        """A tool without arguments sends no piece at all; its arguments are an empty object."""
        at = _index(event)
        if at not in self._silent:
            return []
        self._silent.discard(at)
        return _one_call(ToolCallDelta(self._calls[at], arguments="{}"))


def _text(value: Any) -> list[Chunk]:
    text = text_of(value, "text")
    return [Chunk(text)] if text else []


def _thought(thought: Thinking) -> list[Chunk]:
    return [Chunk(thinking=thought)] if thought != Thinking() else []


def _one_call(delta: ToolCallDelta) -> list[Chunk]:
    return [Chunk(tool_calls=(delta,))]


def _index(event: JsonObject) -> int:
    at = event.get("index")
    if not isinstance(at, int):
        raise NotTheProtocol("an event of a content block has no index")
    return at
