"""``conduit chat`` through a pipe and on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.terminal import conduit, on_a_terminal
from tests.fakes.upstream import FakeUpstream
from tests.product.waiting import settled


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"CONDUIT_HOME": f"{tmp_path}/home", "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/chat.db"}


def test_through_a_pipe_each_line_is_a_prompt(tmp_path: Path, environ: dict[str, str]) -> None:
    lines = "4 bars of dub\n\n:providers\n:about\n:nonsense\nmore swing\n:quit\nnot reached\n"
    done = conduit("chat", cwd=tmp_path, given=lines, environ=environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("saved") == 2
    assert "offline" in done.stdout
    assert "operating system for AI" in done.stdout
    assert "There is no :nonsense." in done.stdout
    assert "\n> " not in done.stdout
    assert len(list(tmp_path.glob("*.mid"))) == 2


def test_as_json_every_line_is_answered_by_a_value(tmp_path: Path, environ: dict[str, str]) -> None:
    lines = "2 bars of dub\n:providers\n:help\n:reset\n" + "x" * 200_000 + "\n"
    done = conduit("chat", "--json", cwd=tmp_path, given=lines, environ=environ)
    decoder, rest, values = json.JSONDecoder(), done.stdout, []
    while rest.strip():
        value, end = decoder.raw_decode(rest.lstrip())
        values.append(value)
        rest = rest.lstrip()[end:]
    asked, providers, help, reset, error = values
    assert asked["tool_calls"][0]["ok"]
    assert providers["chain"] == ["offline"]
    assert ":quit" in help["commands"]
    assert reset["forgotten"] > 0
    assert error["error"]["code"] == "invalid_input"
    assert error["error"]["hint"]


def test_on_a_terminal(tmp_path: Path, environ: dict[str, str]) -> None:
    """Commands, completion, history, Ctrl-C for a line, Ctrl-D to leave."""
    with on_a_terminal("chat", cwd=tmp_path, environ=environ) as terminal:
        terminal.wait_for(":help")
        terminal.wait_for(">")
        terminal.send(":help\r")
        terminal.wait_for("forget this conversation")
        terminal.send(":prov\t")
        terminal.wait_for("iders")
        terminal.send("\r")
        terminal.wait_for("● closed")
        terminal.send("2 bars of dub\r")
        terminal.wait_for("saved")
        terminal.wait_for(">")  # what is typed before the prompt is there is not the prompt's
        terminal.send("half a li")
        terminal.wait_for("half a li")
        terminal.send("\x03")
        terminal.wait_for(">")
        terminal.send("\x1b[A")  # arrow up: the last line that was sent
        terminal.wait_for("2 bars of dub")
        terminal.send("\r")
        terminal.wait_for("saved")
        terminal.wait_for(">")
        terminal.send("\x04")
        assert terminal.process.wait(30) == 0
    assert "Traceback" not in terminal.seen
    assert "2 bars of dub" in (tmp_path / "home" / "chat_history").read_text()


def test_ctrl_c_stops_an_answer_and_not_the_conversation(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    with FakeUpstream.in_thread() as upstream:
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "providers.yaml").write_text(
            f"providers:\n  slow:\n    type: ollama\n    model: m\n"
            f"    base_url: {upstream.url}/silent\n"
        )
        with on_a_terminal("chat", cwd=tmp_path, environ=environ) as terminal:
            terminal.wait_for(">")
            terminal.send("hello\r")
            terminal.wait_for("asking slow")
            settled(lambda: len(upstream.requests) == 1)
            terminal.send("\x03")
            terminal.wait_for("stopped")
            terminal.send(":about\r")
            terminal.wait_for("operating system for AI")
            terminal.send(":quit\r")
            assert terminal.process.wait(30) == 0
        assert "Traceback" not in terminal.seen
        settled(lambda: upstream.hang_ups == 1)
