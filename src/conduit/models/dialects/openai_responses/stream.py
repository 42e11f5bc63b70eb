"""A stream as clients of OpenAI's Responses expect it: typed, numbered events.

The last event repeats the whole answer, so a writer keeps what it has written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from conduit.contracts.chat import (
    Chunk,
    Citation,
    FinishReason,
    Thinking,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from conduit.contracts.json import JsonObject
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.dialects.openai_responses.write import (
    call_item,
    citing,
    ending,
    message_item,
    reasoning_item,
    response,
    text_part,
)

_NOTHING = Usage()


@dataclass(slots=True)
class _Item:
    """One item of the output that is still growing."""

    at: int
    id: str
    pieces: list[str] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)
    call: ToolCall | None = None


class EventWriter:
    """One stream as Server-Sent Events. Calls may grow side by side, and end together."""

    def __init__(self, to: ReplyTo) -> None:
        self._to = to
        self._model = ""
        self._number = 0
        self._started = False
        self._output: list[JsonObject] = []
        self._message: _Item | None = None
        self._thought: _Item | None = None
        self._calls: dict[int, _Item] = {}
        self._sources: list[Citation] = []
        self._usage: Usage | None = None
        self._reason: FinishReason = "stop"
        self._head = b""

    def write(self, chunk: Chunk) -> bytes:
        """One chunk as the events that it makes; the first one begins the response."""
        if (
            self._message
            and chunk.text
            and not (
                chunk.finish_reason
                or chunk.tool_calls
                or chunk.thinking
                or chunk.citations
                or chunk.logprobs
                or chunk.usage
                or chunk.continued_by
            )
        ):
            self._message.pieces.append(chunk.text)
            number = self._number
            self._number = number + 1
            return self._head + orjson.dumps(chunk.text) + b',"sequence_number":%d}\n\n' % number
        return b"".join(self._events(chunk))

    def _events(self, chunk: Chunk) -> list[bytes]:
        events: list[bytes] = []
        self._start(chunk.model, events)
        self._usage = chunk.usage or self._usage
        self._reason = chunk.finish_reason or self._reason
        if chunk.continued_by:
            said = {"continued_by": chunk.continued_by}
            begun = response(self._to, self._model, "in_progress", [], None) | {"conduit": said}
            events.append(self._event("response.in_progress", response=begun))
        if chunk.thinking:
            self._think(chunk.thinking, events)
        if chunk.text or chunk.logprobs:
            self._say(chunk, events)
        self._sources += chunk.citations
        for call in chunk.tool_calls:
            self._call(call, events)
        return events

    def _start(self, model: str, events: list[bytes]) -> None:
        self._model = model or self._model
        if self._started:
            return
        self._started = True
        begun = response(self._to, self._model, "in_progress", [], None)
        events.append(self._event("response.created", response=begun))
        events.append(self._event("response.in_progress", response=begun))

    def _event(self, kind: str, **fields: object) -> bytes:
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"

    def _begin(self, prefix: str, item: JsonObject, events: list[bytes]) -> _Item:
        begun = _Item(len(self._output), f"{prefix}_{self._to.id}_{len(self._output)}")
        item["id"] = begun.id
        self._output.append(item)
        events.append(self._event("response.output_item.added", output_index=begun.at, item=item))
        return begun

    def _done(self, item: _Item, whole: JsonObject, events: list[bytes]) -> None:
        self._output[item.at] = whole
        events.append(self._event("response.output_item.done", output_index=item.at, item=whole))

    def _say(self, chunk: Chunk, events: list[bytes]) -> None:
        self._end_thought("", "", events)
        item = self._message
        if item is None:
            item = self._message = self._begin("msg", message_item("", "in_progress", []), events)
            events.append(
                self._event(
                    "response.content_part.added",
                    item_id=item.id,
                    output_index=item.at,
                    content_index=0,
                    part=text_part("", []),
                )
            )
            self._head = (
                b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
                b'"item_id":"%b","output_index":%d,"content_index":0,"logprobs":[],"delta":'
                % (item.id.encode(), item.at)
            )
        item.pieces.append(chunk.text)
        item.logprobs += chunk.logprobs
        events.append(
            self._event(
                "response.output_text.delta",
                item_id=item.id,
                output_index=item.at,
                content_index=0,
                delta=chunk.text,
                logprobs=chunk.logprobs,
            )
        )

    def _end_message(self, status: str, events: list[bytes]) -> None:
        item = self._message
        if item is None:
            return
        self._message = None
        text = "".join(item.pieces)
        place = {"item_id": item.id, "output_index": item.at, "content_index": 0}
        part = text_part(text, citing(self._sources, len(text)))
        part["logprobs"] = item.logprobs
        self._sources = []
        for at, each in enumerate(part["annotations"]):
            kind = "response.output_text.annotation.added"
            events.append(self._event(kind, **place, annotation_index=at, annotation=each))
        events += [
            self._event("response.output_text.done", **place, text=text, logprobs=item.logprobs),
            self._event("response.content_part.done", **place, part=part),
        ]
        self._done(item, message_item(item.id, status, [part]), events)

    def _think(self, part: Thinking, events: list[bytes]) -> None:
        self._end_message("completed", events)
        item = self._thought
        if item is None:
            item = self._thought = self._begin("rs", reasoning_item("", Thinking()), events)
        place = {"item_id": item.id, "output_index": item.at, "summary_index": 0}
        if part.text:
            if not item.pieces:
                empty = {"type": "summary_text", "text": ""}
                kind = "response.reasoning_summary_part.added"
                events.append(self._event(kind, **place, part=empty))
            item.pieces.append(part.text)
            kind = "response.reasoning_summary_text.delta"
            events.append(self._event(kind, **place, delta=part.text))
        if part.signature or part.redacted:
            self._end_thought(part.signature, part.redacted, events)

    def _end_thought(self, signature: str, redacted: str, events: list[bytes]) -> None:
        item = self._thought
        if item is None:
            return
        self._thought = None
        text = "".join(item.pieces)
        place = {"item_id": item.id, "output_index": item.at, "summary_index": 0}
        if text:
            events += [
                self._event("response.reasoning_summary_text.done", **place, text=text),
                self._event(
                    "response.reasoning_summary_part.done",
                    **place,
                    part={"type": "summary_text", "text": text},
                ),
            ]
        self._done(item, reasoning_item(item.id, Thinking(text, signature, redacted)), events)

    def _call(self, piece: ToolCallDelta, events: list[bytes]) -> None:
        item = self._calls.get(piece.index)
        if item is None:
            self._end_thought("", "", events)
            self._end_message("completed", events)
            call = ToolCall(piece.id, piece.name, "")
            item = self._begin("fc", call_item("", call, "in_progress"), events)
            item.call = call
            self._calls[piece.index] = item
        if piece.arguments:
            item.pieces.append(piece.arguments)
            events.append(
                self._event(
                    "response.function_call_arguments.delta",
                    item_id=item.id,
                    output_index=item.at,
                    delta=piece.arguments,
                )
            )

    def _end_calls(self, status: str, events: list[bytes]) -> None:
        for item in self._calls.values():
            if item.call is None:
                continue
            call = ToolCall(item.call.id, item.call.name, "".join(item.pieces))
            events.append(
                self._event(
                    "response.function_call_arguments.done",
                    item_id=item.id,
                    output_index=item.at,
                    name=call.name,
                    arguments=call.arguments,
                )
            )
            self._done(item, call_item(item.id, call, status), events)
        self._calls.clear()

    def end(self) -> bytes:
        """Every item ends, then the response, with its usage."""
        status, details = ending(self._reason)
        events: list[bytes] = []
        self._start("", events)
        self._end_items(status, events)
        whole = response(
            self._to, self._model, status, self._output, self._usage or _NOTHING, details
        )
        events.append(self._event(f"response.{status}", response=whole))
        return b"".join(events)

    def _end_items(self, status: str, events: list[bytes]) -> None:
        self._end_thought("", "", events)
        if not self._output:
            self._say(Chunk(), events)
        self._end_message(status, events)
        self._end_calls("completed" if status == "completed" else "incomplete", events)

    def error(self, error: ErrorInfo, status: int) -> bytes:
        """The response failed; what was said until then is in it. Of a stream that was passed on
        nothing was said here, and it has begun already."""
        events: list[bytes] = []
        self._end_thought("", "", events)
        self._end_message("incomplete", events)
        self._end_calls("incomplete", events)
        code = "rate_limit_exceeded" if status == 429 else "server_error"
        said = {"code": code, "message": error.message}
        whole = response(self._to, self._model, "failed", self._output, self._usage, error=said) | {
            "conduit": {"code": error.code, "hint": error.hint}
        }
        events.append(self._event("response.failed", response=whole))
        return b"".join(events)
