"""The official conformance suite, where it is installed: it is fetched by nobody here.

``npm install --prefix FOLDER @modelcontextprotocol/conformance@0.1.16`` (or 0.2.0-alpha.12), then
``CONDUIT_MCP_CONFORMANCE=FOLDER``. The scenarios left out ask for tools, resources and prompts that
only a test server has, or for what Conduit does not offer.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import NODE
from tests.product.server import Server, serving

SUITE = Path(os.environ.get("CONDUIT_MCP_CONFORMANCE", "/none")) / "node_modules/.bin/conformance"
SCENARIOS = (
    "tools-list",
    "server-sse-multiple-streams",
    "resources-list",
    "prompts-list",
    "dns-rebinding-protection",
)
pytestmark = pytest.mark.skipif(not SUITE.exists(), reason="CONDUIT_MCP_CONFORMANCE is not set")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("conformance")) as server:
        yield server


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_of_the_suite(server: Server, scenario: str) -> None:
    done = subprocess.run(
        [NODE, SUITE, "server", "--url", f"{server.url}/mcp", "--scenario", scenario],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
