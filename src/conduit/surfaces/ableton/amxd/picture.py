"""A patcher as Max has it, drawn as SVG: the boxes with their lines, and the panel above them.

Drawn from the JSON that goes into the device and from nothing else, so that a picture shows what
is really wired. Colours follow the reader's system; there is no script in it, nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from math import ceil
from typing import Any, Final

from conduit.blocks import loads
from conduit.contracts.errors import InvalidInput

_MARGIN, _TITLE = 24.0, 26.0
_PORT = 7.0
_BACK: Final = 60.0
"""How far a line swings out that leads up."""
_STYLE: Final = """
.conduit-wires{--page:#fff;--ink:#1d1d21;--dim:#66666e;--edge:#8b8b94;--box:#f4f4f7;
--wire:#2b7a9b;--look:#e4eef3;max-width:100%;height:auto;color:var(--ink)}
@media(prefers-color-scheme:dark){.conduit-wires{--page:#17171a;--ink:#ececf0;--dim:#9d9da6;
--edge:#7c7c86;--box:#222227;--wire:#66b5d6;--look:#233640}}
.conduit-wires text{font:11px ui-monospace,monospace;fill:currentColor}
.conduit-wires .title{font:600 13px system-ui,sans-serif}.conduit-wires .dim{fill:var(--dim)}
.conduit-wires .page{fill:var(--page)}.conduit-wires .box{fill:var(--box);stroke:var(--edge)}
.conduit-wires .look{fill:var(--look);stroke:var(--edge)}
.conduit-wires .wire{fill:none;stroke:var(--wire);stroke-width:1.3;opacity:.75}
.conduit-wires .port{fill:var(--wire)}
""".strip()


@dataclass(frozen=True, slots=True)
class _Drawn:
    left: float
    top: float
    width: float
    height: float
    inlets: int
    outlets: int
    label: str
    looks: str
    """Its class, where it has a look of its own; else empty."""
    panel: tuple[float, float, float, float] | None

    def outlet(self, at: int) -> tuple[float, float]:
        return _spread(self.left, self.width, at, self.outlets), self.top + self.height

    def inlet(self, at: int) -> tuple[float, float]:
        return _spread(self.left, self.width, at, self.inlets), self.top


def picture_of(maxpat: bytes) -> str:
    """The SVG document of a patcher's JSON. Raises ``InvalidInput`` for what is no patcher."""
    try:
        patcher = loads(maxpat)["patcher"]
        panel_size = float(patcher["devicewidth"]), float(patcher["openrect"][3])
        boxes = {each["box"]["id"]: _read(each["box"]) for each in patcher["boxes"]}
        lines = [each["patchline"] for each in patcher["lines"]]
        wires = [
            (boxes[line["source"][0]].outlet(line["source"][1]),
             boxes[line["destination"][0]].inlet(line["destination"][1]))
            for line in lines
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise InvalidInput("this is no patcher that can be drawn", where="patcher") from None
    return _document(boxes, wires, panel_size)


def _read(box: Mapping[str, Any]) -> _Drawn:
    left, top, width, height = map(float, box["patching_rect"])
    looks = "" if box["maxclass"] == "newobj" else str(box["maxclass"])
    text = str(box.get("text") or box.get("varname") or box["maxclass"])
    panel = box.get("presentation_rect")
    seen = None
    if panel is not None:
        x, y, wide, high = map(float, panel)
        seen = (x, y, wide, high)
    inlets, outlets = int(box["numinlets"]), int(box["numoutlets"])
    return _Drawn(left, top, width, height, inlets, outlets, text, looks, seen)


def _spread(left: float, width: float, at: int, number: int) -> float:
    """Where a port stands on the edge of a box: the first left, the last right."""
    between = (width - 2 * _PORT) / (number - 1) if number > 1 else 0.0
    return left + _PORT + at * between


def _document(
    boxes: Mapping[str, _Drawn],
    wires: list[tuple[tuple[float, float], tuple[float, float]]],
    panel: tuple[float, float],
) -> str:
    lift = panel[1] + 2 * _TITLE + _MARGIN
    right = max([panel[0], *(box.left + box.width for box in boxes.values())])
    bottom = max([0.0, *(box.top + box.height for box in boxes.values())])
    width, height = ceil(right + 2 * _MARGIN), ceil(lift + bottom + 2 * _MARGIN)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="conduit-wires" role="img" '
            f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
            "<title>The device: its panel and its wiring</title>",
            f"<desc>{len(boxes)} boxes and {len(wires)} lines, drawn from the patcher.</desc>",
            f"<style>{_STYLE}</style>",
            f'<rect class="page" width="{width}" height="{height}"/>',
            f'<g transform="translate({_MARGIN:g} {_TITLE:g})">',
            '<text class="title" y="-8">The panel, as Live shows it</text>',
            *_panel(boxes.values(), panel),
            "</g>",
            f'<g transform="translate({_MARGIN:g} {lift:g})">',
            '<text class="title" y="0">The wiring, as Max shows it</text>',
            *map(_wire, wires),
            *(part for box in boxes.values() for part in _box(box)),
            "</g>",
            "</svg>\n",
        ]
    )


def _panel(boxes: Any, size: tuple[float, float]) -> Iterator[str]:
    yield f'<rect class="box" width="{size[0]:g}" height="{size[1]:g}" rx="4"/>'
    for box in boxes:
        if box.panel is None:
            continue
        x, y, wide, high = box.panel
        is_text = box.looks.endswith("comment")
        if not is_text:
            place = f'x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}"'
            yield f'<rect class="look" {place} rx="3"/>'
        yield _text(x + 5, y + min(high, 16) - 4, box.label, "dim" if is_text else "")


def _box(box: _Drawn) -> Iterator[str]:
    place = f'x="{box.left:g}" y="{box.top:g}" width="{box.width:g}" height="{box.height:g}"'
    told = f"<title>{escape(box.looks)}</title>" if box.looks else ""
    yield f'<rect class="{"look" if box.looks else "box"}" {place} rx="3">{told}</rect>'
    fits = max(4, int((box.width - 8) / 6.7))
    yield _text(box.left + 5, box.top + 15, _cut(box.label, fits))
    for at in range(box.inlets):
        yield _port(*box.inlet(at))
    for at in range(box.outlets):
        yield _port(*box.outlet(at))


def _port(x: float, y: float) -> str:
    return f'<circle class="port" cx="{x:g}" cy="{y:g}" r="2"/>'


def _wire(ends: tuple[tuple[float, float], tuple[float, float]]) -> str:
    """A curve that leaves downwards and arrives from above, also when it leads up."""
    (x, y), (to_x, to_y) = ends
    bend = max(24.0, (to_y - y) / 2) if to_y > y else _BACK
    return (
        f'<path class="wire" d="M{x:g} {y:g}C{x:g} {y + bend:g} {to_x:g} {to_y - bend:g} '
        f'{to_x:g} {to_y:g}"/>'
    )


def _text(x: float, y: float, text: str, looks: str = "") -> str:
    kind = f' class="{looks}"' if looks else ""
    return f'<text{kind} x="{x:g}" y="{y:g}">{escape(_cut(text, 80))}</text>'


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
