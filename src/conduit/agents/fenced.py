"""Finding the JSON that models put between fences.

Models forget the language tag, the closing fence and the last bracket; they nest fences, add
comments and trailing commas, and put several values in one fence. So a fence only says where to
look: the value itself is read leniently, and ends where its brackets do, at a line that starts with
a fence, or at the end of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from conduit.mdl import Finder

_FENCE = re.compile(r"(?:`{3,}|~{3,})[ \t]*([A-Za-z0-9_+.-]*)")
_VALUE_OR_FENCE = re.compile(r"^[ \t]*([\[{]|`{3}|~{3})", re.MULTILINE)
_LANGUAGES = frozenset({"", "json", "jsonc", "json5", "jsonl", "ndjson", "javascript", "js"})
_OPENERS = ("{", "[")
_LONGEST_PREFACE = 200


@dataclass(frozen=True, slots=True)
class Written:
    """A value between fences. It is not ``whole`` where the text ends in the middle of it: there
    may have been more. A last bracket that was forgotten before the closing fence is none."""

    value: Any
    whole: bool


def json_blocks(text: str) -> list[Written]:
    """The JSON objects and arrays inside fenced blocks, in order; what cannot be read is left out.

    Takes time linear in the text, whatever is in it.
    """
    found: list[Written] = []
    finder = Finder(text)
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
            at = _values(text, finder, _start(text, at) if language else at, found)
    return found


def _start(text: str, at: int) -> int:
    """Where the first value of a fence that says it is JSON begins: models put a word before it."""
    line = _VALUE_OR_FENCE.search(text, at, at + _LONGEST_PREFACE)
    return line.start(1) if line and line.group(1) in _OPENERS else at


def _values(text: str, finder: Finder, at: int, found: list[Written]) -> int:
    """Read the values that start at ``at``; returns where reading stopped."""
    while True:
        start = _skip_blank(text, at)
        if not text.startswith(_OPENERS, start):
            return at
        value = finder.value_at(start)
        if isinstance(value, int):  # nested beyond all sense
            return value
        at = value.end
        if value.value or not value.notes:
            closed = value.cut == () and bool(_FENCE.match(text, _skip_blank(text, at)))
            whole = value.cut is None or (closed and isinstance(value.value, dict))
            found += (Written(each, whole) for each in _sendable(value.value))


def _sendable(value: Any) -> list[Any]:
    """A value as JSON can say it, where NaN is null; nothing when it cannot be said."""
    try:
        return [orjson.loads(orjson.dumps(value))]
    except (TypeError, ValueError):  # an integer beyond 64 bits, or half a character
        return []


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
