"""OpenAI's chat completions, and every server that looks like it.

Shapes: the API reference of ``POST /v1/chat/completions``. Look-alikes leave things out, so ids,
indexes, usage and the end mark may be missing; what an answer consists of may not.
"""

from __future__ import annotations

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
    NewId,
    NotTheProtocol,
    Wire,
    WireRequest,
)
from conduit.models.reading import (
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

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


def openai_chat(*, limit_field: str = "max_tokens", stream_usage: bool = True) -> Wire:
    """The wire. ``limit_field`` names the limit of output tokens; ``stream_usage`` asks for usage
    at the end of a stream, which a few servers refuse to be asked."""

    def encode(request: ChatRequest, model: str, stream: bool) -> WireRequest:
        body: JsonObject = {**request.extra, **_sampling(request)}
        if request.max_tokens is not None:
            body[limit_field] = request.max_tokens
        if stream and stream_usage:
            body["stream_options"] = {"include_usage": True}
        body |= {
            "model": model,
            "messages": [_message(message) for message in request.messages],
            "stream": stream,
        }
        body |= _tools(request) | _shape(request)
        return WireRequest("/chat/completions", json_body(body))

    return Wire("openai_chat", "sse", encode, decode, OpenAIStream, authorize)


def authorize(key: str) -> tuple[Header, ...]:
    """A bearer token."""
    return (("Authorization", f"Bearer {key}"),)


def _sampling(request: ChatRequest) -> JsonObject:
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _tools(request: ChatRequest) -> JsonObject:
    if not request.tools:
        return {}
    choice: Any = request.tool_choice
    if choice not in ("auto", "none", "required"):
        choice = {"type": "function", "function": {"name": choice}}
    offered = [
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
    return {"tools": offered, "tool_choice": choice}


def _shape(request: ChatRequest) -> JsonObject:
    """Structured outputs in strict mode."""
    if request.output is None:
        return {}
    shape = {"name": request.output.name, "schema": request.output.schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": shape}}


def _message(message: Message) -> JsonObject:
    turn: JsonObject = {"role": message.role, "content": message.content}
    if message.tool_calls:
        turn["content"] = message.content or None
        turn["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.role == "tool":
        turn["tool_call_id"] = message.tool_call_id
    return turn


def decode(body: bytes, new_id: NewId) -> ChatResponse:
    """A whole reply."""
    reply = parse_object(body, "the reply")
    _refuse_error(reply)
    choices = list_of(reply.get("choices"), "choices")
    if not choices:
        raise NotTheProtocol("the reply has no choices")
    choice = object_of(choices[0], "choices[0]")
    message = object_of(choice.get("message"), "choices[0].message")
    calls = tuple(
        _call(object_of(call, f"tool_calls[{at}]"), f"tool_calls[{at}]", new_id)
        for at, call in enumerate(list_of(message.get("tool_calls"), "tool_calls"))
    )
    return ChatResponse(
        text=_content(message),
        tool_calls=calls,
        finish_reason=_finish(choice.get("finish_reason"), bool(calls), _refuses(message)),
        usage=_usage(reply.get("usage")),
        model=text_of(reply.get("model"), "model"),
    )


def _refuse_error(reply: JsonObject) -> None:
    if reply.get("error"):
        raise ErrorInside(error_words(reply) or "an error without words")


def _content(message: JsonObject) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(
            text_of(part.get("text"), "content.text")
            for part in content
            if isinstance(part, dict) and part.get("type") == "text"
        )
    return text_of(content, "content") or text_of(message.get("refusal"), "refusal")


def _refuses(message: JsonObject) -> bool:
    """Whether the model declined: with structured outputs it does so beside the content."""
    return bool(message.get("refusal")) and not message.get("content")


def _call(call: JsonObject, path: str, new_id: NewId) -> ToolCall:
    function = object_of(call.get("function"), f"{path}.function")
    return ToolCall(
        id=text_of(call.get("id"), f"{path}.id") or new_id(),
        name=name_of(function.get("name"), f"{path}.function.name"),
        arguments=_arguments(function.get("arguments"), path) or "{}",
    )


def _arguments(value: Any, path: str) -> str:
    """Some look-alikes send an object where the text of one is due."""
    return json_text(value) if isinstance(value, dict) else text_of(value, f"{path}.arguments")


def _finish(reason: Any, calls: bool, refused: bool) -> FinishReason:
    if refused:
        return "content_filter"
    known = _FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"
    return "tool_calls" if calls and known == "stop" else known


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    return Usage(count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens")))


class OpenAIStream:
    """Chunks of one stream.

    The finish reason is held back to the end, because usage comes after it. A tool call is known by
    its index; where a look-alike gives none, or the same for all, a new id begins a new call.
    """

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._ids: list[str] = []
        self._at: dict[int, int] = {}
        self._answered = False
        self._refused = False
        self._reason: Any = None
        self._usage: Usage | None = None
        self.model = ""
        self.ended = False

    @property
    def complete(self) -> bool:
        return self._reason is not None

    def feed(self, frame: Frame) -> list[Chunk]:
        if frame.data == b"[DONE]":
            self.ended = True
            return []
        event = parse_object(frame.data, "an event of the stream")
        _refuse_error(event)
        self._usage = _usage(event.get("usage")) or self._usage
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
        return self._delta(object_of(choice.get("delta") or {}, "delta"))

    def finish(self) -> Chunk:
        if not self._answered or not (self.ended or self.complete):
            raise NotTheProtocol("the stream ended before the answer did")
        reason = _finish(self._reason, bool(self._ids), self._refused)
        return Chunk(finish_reason=reason, usage=self._usage)

    def _delta(self, delta: JsonObject) -> list[Chunk]:
        text = _content(delta)
        self._refused = self._refused or _refuses(delta)
        calls = tuple(
            self._call(object_of(call, "delta.tool_calls[]"))
            for call in list_of(delta.get("tool_calls"), "delta.tool_calls")
        )
        return [Chunk(text, calls)] if text or calls else []

    def _call(self, call: JsonObject) -> ToolCallDelta:
        function = object_of(call.get("function") or {}, "tool_calls[].function")
        arguments = _arguments(function.get("arguments"), "tool_calls[].function")
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
