"""The import contracts of ``pyproject.toml`` bite: each fails on a small Conduit that breaks it.

That the real one keeps them is what ``make check`` and the last test here say.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
LINT = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"

ROOMS = sorted(
    room.strip()
    for contract in CONFIG["contracts"]
    if contract["type"] == "layers"
    for layer in contract["layers"]
    for room in layer.split("|")
)
SUB_ROOMS = [
    "surfaces/http",
    "surfaces/studio",
    "midi/network/udp",
    "models/wire",
    "models/wire/openai",
    "models/wire/ollama",
    *(f"models/{room}" for room in ("caching", "failover", "framing", "gateway", "routing")),
    *(f"models/{room}" for room in ("setup", "transport", "registry", "dialects")),
    *(f"models/dialects/{dialect}" for dialect in ("anthropic", "ollama")),
    *(f"models/dialects/{dialect}" for dialect in ("openai_chat", "openai_responses")),
]
D = "conduit.models.dialects"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the repository's contracts over the package that lies in ``folder``."""
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """A Conduit of empty rooms that keeps every contract."""
    for room in [".", *ROOMS, *SUB_ROOMS]:
        package = tmp_path / "conduit" / room
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
    (tmp_path / "conduit/midi/network/__init__.py").touch()
    write(tmp_path, "midi/network/udp/wire.py", "import asyncio, socket")  # the one that may
    return tmp_path


def write(skeleton: Path, module: str, line: str) -> None:
    path = skeleton / "conduit" / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line + "\n")


def test_empty_rooms_keep_every_contract(skeleton: Path) -> None:
    result = lint(skeleton)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"Contracts: {len(CONFIG['contracts'])} kept, 0 broken." in result.stdout


@pytest.mark.parametrize(
    ("module", "line", "reason"),
    [
        ("blocks/tools.py", "import conduit.agents", "read without the ones above it"),
        ("models/notes.py", "import conduit.rhythm", "read without the ones above it"),
        ("store/gate.py", "import conduit.blocks", "read without the ones above it"),
        ("rhythm/root.py", "import conduit.app", "read without the ones above it"),
        ("utils/__init__.py", "", "read without the ones above it"),
        ("surfaces/http/page.py", "import conduit.surfaces.studio", "touches one folder"),
        ("models/wire/openai/a.py", "import conduit.models.wire.ollama", "quirk stays its own"),
        ("models/dialects/ollama/a.py", f"import {D}.anthropic", "client's quirk stays its own"),
        ("models/wire/a.py", "import conduit.models.gateway", "read and tested alone"),
        ("models/routing/a.py", "import conduit.models.setup", "read and tested alone"),
        ("models/transport/a.py", "import conduit.models.wire", "comes to the same limits"),
        ("rhythm/cache.py", "import sqlite3", "a seed always gives the same bytes"),
        ("midi/send.py", "import socket", "a seed always gives the same bytes"),
        ("midi/network/send.py", "import socket", "a seed always gives the same bytes"),
        ("contracts/now.py", "import time", "a seed always gives the same bytes"),
    ],
)
def test_breaking_a_contract_is_seen(skeleton: Path, module: str, line: str, reason: str) -> None:
    write(skeleton, module, line)
    result = lint(skeleton)
    assert result.returncode == 1, result.stdout + result.stderr
    (broken,) = [name for name in result.stdout.splitlines() if " BROKEN" in name]
    assert reason in broken


def test_a_cycle_between_siblings_is_seen(skeleton: Path) -> None:
    write(skeleton, "rhythm/euclid.py", "import conduit.rhythm.swing")
    write(skeleton, "rhythm/swing.py", "import conduit.rhythm.euclid")
    result = lint(skeleton)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "a file to read first BROKEN" in result.stdout


def test_every_contract_says_why_it_exists() -> None:
    names = [contract["name"] for contract in CONFIG["contracts"]]
    assert [name for name in names if ", so that " not in name] == []


def test_conduit_keeps_every_contract() -> None:
    result = lint(ROOT / "src")
    assert result.returncode == 0, result.stdout + result.stderr
