"""Lines of text for a terminal: a tree with aligned columns beside it.

Names of blocks and types may come from anywhere, so whatever is shown goes through
:func:`shown` first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_UNSHOWABLE = re.compile(
    "[^\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Control characters, what reorders a line, what UTF-8 and XML cannot carry."""


def shown(text: str, most: int = 48) -> str:
    """Text of one line, of at most ``most`` characters, that changes nothing around it."""
    line = _UNSHOWABLE.sub("\ufffd", " ".join(text[: 4 * most].split()))
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1]}…"


def columns(text: str) -> int:
    """How many columns of a terminal it takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def branches(tops: Sequence[T], inside: Callable[[T], Sequence[T]]) -> Iterator[tuple[str, T]]:
    """Every node of a tree, outermost first, with the lines that lead to it."""
    waiting = [("", "", top) for top in reversed(tops)]
    while waiting:
        stem, rest, node = waiting.pop()
        yield stem, node
        inner = inside(node)
        for at in range(len(inner) - 1, -1, -1):
            last = at == len(inner) - 1
            waiting.append(
                (rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "), inner[at])
            )


def aligned(
    rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset(), head: int = 0
) -> str:
    """Rows of cells as lines, two blanks between columns. ``right`` are the columns of figures;
    those that are empty below the first ``head`` rows are left out."""
    kept = [at for at in range(len(rows[0])) if any(row[at] for row in rows[head:])]
    widths = {at: max(columns(row[at]) for row in rows) for at in kept}
    lines = []
    for row in rows:
        cells = []
        for at in kept:
            blanks = " " * (widths[at] - columns(row[at]))
            cells.append(blanks + row[at] if at in right else row[at] + blanks)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
