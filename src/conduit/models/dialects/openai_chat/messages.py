"""The turns of OpenAI's chat completions, understood."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import Image, Message, Part, Role, Text, Thinking, ToolCall
from conduit.contracts.json import JsonObject
from conduit.models.dialects import pictures
from conduit.models.dialects.reader import Reader, shown

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_KNOWN = frozenset(
    "role content name tool_calls tool_call_id reasoning_content reasoning reasoning_details "
    "refusal annotations audio function_call parsed citations thinking_blocks phase "
    "provider_specific_fields".split()
)
"""What is read, and, from ``annotations`` on, what clients copy from answers and nobody needs."""

_ROLES_HINT = "a role is system, developer, user, assistant or tool"
_PARTS_HINT = "send parts of type text or image_url"
_CALLS_HINT = "calls are of type function"
_MOST_PARTS = 1000
_MOST_CALLS = 512
_TEXTS = frozenset({"text", "input_text", "output_text"})


def messages(reader: Reader, value: Any) -> tuple[Message, ...]:
    """All turns, in their order."""
    found: list[Message] = []
    called: dict[str, str] = {}
    for at, item in enumerate(reader.turns(value, "messages")):
        if type(item) is not dict:
            reader.wrong(f"messages[{at}]", "an object", item)
            continue
        content = item.get("content")
        if len(item) == 2 and type(content) is str and "\0" not in content:
            role = item.get("role")
            if role == "user" or role == "system":
                found.append(Message(role, content))
                continue
        found.append(_message(reader, item, f"messages[{at}]", called))
    return tuple(found)


def _message(reader: Reader, item: JsonObject, where: str, called: dict[str, str]) -> Message:
    """One turn. ``called`` is which id we gave to a call of the old kind, which has none."""
    given = item.get("role")
    role = _ROLES.get(given) if type(given) is str else None
    if role is None:
        said = "is missing" if given is None else f"{shown(given)} is no role"
        reader.fault(f"{where}.role", said, _ROLES_HINT)
        return Message("user", "")
    if not item.keys() <= _KNOWN:
        for key in sorted(item.keys() - _KNOWN):
            if item[key] is not None:
                reader.fault(f"{where}.{key:.60}", "unknown field")
    content, parts = _content(reader, item.get("content"), where)
    name = reader.text(item.get("name"), f"{where}.name")
    if role == "assistant":
        calls = _calls(reader, item, where, called)
        if not content and not calls:
            content = reader.text(item.get("refusal"), f"{where}.refusal")
        thinking = _thinking(reader, item, where)
        return Message(role, content, calls, parts=parts, thinking=thinking, name=name)
    if role == "tool":
        if given == "function":
            return Message(role, content, tool_call_id=called.get(name, f"call_{name}"))
        answered = reader.name(item.get("tool_call_id"), f"{where}.tool_call_id")
        return Message(role, content, tool_call_id=answered, parts=parts)
    return Message(role, content, parts=parts, name=name)


def _content(reader: Reader, content: Any, where: str) -> tuple[str, tuple[Part, ...]]:
    """The text, and all parts where there is a picture among them."""
    if type(content) is str:
        return reader.text(content, f"{where}.content"), ()
    where = f"{where}.content"
    if type(content) is not list:
        if content is not None:
            reader.wrong(where, "a string or an array of parts", content)
        return "", ()
    parts: list[Part] = []
    pictured = False
    for at, item in enumerate(reader.array(content, where, _MOST_PARTS)):
        part = reader.item(item, f"{where}[{at}]")
        if part is None:
            continue
        kind = part.get("type")
        if type(kind) is str and kind in _TEXTS:
            parts.append(Text(_text(reader, part, "text", f"{where}[{at}]")))
        elif kind == "image_url":
            picture = _picture(reader, part.get("image_url"), f"{where}[{at}].image_url")
            if picture:
                pictured = True
                parts.append(picture)
        elif kind == "refusal":
            parts.append(Text(_text(reader, part, "refusal", f"{where}[{at}]")))
        else:
            reader.unsupported(f"{where}[{at}].type", kind, "content parts", _PARTS_HINT)
    text = "\n".join(part.text for part in parts if type(part) is Text)
    return text, tuple(parts) if pictured else ()


def _text(reader: Reader, part: JsonObject, field: str, where: str) -> str:
    if part.get(field) is None:
        reader.fault(f"{where}.{field}", "is missing")
        return ""
    return reader.text(part[field], f"{where}.{field}")


def _picture(reader: Reader, value: Any, where: str) -> Image | None:
    """``{"url", "detail"}``; some clients send the address alone."""
    if type(value) is str:
        return pictures.from_address(reader, value, where)
    given = reader.item(value, where)
    if given is None:
        return None
    return pictures.from_address(reader, given.get("url"), f"{where}.url", given.get("detail"))


def _calls(
    reader: Reader, item: JsonObject, where: str, called: dict[str, str]
) -> tuple[ToolCall, ...]:
    old = item.get("function_call")
    if old is not None:
        where = f"{where}.function_call"
        call = _call(reader, reader.object(old, where), where, "")
        id = called[call.name] = f"call_{call.name}_{len(called)}"
        return (ToolCall(id, call.name, call.arguments),)
    value = item.get("tool_calls")
    if value is None:
        return ()
    where = f"{where}.tool_calls"
    found = []
    for at, each in enumerate(reader.array(value, where, _MOST_CALLS)):
        path = f"{where}[{at}]"
        given = reader.item(each, path)
        if given is None:
            continue
        if given.get("type", "function") != "function":
            reader.unsupported(f"{path}.type", given["type"], "tool calls", _CALLS_HINT)
            continue
        id = reader.name(given.get("id"), f"{path}.id", 1000)
        function = reader.item(given.get("function"), f"{path}.function")
        if function is not None:
            found.append(_call(reader, function, f"{path}.function", id))
    return tuple(found)


def _call(reader: Reader, function: JsonObject, where: str, id: str) -> ToolCall:
    name = reader.name(function.get("name"), f"{where}.name")
    arguments = reader.text(function.get("arguments"), f"{where}.arguments")
    return ToolCall(id, name, arguments)


def _thinking(reader: Reader, item: JsonObject, where: str) -> tuple[Thinking, ...]:
    """What the model thought, from the field that keeps signatures or from those that do not."""
    details = item.get("reasoning_details")
    if details:
        return tuple(_detail(reader, details, f"{where}.reasoning_details"))
    text = item.get("reasoning_content") or item.get("reasoning")
    if not text:
        return ()
    return (Thinking(reader.text(text, f"{where}.reasoning_content")),)


def _detail(reader: Reader, value: Any, where: str) -> list[Thinking]:
    found = []
    for at, each in enumerate(reader.array(value, where, _MOST_PARTS)):
        path = f"{where}[{at}]"
        detail = reader.object(each, path)
        if detail.get("type") == "reasoning.encrypted":
            found.append(Thinking(redacted=reader.text(detail.get("data"), f"{path}.data")))
        else:
            text = reader.text(detail.get("text") or detail.get("summary"), f"{path}.text")
            signature = reader.text(detail.get("signature"), f"{path}.signature")
            if text or signature:
                found.append(Thinking(text, signature))
    return found
