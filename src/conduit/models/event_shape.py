"""Knowing that an event is sound because it is like an earlier one.

The events of a stream differ in a string or two (a piece of text, padding) and perhaps in a number.
Parsed once, the rest need not be parsed again: bytes that are the same up to the inside of a string
are the same JSON with another string.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

_SLOT = re.compile(
    rb'"(?:(content|reasoning_content|reasoning|arguments|delta)|obfuscation)"\s*:\s*"'
    rb'|"sequence_number"\s*:\s*(?=\d)'
)
_STRING = re.compile(
    rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+(?=")'
)
_NUMBER = re.compile(rb"(?:0|[1-9][0-9]{0,15}+)(?![0-9])")
_SAMPLES = {_STRING: (b"7\xc2\xa7sample", "7§sample"), _NUMBER: (b"7000000001", 7000000001)}
_CONTROLS = bytes(range(0x20)).replace(b"\n", b"")
_ATTEMPTS = 4
"""How often a shape is looked for, in a stream whose events are never alike."""
_LONGEST = 4096
"""Bytes of an event that is worth learning from."""
_LEAVES = 400

Match = Callable[[bytes, int], re.Match[bytes] | None]


class EventShape:
    """The shape of one stream's events. ``model`` names and finish reasons are part of it, so what
    is alike says nothing new but its text."""

    __slots__ = ("_attempts", "_end", "_slots", "_start")

    def __init__(self) -> None:
        self._attempts = _ATTEMPTS
        self._start = b""
        self._slots: tuple[tuple[Match, bool, bytes, int], ...] = ()
        self._end = 0

    def match(self, data: bytes) -> int:
        """Bytes of text in an event that is alike, whole JSON and UTF-8; -1 for any other."""
        if not self._slots or not data.startswith(self._start):
            return -1
        at, length = self._end, 0
        for pattern, text, after, size in self._slots:
            found = pattern(data, at)
            if found is None:
                return -1
            end = found.end()
            if text:
                length = end - at
            if not data.startswith(after, end):
                return -1
            at = end + size
        if at != len(data):
            return -1
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                return -1
        return length

    def run(self, data: bytes) -> int:
        """Bytes of text in whole events of one ``data:`` line each, all of them alike and their
        text without an escape, as nearly all are; -1 where one of them is anything else."""
        if len(self._slots) != 1:
            return -1
        start, (_, _, after, size) = b"data: " + self._start, self._slots[0]
        least, length = len(start) + size, 0
        for event in data[:-2].split(b"\n\n"):
            if len(event) < least or not (event.startswith(start) and event.endswith(after)):
                return -1
            text = event[len(start) : len(event) - size]
            if b'"' in text or b"\\" in text or b"\n" in text:
                return -1
            length += len(text)
        if len(data.translate(None, _CONTROLS)) != len(data):
            return -1
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                return -1
        return length

    def learn(self, data: bytes) -> None:
        """Take the shape of an event that has been read and says nothing but its text."""
        if self._attempts == 0 or len(data) > _LONGEST:
            return
        self._attempts -= 1
        cuts: list[tuple[re.Pattern[bytes], bool, int, int]] = []
        at = 0
        while (slot := _SLOT.search(data, at)) is not None:
            pattern = _STRING if slot[0].endswith(b'"') else _NUMBER
            found = pattern.match(data, slot.end())
            if found is None or not _is_value(data, pattern, *found.span()):
                return
            cuts.append((pattern, slot[1] is not None, *found.span()))
            at = found.end()
        if sum(text for _, text, _, _ in cuts) != 1:
            return
        ends = [start for _, _, start, _ in cuts[1:]] + [len(data)]
        self._start, self._end = data[: cuts[0][2]], cuts[0][2]
        self._slots = tuple(
            (pattern.match, text, data[stop:end], end - stop)
            for (pattern, text, _, stop), end in zip(cuts, ends, strict=True)
        )


def _is_value(data: bytes, pattern: re.Pattern[bytes], start: int, end: int) -> bool:
    """Whether a value begins and ends just there: then a sample in its place is a value too."""
    written, value = _SAMPLES[pattern]
    try:
        return _holds(orjson.loads(data[:start] + written + data[end:]), value)
    except orjson.JSONDecodeError:
        return False


def _holds(root: Any, value: Any) -> bool:
    left = [root]
    for _ in range(_LEAVES):
        if not left:
            return False
        node = left.pop()
        if isinstance(node, dict):
            left += node.values()
        elif isinstance(node, list):
            left += node
        elif node == value and type(node) is type(value):
            return True
    return False
