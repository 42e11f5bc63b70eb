"""What is asked of ``generateContent``."""

from __future__ import annotations

from collections.abc import Sequence

from conduit.contracts.chat import ChatRequest, Image, Message, Text, ToolCall
from conduit.contracts.json import JsonObject
from conduit.models.exchange import WireRequest
from conduit.models.reading import arguments_object, image_type, json_body
from conduit.models.wire.gemini.model import resource, thinking, wants_signatures
from conduit.models.wire.gemini.signature import UNSIGNED, read

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".heic": "image/heic",
}


def encode(request: ChatRequest, model: str, stream: bool) -> WireRequest:
    """The request. Raises ``InvalidInput`` for a name that is no model's."""
    theirs = request.dialect in ("", "gemini")
    body: JsonObject = dict(request.extra) if theirs else {}
    dropped = _homeless(request) + ([] if theirs else list(request.extra))
    config = _config(request)
    thought, possible = thinking(request.reasoning, model)
    if thought is not None:
        config["thinkingConfig"] = thought
    if not possible:
        dropped.append("reasoning_effort")
    if config:
        given = body.get("generationConfig")
        body["generationConfig"] = (given if isinstance(given, dict) else {}) | config
    system = [{"text": m.content} for m in request.messages if m.role == "system" and m.content]
    if system:
        body["systemInstruction"] = {"parts": system}
    body["contents"] = _contents(request.messages, wants_signatures(model))
    body |= _tools(request)
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    path = f"/{resource(model)}:{method}"
    return WireRequest(path, json_body(body), dropped=tuple(dict.fromkeys(dropped)))


def _config(request: ChatRequest) -> JsonObject:
    given = {
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "maxOutputTokens": request.max_tokens,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed,
        "presencePenalty": request.presence_penalty,
        "frequencyPenalty": request.frequency_penalty,
    }
    config: JsonObject = {name: value for name, value in given.items() if value is not None}
    if request.top_logprobs is not None:
        config["responseLogprobs"] = True
        if request.top_logprobs:
            config["logprobs"] = request.top_logprobs
    if request.output is not None or request.json_mode:
        config["responseMimeType"] = "application/json"
    if request.output is not None:
        config["responseJsonSchema"] = request.output.schema
    return config


def _homeless(request: ChatRequest) -> list[str]:
    """What this protocol has no place for."""
    asked = {
        "parallel_tool_calls": bool(request.tools) and request.parallel_tool_calls is False,
        "user": bool(request.user),
        "name": any(m.name for m in request.messages if m.role != "tool"),
    }
    return [name for name, there in asked.items() if there]


def _tools(request: ChatRequest) -> JsonObject:
    if not request.tools:
        return {}
    mode = _MODES.get(request.tool_choice)
    calling: JsonObject = (
        {"mode": mode} if mode else {"mode": "ANY", "allowedFunctionNames": [request.tool_choice]}
    )
    declared = [
        {
            "name": tool.name,
            "description": tool.description,
            "parametersJsonSchema": tool.parameters,
        }
        for tool in request.tools
    ]
    return {
        "tools": [{"functionDeclarations": declared}],
        "toolConfig": {"functionCallingConfig": calling},
    }


def _contents(messages: Sequence[Message], sign: bool) -> list[JsonObject]:
    """Turns in which neighbours of one role are merged: the results of parallel calls must stand in
    one turn, right after the calls."""
    contents: list[JsonObject] = []
    pending: list[ToolCall] = []
    for message in messages:
        if message.role == "system":
            continue
        if message.role == "tool":
            parts = _result(message, pending)
        else:
            parts = _parts(message, sign)
            pending = [*message.tool_calls]
        if not parts:
            continue
        role = "model" if message.role == "assistant" else "user"
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    return contents


def _parts(message: Message, sign: bool) -> list[JsonObject]:
    signatures = read(message.thinking)
    parts = [_part(part) for part in message.parts or (Text(message.content),) if part != Text("")]
    if None in signatures:
        if not parts or "text" not in parts[-1]:
            parts.append({"text": ""})
        parts[-1]["thoughtSignature"] = signatures[None]
    for at, call in enumerate(message.tool_calls):
        function: JsonObject = {"name": call.name, "args": arguments_object(call.arguments)}
        if call.id:
            function["id"] = call.id
        part: JsonObject = {"functionCall": function}
        if signature := signatures.get(at) or (UNSIGNED if sign and at == 0 else ""):
            part["thoughtSignature"] = signature
        parts.append(part)
    return parts


def _result(message: Message, pending: list[ToolCall]) -> list[JsonObject]:
    """A tool's result, and its pictures beside it. One without an id answers the first call that
    has no answer yet."""
    wanted = message.tool_call_id
    call = next((c for c in pending if c.id == wanted or not wanted), None)
    if call is not None:
        pending.remove(call)
    name = call.name if call else message.name or wanted or "tool"
    function: JsonObject = {"name": name, "response": _response(message)}
    if wanted:
        function["id"] = wanted
    images = [_part(part) for part in message.parts if isinstance(part, Image)]
    return [{"functionResponse": function}, *images]


def _response(message: Message) -> JsonObject:
    """``output`` and ``error`` are the names that the reference gives to either."""
    if message.failed:
        return {"error": message.content}
    result = arguments_object(message.content) if message.content.lstrip()[:1] == "{" else {}
    return result if result and "unparsed" not in result else {"output": message.content}


def _part(part: Text | Image) -> JsonObject:
    if isinstance(part, Text):
        return {"text": part.text}
    if not part.url:
        return {"inlineData": {"mimeType": image_type(part), "data": part.data}}
    path = part.url.partition("?")[0].lower()
    known = part.media_type or next((t for end, t in _TYPES.items() if path.endswith(end)), "")
    file = {"fileUri": part.url}
    return {"fileData": file | {"mimeType": known} if known else file}
