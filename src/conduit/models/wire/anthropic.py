"""Anthropic's Messages API.

Shapes: the API reference of ``POST /v1/messages`` and its streaming page, version 2023-06-01.
Differences that are bridged: the system prompt is a field of its own; a tool result is a block in a
user turn, and all results of one assistant turn stand in one user turn; ``max_tokens`` is required;
``temperature`` ends at 1. There is no ``seed``: it is left out. A shape is asked for under
``output_config``, in a smaller part of JSON Schema than OpenAI's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    FinishReason,
    Message,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from conduit.contracts.json import JsonObject
from conduit.models.exchange import (
    ErrorInside,
    Frame,
    Header,
    Listing,
    NewId,
    NotTheProtocol,
    Wire,
    WireRequest,
)
from conduit.models.reading import (
    arguments_object,
    count_of,
    error_words,
    json_body,
    json_text,
    list_of,
    name_of,
    object_of,
    parse_object,
    text_of,
)

DEFAULT_MAX_TOKENS = 4096
_VERSION = ("anthropic-version", "2023-06-01")
_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_CHOICE = {"auto": "auto", "none": "none", "required": "any"}
_BOUNDS = frozenset(
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems "
    "maxItems minProperties maxProperties uniqueItems".split()
)
"""Keywords that structured outputs refuse; whoever asked checks them on what comes."""


def encode(request: ChatRequest, model: str, stream: bool) -> WireRequest:
    """The request, with its system turns joined into one prompt."""
    system = "\n\n".join(m.content for m in request.messages if m.role == "system" and m.content)
    given = {
        "system": system or None,
        "temperature": None if request.temperature is None else min(request.temperature, 1.0),
        "top_p": request.top_p,
        "stop_sequences": list(request.stop) or None,
    }
    body: JsonObject = request.extra | {k: v for k, v in given.items() if v is not None}
    body |= {
        "model": model,
        "max_tokens": DEFAULT_MAX_TOKENS if request.max_tokens is None else request.max_tokens,
        "messages": _turns(request.messages),
        "stream": stream,
    }
    body |= _tools(request) | _shape(request)
    return WireRequest("/messages", json_body(body), (_VERSION,))


def authorize(key: str) -> tuple[Header, ...]:
    """Anthropic's own header."""
    return (("x-api-key", key),)


def _tools(request: ChatRequest) -> JsonObject:
    if not request.tools:
        return {}
    choice = request.tool_choice
    kind = _CHOICE.get(choice)
    return {
        "tools": [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ],
        "tool_choice": {"type": kind} if kind else {"type": "tool", "name": choice},
    }


def _shape(request: ChatRequest) -> JsonObject:
    """Structured outputs, beside whatever else is given in ``output_config`` (an effort)."""
    if request.output is None:
        return {}
    given = request.extra.get("output_config")
    shape = {"type": "json_schema", "schema": without_bounds(request.output.schema)}
    return {"output_config": (given if isinstance(given, dict) else {}) | {"format": shape}}


def without_bounds(schema: JsonObject) -> JsonObject:
    """A schema without the keywords that this API refuses. Names of properties are no keywords."""
    kept: JsonObject = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            kept[key] = {name: without_bounds(inner) for name, inner in value.items()}
        elif key == "items":
            kept[key] = without_bounds(value)
        elif key == "anyOf":
            kept[key] = [without_bounds(option) for option in value]
        elif key not in _BOUNDS:
            kept[key] = value
    return kept


def _turns(messages: Iterable[Message]) -> list[JsonObject]:
    """Turns in which neighbours of one role are merged: it is how parallel tool results must come,
    and empty turns, which are refused, disappear."""
    turns: list[JsonObject] = []
    for message in messages:
        blocks = _blocks(message)
        if not blocks:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message) -> list[JsonObject]:
    if message.role == "system":
        return []
    if message.role == "tool":
        return [
            {
                "type": "tool_result",
                "tool_use_id": message.tool_call_id,
                "content": message.content,
            }
        ]
    text: list[JsonObject] = (
        [{"type": "text", "text": message.content}] if message.content.strip() else []
    )
    return text + [
        {
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": arguments_object(call.arguments),
        }
        for call in message.tool_calls
    ]


def decode(body: bytes, new_id: NewId) -> ChatResponse:
    """A whole reply. ``new_id`` is not needed: this protocol always gives ids."""
    reply = parse_object(body, "the reply")
    _refuse_error(reply)
    if reply.get("type") != "message":
        raise NotTheProtocol("the reply is not of type 'message'")
    texts: list[str] = []
    calls: list[ToolCall] = []
    for at, item in enumerate(list_of(reply.get("content"), "content")):
        path = f"content[{at}]"
        part = object_of(item, path)
        if part.get("type") == "text":
            texts.append(text_of(part.get("text"), f"{path}.text"))
        elif part.get("type") == "tool_use":
            arguments = json_text(object_of(part.get("input"), f"{path}.input"))
            calls.append(ToolCall(*_named(part, path), arguments))
    return ChatResponse(
        text="".join(texts),
        tool_calls=tuple(calls),
        finish_reason=_finish(reply.get("stop_reason")),
        usage=_usage(reply.get("usage"), None),
        model=text_of(reply.get("model"), "model"),
    )


def _refuse_error(reply: JsonObject) -> None:
    if reply.get("type") == "error" or reply.get("error"):
        raise ErrorInside(error_words(reply.get("error")) or "an error without words")


def _named(part: JsonObject, path: str) -> tuple[str, str]:
    return name_of(part.get("id"), f"{path}.id"), name_of(part.get("name"), f"{path}.name")


def _finish(reason: Any) -> FinishReason:
    return _FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"


def _usage(usage: Any, before: Usage | None) -> Usage | None:
    """Counts are cumulative; cached input is input."""
    if not isinstance(usage, dict):
        return before
    read = sum(
        count_of(usage.get(name))
        for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    )
    known = before or Usage()
    return Usage(
        read or known.input_tokens, count_of(usage.get("output_tokens")) or known.output_tokens
    )


class AnthropicStream:
    """Chunks of one stream. Events of a type that is not known are passed over, as the API asks."""

    def __init__(self, new_id: NewId) -> None:
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()
        self.model = ""
        self._reason: Any = None
        self._usage: Usage | None = None
        self._started = False
        self.ended = False

    @property
    def complete(self) -> bool:
        return self._reason is not None

    def feed(self, frame: Frame) -> list[Chunk]:
        event = parse_object(frame.data, "an event of the stream")
        _refuse_error(event)
        match event.get("type"):
            case "message_start":
                message = object_of(event.get("message"), "message")
                self._started = True
                self.model = text_of(message.get("model"), "message.model")
                self._usage = _usage(message.get("usage"), None)
            case "content_block_start":
                return self._begin(event)
            case "content_block_delta":
                return self._delta(event)
            case "content_block_stop":
                return self._end(event)
            case "message_delta":
                self._reason = object_of(event.get("delta"), "delta").get("stop_reason")
                self._usage = _usage(event.get("usage"), self._usage)
            case "message_stop":
                self.ended = True
        return []

    def finish(self) -> Chunk:
        if not self._started or not (self.ended or self.complete):
            raise NotTheProtocol("the stream ended before the answer did")
        return Chunk(finish_reason=_finish(self._reason), usage=self._usage)

    def _begin(self, event: JsonObject) -> list[Chunk]:
        part = object_of(event.get("content_block"), "content_block")
        if part.get("type") == "text":
            return self._text(part.get("text"))
        if part.get("type") != "tool_use":
            return []
        at = _index(event)
        self._calls[at] = len(self._calls)
        self._silent.add(at)
        return _one_call(ToolCallDelta(self._calls[at], *_named(part, "content_block")))

    def _delta(self, event: JsonObject) -> list[Chunk]:
        delta = object_of(event.get("delta"), "delta")
        if delta.get("type") == "text_delta":
            return self._text(delta.get("text"))
        if delta.get("type") != "input_json_delta":
            return []
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

    def _text(self, value: Any) -> list[Chunk]:
        text = text_of(value, "text")
        return [Chunk(text)] if text else []


def _one_call(delta: ToolCallDelta) -> list[Chunk]:
    return [Chunk(tool_calls=(delta,))]


def _index(event: JsonObject) -> int:
    at = event.get("index")
    if not isinstance(at, int):
        raise NotTheProtocol("an event of a content block has no index")
    return at


ANTHROPIC = Wire(
    "anthropic",
    "sse",
    encode,
    decode,
    AnthropicStream,
    authorize,
    Listing(headers=(_VERSION,)),
)
