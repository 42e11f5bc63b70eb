"""Where everything of an outline goes, in pixels: sizes from the inside out.

A box knows its size and what is in it; its place is given when it is drawn. Widths of text are
counted in columns of a monospaced font, so the same outline has the same layout everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from conduit.blocks.drawing.outline import Node, Outline
from conduit.blocks.listing import columns

NAME, LINE, BAR = 18, 15, 12
"""Heights of a name, of a line of small text, of a bar with its gap."""
PAD, GAP = 14, 14
ARROW: Final = 22
"""Height of an arrow without a type on it."""
EDGE: Final = 48
"""Height of one with a type."""
ROW: Final = 440
"""Boxes side by side take this width at most, then a new row begins."""
_NAME_COLUMN, _TEXT_COLUMN = 7.9, 6.7
_NARROWEST = 104


@dataclass(frozen=True, slots=True)
class Cell:
    """A box in a frame. ``enters`` is named above it: its caption, or what it takes where that is
    not what the frame takes; ``makes`` below it where it is not what the frame makes. ``above`` is
    the height of what stands over it."""

    box: Box
    enters: str
    makes: str
    above: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Box:
    """``framed`` is false for steps that are only one after the other. ``head`` is the height of
    its own text; below it are ``rows``, or for a sequence ``steps``."""

    node: Node
    lines: tuple[str, ...]
    framed: bool
    width: float
    height: float
    head: float
    steps: tuple[Box, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


def laid_out(outline: Outline) -> Box:
    """The box of the outermost node. A pipeline gets no frame there: it is the drawing."""
    return _box(outline.root, outline, outermost=True)


def text_width(text: str, column: float = _TEXT_COLUMN) -> float:
    return columns(text) * column


def name_width(text: str) -> float:
    return text_width(text, _NAME_COLUMN)


def _box(node: Node, outline: Outline, *, outermost: bool = False) -> Box:
    if node.kind == "sequence" and (outermost or not node.name):
        return _bare(node, [_box(part, outline) for part in node.parts])
    lines = tuple(filter(None, [node.work, *outline.summary(node)]))
    head = 8 + NAME * bool(node.name) + LINE * len(lines) + BAR * bool(node.span) + 7
    texts = [name_width(node.name), *map(text_width, lines)]
    width = max(_NARROWEST, max(texts) + 2 * PAD)
    inner = [_box(part, outline) for part in node.parts]
    if not inner:
        return Box(node, lines, True, width, max(head, 36), head)
    if node.kind == "sequence":
        body = _bare(node, inner)
        width, height = max(width, body.width + 2 * PAD), head + body.height + PAD
        return Box(node, lines, True, width, height, head, steps=body.steps)
    rows = tuple(_rows([_cell(node, box) for box in inner]))
    width = max(width, *(row_width(row) + 2 * PAD for row in rows))
    height = head + sum(row_height(row) + GAP for row in rows) + PAD - GAP
    return Box(node, lines, True, width, height, head, rows=rows)


def _bare(node: Node, steps: Sequence[Box]) -> Box:
    passing = [text_width(step.node.makes) for step in steps[:-1]]
    width = max([step.width for step in steps] + passing)
    height = sum(step.height for step in steps) + EDGE * (len(steps) - 1)
    return Box(node, (), False, width, height, 0, steps=tuple(steps))


def _cell(frame: Node, box: Box) -> Cell:
    node = box.node
    enters = node.caption or (node.takes if node.takes != frame.takes else "")
    makes = node.makes if node.makes != frame.makes else ""
    above = LINE + ARROW - 4 if enters else 0
    below = ARROW + LINE - 2 if makes else 0
    width = max(box.width, text_width(enters), text_width(makes))
    return Cell(box, enters, makes, above, width, above + box.height + below)


def _rows(cells: Sequence[Cell]) -> Iterator[tuple[Cell, ...]]:
    row: tuple[Cell, ...] = ()
    for cell in cells:
        if row and row_width((*row, cell)) > ROW:
            yield row
            row = ()
        row = (*row, cell)
    yield row


def row_width(row: Sequence[Cell]) -> float:
    return sum(cell.width for cell in row) + GAP * (len(row) - 1)


def row_height(row: Sequence[Cell]) -> float:
    return max(cell.height for cell in row)
