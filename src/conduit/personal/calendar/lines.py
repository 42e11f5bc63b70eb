"""Content lines of iCalendar (RFC 5545, 3.1), from any text at all.

A file comes from strangers: whoever sends an invitation writes into it. So what is no line is
passed over, what is too long is cut, and reading takes time linear in the text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

LONGEST_LINE: Final = 1 << 14
"""Letters of a line, unfolded, that are looked at; a description may be longer and is not read."""
MOST_LINES: Final = 150_000
"""More than four megabytes of a calendar have that people keep."""

_MOST_PARAMETERS: Final = 50
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_VALUE: Final = r"(?:\"[^\"]*+\"|[^\";:,]*+)"
_LINE: Final = re.compile(
    rf"(?P<name>[A-Za-z0-9-]++)(?P<rest>(?:;[A-Za-z0-9-]++={_VALUE}(?:,{_VALUE})*+)*+):(?P<value>.*)",
    re.DOTALL,
)
_PARAMETER: Final = re.compile(rf";([A-Za-z0-9-]++)=({_VALUE})")
_ESCAPED: Final = re.compile(r"\\([\\;,nN])")
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Line:
    """``name`` and the names of ``parameters`` are in capitals; of several values of a parameter
    the first is kept."""

    name: str
    parameters: Mapping[str, str]
    value: str


def lines_of(text: str) -> Iterator[Line]:
    """The lines of a text in order, without those that are none."""
    unfolded = _FOLD.sub("", text.removeprefix("\ufeff"))
    at = 0
    for _ in range(MOST_LINES):
        if at > len(unfolded):
            return
        end = unfolded.find("\n", at)
        end = len(unfolded) if end < 0 else end
        found = _LINE.fullmatch(unfolded[at : min(end, at + LONGEST_LINE)].rstrip("\r"))
        at = end + 1
        if found:
            yield Line(
                sys.intern(found["name"].upper()),
                _parameters(found["rest"]) if found["rest"] else _NONE,
                found["value"],
            )


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in _PARAMETER.finditer(text):
        if len(found) == _MOST_PARAMETERS:
            break
        found.setdefault(each[1].upper(), each[2].strip('"'))
    return found


def plain(value: str, longest: int) -> str:
    """A TEXT value as people wrote it, on one line and without control characters."""
    text = _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value[: 4 * longest])
    return " ".join(_CONTROL.sub(" ", text).split())[:longest]
