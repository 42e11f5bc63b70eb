"""The turns of Ollama's chat, understood.

Its calls of tools usually have no ids, and a result names only its tool. Each call gets an id by
its place; a result belongs to the first call of that tool that has none yet.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from conduit.contracts.chat import Image, Message, Part, Role, Text, Thinking, ToolCall
from conduit.contracts.json import JsonObject
from conduit.models.dialects import pictures
from conduit.models.dialects.reader import Reader, shown

_ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_ROLES_HINT = "a role is system, user, assistant or tool"
_MOST_IMAGES = 1000
_MOST_CALLS = 512


def messages(reader: Reader, value: Any) -> tuple[Message, ...]:
    """All turns, in their order; there may be none."""
    turns = _Turns(reader)
    return tuple(
        turns.read(item, f"messages[{at}]")
        for at, item in enumerate(reader.turns(value, "messages", least=0))
    )


def images(reader: Reader, value: Any, where: str) -> tuple[Image, ...]:
    """Pictures in bare base64."""
    if value is None:
        return ()
    found = (
        pictures.bare(reader, each, f"{where}[{at}]")
        for at, each in enumerate(reader.array(value, where, _MOST_IMAGES))
    )
    return tuple(picture for picture in found if picture)


def with_text(text: str, images: tuple[Image, ...]) -> tuple[Part, ...]:
    """The text before its pictures; nothing where there are none."""
    if not images:
        return ()
    return (Text(text), *images) if text else images


class _Turns:
    """Reads turns, and knows which calls still wait for their result."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._called = 0
        self._waiting = _Waiting()

    def read(self, item: Any, where: str) -> Message:
        turn = self._reader.item(item, where)
        if turn is None:
            return Message("user", "")
        given = turn.get("role")
        role = _ROLES.get(given) if type(given) is str else None
        content = self._reader.text(turn.get("content"), f"{where}.content")
        if role is None:
            said = "is missing" if given is None else f"{shown(given)} is no role"
            self._reader.fault(f"{where}.role", said, _ROLES_HINT)
            return Message("user", content)
        shown_pictures = images(self._reader, turn.get("images"), f"{where}.images")
        parts = with_text(content, shown_pictures)
        if role == "tool":
            return Message(role, content, tool_call_id=self._answered(turn, where), parts=parts)
        if role != "assistant":
            return Message(role, content, parts=parts)
        thought = self._reader.text(turn.get("thinking"), f"{where}.thinking")
        return Message(
            role,
            content,
            self._calls(turn.get("tool_calls"), f"{where}.tool_calls"),
            thinking=(Thinking(thought),) if thought else (),
        )

    def _calls(self, value: Any, where: str) -> tuple[ToolCall, ...]:
        if value is None:
            return ()
        found = []
        for at, item in enumerate(self._reader.array(value, where, _MOST_CALLS)):
            path = f"{where}[{at}]"
            call = self._reader.item(item, path)
            if call is None:
                continue
            function = self._reader.item(call.get("function"), f"{path}.function")
            if function is None:
                continue
            name = self._reader.name(function.get("name"), f"{path}.function.name")
            arguments = function.get("arguments")
            if type(arguments) is not str:
                path = f"{path}.function.arguments"
                given = {} if arguments is None else self._reader.object(arguments, path)
                arguments = self._reader.json(given, path)
            id = self._reader.text(call.get("id"), f"{where}[{at}].id") or f"call_{self._called}"
            self._called += 1
            self._waiting.add(id, name)
            found.append(ToolCall(id, name, self._reader.text(arguments, path)))
        return tuple(found)

    def _answered(self, turn: JsonObject, where: str) -> str:
        """Which call a result is for."""
        given = self._reader.text(turn.get("tool_call_id"), f"{where}.tool_call_id")
        if given:
            self._waiting.answered(given)
            return given
        name = turn.get("tool_name") or turn.get("name")
        name = self._reader.text(name, f"{where}.tool_name")
        id = self._waiting.first(name)
        if not id:
            self._reader.fault(
                f"{where}.tool_name",
                f"no call of {shown(name) if name else 'a tool'} waits for a result",
                "send the assistant's turn with its tool_calls before the results",
            )
        return id


class _Waiting:
    """Calls that have no result yet. Nothing is ever searched for: the calls of each tool stand in
    a line of their own, from which those that were answered otherwise are taken when met."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._lines: dict[str, deque[str]] = {"": deque()}  # "" is the line of all calls

    def add(self, id: str, name: str) -> None:
        self._open.add(id)
        self._lines[""].append(id)
        self._lines.setdefault(name, deque()).append(id)

    def answered(self, id: str) -> None:
        self._open.discard(id)

    def first(self, name: str) -> str:
        """The first call of a tool, or of any when it is not named; empty when there is none."""
        line = self._lines.get(name) or deque()
        while line:
            id = line.popleft()
            if id in self._open:
                self._open.discard(id)
                return id
        return ""
