"""Calls of tools that a model wrote into its text instead of making them.

Models that were not trained for a provider's form of tool calls write them as JSON: between fences,
in ``<tool_call>`` tags, in the middle of prose, with the last bracket missing. A value counts as a
call only if it names a tool that was offered and has an object of arguments, under the names that
models use for the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, Final

from conduit.blocks import dumps
from conduit.contracts.chat import ToolCall
from conduit.mdl import values

_NAMES: Final = ("name", "tool", "tool_name", "function", "function_name", "action", "block")
_ARGUMENTS: Final = ("arguments", "parameters", "args", "input", "action_input", "kwargs", "params")
_WRAPPERS: Final = ("tool_call", "tool_calls", "function_call", "function", "calls", "tool_use")
_MOST: Final = 32
_DEEPEST: Final = 4
_OPENING: Final = re.compile(r"(?:`{3,}|~{3,})[ \t]*\w*\s*$|<\w+>\s*$")
_LONGEST: Final = 200_000
"""Characters of a text that are looked through: what is longer is a document, not a call."""


def hidden_calls(text: str, known: Callable[[str], bool]) -> tuple[str, tuple[ToolCall, ...]]:
    """The calls in a text, in order, at most 32, and what the text says before the first one.
    ``known`` tells the names of tools."""
    calls: list[ToolCall] = []
    before = text
    if len(text) > _LONGEST or not any(mark in text for mark in "{["):
        return text, ()
    for found in values(text):
        for name, arguments in _calls_in(found.value, known, _DEEPEST):
            if not calls:
                before = _OPENING.sub("", text[: found.start]).strip()
            calls.append(ToolCall(f"text_{len(calls)}", name, arguments))
            if len(calls) == _MOST:
                return before, tuple(calls)
    return before, tuple(calls)


def _calls_in(value: Any, known: Callable[[str], bool], depth: int) -> list[tuple[str, str]]:
    if isinstance(value, list) and depth:
        return [call for each in value[:_MOST] for call in _calls_in(each, known, depth - 1)]
    if not isinstance(value, dict):
        return []
    name = _first(value, _NAMES, str)
    if isinstance(name, str) and known(name.strip()):
        arguments = _arguments(value)
        return [] if arguments is None else [(name.strip(), arguments)]
    for key in _WRAPPERS:
        if depth and isinstance(value.get(key), dict | list):
            return _calls_in(value[key], known, depth - 1)
    return []


def _arguments(value: dict[str, Any]) -> str | None:
    """The arguments as JSON text; None where there are none, which is no call."""
    given = _first(value, _ARGUMENTS, dict)
    if isinstance(given, dict):
        return dumps(given).decode()
    text = _first(value, _ARGUMENTS, str)  # as OpenAI sends them: JSON inside a text
    if isinstance(text, str) and text.lstrip().startswith("{"):
        return text
    return None


def _first(value: dict[str, Any], keys: Collection[str], kind: type) -> object:
    return next((value[key] for key in keys if isinstance(value.get(key), kind)), None)
