"""OpenAI's chat completions as data: pure converters between its shape and ours.

Source of the shape: the published API reference of Chat Completions. What a client may send and we
cannot honour is refused by name rather than dropped in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from conduit.blocks import Length, Range, decode, dumps
from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    Message,
    ToolCall,
    ToolSpec,
    Usage,
)
from conduit.contracts.errors import ConduitError, InvalidInput
from conduit.contracts.json import Json, JsonObject
from conduit.surfaces.http.errors import described

PASSED_ON = frozenset(
    "frequency_penalty presence_penalty logit_bias logprobs top_logprobs response_format user "
    "parallel_tool_calls reasoning_effort service_tier store metadata prediction verbosity "
    "safety_identifier prompt_cache_key".split()
)
"""Parameters that only the provider understands; they are sent as they came."""

_FIELDS = "the fields, types and bounds are those of OpenAI's chat completions"

_ECHOED = frozenset(
    {"refusal", "annotations", "audio", "function_call", "name", "reasoning_content"}
)
"""What clients copy from our answers, or label messages with, and no provider needs."""


@dataclass(frozen=True, slots=True)
class WireFunctionCall:
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class WireToolCall:
    id: str
    function: WireFunctionCall
    type: Literal["function"] = "function"


@dataclass(frozen=True, slots=True)
class WirePart:
    type: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class WireMessage:
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Json] = ""
    tool_calls: list[WireToolCall] = field(default_factory=list)
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class WireFunction:
    name: Annotated[str, Length(1, 64)]
    description: str = ""
    parameters: Json = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class WireTool:
    function: WireFunction
    type: Literal["function"] = "function"


@dataclass(frozen=True, slots=True)
class WireStreamOptions:
    include_usage: bool = False
    include_obfuscation: bool = False


@dataclass(frozen=True, slots=True)
class WireRequest:
    model: Annotated[str, Length(1, 200)]
    messages: Annotated[list[Json], Length(1, 2000)]
    stream: bool = False
    stream_options: WireStreamOptions = field(default_factory=WireStreamOptions)
    tools: Annotated[list[WireTool], Length(0, 512)] = field(default_factory=list)
    tool_choice: Json = "auto"
    temperature: Annotated[float, Range(0, 2)] | None = None
    top_p: Annotated[float, Range(0, 1)] | None = None
    max_tokens: Annotated[int, Range(1, 10_000_000)] | None = None
    max_completion_tokens: Annotated[int, Range(1, 10_000_000)] | None = None
    stop: str | list[str] = field(default_factory=list)
    seed: int | None = None
    n: Annotated[int, Range(1, 1)] = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as we understand it. ``model`` is the name the client asked for."""

    model: str
    chat: ChatRequest
    stream: bool
    include_usage: bool


def read_request(data: Any) -> Asked:
    """Understand a request body. Raises ``InvalidInput`` that names every wrong field."""
    if not isinstance(data, dict):
        raise InvalidInput("the body must be a JSON object", hint="send model and messages")
    extra = {k: v for k, v in data.items() if k in PASSED_ON and v is not None}
    rest = {k: v for k, v in data.items() if k not in PASSED_ON and v is not None}
    wire = decode(WireRequest, rest)
    messages = tuple(_message(m, f"messages[{i}]") for i, m in enumerate(wire.messages))
    tools = tuple(
        ToolSpec(t.function.name, t.function.description, _schema(t.function.parameters))
        for t in wire.tools
    )
    chat = ChatRequest(
        messages=messages,
        tools=tools,
        tool_choice=_tool_choice(wire.tool_choice),
        temperature=wire.temperature,
        top_p=wire.top_p,
        max_tokens=wire.max_completion_tokens or wire.max_tokens,
        stop=(wire.stop,) if isinstance(wire.stop, str) else tuple(wire.stop),
        seed=wire.seed,
        extra=extra,
        dialect="openai_chat",
    )
    return Asked(wire.model, chat, wire.stream, wire.stream_options.include_usage)


def _message(data: Any, where: str) -> Message:
    if isinstance(data, dict):
        data = {k: v for k, v in data.items() if k not in _ECHOED and v is not None}
    wire = decode(WireMessage, data, where=where)
    return Message(
        role="system" if wire.role == "developer" else wire.role,
        content=_text(wire.content, where),
        tool_calls=tuple(
            ToolCall(c.id, c.function.name, c.function.arguments) for c in wire.tool_calls
        ),
        tool_call_id=wire.tool_call_id,
    )


def _text(content: str | list[Json], where: str) -> str:
    if isinstance(content, str):
        return content
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in ("text", "input_text"):
            raise InvalidInput(
                f"content parts of type {kind!r:.40} are not supported",
                where=where,
                hint="send text parts; images come in a later version",
            )
    return "\n".join(decode(WirePart, part, where=where).text for part in content)


def _schema(parameters: Json) -> JsonObject:
    if parameters is None:
        return {"type": "object", "properties": {}}
    if not isinstance(parameters, dict):
        raise InvalidInput(
            "a tool's parameters must be a JSON Schema",
            where="tools",
            hint='send an object, like {"type": "object", "properties": {}}',
        )
    return parameters


def _tool_choice(choice: Json) -> str:
    match choice:
        case "auto" | "none" | "required":
            return str(choice)
        case {"type": "function", "function": {"name": str(name)}}:
            return name
    raise InvalidInput(
        "not a tool choice",
        where="tool_choice",
        hint='use "auto", "none", "required" or {"type": "function", "function": {"name": …}}',
    )


def completion(answer: ChatResponse, *, id: str, created: int, model: str) -> JsonObject:
    """A whole answer in OpenAI's shape."""
    message: JsonObject = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer.tool_calls
        ]
    else:
        message["content"] = answer.text
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": answer.finish_reason,
    }
    return {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": answer.model or model,
        "choices": [choice],
        "usage": _usage(answer.usage or Usage()),
        "system_fingerprint": None,
    }


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


@dataclass(slots=True)
class ChunkWriter:
    """Writes our chunks as OpenAI's Server-Sent Events."""

    id: str
    created: int
    model: str
    include_usage: bool = False
    _usage: Usage | None = None
    _first: bool = True

    def write(self, chunk: Chunk) -> bytes:
        """One chunk as an event; the first one also names the role."""
        self.model = chunk.model or self.model
        self._usage = chunk.usage or self._usage
        delta: JsonObject = {}
        if self._first:
            delta["role"] = "assistant"
            self._first = False
        if chunk.text or (chunk.finish_reason is None and not chunk.tool_calls):
            delta["content"] = chunk.text
        if chunk.tool_calls:
            delta["tool_calls"] = [
                {
                    "index": call.index,
                    **({"id": call.id, "type": "function"} if call.id else {}),
                    "function": {
                        **({"name": call.name} if call.name else {}),
                        "arguments": call.arguments,
                    },
                }
                for call in chunk.tool_calls
            ]
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": chunk.finish_reason,
        }
        return _data(dumps(self._frame([choice])))

    def end(self) -> bytes:
        """The usage, when it was asked for, and the mark that ends every stream."""
        last = b""
        if self.include_usage:
            last = _data(dumps({**self._frame([]), "usage": _usage(self._usage or Usage())}))
        return last + _data(b"[DONE]")

    def _frame(self, choices: list[JsonObject]) -> JsonObject:
        frame: JsonObject = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "system_fingerprint": None,
        }
        return {**frame, "usage": None} if self.include_usage else frame


def error_body(error: ConduitError, status: int) -> bytes:
    """An error that OpenAI's clients and ours both understand."""
    kind = "invalid_request_error" if status < 500 else "api_error"
    info = described(error, _FIELDS)
    body = {
        "message": info.message,
        "type": kind,
        "param": None,
        "code": info.code,
        "hint": info.hint,
    }
    return dumps({"error": body})


def error_event(error: ConduitError) -> bytes:
    return _data(error_body(error, 500))


def _data(payload: bytes) -> bytes:
    return b"data: " + payload + b"\n\n"
