"""What ``ConverseStream`` answers, piece by piece."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import Chunk, Thinking, ToolCallDelta, Usage
from conduit.contracts.json import JsonObject
from conduit.models.exchange import ErrorInside, Frame, NewId, NotTheProtocol
from conduit.models.reading import error_words, object_of, parse_object, text_of
from conduit.models.wire.bedrock.reply import citation, finish, index_of, named, usage


class BedrockStream:
    """Chunks of one stream. A frame is named after its event; exceptions are frames too. Events
    that are not known are passed over. Usage comes last, after the stop reason."""

    def __init__(self, new_id: NewId) -> None:
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()
        self._answered = False
        self._reason = ""
        self._usage: Usage | None = None
        self.ended = False

    @property
    def model(self) -> str:
        """It does not say."""
        return ""

    @property
    def complete(self) -> bool:
        return bool(self._reason)

    def feed(self, frame: Frame) -> list[Chunk]:
        event = parse_object(frame.data, "an event of the stream")
        match frame.event:
            case "contentBlockDelta":
                return self._delta(event)
            case "contentBlockStart":
                return self._begin(event)
            case "contentBlockStop":
                return self._end(event)
            case "messageStop":
                self._reason = text_of(event.get("stopReason"), "stopReason") or "end_turn"
            case "metadata":
                self._usage = usage(event.get("usage"))
                self.ended = self.complete
            case name if name == "error" or name.endswith("Exception"):
                raise ErrorInside(_words(name, event))
        return []

    def finish(self) -> Chunk:
        if not self._reason:
            raise NotTheProtocol("the stream ended before the answer did")
        reason = finish(self._reason, answered=self._answered)
        return Chunk(finish_reason=reason, usage=self._usage)

    def _begin(self, event: JsonObject) -> list[Chunk]:
        start = object_of(event.get("start") or {}, "start")
        if "toolUse" not in start:
            return []
        use, at = object_of(start["toolUse"], "start.toolUse"), index_of(event)
        self._answered = True
        self._calls[at] = len(self._calls)
        self._silent.add(at)
        return _one_call(ToolCallDelta(self._calls[at], *named(use, "start.toolUse")))

    def _delta(self, event: JsonObject) -> list[Chunk]:
        delta = object_of(event.get("delta"), "delta")
        if "text" in delta:
            text = text_of(delta["text"], "delta.text")
            self._answered = self._answered or bool(text)
            return [Chunk(text)] if text else []
        if "toolUse" in delta:
            return self._arguments(event, object_of(delta["toolUse"], "delta.toolUse"))
        if "reasoningContent" in delta:
            return _thought(delta["reasoningContent"])
        if "citation" in delta:
            return [Chunk(citations=(citation(delta["citation"]),))]
        return []

    def _arguments(self, event: JsonObject, use: JsonObject) -> list[Chunk]:
        piece, at = text_of(use.get("input"), "delta.toolUse.input"), index_of(event)
        if at not in self._calls:
            raise NotTheProtocol(f"a delta for block {at}, which is no tool call")
        if not piece:
            return []
        self._silent.discard(at)
        return _one_call(ToolCallDelta(self._calls[at], arguments=piece))

    def _end(self, event: JsonObject) -> list[Chunk]:
        """A tool without arguments sends no piece at all; its arguments are an empty object."""
        at = index_of(event)
        if at not in self._silent:
            return []
        self._silent.discard(at)
        return _one_call(ToolCallDelta(self._calls[at], arguments="{}"))


def _words(name: str, event: JsonObject) -> str:
    said = error_words(event)
    return f"{name}: {said}" if said else name


def _thought(value: Any) -> list[Chunk]:
    content = object_of(value, "delta.reasoningContent")
    thought = Thinking(
        text=text_of(content.get("text"), "delta.reasoningContent.text"),
        signature=text_of(content.get("signature"), "delta.reasoningContent.signature"),
        redacted=text_of(content.get("redactedContent"), "delta.reasoningContent.redacted"),
    )
    return [Chunk(thinking=thought)] if thought != Thinking() else []


def _one_call(delta: ToolCallDelta) -> list[Chunk]:
    return [Chunk(tool_calls=(delta,))]
