"""The input of OpenAI's Responses, understood.

What one of our assistant turns holds comes as several items there: what it thought, what it said,
and each of its calls. Neighbours that can be one turn become one.
"""

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
}
_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
_MOST_PARTS = 1000
SIGNED = "signature:"
REDACTED = "redacted:"
"""What our ``encrypted_content`` begins with. Without it, it is OpenAI's own, which goes back to
OpenAI together with the id of its item."""

_ITEMS_HINT = "send items of type message, function_call, function_call_output and reasoning"
_PARTS_HINT = "send parts of type input_text or input_image"
_ROLES_HINT = "a role is system, developer, user or assistant"


def messages(reader: Reader, value: Any) -> tuple[Message, ...]:
    """All turns of ``input``, in their order."""
    if type(value) is str:
        return (Message("user", reader.text(value, "input")),)
    turns = _Turns(reader)
    for at, item in enumerate(reader.turns(value, "input")):
        given = reader.item(item, f"input[{at}]")
        if given is not None:
            turns.add(given, f"input[{at}]")
    return turns.done()


class _Turns:
    """Puts items together into turns."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._found: list[Message] = []
        self._thinking: list[Thinking] = []
        self._said: list[Message] = []
        self._calls: list[ToolCall] = []

    def done(self) -> tuple[Message, ...]:
        self._finish()
        return tuple(self._found)

    def add(self, item: JsonObject, where: str) -> None:
        """One item. A message may come without its type."""
        kind = item.get("type")
        if kind == "message" or (kind is None and "role" in item):
            self._message(item, where)
        elif kind == "function_call":
            self._calls.append(
                ToolCall(
                    self._reader.name(item.get("call_id"), f"{where}.call_id", 1000),
                    self._reader.name(item.get("name"), f"{where}.name"),
                    self._reader.text(item.get("arguments"), f"{where}.arguments"),
                )
            )
        elif kind == "function_call_output":
            self._finish()
            call_id = self._reader.name(item.get("call_id"), f"{where}.call_id", 1000)
            text, parts = self._content(item.get("output"), f"{where}.output")
            self._found.append(Message("tool", text, tool_call_id=call_id, parts=parts))
        elif kind == "reasoning":
            if self._said or self._calls:
                self._finish()
            self._think(item, where)
        else:
            self._reader.unsupported(f"{where}.type", kind, "items", _ITEMS_HINT)

    def _finish(self) -> None:
        """What came since the last turn of somebody else is one turn of the assistant."""
        if not (self._said or self._calls or self._thinking):
            return
        content = self._said[0].content if self._said else ""
        self._found.append(
            Message("assistant", content, tuple(self._calls), thinking=tuple(self._thinking))
        )
        self._said, self._calls, self._thinking = [], [], []

    def _message(self, item: JsonObject, where: str) -> None:
        given = item.get("role")
        role = _ROLES.get(given) if type(given) is str else None
        if role is None:
            said = "is missing" if given is None else f"{shown(given)} is no role"
            self._reader.fault(f"{where}.role", said, _ROLES_HINT)
            return
        text, parts = self._content(item.get("content"), f"{where}.content")
        if role != "assistant" or self._said or self._calls:
            self._finish()
        if role == "assistant":
            self._said.append(Message(role, text))
        else:
            self._found.append(Message(role, text, parts=parts))

    def _think(self, item: JsonObject, where: str) -> None:
        """What was thought is in ``summary``, or in ``content`` with models that show it all; only
        whoever wrote ``encrypted_content`` can read it."""
        sealed = self._reader.text(item.get("encrypted_content"), f"{where}.encrypted_content")
        pieces: list[str] = []
        for field in ("summary", "content"):
            value = item.get(field)
            if value and not pieces:
                pieces.append(self._content(value, f"{where}.{field}")[0])
        text = "".join(pieces)
        if sealed.startswith(REDACTED):
            self._thinking.append(Thinking(text, redacted=sealed.removeprefix(REDACTED)))
        elif sealed.startswith(SIGNED):
            self._thinking.append(Thinking(text, sealed.removeprefix(SIGNED)))
        elif sealed:
            id = self._reader.text(item.get("id"), f"{where}.id")
            self._thinking.append(Thinking(text, f"{id}:{sealed}"))
        elif text:
            self._thinking.append(Thinking(text))

    def _content(self, value: Any, where: str) -> tuple[str, tuple[Part, ...]]:
        """The text, and all parts where there is a picture among them."""
        if type(value) is str:
            return self._reader.text(value, where), ()
        if value is None:
            self._reader.fault(where, "is missing")
        elif type(value) is not list:
            self._reader.wrong(where, "a string or an array of parts", value)
            return "", ()
        parts: list[Part] = []
        for at, item in enumerate(self._reader.array(value, where, _MOST_PARTS)):
            path = f"{where}[{at}]"
            part = self._reader.item(item, path)
            if part is None:
                continue
            kind = part.get("type")
            if type(kind) is str and kind in _TEXTS:
                parts.append(Text(self._text(part.get("text"), f"{path}.text")))
            elif kind == "refusal":
                parts.append(Text(self._text(part.get("refusal"), f"{path}.refusal")))
            elif kind == "input_image":
                picture = self._picture(part, path)
                if picture:
                    parts.append(picture)
            else:
                self._reader.unsupported(f"{path}.type", kind, "content parts", _PARTS_HINT)
        text = "\n".join(part.text for part in parts if type(part) is Text)
        return text, tuple(parts) if any(type(part) is Image for part in parts) else ()

    def _text(self, value: Any, where: str) -> str:
        if value is None:
            self._reader.fault(where, "is missing")
        return self._reader.text(value, where)

    def _picture(self, part: JsonObject, where: str) -> Image | None:
        if part.get("file_id") is not None:
            self._reader.fault(
                f"{where}.file_id",
                "files on a provider's server are not supported",
                "send image_url, which may be a data: URL",
            )
            return None
        where = f"{where}.image_url"
        return pictures.from_address(self._reader, part.get("image_url"), where, part.get("detail"))
