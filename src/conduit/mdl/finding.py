"""Where in an answer the JSON is: between fences, after thoughts, in the middle of prose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conduit.mdl.lenient import Found, read

_MARK = re.compile(r"[\[{]|`{3,}|~{3,}")
_LANGUAGE = re.compile(r"[ \t]*([A-Za-z0-9_+.-]*)")
_NEXT_FENCE = re.compile(r"\n[ \t]*(?:`{3}|~{3})")
_THOUGHT_ENDS = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)

MOST_VALUES = 1000
"""A text with more brackets than that is prose, or hostile."""


def values(text: str) -> list[Found]:
    """Every object and list in a text, in order, whatever is wrong with it.

    What stands before the end of a thought (``</think>``) is left out, if anything comes after it.
    Time is linear in the text; at most ``MOST_VALUES`` are looked at.
    """
    thoughts = [thought.end() for thought in _THOUGHT_ENDS.finditer(text)]
    if thoughts and (after := list(_values(text, thoughts[-1]))):
        return after
    return list(_values(text, 0))


def strict(text: str) -> Found | None:
    """The value of a text that is JSON from beginning to end; None if it is not."""
    duplicates = _Duplicates()
    try:
        value = json.loads(text, object_pairs_hook=duplicates)
    except (ValueError, RecursionError):
        return None
    return Found(value, 0, len(text), {"duplicate": 0} if duplicates.seen else {})


class _Duplicates:
    """Builds objects, and notices keys that were written twice: the last one counts."""

    def __init__(self) -> None:
        self.seen = False

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            self.seen = True
        return made


def _values(text: str, at: int) -> Iterator[Found]:
    fence: str | None = None
    looked = limit = 0
    while looked < MOST_VALUES and (mark := _MARK.search(text, at)):
        at = mark.end()
        if mark.group() not in "[{":
            language = _LANGUAGE.match(text, at)
            tag = language.group(1).casefold() if language else ""
            fence = tag if fence is None or tag else None  # a bare one closes
            continue
        looked += 1
        if limit < at:
            line = _NEXT_FENCE.search(text, at)
            limit = line.start() if line else len(text)
        # Prose does not run on into a fence; what is in a fence may hold others in its texts.
        found = _value_at(text, mark.start(), limit if fence is None else len(text))
        if isinstance(found, int):
            at = found
            continue
        at = found.end
        yield replace(found, fence=fence)


def _value_at(text: str, start: int, end: int) -> Found | int:
    duplicates = _Duplicates()
    try:
        decoder = json.JSONDecoder(object_pairs_hook=duplicates)
        value, after = decoder.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass  # what follows is for what is nearly JSON
    else:
        return Found(value, start, after, {"duplicate": start} if duplicates.seen else {})
    return read(text, start, end)
