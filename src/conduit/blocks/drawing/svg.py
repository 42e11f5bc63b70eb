"""A block as SVG: one file that reads well on a light and on a dark page, and on a phone.

Steps go from top to bottom with the type that passes on each arrow. A block made of others is a
frame around them; what stands side by side is broken into rows, so that a drawing grows longer and
not wider. Colours follow the reader's system (``prefers-color-scheme``) and are those of the other
pictures here. There is no script in it and nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import ceil
from typing import Final

from conduit.blocks.drawing.layout import (
    ARROW,
    EDGE,
    GAP,
    LINE,
    NAME,
    PAD,
    ROW,
    Box,
    Cell,
    laid_out,
    name_width,
    row_height,
    row_width,
    text_width,
)
from conduit.blocks.drawing.outline import Drawn, Outline, outline_of, summary_of
from conduit.blocks.listing import branches
from conduit.blocks.tracing import Trace

_MARGIN, _PILL = 20, 26
_STYLE: Final = """
.conduit-blocks{--page:#fff;--ink:#1d1d21;--dim:#66666e;--line:#e3e3e8;--edge:#8b8b94;
--box:#f4f4f7;--bar:#2b7a9b;--bad:#b0500f;max-width:100%;height:auto;color:var(--ink)}
@media(prefers-color-scheme:dark){.conduit-blocks{--page:#17171a;--ink:#ececf0;--dim:#9d9da6;
--line:#34343a;--edge:#7c7c86;--box:#222227;--bar:#66b5d6;--bad:#f0a468}}
.conduit-blocks text{font:11px system-ui,sans-serif;fill:var(--dim);text-anchor:middle}
.conduit-blocks .name{font:600 13px ui-monospace,monospace;fill:currentColor}
.conduit-blocks .title{font:600 15px ui-monospace,monospace;fill:currentColor}
.conduit-blocks .type{font:11px ui-monospace,monospace}
.conduit-blocks .page{fill:var(--page)}
.conduit-blocks .box{fill:var(--box);stroke:var(--edge)}
.conduit-blocks .frame{fill:none;stroke:var(--edge)}
.conduit-blocks .idle{fill:none;stroke-dasharray:2 3}
.conduit-blocks .failed{stroke:var(--bad);stroke-width:2.5;stroke-dasharray:7 3}
.conduit-blocks .bad{fill:var(--bad);font-weight:600}
.conduit-blocks .arrow{stroke:var(--edge);stroke-width:1.5;fill:none}
.conduit-blocks .between{stroke:var(--line);fill:none}
.conduit-blocks .track{fill:var(--line)}.conduit-blocks .bar{fill:var(--bar)}
""".strip()
_MOST_SAID = 40
"""Steps in the description that is read aloud."""


def svg(block: Drawn, trace: Trace | None = None) -> str:
    """The drawing as an SVG document; with a trace, with what each step cost."""
    outline = outline_of(block, trace)
    root, box = outline.root, laid_out(outline)
    title = root.name or root.word
    said = " · ".join(filter(None, summary_of(outline.whole))) if outline.whole else ""
    texts = [name_width(title) * 1.2, *map(text_width, (said, root.takes, root.makes))]
    width = ceil(_MARGIN * 2 + max(box.width, max(texts) + 2 * PAD))
    middle, top = width / 2, _MARGIN + 30 + LINE * bool(said)
    ends = 2 * (_PILL + ARROW)
    height = top + ends + box.height + _MARGIN
    body = [
        _text(middle, _MARGIN + 12, title, "title"),
        *([_text(middle, _MARGIN + 30, said)] if said else []),
        *_pill(middle, top, root.takes),
        _arrow(middle, top + _PILL, ARROW),
        *_drawn(box, middle, top + _PILL + ARROW, outline),
        _arrow(middle, top + _PILL + ARROW + box.height, ARROW),
        *_pill(middle, height - _MARGIN - _PILL, root.makes),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="conduit-blocks" role="img" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
    )
    told = f"<title>{escape(title)}</title><desc>{escape(_description(outline))}</desc>"
    page = f'<rect class="page" width="{width:g}" height="{height:g}"/>'
    return "\n".join([head, told, f"<style>{_STYLE}</style>", page, *body, "</svg>\n"])


def _drawn(box: Box, middle: float, top: float, outline: Outline) -> Iterator[str]:
    """A box whose upper edge is at ``top``."""
    if box.framed:
        yield from _frame(box, middle, top, outline)
    if box.steps:
        yield from _sequence(box.steps, middle, top + box.head, outline)
    for at, row in enumerate(box.rows):
        if at:
            left = middle - box.width / 2 + PAD
            across = box.width - 2 * PAD
            yield f'<path class="between" d="M{left:g} {top + box.head - GAP / 2:g}h{across:g}"/>'
        yield from _row(row, middle, top + box.head, outline)
        top += row_height(row) + GAP


def _frame(box: Box, middle: float, top: float, outline: Outline) -> Iterator[str]:
    node = box.node
    failed = node.span is not None and node.span.failures > 0
    looks = "frame" if node.parts else "box"
    looks += " failed" if failed else " idle" if node.idle else ""
    yield (
        f'<rect class="{looks}" x="{middle - box.width / 2:g}" y="{top:g}" '
        f'width="{box.width:g}" height="{box.height:g}" rx="8"/>'
    )
    y = top + (5 if box.head < box.height or node.span or box.lines else 8)
    if node.name:
        y += NAME
        yield _text(middle, y, node.name, "name")
    for line in box.lines:
        y += LINE
        yield _text(middle, y, line, "bad" if line.startswith("✕") else "")
    if node.span is not None:
        length = min(box.width, ROW) - 2 * PAD
        yield _bar("track", middle - length / 2, y + 8, length)
        yield _bar("bar", middle - length / 2, y + 8, length * min(1.0, outline.share(node)))


def _bar(looks: str, left: float, top: float, width: float) -> str:
    size = f'width="{width:.1f}" height="4" rx="2"'
    return f'<rect class="{looks}" x="{left:g}" y="{top:g}" {size}/>'


def _sequence(steps: tuple[Box, ...], middle: float, top: float, outline: Outline) -> Iterator[str]:
    for at, step in enumerate(steps):
        yield from _drawn(step, middle, top, outline)
        top += step.height
        if at < len(steps) - 1:
            yield f'<path class="arrow" d="M{middle:g} {top:g}v10"/>'
            yield _text(middle, top + 22, step.node.makes, "type")
            yield _arrow(middle, top + 28, EDGE - 28)
            top += EDGE


def _row(row: tuple[Cell, ...], middle: float, top: float, outline: Outline) -> Iterator[str]:
    left = middle - row_width(row) / 2
    for cell in row:
        centre, box = left + cell.width / 2, cell.box
        if cell.above:
            yield _text(centre, top + LINE - 3, cell.enters, "" if box.node.caption else "type")
            yield _arrow(centre, top + LINE + 1, cell.above - LINE - 1)
        yield from _drawn(box, centre, top + cell.above, outline)
        if cell.makes:
            bottom = top + cell.above + box.height
            yield _arrow(centre, bottom, ARROW - 4)
            yield _text(centre, bottom + ARROW + 8, cell.makes, "type")
        left += cell.width + GAP


def _pill(middle: float, top: float, text: str) -> Iterator[str]:
    """Where a value goes in, or comes out."""
    width = text_width(text) + 2 * PAD
    yield (
        f'<rect class="frame" x="{middle - width / 2:g}" y="{top:g}" width="{width:g}" '
        f'height="{_PILL}" rx="{_PILL / 2:g}"/>'
    )
    yield _text(middle, top + _PILL / 2 + 4, text, "type")


def _arrow(x: float, top: float, length: float) -> str:
    return f'<path class="arrow" d="M{x:g} {top:g}v{length - 1:g}m-4 -6l4 6l4 -6"/>'


def _text(x: float, y: float, text: str, looks: str = "") -> str:
    kind = f' class="{looks}"' if looks else ""
    return f'<text{kind} x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _description(outline: Outline) -> str:
    """The steps in words, for those who do not see the drawing."""
    root = outline.root
    said = []
    for _, node in branches(root.parts or (root,), lambda node: node.parts):
        figures = outline.summary(node)
        cost = f" ({'; '.join(figures)})" if figures else ""
        said.append(f"{node.title} makes {node.makes}{cost}" if node.makes else node.title)
        if len(said) == _MOST_SAID:
            said.append("and more")
            break
    return f"From {root.takes} to {root.makes}. {'. '.join(said)}."
