"""What is asked of the Messages API."""

from __future__ import annotations

from collections.abc import Iterable

from conduit.contracts.chat import ChatRequest, Image, Message
from conduit.contracts.json import JsonObject
from conduit.models.claude import returnable, settle, takes_forced_tools, without_bounds
from conduit.models.exchange import WireRequest
from conduit.models.reading import arguments_object, image_type, json_body, plain_id

VERSION = ("anthropic-version", "2023-06-01")
PATH = "/messages"
_CHOICE = {"auto": "auto", "none": "none", "required": "any"}


def encode(request: ChatRequest, model: str, stream: bool) -> WireRequest:
    """The request, with its system turns joined into one prompt."""
    theirs = request.dialect in ("", "anthropic")
    extra = request.extra if theirs else {}
    settings = settle(request, model)
    dropped = [*_homeless(request), *settings.dropped, *(() if theirs else request.extra)]
    stops = [stop for stop in request.stop if stop.strip()]  # blank ones are refused
    if len(stops) < len(request.stop):
        dropped.append("stop")
    system = "\n\n".join(m.content for m in request.messages if m.role == "system" and m.content)
    given = {
        "system": system or None,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": settings.top_k,
        "stop_sequences": stops or None,
        "thinking": settings.thinking,
    }
    body: JsonObject = extra | {k: v for k, v in given.items() if v is not None}
    body |= {
        "model": model,
        "max_tokens": settings.max_tokens,
        "messages": _turns(request.messages),
        "stream": stream,
    }
    if request.user:
        body["metadata"] = _object(extra.get("metadata")) | {"user_id": request.user}
    tool_choice = request.tool_choice
    if request.tools and tool_choice not in ("auto", "none") and not takes_forced_tools(model):
        tool_choice = "auto"
        dropped.append("tool_choice")
    body |= _tools(request, tool_choice) | _output(request, extra, settings.effort)
    return WireRequest(PATH, json_body(body), (VERSION,), tuple(dict.fromkeys(dropped)))


def _homeless(request: ChatRequest) -> list[str]:
    """What this protocol has no place for."""
    asked = {
        "seed": request.seed is not None,
        "logprobs": request.top_logprobs is not None,
        "frequency_penalty": bool(request.frequency_penalty),
        "presence_penalty": bool(request.presence_penalty),
        "response_format": request.json_mode and request.output is None,
        "name": any(message.name for message in request.messages),
    }
    return [name for name, there in asked.items() if there]


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _tools(request: ChatRequest, tool_choice: str) -> JsonObject:
    if not request.tools:
        return {}
    kind = _CHOICE.get(tool_choice)
    choice: JsonObject = {"type": kind} if kind else {"type": "tool", "name": tool_choice}
    if request.parallel_tool_calls is False and kind != "none":
        choice["disable_parallel_tool_use"] = True
    return {
        "tools": [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ],
        "tool_choice": choice,
    }


def _output(request: ChatRequest, extra: JsonObject, effort: str) -> JsonObject:
    """Structured outputs and effort, beside whatever else is given in ``output_config``."""
    config: JsonObject = {"effort": effort} if effort else {}
    if request.output is not None:
        schema = without_bounds(request.output.schema)
        config["format"] = {"type": "json_schema", "schema": schema}
    return {"output_config": _object(extra.get("output_config")) | config} if config else {}


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
        return [_result(message)]
    return [
        *returnable(message),
        *_content(message),
        *(
            {
                "type": "tool_use",
                "id": plain_id(call.id),
                "name": call.name,
                "input": arguments_object(call.arguments),
            }
            for call in message.tool_calls
        ),
    ]


def _result(message: Message) -> JsonObject:
    block: JsonObject = {
        "type": "tool_result",
        "tool_use_id": plain_id(message.tool_call_id),
        "content": _content(message) if message.parts else message.content,
    }
    return block | {"is_error": True} if message.failed else block


def _content(message: Message) -> list[JsonObject]:
    """Text and pictures in their order, without empty texts, which are refused."""
    if not message.parts:
        text = message.content
        return [{"type": "text", "text": text}] if text.strip() else []
    return [
        _image(part) if isinstance(part, Image) else {"type": "text", "text": part.text}
        for part in message.parts
        if isinstance(part, Image) or part.text.strip()
    ]


def _image(image: Image) -> JsonObject:
    source = (
        {"type": "url", "url": image.url}
        if image.url
        else {"type": "base64", "media_type": image_type(image), "data": image.data}
    )
    return {"type": "image", "source": source}
