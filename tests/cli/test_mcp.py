"""Commands that call a tool of another server: it is started when its block is named, and only
then."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from conduit.cli.main import cli

SERVERS = Path(__file__).parents[1] / "tools" / "mcp"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/c.db")
    honest = {"command": sys.executable, "args": [str(SERVERS / "honest.py")]}
    liar = {"command": sys.executable, "args": [str(SERVERS / "hostile.py"), "schema"]}
    web = {"url": "http://127.0.0.1:9/mcp"}
    servers = {"honest": honest, "liar": liar, "gone": {"command": "/no/such"}, "web": web}
    (tmp_path / "mcp.yaml").write_text(json.dumps({"servers": servers}))

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(cli, words)

    return invoke


def test_a_block_of_a_server_is_called_and_shown_by_name(run: object) -> None:
    assert callable(run)
    called = run("blocks", "run", "mcp.honest.add", "--a", "41")
    assert json.loads(called.stdout)["structured"] == {"result": 42}
    shown = run("blocks", "show", "mcp.liar.list")  # whatever its schema says
    assert shown.exit_code == 0
    assert "x?" in shown.output
    gone = run("blocks", "run", "mcp.gone.tool")
    assert gone.exit_code == 1
    assert "could not be started" in gone.output


def test_a_list_starts_servers_only_when_it_is_asked_to(run: object) -> None:
    assert callable(run)
    plain = run("blocks", "list", "--json").stdout
    assert "mcp.servers" in plain
    assert "mcp.honest" not in plain
    listed = run("blocks", "list", "--servers", "--json").stdout
    assert "mcp.honest.add" in listed


def test_who_cannot_be_logged_in_at_is_said(run: object) -> None:
    assert callable(run)
    for words, said in (
        (("login", "other"), "no MCP server"),
        (("login", "honest"), "is a command"),
        (("login", "web"), "could not be used"),
        (("logout", "web"), "Nothing was kept"),
    ):
        assert said in " ".join(run("mcp", *words).output.split()), words
