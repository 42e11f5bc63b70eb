"""A patcher as people describe it: boxes with names, lines between them, a panel.

``device/patcher.yaml`` is one. It is checked here, wholly, before a patcher is made of it: every
line begins at an outlet that exists and ends at an inlet that exists, and every script in a box is
a file of the device.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final, TypeAlias

from conduit.blocks import Json, Length, decode
from conduit.contracts.errors import InvalidInput
from conduit.surfaces.ableton.amxd.layout import DeviceKind
from conduit.surfaces.ableton.amxd.objects import Ports, ports_of_text, ports_of_ui

_LINE: Final = re.compile(r"([\w-]+)(?::(\d{1,2}))? -> ([\w-]+)(?::(\d{1,2}))?")
_SCRIPT: Final = re.compile(r"(js|node\.script) (\S+)")
_RESERVED: Final = {
    "id", "maxclass", "numinlets", "numoutlets", "outlettype", "patching_rect", "presentation",
    "presentation_rect", "text",
}  # fmt: skip
"""Attributes of a box that follow from its description."""


class Kind(Enum):
    """What the device is to Live."""

    AUDIO_EFFECT = "audio effect"
    MIDI_EFFECT = "MIDI effect"
    INSTRUMENT = "instrument"

    @property
    def device(self) -> DeviceKind:
        return DeviceKind[self.name]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that goes into the device."""

    name: str
    on_disk: bool = False
    """Max lays it on disk before use: for ``node.script``, which is another process."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A choice that Live stores with the set; or, of a ``pattr``, whatever it is sent."""

    name: str
    short: str
    values: Annotated[tuple[str, ...], Length(0, 64), "none for a pattr"] = ()
    initial: int = 0
    automated: bool = False
    """Whether it can be automated and mapped too."""


_Two: TypeAlias = Annotated[tuple[float, ...], Length(2, 2)]
_Four: TypeAlias = Annotated[tuple[float, ...], Length(4, 4)]


@dataclass(frozen=True, slots=True)
class Box:
    """An object in the patcher: ``object`` is one written as text, ``ui`` one with a look."""

    id: str
    at: _Two
    object: str = ""
    ui: str = ""
    text: str = ""
    size: _Two | None = None
    panel: _Four | None = None
    """Left, top, width and height in the device's panel, for what people see there."""
    outlets: int | None = None
    """Of a ``js`` script that has several."""
    set: dict[str, Json] | None = None
    """Attributes of the object, as Max spells them."""
    parameter: Parameter | None = None
    info: str = ""
    """What Live's info view says of it."""

    @property
    def ports(self) -> Ports:
        """Raises ``InvalidInput``."""
        found = ports_of_ui(self.ui, self.id) if self.ui else ports_of_text(self.object, self.id)
        if self.outlets is None:
            return found
        return Ports(found.inlets, ("",) * self.outlets)

    @property
    def script(self) -> str:
        """The file in the box, or empty."""
        found = _SCRIPT.match(self.object)
        return found[2] if found else ""

    @property
    def keeps(self) -> bool:
        """Whether it is a ``pattr``: it stores what it is sent."""
        return self.object.split()[:1] == ["pattr"]

    @property
    def kept_as(self) -> str:
        """The name of a ``pattr``, by which Max knows what it stored."""
        return " ".join(self.object.split()[1:])


@dataclass(frozen=True, slots=True)
class Line:
    """From an outlet to an inlet, both counted from 0."""

    source: str
    outlet: int
    target: str
    inlet: int


@dataclass(frozen=True, slots=True)
class _Written:
    """The document."""

    name: str
    kind: Kind
    width: float
    written: str
    about: str
    files: tuple[SourceFile, ...]
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patcher:
    """A description that was checked."""

    name: str
    kind: Kind
    width: float
    """Of the panel. Its height is Live's: 169."""
    written: str
    """The day that files in the device are dated with, so that each build gives the same bytes."""
    about: str
    files: tuple[SourceFile, ...]
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def read_patcher(document: object, where: str) -> Patcher:
    """Check a description. Raises ``InvalidInput`` that names the box or the line."""
    written = decode(_Written, document, where=where)
    boxes = {box.id: box for box in written.boxes}
    _check_once([box.id for box in written.boxes], "boxes", where)
    _check_once([file.name for file in written.files], "files", where)
    files = {file.name for file in written.files}
    for box in written.boxes:
        _check_box(box, files, written.width)
    lines = tuple(_line(text, boxes) for text in written.lines)
    return Patcher(
        written.name,
        written.kind,
        written.width,
        written.written,
        written.about,
        written.files,
        written.boxes,
        lines,
    )


def _check_once(names: list[str], what: str, where: str) -> None:
    if twice := [name for name, number in Counter(names).items() if number > 1]:
        raise InvalidInput(f"two {what} are called {twice[0]!r}", where=where, hint="keep one")


def _check_box(box: Box, files: set[str], width: float) -> None:
    if bool(box.object) == bool(box.ui):
        raise InvalidInput(
            "a box needs either `object` or `ui`", where=box.id, hint="object: route text midi"
        )
    box.ports  # noqa: B018  # raises for an object that is not known
    if own := sorted(_RESERVED & (box.set or {}).keys()):
        raise InvalidInput(f"{own[0]!r} is not to be set", where=box.id, hint="it is computed")
    if box.script and box.script not in files:
        raise InvalidInput(
            f"{box.script!r} is no file of the device", where=box.id, hint="add it to `files`"
        )
    if box.parameter is not None and not box.keeps and len(box.parameter.values) < 2:
        raise InvalidInput("a choice has two values or more", where=box.id, hint="values: [a, b]")
    if box.keeps and (box.parameter is None or box.parameter.values or box.kept_as != box.id):
        raise InvalidInput(
            "a pattr is named as its box, and its parameter has no values",
            where=box.id,
            hint=f"object: pattr {box.id}",
        )
    if box.panel is not None:
        left, top, wide, high = box.panel
        if left < 0 or top < 0 or left + wide > width or top + high > PANEL_HEIGHT:
            raise InvalidInput(
                f"it does not fit the panel of {width:g} × {PANEL_HEIGHT}",
                where=box.id,
                hint="panel: [left, top, width, height]",
            )


def _line(text: str, boxes: dict[str, Box]) -> Line:
    found = _LINE.fullmatch(text)
    if found is None:
        raise InvalidInput(
            f"{text[:80]!a} is no line", where="lines", hint="write it as `route:1 -> later`"
        )
    line = Line(found[1], int(found[2] or 0), found[3], int(found[4] or 0))
    for name in (line.source, line.target):
        if name not in boxes:
            raise InvalidInput(f"there is no box {name!r}", where=text, hint=", ".join(boxes))
    outlets, inlets = len(boxes[line.source].ports.outlets), boxes[line.target].ports.inlets
    if line.outlet >= outlets:
        raise InvalidInput(
            f"{line.source!r} has {outlets} outlets", where=text, hint="they count from 0"
        )
    if line.inlet >= inlets:
        raise InvalidInput(
            f"{line.target!r} has {inlets} inlets", where=text, hint="they count from 0"
        )
    return line


PANEL_HEIGHT: Final = 169
"""Pixels of a device's panel in Live."""
