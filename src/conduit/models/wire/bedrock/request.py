"""What is asked of ``Converse``."""

from __future__ import annotations

from collections.abc import Sequence

from conduit.contracts.chat import ChatRequest, Image, Message
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject
from conduit.models.claude import Settings, returnable, settle, takes_forced_tools, without_bounds
from conduit.models.exchange import WireRequest
from conduit.models.reading import (
    arguments_object,
    effort_of,
    image_type,
    json_body,
    plain_id,
)
from conduit.models.wire.bedrock.access import path

_CHOICE: dict[str, JsonObject] = {"auto": {"auto": {}}, "required": {"any": {}}}
_FORMATS = ("png", "jpeg", "gif", "webp")


def encode(request: ChatRequest, model: str, stream: bool) -> WireRequest:
    """The request. Raises ``InvalidInput`` for what is no model's id, and for a picture that is an
    address outside S3."""
    theirs = request.dialect in ("", "bedrock")
    body: JsonObject = dict(request.extra) if theirs else {}
    dropped = _homeless(request) + ([] if theirs else list(request.extra))
    config, more = _parameters(request, model, dropped)
    if config:
        body["inferenceConfig"] = _object(body.get("inferenceConfig")) | config
    if more:
        given = _object(body.get("additionalModelRequestFields"))
        body["additionalModelRequestFields"] = given | more
    system = [{"text": m.content} for m in request.messages if m.role == "system" and m.content]
    if system:
        body["system"] = system
    body["messages"] = _turns(request.messages)
    body |= _tools(request, model, dropped) | _shape(request, model, body)
    action = "converse-stream" if stream else "converse"
    return WireRequest(path(model, action), json_body(body), dropped=tuple(dict.fromkeys(dropped)))


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _homeless(request: ChatRequest) -> list[str]:
    """What this protocol has no place for."""
    asked = {
        "seed": request.seed is not None,
        "logprobs": request.top_logprobs is not None,
        "frequency_penalty": bool(request.frequency_penalty),
        "presence_penalty": bool(request.presence_penalty),
        "response_format": request.json_mode and request.output is None,
        "parallel_tool_calls": bool(request.tools) and request.parallel_tool_calls is False,
        "user": bool(request.user),
        "name": any(message.name for message in request.messages),
    }
    return [name for name, there in asked.items() if there]


def _parameters(
    request: ChatRequest, model: str, dropped: list[str]
) -> tuple[JsonObject, JsonObject]:
    """``inferenceConfig``, and what stands in ``additionalModelRequestFields``."""
    more: JsonObject = {}
    limit, temperature, top_p = request.max_tokens, request.temperature, request.top_p
    if "claude" in model:
        settings = settle(request, model)
        more = _of_claude(settings)
        dropped += settings.dropped
        temperature, top_p = settings.temperature, settings.top_p
        if limit is not None or settings.thinking is not None:
            limit = settings.max_tokens
    else:
        if request.top_k is not None:
            if "nova" in model:
                more["inferenceConfig"] = {"topK": request.top_k}
            else:
                dropped.append("top_k")
        if request.reasoning is not None:
            if "gpt-oss" in model:
                more["reasoning_effort"] = effort_of(request.reasoning, ("low", "medium", "high"))
            else:
                dropped.append("reasoning_effort")
    given = {
        "maxTokens": limit,
        "temperature": temperature,
        "topP": top_p,
        "stopSequences": list(request.stop) or None,
    }
    return {name: value for name, value in given.items() if value is not None}, more


def _of_claude(settings: Settings) -> JsonObject:
    given = {
        "thinking": settings.thinking,
        "output_config": {"effort": settings.effort} if settings.effort else None,
        "top_k": settings.top_k,
    }
    return {name: value for name, value in given.items() if value is not None}


def _shape(request: ChatRequest, model: str, body: JsonObject) -> JsonObject:
    """Structured outputs: the schema is JSON text here."""
    if request.output is None:
        return {}
    schema = request.output.schema
    if "claude" in model:
        schema = without_bounds(schema)
    shape = {"schema": json_body(schema).decode(), "name": request.output.name}
    text_format = {"type": "json_schema", "structure": {"jsonSchema": shape}}
    return {"outputConfig": _object(body.get("outputConfig")) | {"textFormat": text_format}}


def _tools(request: ChatRequest, model: str, dropped: list[str]) -> JsonObject:
    """A conversation in which tools were used must name them, whether or not they are still
    offered; they cannot be forbidden then."""
    used = {call.name for message in request.messages for call in message.tool_calls}
    offered = request.tools if request.tool_choice != "none" or used else ()
    specs: list[JsonObject] = [
        {
            "name": tool.name,
            "inputSchema": {"json": tool.parameters},
            **({"description": tool.description} if tool.description else {}),
        }
        for tool in offered
    ]
    if not specs:
        specs = [
            {"name": name, "inputSchema": {"json": {"type": "object"}}} for name in sorted(used)
        ]
        return {"toolConfig": {"tools": [{"toolSpec": spec} for spec in specs]}} if specs else {}
    config: JsonObject = {"tools": [{"toolSpec": spec} for spec in specs]}
    forced = request.tool_choice not in ("auto", "none")
    if request.tool_choice == "none" or (forced and not takes_forced_tools(model)):
        dropped.append("tool_choice")
    else:
        named = {"tool": {"name": request.tool_choice}}
        config["toolChoice"] = _CHOICE.get(request.tool_choice, named)
    return {"toolConfig": config}


def _turns(messages: Sequence[Message]) -> list[JsonObject]:
    """Turns in which neighbours of one role are merged, because roles must alternate."""
    turns: list[JsonObject] = []
    for message in messages:
        blocks = [] if message.role == "system" else _blocks(message)
        if not blocks:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message) -> list[JsonObject]:
    if message.role == "tool":
        result: JsonObject = {
            "toolUseId": plain_id(message.tool_call_id),
            "content": _content(message) or [{"text": "(nothing)"}],
        }
        if message.failed:
            result["status"] = "error"
        return [{"toolResult": result}]
    calls = [
        {
            "toolUse": {
                "toolUseId": plain_id(call.id),
                "name": call.name,
                "input": arguments_object(call.arguments),
            }
        }
        for call in message.tool_calls
    ]
    return [*map(_thought, returnable(message)), *_content(message), *calls]


def _thought(block: JsonObject) -> JsonObject:
    if block["type"] == "redacted_thinking":
        return {"reasoningContent": {"redactedContent": block["data"]}}
    said = {"text": block["thinking"], "signature": block["signature"]}
    return {"reasoningContent": {"reasoningText": said}}


def _content(message: Message) -> list[JsonObject]:
    """Text and pictures in their order, without blank texts, which are refused."""
    if not message.parts:
        return [{"text": message.content}] if message.content.strip() else []
    return [
        _image(part) if isinstance(part, Image) else {"text": part.text}
        for part in message.parts
        if isinstance(part, Image) or part.text.strip()
    ]


def _image(image: Image) -> JsonObject:
    if image.url and not image.url.startswith("s3://"):
        raise InvalidInput(
            "Bedrock takes pictures in base64 or from S3, and this one is another address",
            where="messages",
            hint="send the picture itself, as a data: URL, or ask a provider that fetches it",
        )
    kind = image.url.rpartition(".")[2].lower() if image.url else image_type(image)
    kind = kind.removeprefix("image/").replace("jpg", "jpeg")
    if kind not in _FORMATS:
        raise InvalidInput(
            f"Bedrock takes no picture of the kind {kind[:40]!r}",
            where="messages",
            hint=f"send one of {', '.join(_FORMATS)}",
        )
    source = {"s3Location": {"uri": image.url}} if image.url else {"bytes": image.data}
    return {"image": {"format": kind, "source": source}}
