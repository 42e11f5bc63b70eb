"""What is asked of ``POST /api/chat``."""

from __future__ import annotations

from collections.abc import Iterable

from conduit.contracts.chat import ChatRequest, Image, Message
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject
from conduit.models.exchange import WireRequest
from conduit.models.reading import arguments_object, effort_of, json_body

PATH = "/api/chat"
_LEVELS = ("low", "medium", "high")


def encode(request: ChatRequest, model: str, stream: bool) -> WireRequest:
    """The request. ``options`` given in ``extra`` are kept where the request says nothing.

    Raises ``InvalidInput`` for a picture that is only an address: the server fetches nothing.
    """
    theirs = request.dialect in ("", "ollama")
    dropped = _homeless(request) + ([] if theirs else list(request.extra))
    body: JsonObject = dict(request.extra) if theirs else {}
    if options := _options(request):
        kept = body.get("options")
        body["options"] = (kept if isinstance(kept, dict) else {}) | options
    body |= {"model": model, "messages": _turns(request.messages), "stream": stream}
    if request.output is not None:
        body["format"] = request.output.schema
    elif request.json_mode:
        body["format"] = "json"
    body |= _thinking(request)
    if request.top_logprobs is not None:
        body["logprobs"] = True
        if request.top_logprobs:
            body["top_logprobs"] = request.top_logprobs
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
    return WireRequest(PATH, json_body(body), dropped=tuple(dict.fromkeys(dropped)))


def _options(request: ChatRequest) -> JsonObject:
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "num_predict": request.max_tokens,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
    }
    return {name: value for name, value in given.items() if value is not None}


def _homeless(request: ChatRequest) -> list[str]:
    """What this protocol has no place for."""
    asked = {
        "tool_choice": bool(request.tools) and request.tool_choice not in ("auto", "none"),
        "parallel_tool_calls": bool(request.tools) and request.parallel_tool_calls is False,
        "user": bool(request.user),
        "name": any(message.name for message in request.messages),
    }
    return [name for name, there in asked.items() if there]


def _thinking(request: ChatRequest) -> JsonObject:
    """A level: where a model knows none, it counts as yes."""
    if request.reasoning is None or not (asked := effort_of(request.reasoning)):
        return {}
    return {"think": asked != "none" and effort_of(request.reasoning, _LEVELS)}


def _turns(messages: Iterable[Message]) -> list[JsonObject]:
    turns: list[JsonObject] = []
    names: dict[str, str] = {}
    for message in messages:
        turn: JsonObject = {"role": message.role, "content": message.content}
        if images := [_image(part) for part in message.parts if isinstance(part, Image)]:
            turn["images"] = images
        if thought := "".join(block.text for block in message.thinking):
            turn["thinking"] = thought
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


def _image(image: Image) -> str:
    if not image.data:
        raise InvalidInput(
            "Ollama takes pictures only in base64, and this one is an address",
            where="messages",
            hint="send the picture itself, as a data: URL, or ask a provider that fetches it",
        )
    return image.data
