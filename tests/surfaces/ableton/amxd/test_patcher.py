"""The described patcher: what is wrong in it is said, and what comes of it is what Max reads."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from conduit.contracts.errors import ConduitError, InvalidInput, NotFound
from conduit.surfaces.ableton.amxd.blocks import described
from conduit.surfaces.ableton.amxd.building import build_device, written_at
from conduit.surfaces.ableton.amxd.layout import Frozen
from conduit.surfaces.ableton.amxd.maxpat import maxpat
from conduit.surfaces.ableton.amxd.objects import ports_of_text
from conduit.surfaces.ableton.amxd.patcher import Patcher, read_patcher
from conduit.surfaces.ableton.amxd.picture import picture_of
from conduit.surfaces.ableton.amxd.reading import read_device
from tests.surfaces.ableton.amxd.made import listed

ROOT = Path(__file__).parents[4]
SVG = "{http://www.w3.org/2000/svg}"
SMALL: dict[str, Any] = {
    "name": "Small",
    "kind": "MIDI effect",
    "width": 200,
    "written": "2026-11-30",
    "about": "",
    "files": [{"name": "talk.js", "on_disk": True}, {"name": "do.js"}],
    "boxes": [
        {"id": "ready", "object": "live.thisdevice", "at": [10, 10]},
        {"id": "do", "object": "js do.js", "at": [10, 60], "outlets": 2},
        {"id": "talk", "object": "node.script talk.js @autostart 1", "at": [10, 110]},
        {"id": "sort", "object": "route a b", "at": [10, 160]},
        {
            "id": "where", "ui": "live.menu", "at": [100, 10], "panel": [0, 0, 80, 16],
            "parameter": {"name": "Where it goes", "short": "Where", "values": ["here", "there"]},
        },
        {"id": "say", "ui": "live.comment", "text": "Hm", "at": [100, 60], "panel": [0, 20, 9, 9]},
    ],
    "lines": ["ready -> do", "do:1 -> talk", "talk -> sort", "sort:2 -> say", "where:1 -> do"],
}  # fmt: skip
SCRIPTS = {"talk.js": b"// node\n", "do.js": b"// js\n"}


def device() -> Patcher:
    return described(ROOT / "device")


def test_the_same_sources_give_the_same_bytes() -> None:
    patcher = read_patcher(SMALL, "here")
    (built,) = build_device(patcher, SCRIPTS, frozen=True)
    assert built == build_device(read_patcher(SMALL, "there"), dict(SCRIPTS), frozen=True)[0]
    assert built.name == "Small.amxd"
    read = read_device(built.data)
    assert read.kind == "mmmm"
    assert isinstance(read.content, Frozen)
    payload, found = listed(built.data)
    assert [(f["fnam"], f["type"], f["flag"]) for f in found] == [
        (b"Small.amxd", b"JSON", 17),
        (b"talk.js", b"TEXT", 8),
        (b"do.js", b"TEXT", 0),
    ]
    assert {f["mdat"] for f in found} == {written_at(patcher) + 2_082_844_800}
    assert payload[16:].startswith(b'{\n\t"patcher": {')

    (later,) = build_device(patcher, SCRIPTS, frozen=True, epoch=1_000_000_000)
    assert later.data != built.data
    assert {f["mdat"] for f in listed(later.data)[1]} == {3_082_844_800}
    with pytest.raises(InvalidInput, match="no time"):
        build_device(patcher, SCRIPTS, frozen=True, epoch=2**32)

    plain, *loose = build_device(patcher, SCRIPTS, frozen=False)
    assert {each.name: each.data for each in loose} == SCRIPTS
    text = read_device(plain.data).content
    assert isinstance(text, bytes)
    assert text == read.content.entries[0].data
    with pytest.raises(NotFound, match=r"'do\.js'"):
        build_device(patcher, {"talk.js": b""}, frozen=True)


def test_max_finds_what_it_looks_for() -> None:
    patcher = json.loads(maxpat(read_patcher(SMALL, "here"), 5))["patcher"]
    assert patcher["project"]["amxdtype"] == 1835887981
    assert patcher["openinpresentation"] == 1
    assert patcher["devicewidth"] == 200.0
    ready, do, talk, sort, where, say = (each["box"] for each in patcher["boxes"])
    assert (ready["maxclass"], ready["text"]) == ("newobj", "live.thisdevice")
    assert ready["outlettype"] == ["bang", "int", "int"]
    assert do["saved_object_attributes"] == {"filename": "do.js", "parameter_enable": 0}
    assert (do["numinlets"], do["numoutlets"]) == (1, 2)
    assert talk["saved_object_attributes"] == {"autostart": 1, "defer": 0, "watch": 0}
    assert talk["textfile"]["filename"] == "talk.js"
    assert (sort["numinlets"], sort["numoutlets"]) == (3, 3)
    assert where["saved_attribute_attributes"]["valueof"]["parameter_enum"] == ["here", "there"]
    assert where["presentation_rect"] == [0.0, 0.0, 80.0, 16.0]
    assert "outlettype" not in say
    assert patcher["parameters"]["obj-5"] == ["Where it goes", "Where", 0]
    assert patcher["parameters"]["parameterbanks"]["0"]["parameters"] == [
        "Where it goes",
        *"-------",
    ]
    assert [each["name"] for each in patcher["dependency_cache"]] == ["talk.js", "do.js"]
    assert patcher["lines"][1] == {
        "patchline": {"source": ["obj-2", 1], "destination": ["obj-3", 0]}
    }
    assert ports_of_text("t l b clear", "x").outlets == ("", "bang", "clear")
    assert ports_of_text("sel 1", "x").inlets == 2


def test_live_stores_what_a_pattr_is_sent() -> None:
    kept = with_box(object="pattr new", parameter={"name": "Talk", "short": "T"})
    patcher = json.loads(maxpat(read_patcher(kept, "here"), 5))["patcher"]
    box = patcher["boxes"][-1]["box"]
    assert (box["text"], box["varname"], box["numoutlets"]) == ("pattr new", "new", 3)
    about = box["saved_attribute_attributes"]["valueof"]
    assert (about["parameter_type"], about["parameter_invisible"]) == (3, 1)
    assert box["saved_object_attributes"]["parameter_enable"] == 1
    assert "parameter_enable" not in box, "Max ignores it there, and makes a number of it"
    assert patcher["parameters"]["obj-7"] == ["Talk", "T", 0]
    assert "Talk" not in patcher["parameters"]["parameterbanks"]["0"]["parameters"]


def changed(**changes: object) -> dict[str, Any]:
    return {**SMALL, **changes}


def with_box(**box: object) -> dict[str, Any]:
    return changed(boxes=[*SMALL["boxes"], {"id": "new", "at": [0, 0], **box}])


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "object"),
        (changed(kind="toaster"), "kind"),
        (changed(surprise=1), "surprise"),
        (changed(lines=["ready => do"]), "no line"),
        (changed(lines=["ready -> nobody"]), "no box 'nobody'"),
        (changed(lines=["ready:3 -> do"]), "has 3 outlets"),
        (changed(lines=["say -> do"]), "has 0 outlets"),
        (changed(lines=["ready -> do:1"]), "has 1 inlets"),
        (changed(boxes=SMALL["boxes"] * 2), "two boxes"),
        (changed(files=SMALL["files"] * 2), "two files"),
        (with_box(), "either"),
        (with_box(object="print", ui="umenu"), "either"),
        (with_box(object="explode 3"), "'explode' is no object"),
        (with_box(object=" "), "'' is no object"),
        (with_box(ui="live.bomb"), "'live.bomb' is no object"),
        (with_box(object="js other.js"), "no file of the device"),
        (with_box(ui="umenu", panel=[150, 0, 51, 10]), "does not fit"),
        (with_box(ui="umenu", panel=[0, 160, 10, 10]), "does not fit"),
        (with_box(ui="umenu", panel=[0, 0, 1]), "panel"),
        (with_box(ui="umenu", set={"numinlets": 4}), "not to be set"),
        (
            with_box(ui="live.menu", parameter={"name": "a", "short": "a", "values": ["x"]}),
            "two values or more",
        ),
        (with_box(object="pattr new"), "no values"),
        (with_box(object="pattr", parameter={"name": "a", "short": "a"}), "named as its box"),
        (with_box(object="pattr old", parameter={"name": "a", "short": "a"}), "pattr new"),
        (
            with_box(
                object="pattr new", parameter={"name": "a", "short": "a", "values": ["x", "y"]}
            ),
            "no values",
        ),
    ],
)
def test_what_is_wrong_is_said(document: object, said: str) -> None:
    with pytest.raises(ConduitError, match=re.escape(said)):
        read_patcher(document, "patcher.yaml")


def test_a_picture_shows_every_box_and_every_line() -> None:
    drawn = picture_of(maxpat(read_patcher(SMALL, "here"), 0))
    root = ET.fromstring(drawn)
    assert len(root.findall(f".//{SVG}path[@class='wire']")) == len(SMALL["lines"])
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert {"live.thisdevice", "route a b", "where", "Hm"} <= set(texts)
    assert "<script" not in drawn
    odd = {
        **SMALL,
        "boxes": [{"id": "x", "ui": "comment", "text": "<&>", "at": [0, 0]}],
        "lines": [],
    }
    assert "&lt;&amp;&gt;" in picture_of(maxpat(read_patcher(odd, "here"), 0))
    for wrong in (b"{}", b'{"patcher": 1}', b"[]"):
        with pytest.raises(InvalidInput, match="no patcher"):
            picture_of(wrong)


def test_nothing_on_the_panel_covers_another() -> None:
    placed = [(box.id, *box.panel) for box in device().boxes if box.panel is not None]
    assert len(placed) > 15
    for one, other in combinations(placed, 2):
        apart_x = one[1] + one[3] <= other[1] or other[1] + other[3] <= one[1]
        apart_y = one[2] + one[4] <= other[2] or other[2] + other[4] <= one[2]
        assert apart_x or apart_y, (one, other)


def test_the_picture_in_the_docs_is_the_device() -> None:
    kept = (ROOT / "docs/images/device.svg").read_text()
    assert kept == picture_of(maxpat(device(), 0)), "run `python tools/pictures.py`"


REQUIRED = re.compile(r"\brequire\(['\"]([^'\"]+)['\"]\)")
OF_MAX_AND_NODE = re.compile(r"node:\w+|max-api|fs|http|https|os|path|url|util|events")


def test_the_device_brings_all_that_its_scripts_ask_for() -> None:
    files = {each.name: each for each in device().files}
    boxes = {each.script for each in device().boxes if each.script}
    needed, open_ = set(boxes), list(boxes)
    asked: dict[str, set[str]] = {}
    while open_:
        name = open_.pop()
        asked[name] = {
            f"{Path(found).name.removesuffix('.js')}.js"
            for found in REQUIRED.findall((ROOT / "device" / name).read_text())
            if not OF_MAX_AND_NODE.fullmatch(found)
        }
        open_ += asked[name] - needed
        needed |= asked[name]
    assert needed == set(files)
    bridge, of_node = {"conduit-bridge.js"}, set()
    while bridge:
        of_node |= bridge
        bridge = set().union(*(asked[name] for name in bridge)) - of_node
    assert {name for name, each in files.items() if each.on_disk} == of_node


def test_the_panel_says_only_what_the_bridge_understands() -> None:
    """Every word that goes to the bridge is one that it handles, and every kind of message that is
    sorted out behind it is one that it sends."""
    patcher = device()
    boxes = {box.id: box for box in patcher.boxes}
    bridge = next(box.id for box in patcher.boxes if box.object.startswith("node.script"))
    sent = [boxes[line.source] for line in patcher.lines if line.target == bridge]
    words = {
        (box.text or box.object.removeprefix("prepend ")).split()[0]
        for box in sent
        if box.ui == "message" or box.object.startswith("prepend")
    }
    source = (ROOT / "device/conduit-bridge.js").read_text()
    handled = set(re.findall(r'^  "?([\w-]+)"?: (?:async )?\(', source, re.M))
    assert words - {"script"} == {
        "prompt", "cancel", "undo", "hear", "reset", "mode", "provider", "preset"
    }  # fmt: skip
    assert words - {"script"} <= handled, "`script` is for Max itself"
    source += (ROOT / "device/conduit-panel.js").read_text()
    said = {
        "answers": set(re.findall(r'\bout\(\s*"(\w+)"', source)) | {"midi", "parameters"},
        "status": set(re.findall(r'\bstatus\(\s*"(\w+)"', source)),
    }
    for box, sent_by_the_bridge in said.items():
        assert set(boxes[box].object.split()[1:]) == sent_by_the_bridge - {"circuit"}, box
    menu = boxes["mode"].parameter
    assert menu is not None
    modes = re.search(r"MODES = \[(.*?)\]", source)
    assert modes is not None
    assert re.findall(r'"(\w+)"', modes[1]) == list(menu.values)
