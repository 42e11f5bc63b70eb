"""A block as lines of text."""

from __future__ import annotations

from conduit.blocks.drawing.outline import Drawn, Node, Outline, outline_of
from conduit.blocks.listing import aligned, branches
from conduit.blocks.tracing import COLUMNS, Trace, cells

_HEAD = ("step", "takes", "makes", *COLUMNS)
_RIGHT = frozenset({3, 4, 5, 7, 8})


def tree(block: Drawn, trace: Trace | None = None) -> str:
    """A line for each step, with what it takes and makes; with a trace also what it cost.

    Lines are as wide as they need to be; names are cut at 48 characters.
    """
    outline = outline_of(block, trace)
    rows: list[tuple[str, ...]] = [] if trace is None else [_HEAD]
    nodes = list(branches([outline.root], lambda node: node.parts))
    for stem, node in nodes:
        arrow = f"-> {node.makes}" if node.makes else ""
        rows.append((stem + node.title, node.takes, arrow, *_figures(node, outline)))
    return aligned(rows, _RIGHT, head=len(rows) - len(nodes))


def _figures(node: Node, outline: Outline) -> tuple[str, ...]:
    span = outline.whole if node is outline.root else node.span
    if span is not None:
        return cells(span, outline.whole_ms)
    return ("", "did not run" if node.idle else "", *[""] * (len(COLUMNS) - 2))
