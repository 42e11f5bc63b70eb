"""Drawing a picture as SVG: one file that reads well on a light and on a dark page.

A row has at most :data:`COLUMNS` marks, however long the groove: bars that share a column are
averaged, hits that share one become a line from the softest to the loudest. Colours follow the
reader's system (``prefers-color-scheme``). There is no script in it and nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import numpy as np

from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.explain.picture import BarRow, NoteRow, Picture, Section

Scale: TypeAlias = Callable[[Floats], Floats]

WIDTH: Final = 960
COLUMNS: Final = 720

_LEFT, _RIGHT = 150, 92
_PLOT = WIDTH - _LEFT - _RIGHT
_TOP, _SECTION, _GAP, _BOTTOM = 68, 34, 8, 40
_TOP_ONLY = 3
_MOST_NAMED_BARS = 20
_MOST_PHRASES = 64
_LONGEST_NAME = 20

_STYLE: Final = """
svg{--page:#fff;--ink:#1d1d21;--dim:#66666e;--line:#e3e3e8;--bar:#2b7a9b;--dot:#b0500f;--win:#cfe8d4}
@media(prefers-color-scheme:dark){svg{--page:#17171a;--ink:#ececf0;--dim:#9d9da6;--line:#34343a;
--bar:#66b5d6;--dot:#f0a468;--win:#244a2d}}
text{font:12px system-ui,sans-serif;fill:var(--ink)}
.page{fill:var(--page)}.title{font-size:18px;font-weight:600}.head{font-weight:600}
.dim{fill:var(--dim)}.tiny{fill:var(--dim);font-size:10px}.word{fill:var(--dim);font-size:11px}
.line{stroke:var(--line);fill:none}.phrase{stroke:var(--dim);stroke-opacity:.45;fill:none}
.bar{fill:var(--bar)}.window{fill:var(--win)}
.dot{stroke:var(--dot);stroke-width:3;stroke-linecap:round;fill:none}
""".strip()

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg_of(picture: Picture) -> str:
    """The picture as an SVG document."""
    body = list(_body(picture))
    height = _TOP + sum(map(_height, picture.sections)) + _BOTTOM
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">'
    )
    said = f"<title>{_escaped(picture.title)}</title><desc>{_escaped(picture.subtitle)}</desc>"
    page = f'<rect class="page" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, said, f"<style>{_STYLE}</style>", page, *body, "</svg>\n"])


def _body(picture: Picture) -> Iterator[str]:
    yield _text(24, 34, picture.title[:60], "title")
    yield _text(24, 54, picture.subtitle, "dim")
    top = _TOP
    for section in picture.sections:
        yield from _section(section, picture, top)
        top += _height(section)
    yield from _bar_numbers(picture, top + 16)


def _height(section: Section) -> int:
    return _SECTION + len(section.rows) * (section.height + _GAP)


def _section(section: Section, picture: Picture, top: int) -> Iterator[str]:
    yield _text(24, top + 22, section.title, "head")
    scale = f"{section.low:g} to {section.high:g}"
    yield _text(WIDTH - 24, top + 22, scale, "tiny", anchor="end")
    first, last = top + _SECTION, top + _height(section) - _GAP
    yield from _phrase_lines(picture, first, last)
    for place, row in enumerate(section.rows):
        yield from _row(row, section, picture, first + place * (section.height + _GAP))


def _phrase_lines(picture: Picture, top: int, bottom: int) -> Iterator[str]:
    """Where phrases begin; so many that they would be a wall are left out."""
    inner = picture.phrases[1:]
    if 0 < len(inner) <= _MOST_PHRASES:
        x = _x(picture.bar_ticks[list(inner)], picture)
        yield f'<path class="phrase" d="{"".join(f"M{at:.1f} {top}V{bottom}" for at in x)}"/>'


def _row(row: BarRow | NoteRow, section: Section, picture: Picture, top: int) -> Iterator[str]:
    bottom, middle = top + section.height, top + section.height / 2 + 4
    yield _text(_LEFT - 12, middle, _shortened(row.name), anchor="end")
    yield _text(WIDTH - 24, middle, row.word, "word", anchor="end")
    yield f'<path class="line" d="M{_LEFT} {bottom + 0.5}h{_PLOT}"/>'
    span = section.high - section.low

    def y(values: Floats) -> Floats:
        inside = np.clip((values - section.low) / span, 0, 1)
        heights: Floats = bottom - inside * section.height
        return heights

    if isinstance(row, NoteRow):
        yield _points(row, picture, y(row.values))
        return
    if row.window:
        yield _window(row.window, picture, y)
    yield _columns(row, picture, y, bottom)


def _window(window: tuple[Floats, Floats], picture: Picture, y: Scale) -> str:
    """A band behind the columns, as wide as the window is in each bar."""
    low, high = (y(_shared(edge)) for edge in window)
    edges = _x(picture.bar_ticks[_groups(len(window[0]))], picture)
    drawn = (
        f"M{left:.1f} {a:.1f}V{b:.1f}H{right:.1f}V{a:.1f}z"
        for left, right, a, b in zip(edges[:-1], edges[1:], low, high, strict=True)
    )
    return f'<path class="window" d="{"".join(drawn)}"/>'


def _columns(row: BarRow, picture: Picture, y: Scale, bottom: int) -> str:
    """A column for each bar; in front of a window only its top, which hides nothing of it."""
    mean = _shared(row.values)
    edges = _x(picture.bar_ticks[_groups(len(row.values))], picture)
    gap = 1.0 if len(mean) <= COLUMNS // 6 else 0.0

    def foot(high: float) -> float:
        return high + _TOP_ONLY if row.window else bottom

    drawn = (
        f"M{left:.1f} {foot(high):.1f}V{high:.1f}H{right - gap:.1f}V{foot(high):.1f}z"
        for left, right, high in zip(edges[:-1], edges[1:], y(mean), strict=True)
        if high < bottom or row.window
    )
    return f'<path class="bar" d="{"".join(drawn)}"/>'


def _groups(bars: int) -> Ints:
    """Where the bars of each column begin, and the end of the last: ``(columns + 1,)``."""
    return np.linspace(0, bars, min(bars, COLUMNS) + 1).astype(np.int64)


def _shared(values: Floats) -> Floats:
    """The mean of the bars of each column, ``(columns,)``."""
    groups = _groups(len(values))
    mean: Floats = np.add.reduceat(values, groups[:-1]) / np.diff(groups)
    return mean


def _points(row: NoteRow, picture: Picture, y: Floats) -> str:
    """A point for each hit, or for each column of hits a line from the loudest to the softest."""
    if not len(y):
        return ""
    column = ((row.ticks - picture.bar_ticks[0]) * COLUMNS) // _length(picture)
    order = np.argsort(column, kind="stable")
    first = np.flatnonzero(np.diff(column[order], prepend=-1))
    high = np.minimum.reduceat(y[order], first)
    low = np.maximum.reduceat(y[order], first)
    x = _x(row.ticks[order][first], picture)
    drawn = (f"M{at:.1f} {a:.1f}v{b - a:.1f}" for at, a, b in zip(x, high, low, strict=True))
    return f'<path class="dot" d="{"".join(drawn)}"/>'


def _bar_numbers(picture: Picture, y: int) -> Iterator[str]:
    """The numbers of some bars, a power of two apart."""
    bars = len(picture.bar_ticks) - 1
    apart = 1
    while bars / apart > _MOST_NAMED_BARS:
        apart *= 2
    shown = np.arange(0, bars, apart)
    for bar, x in zip(shown.tolist(), _x(picture.bar_ticks[shown], picture), strict=True):
        yield _text(x, y, f"{bar + 1}", "tiny")
    yield _text(_LEFT - 12, y, "bar", "tiny", anchor="end")


def _x(ticks: Ints, picture: Picture) -> Floats:
    x: Floats = _LEFT + (ticks - picture.bar_ticks[0]) * (_PLOT / _length(picture))
    return x


def _length(picture: Picture) -> int:
    return int(picture.bar_ticks[-1] - picture.bar_ticks[0])


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "") -> str:
    extra = f' class="{kind}"' if kind else ""
    extra += f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    """Text as XML holds it; characters that XML cannot hold become a replacement character."""
    text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
