"""Passages as simple Markdown, within a limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from conduit.tools.web.passages import Passage, Span

_WIDEST_CELL: Final = 300
_MOST_COLUMNS: Final = 40
_TICKS: Final = re.compile("`+")

Address = Callable[[str], str]
"""From what a link says to the address it leads to; empty where there is none to show."""


def markdown(
    passages: Sequence[Passage], layout: set[int], largest: int, address: Address | None = None
) -> tuple[str, bool]:
    """The text, at most ``largest`` letters of it, and whether that is all.

    Without ``address`` links are their words alone. ``layout`` are tables that are none.
    """
    made: list[str] = []
    size = 0
    for part in _parts(passages, layout, address):
        joint = "" if not made else "\n" if part.tight else "\n\n"
        made.append(joint + part.text)
        size += len(made[-1])
        if size > largest:
            return "".join(made)[:largest], False
    return "".join(made), True


class _Part:
    """A block of Markdown; ``tight`` ones follow what is before without an empty line."""

    __slots__ = ("text", "tight")

    def __init__(self, text: str, tight: bool = False) -> None:
        self.text = text
        self.tight = tight


def _parts(
    passages: Sequence[Passage], layout: set[int], address: Address | None
) -> Iterator[_Part]:
    before: Passage | None = None
    wide = {each.cell.table for each in passages if each.cell and not _fits(each)} | layout

    def table_of(passage: Passage) -> int:
        return -1 if passage.cell is None or passage.cell.table in wide else passage.cell.table

    for table, group in groupby(passages, key=table_of):
        if table >= 0:
            yield from _table(group, address)
            before = None
            continue
        for passage in group:
            both_items = before is not None and before.kind == passage.kind == "item"
            yield _Part(_written(passage, address), tight=both_items)
            before = passage


def _fits(passage: Passage) -> bool:
    short = sum(len(span.text) for span in passage.spans) <= _WIDEST_CELL
    return short and passage.kind not in ("heading", "code")


def _written(passage: Passage, address: Address | None) -> str:
    if passage.kind == "rule":
        return "---"
    if passage.kind == "code":
        code = passage.text.strip("\n")
        fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(code)), default=0))
        return f"{fence}\n{code}\n{fence}"
    text = _line(passage.spans, address)
    if passage.kind == "heading":
        return f"{'#' * passage.level} {text.replace(chr(10), ' ')}"
    if passage.kind == "item":
        mark = f"{passage.number}." if passage.number else "-"
        indent = "  " * (passage.level - 1)
        return f"{indent}{mark} {text.replace(chr(10), chr(10) + indent + '  ')}"
    if passage.kind == "quote":
        return "> " + text.replace("\n", "\n> ")
    return text


def _line(spans: Iterable[Span], address: Address | None) -> str:
    made = []
    for (href, code), group in groupby(spans, key=lambda span: (span.href, span.code)):
        text = "".join(span.text for span in group)
        words = text.strip()
        if code and words and "`" not in words:
            text = text.replace(words, f"`{words}`")
        if href and words and address is not None and (to := address(href)):
            text = text.replace(words, f"[{words}]({to})")
        made.append(text)
    return "\n".join(line.strip() for line in "".join(made).split("\n")).strip()


def _table(cells: Iterable[Passage], address: Address | None) -> Iterator[_Part]:
    """Its rows; the first one is the head, because Markdown has no table without one."""
    first = True
    for _, row in groupby(cells, key=lambda each: each.cell.row if each.cell else 0):
        columns: dict[int, list[str]] = {}
        for each in row:
            at = each.cell.column if each.cell else 0
            if at < _MOST_COLUMNS:
                text = _line(each.spans, address).replace("\n", " ").replace("|", "\\|")
                columns.setdefault(at, []).append(text)
        said = [" ".join(columns.get(at, ())) for at in range(max(columns, default=0) + 1)]
        yield _Part(f"| {' | '.join(said)} |", tight=not first)
        if first:
            yield _Part("|" + " --- |" * len(said), tight=True)
            first = False
