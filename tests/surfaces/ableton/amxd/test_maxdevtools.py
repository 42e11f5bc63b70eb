"""Ableton's own reader of devices, where it is at hand: it is fetched by nobody here.

``git clone https://github.com/Ableton/maxdevtools`` (MIT), then ``CONDUIT_MAXDEVTOOLS=FOLDER``. It
is what Ableton compares devices with: it goes through a file as Max lays it out, complains of what
it does not know, and prints what is inside.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conduit.surfaces.ableton.amxd.building import build_device
from tests.surfaces.ableton.amxd.test_patcher import ROOT, device

READER = Path(os.environ.get("CONDUIT_MAXDEVTOOLS", "/none")) / "maxdiff" / "amxd_textconv.py"
pytestmark = pytest.mark.skipif(not READER.exists(), reason="CONDUIT_MAXDEVTOOLS is not set")


def printed(tmp_path: Path, *, frozen: bool) -> str:
    """What it says of our device."""
    scripts = {each.name: (ROOT / "device" / each.name).read_bytes() for each in device().files}
    made = build_device(device(), scripts, frozen=frozen)[0]
    (tmp_path / made.name).write_bytes(made.data)
    done = subprocess.run(
        [sys.executable, READER, tmp_path / made.name],
        cwd=READER.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-2000:]
    assert done.stdout.startswith("MIDI Effect Device\n")
    assert "Error" not in done.stdout
    return done.stdout


def test_it_lists_what_is_inside(tmp_path: Path) -> None:
    said = printed(tmp_path, frozen=True)
    assert "Device is frozen" in said
    listed = dict(re.findall(r"^(\S+\.(?:js|amxd)): (\d+) bytes", said, re.M))
    sizes = {each.name: (ROOT / "device" / each.name).stat().st_size for each in device().files}
    assert {name: int(size) for name, size in listed.items() if name in sizes} == sizes
    assert set(listed) == {*sizes, "Conduit.amxd"}
    assert "NOT FOUND" not in "".join(re.findall(r"^conduit-bridge.*$", said, re.M))
    counted = re.findall(r"(Object instances|Connections): (\d+)", said)
    boxes, lines = str(len(device().boxes)), str(len(device().lines))
    assert counted == [("Object instances", boxes), ("Connections", lines)] * 2


def test_it_prints_every_box_and_every_line(tmp_path: Path) -> None:
    said = printed(tmp_path, frozen=False)
    boxes, cords = said.split("- objects -", 1)[1].split("- patch cords -", 1)
    names = [box.object or f"{box.ui} {box.text}".strip() for box in device().boxes]
    assert re.findall(r"^\[(.*?)\] ", boxes, re.M) == names
    ids = {box.id: name for box, name in zip(device().boxes, names, strict=True)}
    assert re.findall(r"^\[(.*)\] \((\d+)\) => \((\d+)\) \[(.*)\]", cords, re.M) == [
        (ids[line.source], str(line.outlet), str(line.inlet), ids[line.target])
        for line in device().lines
    ]
    assert re.search(r"^\[pattr conversation\] .*type: 3", boxes, re.M)
