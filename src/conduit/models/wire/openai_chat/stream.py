"""Reading a stream of ``POST /chat/completions``."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import Chunk, Citation, ToolCallDelta, Usage
from conduit.contracts.json import JsonObject
from conduit.models.exchange import ErrorInside, Frame, NewId, NotTheProtocol
from conduit.models.reading import error_words, list_of, name_of, object_of, parse_object, text_of
from conduit.models.wire.openai_chat.reply import (
    arguments_of,
    citations_of,
    content_of,
    finish_of,
    logprobs_of,
    refuse_error,
    refuses,
    stop_sequence_of,
    thinking_of,
    usage_of,
)

_PLAIN = frozenset(("role", "content"))
_SOURCES = ("citations", "search_results")


class OpenAIStream:
    """Chunks of one stream.

    The finish reason is held back to the end, because usage comes after it. Usage may come with
    every event: the last counts. A tool call is known by its index; where a look-alike gives none,
    or the same for all, a new id begins a new call. Sources that are sent again with each event
    are told once.
    """

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._ids: list[str] = []
        self._at: dict[int, int] = {}
        self._cited: dict[Citation, None] = {}
        self._answered = False
        self._refused = False
        self._reason: Any = None
        self._stop_sequence = ""
        self._usage: Usage | None = None
        self.model = ""
        self.ended = False

    @property
    def complete(self) -> bool:
        return self._reason is not None

    def feed(self, frame: Frame) -> list[Chunk]:
        if frame.data.startswith(b"[DONE]"):
            self.ended = True
            return []
        event = parse_object(frame.data, "an event of the stream")
        refuse_error(event)
        if frame.event == "error":
            raise ErrorInside(error_words(event) or "an error without words")
        if event.get("usage") or "x_groq" in event:
            self._usage = usage_of(event) or self._usage
        choices = list_of(event.get("choices"), "choices")
        if not choices:
            return []
        choice = object_of(choices[0], "choices[0]")
        if choice.get("index", 0) != 0:
            return []
        self._answered = True
        self.model = self.model or text_of(event.get("model"), "model")
        if choice.get("finish_reason") is not None:
            self._reason = choice["finish_reason"]
            self._stop_sequence = stop_sequence_of(choice)
        return self._delta(event, choice)

    def finish(self) -> Chunk:
        if not self._answered or not (self.ended or self.complete):
            raise NotTheProtocol("the stream ended before the answer did")
        reason = finish_of(self._reason, bool(self._ids), self._refused)
        return Chunk(finish_reason=reason, usage=self._usage, stop_sequence=self._stop_sequence)

    def _delta(self, event: JsonObject, choice: JsonObject) -> list[Chunk]:
        """A chunk carries one piece of thinking: further ones stand in chunks before it."""
        delta = object_of(choice.get("delta") or {}, "delta")
        if (
            type(plain := delta.get("content")) is str
            and delta.keys() <= _PLAIN
            and event.keys().isdisjoint(_SOURCES)
            and not choice.get("logprobs")
        ):
            return [Chunk(plain)] if plain else []
        text = content_of(delta)
        self._refused = self._refused or refuses(delta)
        calls = tuple(
            self._call(object_of(call, "delta.tool_calls[]"))
            for call in list_of(delta.get("tool_calls"), "delta.tool_calls")
        )
        sources, logprobs = self._new_sources(event, delta), logprobs_of(choice)
        thoughts = list(thinking_of(delta))
        last = thoughts.pop() if thoughts else None
        chunks = [Chunk(thinking=thought) for thought in thoughts]
        if text or calls or sources or logprobs or last is not None:
            chunks.append(Chunk(text, calls, thinking=last, citations=sources, logprobs=logprobs))
        return chunks

    def _new_sources(self, event: JsonObject, delta: JsonObject) -> tuple[Citation, ...]:
        new = [source for source in citations_of(event, delta) if source not in self._cited]
        self._cited |= dict.fromkeys(new)
        return tuple(dict.fromkeys(new))

    def _call(self, call: JsonObject) -> ToolCallDelta:
        function = object_of(call.get("function") or {}, "tool_calls[].function")
        arguments = arguments_of(function.get("arguments"), "tool_calls[].function")
        theirs, given = call.get("index"), text_of(call.get("id"), "tool_calls[].id")
        if not isinstance(theirs, int):
            theirs = len(self._ids) if given or not self._ids else len(self._ids) - 1
        ours = self._at.get(theirs)
        name = text_of(function.get("name"), "tool_calls[].function.name")
        if ours is not None and not (given and name and given != self._ids[ours]):
            return ToolCallDelta(ours, arguments=arguments)
        self._at[theirs] = len(self._ids)
        self._ids.append(given or self._new_id())
        return ToolCallDelta(
            self._at[theirs], self._ids[-1], name_of(name, "tool_calls[].name"), arguments
        )
