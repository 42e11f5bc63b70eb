"""From a described patcher to the JSON that Max reads.

The fields are those that Max 8.6 and 9 save, with their defaults. ``project`` is among them
although a device of one file has no use for it: without one Max reports a fatal error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from conduit.contracts.json import JsonObject
from conduit.surfaces.ableton.amxd.patcher import PANEL_HEIGHT, Box, Line, Parameter, Patcher

MAX_VERSION: Final = {"major": 8, "minor": 6, "revision": 2, "architecture": "x64", "modernui": 1}
"""What Live 11 comes with; Live 12's Max reads it too."""
_HIGH: Final = 22.0
_CHARACTER: Final = 7.0
_BANK: Final = 8
"""Parameters on one page of Push."""
_NO_PARAMETER: Final = "-"


def maxpat(patcher: Patcher, since_1904: int) -> bytes:
    """The patcher as Max reads it, without a zero at its end. The same description always gives the
    same bytes."""
    document = {"patcher": _patcher(patcher, since_1904)}
    return json.dumps(document, indent="\t", ensure_ascii=False).encode() + b"\n"


def _patcher(patcher: Patcher, since_1904: int) -> JsonObject:
    ids = {box.id: f"obj-{at}" for at, box in enumerate(patcher.boxes, 1)}
    return {
        "fileversion": 1,
        "appversion": MAX_VERSION,
        "classnamespace": "box",
        "rect": [100.0, 100.0, 1100.0, 700.0],
        "openrect": [0.0, 0.0, 0.0, float(PANEL_HEIGHT)],
        "openinpresentation": 1,
        "gridsize": [15.0, 15.0],
        "devicewidth": float(patcher.width),
        "description": patcher.about,
        "digest": "",
        "tags": "",
        "style": "",
        "subpatcher_template": "",
        "assistshowspatchername": 0,
        "boxes": [{"box": _box(box, ids[box.id])} for box in patcher.boxes],
        "lines": [{"patchline": _line(line, ids)} for line in patcher.lines],
        "parameters": _parameters(patcher, ids),
        "dependency_cache": [
            {"name": file.name, "bootpath": ".", "patcherrelativepath": ".", "type": "TEXT",
             "implicit": 1}
            for file in patcher.files
        ],
        "latency": 0,
        "is_mpe": 0,
        "minimum_live_version": "",
        "minimum_max_version": "",
        "platform_compatibility": 0,
        "project": _project(patcher, since_1904),
        "autosave": 0,
    }  # fmt: skip


def _box(box: Box, number: str) -> JsonObject:
    ports = box.ports
    made: JsonObject = {
        "id": number,
        "maxclass": box.ui or "newobj",
        "numinlets": ports.inlets,
        "numoutlets": len(ports.outlets),
        "patching_rect": [*map(float, box.at), *map(float, size_of(box))],
        "varname": box.id,
    }
    if ports.outlets:
        made["outlettype"] = list(ports.outlets)
    if box.object or box.text:
        made["text"] = box.object or box.text
    if box.panel is not None:
        made |= {"presentation": 1, "presentation_rect": [*map(float, box.panel)]}
    if box.info:
        made |= {"annotation": box.info, "hint": box.info}
    if box.script:
        made |= _script(box)
    if box.ui == "live.text":
        made["texton"] = box.text
    if box.parameter is not None:
        made |= _kept(box.parameter) if box.keeps else _parameter(box.parameter)
    elif box.ui in _MAY_BE_PARAMETERS:
        made["parameter_enable"] = 0
    return {**made, **(box.set or {})}


_MAY_BE_PARAMETERS: Final = {"live.menu", "live.tab", "live.text", "textedit", "umenu"}


def size_of(box: Box) -> tuple[float, ...]:
    """Width and height in the patcher, in pixels."""
    if box.size is not None:
        return box.size
    return max(40.0, len(box.object or box.text) * _CHARACTER + 12), _HIGH


def _script(box: Box) -> JsonObject:
    """Where Max keeps the file of a script."""
    if box.object.startswith("js "):
        saved: JsonObject = {"filename": box.script, "parameter_enable": 0}
        return {"saved_object_attributes": saved}
    wanted = box.object.split()
    autostart = "@autostart" in wanted and wanted[wanted.index("@autostart") + 1] == "1"
    return {
        "saved_object_attributes": {"autostart": int(autostart), "defer": 0, "watch": 0},
        "textfile": {"filename": box.script, "flags": 0, "embed": 0, "autowatch": 0},
    }


def _parameter(parameter: Parameter) -> JsonObject:
    """A list of choices (type 2). It is stored with the set; ``parameter_invisible`` 1 keeps it
    from automation, which would leave a step in Live's undo history at each change."""
    about: JsonObject = {
        "parameter_longname": parameter.name,
        "parameter_shortname": parameter.short,
        "parameter_type": 2,
        "parameter_mmax": len(parameter.values) - 1,
        "parameter_enum": list(parameter.values),
        "parameter_initial": [parameter.initial],
        "parameter_initial_enable": 1,
        "parameter_invisible": int(not parameter.automated),
        "parameter_modmode": 0,
    }
    return {"parameter_enable": 1, "saved_attribute_attributes": {"valueof": about}}


def _kept(parameter: Parameter) -> JsonObject:
    """Anything at all (type 3, a blob), stored and never automated. In an object that is written as
    text, ``parameter_enable`` is no attribute of the box."""
    about: JsonObject = {
        "parameter_invisible": 1,
        "parameter_longname": parameter.name,
        "parameter_modmode": 0,
        "parameter_shortname": parameter.short,
        "parameter_type": 3,
    }
    return {
        "saved_attribute_attributes": {"valueof": about},
        "saved_object_attributes": {
            "initial": [""],
            "parameter_enable": 1,
            "parameter_mappable": 0,
        },
    }


def _line(line: Line, ids: Mapping[str, str]) -> JsonObject:
    return {
        "source": [ids[line.source], line.outlet],
        "destination": [ids[line.target], line.inlet],
    }


def _parameters(patcher: Patcher, ids: Mapping[str, str]) -> JsonObject:
    having = [(ids[box.id], box.parameter) for box in patcher.boxes if box.parameter is not None]
    names = [each.name for _, each in having if each.values]
    banks = [names[at : at + _BANK] for at in range(0, len(names), _BANK)] or [[]]
    return {
        **{number: [each.name, each.short, 0] for number, each in having},
        "parameterbanks": {
            str(at): {
                "index": at,
                "name": "",
                "parameters": [*bank, *[_NO_PARAMETER] * (_BANK - len(bank))],
            }
            for at, bank in enumerate(banks)
        },
        "inherited_shortname": 1,
    }


def _project(patcher: Patcher, since_1904: int) -> JsonObject:
    scripts = {file.name: {"kind": "javascript", "local": 1} for file in patcher.files}
    return {
        "version": 1,
        "creationdate": since_1904,
        "modificationdate": since_1904,
        "viewrect": [0.0, 0.0, 300.0, 500.0],
        "autoorganize": 1,
        "hideprojectwindow": 1,
        "showdependencies": 1,
        "autolocalize": 0,
        "contents": {"patchers": {}, "code": scripts},
        "layout": {},
        "searchpath": {},
        "detailsvisible": 0,
        "amxdtype": patcher.kind.device.number,
        "readonly": 0,
        "devpathtype": 0,
        "devpath": ".",
        "sortmode": 0,
        "viewmode": 0,
        "includepackages": 0,
    }
