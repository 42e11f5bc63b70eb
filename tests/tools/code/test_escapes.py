"""Every way out, in every sandbox that this machine has, as root and as an ordinary user.

Some take the whole time they are given, 2.5 s, since that is what stops them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import conduit
from tests.tools.code.containment import MAKERS, contain
from tests.tools.code.escape import Escape
from tests.tools.code.escapes import ESCAPES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these sandboxes are Linux's")


@pytest.fixture(params=MAKERS)
def kind(request: pytest.FixtureRequest) -> str:
    kind = str(request.param)
    if MAKERS[kind](()) is None:
        pytest.skip(f"no {kind} on this machine")
    return kind


@pytest.mark.parametrize("escape", ESCAPES, ids=lambda each: each.name)
def test_it_is_contained(
    escape: Escape, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "x")
    sandbox = MAKERS[kind](())
    assert sandbox is not None
    contain(sandbox, escape, tmp_path / "outside")


@pytest.mark.timeout(200)
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root becomes others")
def test_an_ordinary_user_has_the_same_sandboxes(kind: str) -> None:
    """All of the table in a process of somebody else: as long as all of the above together."""
    python = Path("/usr/bin/python3")
    if not python.exists():
        pytest.skip("no interpreter that everybody may start")
    here = Path(__file__).resolve().parents[3]
    paths = (here, Path(conduit.__file__).parents[1], *map(Path, sys.path))
    able = subprocess.run(
        [python, "-c", "import conduit.blocks, os; os.unshare"],
        env={"PYTHONPATH": os.pathsep.join(map(str, paths))},
        user=65534,
        group=65534,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        check=False,
    )
    if b"No module" in able.stderr or b"Permission" in able.stderr or b"version" in able.stderr:
        pytest.skip("somebody else cannot read this checkout, or has another Python")
    ended = subprocess.run(
        [python, "-m", "tests.tools.code.as_somebody", kind],
        env={"PYTHONPATH": os.pathsep.join(map(str, paths)), "A_SECRET": "x"},
        user=65534,
        group=65534,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert ended.stdout.count("contained: ") == len(ESCAPES)
