"""A stream as clients of Anthropic's Messages API expect it: blocks that begin, grow and stop."""

from __future__ import annotations

from typing import Literal

import orjson

from conduit.contracts.chat import Chunk, Citation, Thinking, ToolCallDelta, Usage
from conduit.contracts.json import JsonObject
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects.anthropic.write import (
    citation,
    error_body,
    message,
    stop_reason,
    usage,
)
from conduit.models.dialects.dialect import ReplyTo

_PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_Block = Literal["", "text", "thinking", "tool"]


class EventWriter:
    """One stream as Server-Sent Events.

    One block is open at a time: a piece of another kind, or of another tool call, closes it. A
    late piece for a tool call that was closed still bears its index, by which clients put pieces
    together.
    """

    def __init__(self, to: ReplyTo) -> None:
        self._to = to
        self._started = False
        self._open: _Block = ""
        self._at = -1
        self._calls: dict[int, int] = {}
        self._sources: list[Citation] = []
        self._usage = Usage(input_tokens=to.input_tokens)
        self._ending: JsonObject = {"stop_reason": "end_turn", "stop_sequence": None}
        self._head = b""

    def write(self, chunk: Chunk) -> bytes:
        """One chunk as the events that it makes; the first one begins the message."""
        if (
            self._open == "text"
            and chunk.text
            and not (
                chunk.finish_reason
                or chunk.tool_calls
                or chunk.thinking
                or chunk.citations
                or chunk.usage
                or chunk.continued_by
            )
        ):
            return self._head + orjson.dumps(chunk.text) + b"}}\n\n"
        return b"".join(self._events(chunk))

    def _events(self, chunk: Chunk) -> list[bytes]:
        events = [] if self._started else [self._start(chunk)]
        self._usage = chunk.usage or self._usage
        if chunk.continued_by:
            said = {"type": "ping", "conduit": {"continued_by": chunk.continued_by}}
            events.append(_event("ping", said))
        if chunk.thinking:
            self._think(chunk.thinking, events)
        if chunk.citations:
            self._sources += chunk.citations
        if chunk.text:
            if self._open != "text":
                self._begin("text", {"type": "text", "text": ""}, events)
            events.append(self._head + orjson.dumps(chunk.text) + b"}}\n\n")
        if self._sources and self._open == "text":
            events += [self._delta("citations_delta", citation=citation(s)) for s in self._sources]
            self._sources = []
        for call in chunk.tool_calls:
            self._call(call, events)
        if chunk.finish_reason:
            self._ending = {
                "stop_reason": stop_reason(chunk.finish_reason, chunk.stop_sequence),
                "stop_sequence": chunk.stop_sequence or None,
            }
        return events

    def _start(self, chunk: Chunk) -> bytes:
        self._started = True
        begun = message(self._to, chunk.model, [], usage(chunk.usage or self._usage))
        return _event("message_start", {"type": "message_start", "message": begun}) + _PING

    def _begin(self, block: _Block, content: JsonObject, events: list[bytes]) -> None:
        self._close(events)
        self._open = block
        self._at += 1
        started = {
            "type": "content_block_start",
            "index": self._at,
            "content_block": content,
        }
        events.append(_event("content_block_start", started))
        if block == "text":
            self._head = (
                b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
                b'"delta":{"type":"text_delta","text":' % self._at
            )

    def _close(self, events: list[bytes]) -> None:
        if self._open:
            stop = {"type": "content_block_stop", "index": self._at}
            events.append(_event("content_block_stop", stop))
            self._open = ""

    def _delta(self, kind: str, at: int | None = None, **fields: object) -> bytes:
        return _event(
            "content_block_delta",
            {
                "type": "content_block_delta",
                "index": self._at if at is None else at,
                "delta": {"type": kind, **fields},
            },
        )

    def _think(self, part: Thinking, events: list[bytes]) -> None:
        if part.redacted:
            self._begin("thinking", {"type": "redacted_thinking", "data": part.redacted}, events)
            self._close(events)
            return
        if self._open != "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            self._begin("thinking", empty, events)
        if part.text:
            events.append(self._delta("thinking_delta", thinking=part.text))
        if part.signature:
            events.append(self._delta("signature_delta", signature=part.signature))
            self._close(events)

    def _call(self, call: ToolCallDelta, events: list[bytes]) -> None:
        if call.index not in self._calls:
            empty = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            self._begin("tool", empty, events)
            self._calls[call.index] = self._at
        if call.arguments:
            at = self._calls[call.index]
            events.append(self._delta("input_json_delta", at, partial_json=call.arguments))

    def end(self) -> bytes:
        """The last block stops, and the message with its reason and its usage."""
        events = [] if self._started else [self._start(Chunk())]
        self._close(events)
        ending = {"type": "message_delta", "delta": self._ending, "usage": usage(self._usage)}
        return b"".join([*events, _event("message_delta", ending), _STOP])

    def error(self, error: ErrorInfo, status: int) -> bytes:
        """An error as an event, after which nothing comes."""
        return _event("error", error_body(error, status))


def _event(name: str, data: JsonObject) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"
