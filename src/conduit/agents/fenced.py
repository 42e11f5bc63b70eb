"""Finding the JSON that models put between fences.

Models forget the language tag, the closing fence and the last bracket; they nest fences, add
comments and trailing commas, and put several values in one fence. So a fence only says where to
look: the value itself is found by walking its brackets and strings, and ends where they balance,
at a line that starts with a fence, or at the end of the text.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_FENCE = re.compile(r"(?:`{3,}|~{3,})[ \t]*([A-Za-z0-9_+.-]*)")
_VALUE_OR_FENCE = re.compile(r"^[ \t]*([\[{]|`{3}|~{3})", re.MULTILINE)
_LANGUAGES = frozenset({"", "json", "jsonc", "json5", "jsonl", "ndjson", "javascript", "js"})
_CLOSERS = {"{": "}", "[": "]"}
_LONGEST_PREFACE = 200
_LONGEST_REPAIR = 64 * 1024
_DEEPEST = 200


def json_blocks(text: str) -> list[Any]:
    """The JSON objects and arrays inside fenced blocks, in order; what cannot be read is left out.

    Takes time linear in the text, whatever is in it.
    """
    found: list[Any] = []
    at = 0
    inside = False
    while fence := _FENCE.search(text, at):
        at = fence.end()
        language = fence.group(1).casefold()
        if inside and not language:
            inside = False  # a bare fence closes; a tagged one opens another inside
            continue
        inside = True
        if language in _LANGUAGES:
            at = _values(text, _start(text, at) if language else at, found)
    return found


def _start(text: str, at: int) -> int:
    """Where the first value of a fence that says it is JSON begins: models put a word before it."""
    line = _VALUE_OR_FENCE.search(text, at, at + _LONGEST_PREFACE)
    return line.start(1) if line and line.group(1) in _CLOSERS else at


def _values(text: str, at: int, found: list[Any]) -> int:
    """Read the values that start at ``at``; returns where reading stopped."""
    while True:
        start = _skip_blank(text, at)
        if start >= len(text) or text[start] not in _CLOSERS:
            return at
        at = _end_of_value(text, start)
        value = _parse(text[start:at])
        if value is not None:
            found.append(value)


def _skip_blank(text: str, at: int) -> int:
    """Skip white space, commas between values, and comments."""
    while at < len(text):
        if text[at].isspace() or text[at] == ",":
            at += 1
        elif text.startswith(("//", "/*"), at):
            at = _end_of_comment(text, at)
        else:
            break
    return at


def _end_of_comment(text: str, at: int) -> int:
    """The index after a ``//`` comment (its line end is left) or a ``/* */`` comment."""
    line = text[at + 1] == "/"
    end = text.find("\n" if line else "*/", at + 2)
    if end < 0:
        return len(text)
    return end if line else end + 2


def _end_of_value(text: str, at: int) -> int:
    """The index after the bracket that closes the one at ``at``."""
    depth = 0
    line_is_blank = False
    while at < len(text):
        char = text[at]
        if line_is_blank and text.startswith(("```", "~~~"), at):
            return at
        line_is_blank = char == "\n" or (line_is_blank and char in " \t")
        if char == '"':
            at = _end_of_string(text, at)
            continue
        if text.startswith(("//", "/*"), at):
            at = _end_of_comment(text, at)
            continue
        if char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return at


def _end_of_string(text: str, at: int) -> int:
    """The index after a string; a line end inside means the quote was never closed."""
    at += 1
    while at < len(text) and text[at] not in '"\n':
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def _parse(text: str) -> Any | None:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass  # what follows is for JSON that is nearly right
    try:
        return json.loads(text, parse_constant=lambda _: None)  # NaN is no value: null
    except (ValueError, RecursionError):
        pass
    if len(text) > _LONGEST_REPAIR or _depth(text) > _DEEPEST:
        return None
    import json_repair  # 20 ms to import and rarely needed

    value = json_repair.loads(text, skip_json_loads=True)
    return value if isinstance(value, dict | list) and value else None


def _depth(text: str) -> int:
    deepest = depth = 0
    for char in text:
        if char in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "}]":
            depth -= 1
    return deepest
