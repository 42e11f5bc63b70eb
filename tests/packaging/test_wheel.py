"""The wheel that people install: complete, and usable without this repository beside it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built as an installer would build it, then unpacked."""
    built = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-c", BUILD, str(built)], cwd=ROOT, check=True)
    (wheel,) = built.glob("*.whl")
    target = built / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


# Builds the web page as well where its sources are newer than the last build, hence the time.
@pytest.mark.timeout(300)
def test_it_brings_the_page_the_docs_and_the_types(unpacked: Path) -> None:
    package = unpacked / "conduit"
    assert (package / "py.typed").exists()
    assert "<html" in (package / "surfaces/studio/static/index.html").read_text().lower()
    shipped = {path.relative_to(package / "docs") for path in (package / "docs").rglob("*.md")}
    assert shipped == {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}


def test_it_brings_the_messages_of_grpc(unpacked: Path) -> None:
    made = "conduit/surfaces/grpc/generated"
    names = {path.relative_to(ROOT / "src") for path in (ROOT / "src" / made).rglob("*_pb2*.py*")}
    names = {name for name in names if "__pycache__" not in name.parts}
    assert len(names) == 6
    assert names <= {path.relative_to(unpacked) for path in (unpacked / made).rglob("*")}


def test_it_brings_the_examples(unpacked: Path) -> None:
    shipped = {path.name for path in (unpacked / "conduit/configs").iterdir()}
    assert shipped == {path.name for path in (ROOT / "configs").iterdir()}


def test_it_brings_the_sources_of_the_device(unpacked: Path) -> None:
    shipped = {path.name for path in (unpacked / "conduit/device").iterdir()}
    sources = {path.name for path in (ROOT / "device").glob("*.js")}
    assert sources
    assert shipped >= {"patcher.yaml", *sources}
    assert "test" not in shipped


def test_it_brings_nothing_but_the_package(unpacked: Path) -> None:
    assert {path.name.split("-")[0] for path in unpacked.iterdir()} == {"conduit", "conduit_os"}
    assert not list(unpacked.rglob("node_modules"))


def test_its_command_runs(unpacked: Path, tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r})\n"
        "import conduit, conduit.cli\n"
        f"assert conduit.__file__.startswith({str(unpacked)!r}), conduit.__file__\n"
        "sys.argv = ['conduit', '--help']\n"
        "conduit.cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "ask" in done.stdout
