"""The official conformance suite, where it is installed: it is fetched by nobody here.

``npm install --prefix FOLDER @modelcontextprotocol/conformance@0.2.0-alpha.12`` (or 0.1.16), then
``CONDUIT_MCP_CONFORMANCE=FOLDER``. As a server, the real surface serves what the suite wants to
find (``tests/fakes/mcp_everything.py``); as a client, the real connection is driven by
``tests/fakes/mcp_client.py``. What is not passed is in ``conformance/expected.yaml``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import NODE

ROOT = Path(__file__).parents[2]
EXPECTED = Path(__file__).parent / "conformance" / "expected.yaml"
FOLDER = Path(os.environ.get("CONDUIT_MCP_CONFORMANCE", "/none")) / "node_modules"
SUITE = FOLDER / ".bin" / "conformance"
PACKAGE = FOLDER / "@modelcontextprotocol" / "conformance" / "package.json"
pytestmark = [
    pytest.mark.skipif(not SUITE.exists(), reason="CONDUIT_MCP_CONFORMANCE is not set"),
    pytest.mark.timeout(300),  # the suite waits for its own clocks
]


def runs(whole: str) -> list[tuple[str, ...]]:
    """Each revision by itself, or all that an older suite has."""
    version = json.loads(PACKAGE.read_text())["version"] if PACKAGE.exists() else ""
    if version.startswith("0.1."):
        return [("--suite", whole)]
    return [("--requirements", revision) for revision in ("2025-11-25", "2026-07-28")]


def passed(*arguments: str) -> None:
    done = subprocess.run(
        [NODE, SUITE, *arguments, "--expected-failures", EXPECTED],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd=ROOT,
    )
    print(done.stdout[-8000:])
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("everything")
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.mcp_everything", folder],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
        ) as process,
    ):
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()
        process.wait(20)
    assert "Traceback" not in (folder / "log").read_text()


@pytest.mark.parametrize("which", runs("active"), ids=" ".join)
def test_as_a_server(address: str, which: tuple[str, ...]) -> None:
    passed("server", "--url", address, *which)


@pytest.mark.parametrize("which", runs("all"), ids=" ".join)
def test_as_a_client(which: tuple[str, ...]) -> None:
    """The suite begins all scenarios at once: a slow machine is given its time."""
    command = f"{sys.executable} -m tests.fakes.mcp_client"
    passed("client", "--command", command, "--timeout", "200000", *which)
