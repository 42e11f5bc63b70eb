"""Where in an answer the JSON is: between fences, after thoughts, in the middle of prose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from conduit.mdl.lenient import Found, goes_on, read

_MARK = re.compile(r"[\[{]|`{3,}|~{3,}")
_LANGUAGE = re.compile(r"[ \t]*([A-Za-z0-9_+.-]*)")
_NEXT_FENCE = re.compile(r"\n[ \t]*(?:`{3}|~{3})")
THOUGHT_ENDS = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)

_MOST_FAULTS = 8
MOST_VALUES = 1000
"""A text with more brackets than that is prose, or hostile."""


def values(text: str) -> list[Found]:
    """Every object and list in a text, in order, whatever is wrong with it.

    What stands before the end of a thought (``</think>``) is left out, if anything comes after it.
    Time is linear in the text; at most ``MOST_VALUES`` are looked at.
    """
    thoughts = [thought.end() for thought in THOUGHT_ENDS.finditer(text)]
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
    finder = Finder(text)
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
        found = finder.value_at(mark.start(), limit if fence is None else len(text))
        if isinstance(found, int):  # nested too deep: a part of it is not what was meant either
            line = _NEXT_FENCE.search(text, found)
            if line is None:
                return
            at = line.start()
            continue
        at = found.end
        yield found._replace(fence=fence)


class Finder:
    """Reads the values of one text.

    What is JSON is read by the standard library, twenty times as fast. But it counts the lines up
    to a fault, so after ``_MOST_FAULTS`` it is not tried again: time stays linear in the text.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._faults = 0
        self._duplicates = _Duplicates()
        self._decode = json.JSONDecoder(object_pairs_hook=self._duplicates).raw_decode

    def value_at(self, start: int, end: int | None = None) -> Found | int:
        """The object or list that begins at ``start``, whatever is wrong with it.

        For one that is nested too deep: the index up to which it was read.
        """
        end = len(self._text) if end is None else end
        if self._faults < _MOST_FAULTS:
            self._duplicates.seen = False
            try:
                value, after = self._decode(self._text, start)
            except (ValueError, RecursionError):
                self._faults += 1
            else:
                if isinstance(value, list) or not goes_on(self._text, after, end):
                    notes = {"duplicate": start} if self._duplicates.seen else {}
                    return Found(value, start, after, notes)
        return read(self._text, start, end)
