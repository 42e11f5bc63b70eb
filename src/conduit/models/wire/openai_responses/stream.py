"""Reading the events of ``POST /responses``."""

from __future__ import annotations

from conduit.contracts.chat import Chunk, Thinking, ToolCallDelta, Usage
from conduit.contracts.json import JsonObject
from conduit.models.exchange import ErrorInside, Frame, NewId, NotTheProtocol
from conduit.models.reading import error_words, name_of, object_of, parse_object, text_of
from conduit.models.wire.openai_responses.reply import (
    citation_of,
    finish_of,
    logprobs_of,
    refuse_failure,
    signature_of,
    usage_of,
)


class ResponsesStream:
    """Chunks of one stream. Its items are known by their ``output_index``. Events of a type that
    is not known are passed over. The last event holds the response, and why it ended."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()
        self._thought: set[int] = set()
        self._refused = False
        self._last: JsonObject | None = None
        self._usage: Usage | None = None
        self.model = ""

    @property
    def complete(self) -> bool:
        return self._last is not None

    @property
    def ended(self) -> bool:
        return self._last is not None

    def feed(self, frame: Frame) -> list[Chunk]:
        if frame.data.startswith(b"[DONE]"):
            return []
        event = parse_object(frame.data, "an event of the stream")
        match event.get("type"):
            case "response.output_text.delta":
                text, logprobs = text_of(event.get("delta"), "delta"), logprobs_of(event)
                return [Chunk(text, logprobs=logprobs)] if text or logprobs else []
            case "response.function_call_arguments.delta":
                return self._arguments(event, text_of(event.get("delta"), "delta"))
            case "response.refusal.delta":
                self._refused = True
                return _one(text_of(event.get("delta"), "delta"))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                self._thought.add(_index(event))
                return _thought(text_of(event.get("delta"), "delta"))
            case "response.reasoning_summary_part.added":
                return _thought("\n\n" if _index(event) in self._thought else "")
            case "response.output_text.annotation.added":
                sources = tuple(citation_of(event.get("annotation")))
                return [Chunk(citations=sources)] if sources else []
            case "response.output_item.added":
                return self._begin(event, object_of(event.get("item"), "item"))
            case "response.output_item.done":
                return self._end(event, object_of(event.get("item"), "item"))
            case "response.created":
                self.model = text_of(_response(event).get("model"), "response.model")
            case "response.failed":
                refuse_failure(_response(event) | {"status": "failed"})
            case "response.completed" | "response.incomplete":
                self._last = _response(event)
                refuse_failure(self._last)
                self._usage = usage_of(self._last)
                self.model = self.model or text_of(self._last.get("model"), "response.model")
            case "error":
                raise ErrorInside(
                    error_words(event.get("error") or event) or "an error without words"
                )
            case _ if event.get("error"):
                raise ErrorInside(error_words(event) or "an error without words")
        return []

    def finish(self) -> Chunk:
        if self._last is None:
            raise NotTheProtocol("the stream ended before the answer did")
        reason = finish_of(self._last, bool(self._calls), self._refused)
        return Chunk(finish_reason=reason, usage=self._usage)

    def _begin(self, event: JsonObject, item: JsonObject) -> list[Chunk]:
        if item.get("type") != "function_call":
            return []
        at, ours = _index(event), len(self._calls)
        self._calls[at] = ours
        given = text_of(item.get("call_id"), "item.call_id") or self._new_id()
        arguments = text_of(item.get("arguments"), "item.arguments")
        if not arguments:
            self._silent.add(at)
        return _call(ToolCallDelta(ours, given, name_of(item.get("name"), "item.name"), arguments))

    def _arguments(self, event: JsonObject, piece: str) -> list[Chunk]:
        at = _index(event)
        if at not in self._calls:
            raise NotTheProtocol(f"arguments for item {at}, which is no call of a function")
        self._silent.discard(at)
        return _call(ToolCallDelta(self._calls[at], arguments=piece)) if piece else []

    def _end(self, event: JsonObject, item: JsonObject) -> list[Chunk]:
        """A server may send all arguments with the end of the item, and not one before."""
        at = _index(event)
        if item.get("type") == "reasoning" and (signature := signature_of(item)):
            return [Chunk(thinking=Thinking(signature=signature))]
        if item.get("type") != "function_call":
            return []
        begun = [] if at in self._calls else self._begin(event, item | {"arguments": ""})
        if at not in self._silent:
            return begun
        arguments = text_of(item.get("arguments"), "item.arguments") or "{}"
        return begun + self._arguments(event, arguments)


def _response(event: JsonObject) -> JsonObject:
    return object_of(event.get("response"), "response")


def _index(event: JsonObject) -> int:
    at = event.get("output_index")
    if not isinstance(at, int):
        raise NotTheProtocol("an event of an item has no output_index")
    return at


def _one(text: str) -> list[Chunk]:
    return [Chunk(text)] if text else []


def _thought(text: str) -> list[Chunk]:
    return [Chunk(thinking=Thinking(text))] if text else []


def _call(delta: ToolCallDelta) -> list[Chunk]:
    return [Chunk(tool_calls=(delta,))]
