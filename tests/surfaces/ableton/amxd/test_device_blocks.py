"""``device.*`` through the call gate, and ``conduit device`` with the real sources."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from conduit.blocks import Catalog, Gate
from conduit.cli.main import cli
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    InvalidInput,
    NotFound,
    StoreError,
)
from conduit.store.files import DiskFiles
from conduit.surfaces.ableton.amxd.blocks import device_blocks
from tests.surfaces.ableton.amxd.made import PATCHER, File, frozen, listed, own, unfrozen
from tests.surfaces.ableton.amxd.test_patcher import SCRIPTS, SMALL

OTHERS = frozen(own(), File(b"../a.js", b"TEXT", b"1;", flag=8), about=None, gap=b"\0\0")


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    return DiskFiles(tmp_path / "files")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "device"
    folder.mkdir()
    (folder / "patcher.yaml").write_text(json.dumps(SMALL))  # JSON is YAML
    for name, text in SCRIPTS.items():
        (folder / name).write_bytes(text)
    return folder


def gate_of(files: DiskFiles, sources: Path, epoch: str | None = None) -> Gate:
    return Gate(Catalog(device_blocks(files, sources, epoch)), new_id=lambda: "1")


def test_a_device_is_built_from_its_sources(files: DiskFiles, sources: Path) -> None:
    gate = gate_of(files, sources)
    made = gate.call("device.build", {})
    assert made == gate.call("device.build", {"frozen": True})
    assert made.contains == ("Small.amxd", "talk.js", "do.js")
    (ref,) = made.files
    data = files.get(DEFAULT_ORG, ref.id)[1]
    assert [f["fnam"] for f in listed(data)[1]] == [b"Small.amxd", b"talk.js", b"do.js"]
    loose = gate.call("device.build", {"frozen": False})
    assert [each.name for each in loose.files] == ["Small.amxd", "talk.js", "do.js"]
    assert loose.contains == ("Small.amxd",)

    dated = gate_of(files, sources, "1000000000").call("device.build", {}).files[0]
    assert {f["mdat"] for f in listed(files.get(DEFAULT_ORG, dated.id)[1])[1]} == {3_082_844_800}
    for epoch in ("soon", "-1", "1" * 20, "²"):
        with pytest.raises(ConfigError, match="no time"):
            gate_of(files, sources, epoch).call("device.build", {})

    (sources / "do.js").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(ConfigError, match=r"more than 1048576"):
        gate.call("device.build", {})
    (sources / "do.js").unlink()
    with pytest.raises(StoreError, match=r"do\.js"):
        gate.call("device.build", {})
    (sources / "patcher.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="not YAML"):
        gate.call("device.build", {})


def test_a_device_of_somebody_else_comes_back_as_it_was(files: DiskFiles, sources: Path) -> None:
    gate = gate_of(files, sources)
    for data in (OTHERS, unfrozen(b"aaaa", None)):
        stored = files.put(DEFAULT_ORG, "x.amxd", "application/x-amxd", data)
        apart = gate.call("device.unpack", {"file_id": stored.id})
        pieces = [{"name": each.name, "file_id": each.file_id} for each in apart.pieces]
        again = gate.call("device.pack", {"pieces": pieces, "name": "x.amxd"})
        assert (again.id, again.name) == (stored.id, "x.amxd")
    refused: list[tuple[str, dict[str, Any], type[ConduitError]]] = [
        ("device.unpack", {"file_id": "a" * 64}, NotFound),
        ("device.pack", {"pieces": pieces[1:]}, NotFound),
        ("device.pack", {"pieces": []}, InvalidInput),
        ("device.pack", {"pieces": pieces, "name": "../x.amxd"}, InvalidInput),
        ("device.pack", {"pieces": pieces, "name": "x.js"}, InvalidInput),
    ]
    for block, data, error in refused:
        with pytest.raises(error):
            gate.call(block, data)
    with pytest.raises(NotFound):  # of another organisation
        gate.call(
            "device.unpack", {"file_id": stored.id}, Principal("other", "ann", frozenset("*"))
        )


def run(*words: str) -> Result:
    result = CliRunner().invoke(cli, ["device", *words], prog_name="conduit")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_commands(here: Path) -> None:
    built = run("build")
    assert built.output == "saved Conduit.amxd\n"
    first = (here / "Conduit.amxd").read_bytes()
    made = json.loads(run("build", "-o", "again/C.amxd", "--json").stdout)
    assert made["files"] == ["again/C.amxd"]
    assert made["contains"][0] == "Conduit.amxd"
    assert (here / "again/C.amxd").read_bytes() == first

    apart = run("unpack", "Conduit.amxd", "-d", "apart")
    assert apart.output.startswith("Conduit.amxd: MIDI effect, frozen\nsaved apart/amxd.json\n")
    assert {path.name for path in (here / "apart").iterdir()} == {
        "amxd.json", "Conduit.maxpat", *made["contains"][1:]
    }  # fmt: skip
    (here / "apart/.hidden").write_text("of a file manager")
    assert run("pack", "apart", "-o", "Packed.amxd").exit_code == 0
    assert (here / "Packed.amxd").read_bytes() == first

    loose = run("build", "-o", "loose/Conduit.amxd", "--unfrozen")
    assert loose.exit_code == 0
    assert {path.name for path in (here / "loose").iterdir()} == set(made["contains"])
    (here / "loose/clips.js").write_text("// mine")
    before = (here / "loose/Conduit.amxd").stat().st_mtime_ns
    refused = run("build", "-o", "loose/Conduit.amxd", "--unfrozen")
    assert refused.exit_code == 1
    assert "was changed" in refused.output
    assert (here / "loose/clips.js").read_text() == "// mine"
    assert (here / "loose/Conduit.amxd").stat().st_mtime_ns == before


def test_what_a_stranger_sends_stays_in_its_folder(here: Path) -> None:
    (here / "Others.amxd").write_bytes(OTHERS)
    assert run("unpack", "Others.amxd", "-d", "out", "--json").exit_code == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        "Test.maxpat", "a.js", "amxd.json",
    ]  # fmt: skip
    assert (here / "out/Test.maxpat").read_bytes() == PATCHER
    shutil.copytree(here / "out", here / "copy")
    (here / "copy/Test.maxpat").unlink()
    (here / "copy/Test.maxpat").symlink_to(here / "Others.amxd")
    for words, said in (
        (("unpack", "Others.amxd", "-d", "out"), "there already"),
        (("unpack", "Others.amxd", "-d", "Others.amxd"), "there already"),
        (("unpack", "nothing.amxd", "-d", "new"), "there is no file"),
        (("unpack", "out", "-d", "new"), "is a folder"),
        (("unpack", "out/Test.maxpat", "-d", "new"), "not a device"),
        (("pack", "copy"), "no file 'Test.maxpat'"),
        (("pack", "nowhere"), "no folder"),
        (("pack", "out", "-o", "x.zip"), "does not end in .amxd"),
        (("build", "-o", "x.zip"), "does not end in .amxd"),
    ):
        result = run(*words)
        assert result.exit_code == 1, words
        assert said in result.output.replace("\n", " "), result.output
        assert "hint:" in result.output, words
    assert not (here / "new").exists()
