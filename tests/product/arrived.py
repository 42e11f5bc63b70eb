"""What reached a provider, whatever its protocol: the same question, read back from each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.fakes.upstream import Received

Turn = tuple[str, ...]
"""``("user", text)``, ``("assistant", text)``, ``("picture", media type, base64)``,
``("call", tool, arguments)``, ``("result", tool, text)``."""


@dataclass(frozen=True)
class Arrived:
    """A request as its provider understands it. ``schema`` names the fields that an answer is to
    have."""

    system: str
    turns: tuple[Turn, ...]
    tools: tuple[str, ...] = ()
    choice: str = "auto"
    limit: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    schema: tuple[str, ...] = ()


def arrived(received: Received) -> Arrived:
    """Read a request by the path it came to."""
    path, body = received.path, received.body
    if path.endswith("/chat/completions"):
        return _chat(body)
    if path.endswith("/responses"):
        return _responses(body)
    if path.endswith("/messages"):
        return _anthropic(body)
    if path.endswith("/api/chat"):
        return _ollama(body)
    if path.endswith("/api/generate"):
        return _ollama(body | {"messages": list(_generated(body))})
    return _gemini(body) if "generateContent" in path or "streamGenerate" in path else _bed(body)


def _named(turns: Iterator[Turn]) -> tuple[Turn, ...]:
    """Calls and results by the name of their tool: ids are how protocols pair them."""
    names: dict[str, str] = {}
    found: list[Turn] = []
    for turn in turns:
        if turn[0] == "call":
            _, id, name, arguments = turn
            names[id] = name
            found.append(("call", name, json.dumps(json.loads(arguments), sort_keys=True)))
        elif turn[0] == "result":
            found.append(("result", names[turn[1]], turn[2]))
        elif turn[1]:
            found.append(turn)
    return tuple(found)


def _texts(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or ())


def _parts(content: Any) -> list[dict[str, Any]]:
    return content if isinstance(content, list) else [{"type": "text", "text": content or ""}]


def _picture(address: str) -> Turn:
    head, _, data = address.partition(";base64,")
    return ("picture", head.removeprefix("data:"), data)


def _fields(schema: dict[str, Any] | None) -> tuple[str, ...]:
    return tuple((schema or {}).get("properties", ()))


def _choice(value: Any) -> str:
    return {"any": "required"}.get(value, str(value))


def _chat(body: dict[str, Any]) -> Arrived:
    def turns() -> Iterator[Turn]:
        for turn in body["messages"]:
            if turn["role"] == "tool":
                yield ("result", turn["tool_call_id"], _texts(turn["content"]))
            elif turn["role"] not in ("system", "developer"):
                content = turn.get("content")
                for part in _parts(content):
                    if part.get("type") == "image_url":
                        yield _picture(part["image_url"]["url"])
                    else:
                        yield (turn["role"], part["text"])
                for call in turn.get("tool_calls") or ():
                    function = call["function"]
                    yield ("call", call["id"], function["name"], function["arguments"])

    orders = [t for t in body["messages"] if t["role"] in ("system", "developer")]
    choice = body.get("tool_choice", "auto")
    shape = body.get("response_format", {}).get("json_schema", {}).get("schema")
    stop = body.get("stop") or ()
    return Arrived(
        " ".join(_texts(turn["content"]) for turn in orders),
        _named(turns()),
        tuple(tool["function"]["name"] for tool in body.get("tools", ())),
        choice["function"]["name"] if isinstance(choice, dict) else choice,
        body.get("max_tokens", body.get("max_completion_tokens")),
        body.get("temperature"),
        (stop,) if isinstance(stop, str) else tuple(stop),
        _fields(shape),
    )


def _responses(body: dict[str, Any]) -> Arrived:
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    orders = [i for i in items if i.get("role") in ("system", "developer")]

    def turns() -> Iterator[Turn]:
        for item in items:
            kind = item.get("type", "message")
            if kind == "function_call":
                yield ("call", item["call_id"], item["name"], item["arguments"])
            elif kind == "function_call_output":
                yield ("result", item["call_id"], _texts(item["output"]))
            elif kind == "message" and item not in orders:
                content = item["content"]
                for part in _parts(content):
                    if part.get("type") == "input_image":
                        yield _picture(part["image_url"])
                    else:
                        yield (item["role"], part["text"])

    choice = body.get("tool_choice", "auto")
    said = [body.get("instructions") or "", *(_texts(item["content"]) for item in orders)]
    return Arrived(
        " ".join(filter(None, said)),
        _named(turns()),
        tuple(tool["name"] for tool in body.get("tools", ())),
        choice["name"] if isinstance(choice, dict) else choice,
        body.get("max_output_tokens"),
        body.get("temperature"),
        (),
        _fields(body.get("text", {}).get("format", {}).get("schema")),
    )


def _anthropic(body: dict[str, Any]) -> Arrived:
    def turns() -> Iterator[Turn]:
        for turn in body["messages"]:
            content = turn["content"]
            for block in _parts(content):
                match block["type"]:
                    case "text":
                        yield (turn["role"], block["text"])
                    case "image":
                        source = block["source"]
                        yield ("picture", source["media_type"], source["data"])
                    case "tool_use":
                        arguments = json.dumps(block["input"])
                        yield ("call", block["id"], block["name"], arguments)
                    case "tool_result":
                        yield ("result", block["tool_use_id"], _texts(block["content"]))

    choice = body.get("tool_choice", {"type": "auto"})
    shape = body.get("output_config", {}).get("format", {}).get("schema")
    return Arrived(
        _texts(body.get("system", "")),
        _named(turns()),
        tuple(tool["name"] for tool in body.get("tools", ())),
        choice.get("name") or _choice(choice["type"]),
        body["max_tokens"],
        body.get("temperature"),
        tuple(body.get("stop_sequences", ())),
        _fields(shape),
    )


def _ollama(body: dict[str, Any]) -> Arrived:
    """Its calls have no ids: a result names its tool."""

    def turns() -> Iterator[Turn]:
        for turn in body["messages"]:
            if turn["role"] == "tool":
                yield ("result", turn["tool_name"], turn["content"])
            elif turn["role"] != "system":
                yield (turn["role"], turn.get("content") or "")
                for image in turn.get("images") or ():
                    yield ("picture", _type_of(image), image)
                for call in turn.get("tool_calls") or ():
                    name, given = call["function"]["name"], call["function"]["arguments"]
                    yield ("call", name, name, json.dumps(given))

    orders = [turn["content"] for turn in body["messages"] if turn["role"] == "system"]
    options, shape = body.get("options", {}), body.get("format")
    return Arrived(
        " ".join(orders),
        _named(turns()),
        tuple(tool["function"]["name"] for tool in body.get("tools") or ()),
        "auto",
        options.get("num_predict"),
        options.get("temperature"),
        tuple(options.get("stop", ())),
        _fields(shape if isinstance(shape, dict) else None),
    )


def _generated(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A question without a chat, as a chat."""
    if body.get("system"):
        yield {"role": "system", "content": body["system"]}
    yield {"role": "user", "content": body["prompt"], "images": body.get("images")}


def _type_of(base64: str) -> str:
    """Ollama looks at the picture itself; so do we, as far as these tests go."""
    return "image/png" if base64.startswith("iVBOR") else "image/jpeg"


def _gemini(body: dict[str, Any]) -> Arrived:
    def turns() -> Iterator[Turn]:
        for turn in body["contents"]:
            role = "assistant" if turn["role"] == "model" else "user"
            for part in turn["parts"]:
                if "text" in part:
                    yield (role, part["text"])
                elif "inlineData" in part:
                    yield ("picture", part["inlineData"]["mimeType"], part["inlineData"]["data"])
                elif "functionCall" in part:
                    call = part["functionCall"]
                    yield ("call", call["id"], call["name"], json.dumps(call["args"]))
                else:
                    result = part["functionResponse"]
                    yield ("result", result["id"], result["response"]["output"])

    config = body.get("generationConfig", {})
    tools = [each for tool in body.get("tools", ()) for each in tool["functionDeclarations"]]
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {"mode": "AUTO"})
    named = calling.get("allowedFunctionNames", [""])[0]
    return Arrived(
        _texts(body.get("systemInstruction", {}).get("parts")),
        _named(turns()),
        tuple(tool["name"] for tool in tools),
        named or _choice(calling["mode"].lower()),
        config.get("maxOutputTokens"),
        config.get("temperature"),
        tuple(config.get("stopSequences", ())),
        _fields(config.get("responseJsonSchema")),
    )


def _bed(body: dict[str, Any]) -> Arrived:
    def turns() -> Iterator[Turn]:
        for turn in body["messages"]:
            for block in turn["content"]:
                if "text" in block:
                    yield (turn["role"], block["text"])
                elif "image" in block:
                    image = block["image"]
                    yield ("picture", f"image/{image['format']}", image["source"]["bytes"])
                elif "toolUse" in block:
                    use = block["toolUse"]
                    yield ("call", use["toolUseId"], use["name"], json.dumps(use["input"]))
                elif "toolResult" in block:
                    result = block["toolResult"]
                    yield ("result", result["toolUseId"], _texts(result["content"]))

    config, tools = body.get("inferenceConfig", {}), body.get("toolConfig", {})
    choice = tools.get("toolChoice", {"auto": {}})
    text_format = body.get("outputConfig", {}).get("textFormat")
    shape = text_format and json.loads(text_format["structure"]["jsonSchema"]["schema"])
    return Arrived(
        _texts(body.get("system")),
        _named(turns()),
        tuple(tool["toolSpec"]["name"] for tool in tools.get("tools", ())),
        choice["tool"]["name"] if "tool" in choice else _choice(next(iter(choice))),
        config.get("maxTokens"),
        config.get("temperature"),
        tuple(config.get("stopSequences", ())),
        _fields(shape),
    )
