"""A chat as the body of ``POST /responses``."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import ChatRequest, Image, Message, Part, Thinking
from conduit.contracts.json import JsonObject
from conduit.models.exchange import WireRequest
from conduit.models.reading import effort_of, image_address, json_body
from conduit.models.strict_schema import is_strict

PATH = "/responses"
_LOGPROBS = "message.output_text.logprobs"


def encode(request: ChatRequest, model: str, stream: bool) -> WireRequest:
    """The request, with the system turns that it begins with as ``instructions``."""
    turns = list(request.messages)
    orders: list[str] = []
    while turns and turns[0].role == "system":
        orders.append(turns.pop(0).content)
    items: list[JsonObject] = []
    dropped = _lacking(request)
    for message in turns:
        items += _items(message, dropped)
    body: JsonObject = {"store": False} | request.extra | _sampling(request) | _tools(request)
    if orders:
        body["instructions"] = "\n\n".join(orders)
    body |= {"model": model, "input": items, "stream": stream}
    _shape(request, body)
    return WireRequest(PATH, json_body(body), dropped=tuple(dict.fromkeys(dropped)))


def _lacking(request: ChatRequest) -> list[str]:
    asked = {
        "top_k": request.top_k,
        "seed": request.seed,
        "stop": request.stop or None,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
    }
    return [name for name, value in asked.items() if value is not None]


def _sampling(request: ChatRequest) -> JsonObject:
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_output_tokens": request.max_tokens,
        "user": request.user or None,
        "top_logprobs": request.top_logprobs or None,
    }
    asked: JsonObject = {name: value for name, value in given.items() if value is not None}
    if request.reasoning is not None and (effort := effort_of(request.reasoning)):
        also = request.extra.get("reasoning")
        asked["reasoning"] = (also if isinstance(also, dict) else {}) | {"effort": effort}
    if request.top_logprobs is not None:
        included = request.extra.get("include")
        included = included if isinstance(included, list) else []
        asked["include"] = [*(name for name in included if name != _LOGPROBS), _LOGPROBS]
    return asked


def _tools(request: ChatRequest) -> JsonObject:
    if not request.tools:
        return {}
    choice: Any = request.tool_choice
    if choice not in ("auto", "none", "required"):
        choice = {"type": "function", "name": choice}
    offered = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": False,
        }
        for tool in request.tools
    ]
    asked: JsonObject = {"tools": offered, "tool_choice": choice}
    if request.parallel_tool_calls is not None:
        asked["parallel_tool_calls"] = request.parallel_tool_calls
    return asked


def _shape(request: ChatRequest, body: JsonObject) -> None:
    """``text.format``, beside whatever else is given in ``text`` (a verbosity)."""
    if request.output is not None:
        shape: JsonObject = {
            "type": "json_schema",
            "name": request.output.name,
            "schema": request.output.schema,
            "strict": is_strict(request.output.schema),
        }
    elif request.json_mode:
        shape = {"type": "json_object"}
    else:
        return
    given = body.get("text")
    body["text"] = (given if isinstance(given, dict) else {}) | {"format": shape}


def _items(message: Message, dropped: list[str]) -> list[JsonObject]:
    if message.name:
        dropped.append("name")
    if message.role == "tool":
        return [
            {
                "type": "function_call_output",
                "call_id": message.tool_call_id,
                "output": _result(message),
            }
        ]
    if message.role == "user":
        return [{"role": "user", "content": _parts(message)}]
    if any(isinstance(part, Image) for part in message.parts):
        dropped.append("image_url")
    items = [item for thought in message.thinking for item in _reasoning(thought)]
    if message.content:
        items.append({"role": message.role, "content": message.content})
    return items + [
        {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }
        for call in message.tool_calls
    ]


def _parts(message: Message) -> Any:
    if not any(isinstance(part, Image) for part in message.parts):
        return message.content
    return [_part(part) for part in message.parts]


def _result(message: Message) -> Any:
    """What a tool gave. There is no mark for a failure: its words begin with one."""
    if not message.failed:
        return _parts(message)
    said: Any = _parts(message)
    if isinstance(said, str):
        return f"Error: {said}"
    return [{"type": "input_text", "text": "Error:"}, *said]


def _part(part: Part) -> JsonObject:
    if isinstance(part, Image):
        shown = {"type": "input_image", "image_url": image_address(part)}
        return shown | {"detail": part.detail or "auto"}
    return {"type": "input_text", "text": part.text}


def _reasoning(thought: Thinking) -> list[JsonObject]:
    """Only what this protocol's own models thought can go back."""
    item, _, encrypted = thought.signature.partition(":")
    if not item.startswith("rs_") or not encrypted:
        return []
    summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
    return [{"type": "reasoning", "id": item, "summary": summary, "encrypted_content": encrypted}]
