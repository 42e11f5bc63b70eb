"""Ollama's own chat protocol.

Shapes: the API reference of ``POST /api/chat``: newline-delimited JSON, tool arguments as objects,
usually no ids, sampling under ``options``. It has no ``tool_choice``; "none" leaves the tools out.
``format`` takes the JSON Schema that an answer must have.
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


def encode(request: ChatRequest, model: str, stream: bool) -> WireRequest:
    """The request. ``options`` given in ``extra`` are kept where the request says nothing."""
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "num_predict": request.max_tokens,
        "stop": list(request.stop) or None,
        "seed": request.seed,
    }
    options = {name: value for name, value in given.items() if value is not None}
    body: JsonObject = dict(request.extra)
    kept = body.get("options")
    if options:
        body["options"] = (kept if isinstance(kept, dict) else {}) | options
    body |= {"model": model, "messages": _turns(request.messages), "stream": stream}
    if request.output is not None:
        body["format"] = request.output.schema
    if request.tools and request.tool_choice != "none":
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in request.tools
        ]
    return WireRequest("/api/chat", json_body(body))


def authorize(key: str) -> tuple[Header, ...]:
    """A bearer token: a local server needs none, a hosted one does."""
    return (("Authorization", f"Bearer {key}"),)


def _turns(messages: Iterable[Message]) -> list[JsonObject]:
    turns: list[JsonObject] = []
    names: dict[str, str] = {}
    for message in messages:
        turn: JsonObject = {"role": message.role, "content": message.content}
        if message.tool_calls:
            names |= {call.id: call.name for call in message.tool_calls}
            turn["tool_calls"] = [
                {"function": {"name": call.name, "arguments": arguments_object(call.arguments)}}
                for call in message.tool_calls
            ]
        if message.role == "tool" and message.tool_call_id in names:
            turn["tool_name"] = names[message.tool_call_id]
        turns.append(turn)
    return turns


def decode(body: bytes, new_id: NewId) -> ChatResponse:
    """A whole reply."""
    reply = _checked(body, "the reply")
    if reply.get("done") is not True:
        raise NotTheProtocol("the reply is not marked as done")
    message = object_of(reply.get("message"), "message")
    calls = _calls(message, new_id)
    return ChatResponse(
        text=text_of(message.get("content"), "message.content"),
        tool_calls=calls,
        finish_reason=_finish(reply.get("done_reason"), bool(calls)),
        usage=_usage(reply),
        model=text_of(reply.get("model"), "model"),
    )


def _checked(data: bytes, what: str) -> JsonObject:
    reply = parse_object(data, what)
    if reply.get("error"):
        raise ErrorInside(error_words(reply) or "an error without words")
    return reply


def _calls(message: JsonObject, new_id: NewId) -> tuple[ToolCall, ...]:
    calls = []
    for at, item in enumerate(list_of(message.get("tool_calls"), "message.tool_calls")):
        path = f"message.tool_calls[{at}]"
        call = object_of(item, path)
        function = object_of(call.get("function"), f"{path}.function")
        arguments = function.get("arguments") or {}
        calls.append(
            ToolCall(
                id=text_of(call.get("id"), f"{path}.id") or new_id(),
                name=name_of(function.get("name"), f"{path}.function.name"),
                arguments=arguments if isinstance(arguments, str) else json_text(arguments),
            )
        )
    return tuple(calls)


def _finish(reason: Any, calls: bool) -> FinishReason:
    if calls:
        return "tool_calls"
    return "length" if reason == "length" else "stop"


def _usage(reply: JsonObject) -> Usage | None:
    if "eval_count" not in reply and "prompt_eval_count" not in reply:
        return None
    return Usage(count_of(reply.get("prompt_eval_count")), count_of(reply.get("eval_count")))


class OllamaStream:
    """Chunks of one stream. A tool call comes whole, in one line."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._called = 0
        self._last: JsonObject = {}
        self.model = ""
        self.ended = False

    @property
    def complete(self) -> bool:
        return self.ended

    def feed(self, frame: Frame) -> list[Chunk]:
        event = _checked(frame.data, "a line of the stream")
        message = object_of(event.get("message"), "message")
        self.model = self.model or text_of(event.get("model"), "model")
        if event.get("done") is True:
            self.ended, self._last = True, event
        text = text_of(message.get("content"), "message.content")
        deltas = tuple(
            ToolCallDelta(at, call.id, call.name, call.arguments)
            for at, call in enumerate(_calls(message, self._new_id), self._called)
        )
        self._called += len(deltas)
        return [Chunk(text, deltas)] if text or deltas else []

    def finish(self) -> Chunk:
        if not self.ended:
            raise NotTheProtocol("the stream ended before the answer did")
        reason = _finish(self._last.get("done_reason"), self._called > 0)
        return Chunk(finish_reason=reason, usage=_usage(self._last))


OLLAMA = Wire(
    "ollama",
    "ndjson",
    encode,
    decode,
    OllamaStream,
    authorize,
    Listing("/api/tags", "models", "name"),
)
