"""Conversations over HTTP and in the terminal: listed, read, renamed, found again, deleted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.product.answers import refused
from tests.product.server import COMMAND, Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("conversations")) as running:
        yield running


def test_a_conversation_is_kept_named_found_and_deleted(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as web:
        name = "mine & 100% 🥁"
        at = f"/conversations/{quote(name, safe='')}"
        for prompt in ("help", "4 bars of techno"):
            asked = web.post("/ask", json={"prompt": prompt, "session": name})
            assert asked.status_code == 200, asked.text
        (listed,) = web.get("/conversations").json()["conversations"]
        assert (listed["session"], listed["title"]) == (name, "help")
        renamed = web.post(f"{at}/rename", json={"title": "100% techno"}).json()
        assert renamed["title"] == "100% techno"
        (hit,) = web.get("/conversations/search", params={"query": "bars of TECHNO"}).json()["hits"]
        assert hit["snippet"][hit["start"] : hit["end"]] == "bars of techno"
        shown = web.get(at, params={"limit": 500}).json()
        assert shown["conversation"]["messages"] == len(shown["messages"])
        assert [m["content"] for m in shown["messages"] if m["role"] == "user"] == [
            "help",
            "4 bars of techno",
        ]
        assert web.delete(at).json()["deleted"] == len(shown["messages"])
        refused(web.get(at), 404, "not_found")
        assert web.get("/conversations").json() == {"conversations": [], "next": ""}
        refused(web.get("/conversations/search"), 400, "invalid_input")


def test_the_terminal_shows_the_same(tmp_path: Path) -> None:
    def conduit(*words: str) -> str:
        done = subprocess.run(
            [*COMMAND, *words],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CONDUIT_HOME": str(tmp_path)},
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    conduit("ask", "help [bold]me")
    assert "help [bold]me" in conduit("conversations", "list")
    (listed,) = json.loads(conduit("conversations", "list", "--json"))["conversations"]
    name = listed["session"]
    assert "[red]x" in conduit("conversations", "rename", name, "[red]x")
    assert "help [bold]me" in conduit("conversations", "show", name)
    assert "[BOLD]ME".lower() in conduit("conversations", "search", "[BOLD]ME")
    assert "deleted" in conduit("conversations", "delete", name)
    assert "no conversation" in conduit("conversations", "list")
