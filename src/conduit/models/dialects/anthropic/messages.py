"""The turns of Anthropic's Messages API, understood.

One user turn can hold results of tools and words; with us each result is a turn of its own.
"""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import Image, Message, Part, Text, Thinking, ToolCall
from conduit.contracts.json import JsonObject
from conduit.models.dialects import pictures
from conduit.models.dialects.reader import Reader, shown

CACHE_MARK = "cache_control"
_MOST_BLOCKS = 10_000
_HINT = "send text, image, tool_use, tool_result and thinking blocks"
_ROLES_HINT = "a role is user or assistant; instructions go into the field system"


class Turns:
    """Reads turns. ``marked`` is set where a block carries a mark for the cache."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.marked = False

    def system(self, value: Any) -> str:
        """The system prompt: a string, or blocks of text."""
        if value is None or type(value) is str:
            return self._reader.text(value, "system")
        texts = []
        for at, block in enumerate(self._reader.array(value, "system", _MOST_BLOCKS)):
            where = f"system[{at}]"
            given = self._block(block, where)
            if given.get("type") == "text":
                texts.append(self._text(given, where))
            elif given.get("type") is not None:
                self._reader.unsupported(f"{where}.type", given["type"], "blocks", _HINT)
        return "\n".join(texts)

    def read(self, value: Any) -> tuple[Message, ...]:
        """All turns, in their order."""
        found: list[Message] = []
        for at, item in enumerate(self._reader.turns(value, "messages")):
            where = f"messages[{at}]"
            turn = self._reader.item(item, where)
            if turn is None:
                continue
            role, content = turn.get("role"), turn.get("content")
            if role == "user" or role == "system":
                if type(content) is str:
                    found.append(Message(role, self._reader.text(content, f"{where}.content")))
                else:
                    found += self._user(content, f"{where}.content", role == "user")
            elif role == "assistant":
                found.append(self._assistant(content, f"{where}.content"))
            else:
                said = "is missing" if role is None else f"{shown(role)} is no role"
                self._reader.fault(f"{where}.role", said, _ROLES_HINT)
        return tuple(found)

    def _user(self, content: Any, where: str, user: bool) -> list[Message]:
        found: list[Message] = []
        parts: list[Part] = []
        for at, item in enumerate(self._blocks(content, where)):
            path = f"{where}[{at}]"
            block = self._block(item, path)
            kind = block.get("type")
            if kind == "text":
                parts.append(Text(self._text(block, path)))
            elif kind == "image" and user:
                parts += self._image(block, path)
            elif kind == "tool_result" and user:
                if parts:
                    found.append(_said(parts, user))
                    parts = []
                found.append(self._result(block, path))
            elif kind is not None:
                self._reader.unsupported(f"{path}.type", kind, "blocks", _HINT)
        if parts or not found:
            found.append(_said(parts, user))
        return found

    def _result(self, block: JsonObject, where: str) -> Message:
        content = block.get("content")
        parts: list[Part] = []
        if content is None or type(content) is str:
            text = self._reader.text(content, f"{where}.content")
        else:
            for at, item in enumerate(self._blocks(content, f"{where}.content")):
                path = f"{where}.content[{at}]"
                inner = self._block(item, path)
                if inner.get("type") == "text":
                    parts.append(Text(self._text(inner, path)))
                elif inner.get("type") == "image":
                    parts += self._image(inner, path)
                elif inner.get("type") is not None:
                    self._reader.unsupported(f"{path}.type", inner["type"], "blocks", _HINT)
            text, parts = _joined(parts)
        return Message(
            "tool",
            text,
            tool_call_id=self._reader.name(block.get("tool_use_id"), f"{where}.tool_use_id"),
            parts=tuple(parts),
            failed=self._reader.flag(block.get("is_error"), f"{where}.is_error") or False,
        )

    def _assistant(self, content: Any, where: str) -> Message:
        if type(content) is str:
            return Message("assistant", self._reader.text(content, where))
        texts: list[str] = []
        calls: list[ToolCall] = []
        thinking: list[Thinking] = []
        for at, item in enumerate(self._blocks(content, where)):
            path = f"{where}[{at}]"
            block = self._block(item, path)
            kind = block.get("type")
            if kind == "text":
                texts.append(self._text(block, path))
            elif kind == "tool_use":
                calls.append(self._call(block, path))
            elif kind == "thinking":
                thinking.append(
                    Thinking(
                        self._reader.text(block.get("thinking"), f"{path}.thinking"),
                        self._reader.text(block.get("signature"), f"{path}.signature"),
                    )
                )
            elif kind == "redacted_thinking":
                data = self._reader.text(block.get("data"), f"{path}.data")
                thinking.append(Thinking(redacted=data))
            elif kind is not None:
                self._reader.unsupported(f"{path}.type", kind, "blocks", _HINT)
        return Message("assistant", "".join(texts), tuple(calls), thinking=tuple(thinking))

    def _call(self, block: JsonObject, where: str) -> ToolCall:
        arguments = self._reader.object(block.get("input"), f"{where}.input")
        return ToolCall(
            self._reader.name(block.get("id"), f"{where}.id"),
            self._reader.name(block.get("name"), f"{where}.name"),
            self._reader.json(arguments, f"{where}.input") if arguments else "{}",
        )

    def _image(self, block: JsonObject, where: str) -> list[Image]:
        where = f"{where}.source"
        source = self._reader.item(block.get("source"), where)
        if source is None:
            return []
        picture = None
        if source.get("type") == "base64":
            data, media_type = source.get("data"), source.get("media_type")
            picture = pictures.inline(self._reader, data, media_type, where)
        elif source.get("type") == "url":
            picture = pictures.from_address(self._reader, source.get("url"), f"{where}.url")
        else:
            hint = "send base64 or a url"
            self._reader.unsupported(f"{where}.type", source.get("type"), "sources", hint)
        return [picture] if picture else []

    def _blocks(self, value: Any, where: str) -> list[Any]:
        if value is None:
            self._reader.fault(where, "is missing")
        return self._reader.array(value, where, _MOST_BLOCKS)

    def _block(self, value: Any, where: str) -> JsonObject:
        """A block; after a fault one without a type, which is passed over."""
        block = self._reader.item(value, where)
        if block is None:
            return {"type": None}
        if block.get("type") is None:
            self._reader.fault(f"{where}.type", "is missing", _HINT)
        if block.get(CACHE_MARK) is not None:
            self.marked = True
        return block

    def _text(self, block: JsonObject, where: str) -> str:
        text = block.get("text")
        if text is None:
            self._reader.fault(f"{where}.text", "is missing")
        return self._reader.text(text, f"{where}.text")


def _said(parts: list[Part], user: bool) -> Message:
    text, kept = _joined(parts)
    return Message("user" if user else "system", text, parts=tuple(kept))


def _joined(parts: list[Part]) -> tuple[str, list[Part]]:
    """The text, and the parts where there is more than that."""
    text = "\n".join(part.text for part in parts if type(part) is Text)
    return text, parts if any(type(part) is Image for part in parts) else []
