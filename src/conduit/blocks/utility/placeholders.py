"""``:name`` in a statement of PostgreSQL, as the placeholders its driver knows.

Only the places are rewritten; values never meet the text. What lies in literals, quoted names,
comments and dollar quotes is left alone, and so are casts (``::int``). A slice is written with both
bounds, ``a[1:n]``: ``a[:n]`` would name a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from conduit.contracts.errors import InvalidInput

# What never ends is taken to the end of the text, so that reading it takes linear time.
_TOKEN: Final = re.compile(
    r"""(?sx)
      (?<![\w$]) [eE] ' (?: [^'\\]++ | \\. | '' )*+ '?   # E'it\'s'
    | ' (?: [^']++ | '' )*+ '?
    | " (?: [^"]++ | "" )*+ "?
    | -- [^\n]*+
    | (?P<comment> /\* )
    | (?<![\w$]) (?P<dollars> \$ (?: [^\W\d]\w* )? \$ )
    | (?<![:\w]) : (?P<name> [^\W\d]\w* )
    | %
    """
)
_COMMENT: Final = re.compile(r"/\*|\*/")


def placed(statement: str, names: Collection[str]) -> str:
    """The statement with ``%(name)s`` for every ``:name`` and ``%%`` for every ``%``.

    Raises ``InvalidInput`` for a parameter that is not there, and for a NUL, which would end the
    text early.
    """
    if "\0" in statement:
        raise InvalidInput("the statement holds a NUL character")
    parts = []
    at = 0
    while found := _TOKEN.search(statement, at):
        parts.append(statement[at : found.start()])
        at = _end(found)
        if name := found["name"]:
            if name not in names:
                known = ", ".join(names) or "none"
                raise InvalidInput(f"there is no parameter :{name:.80} (there are: {known})")
            parts.append(f"%({name})s")
        else:
            parts.append(statement[found.start() : at].replace("%", "%%"))
    return "".join((*parts, statement[at:]))


def _end(found: re.Match[str]) -> int:
    """Where a token ends; of comments and dollar quotes only the beginning has been found."""
    text = found.string
    if tag := found["dollars"]:
        end = text.find(tag, found.end())
        return end + len(tag) if end >= 0 else len(text)
    if not found["comment"]:
        return found.end()
    depth = 1
    for mark in _COMMENT.finditer(text, found.end()):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return len(text)
