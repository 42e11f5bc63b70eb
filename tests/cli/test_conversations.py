"""``conduit conversations``: listed, pinned, set, summarised, written down, taken in, deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from conduit.cli.main import cli

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


def run(*words: str, fails: bool = False) -> Result:
    result = RUNNER.invoke(cli, words, prog_name="conduit")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code != 0) is fails, result.output
    return result


def of(*words: str) -> str:
    return run("conversations", *words).stdout


def as_json(*words: str) -> Any:
    return json.loads(of(*words, "--json"))


def test_what_people_see_is_what_was_said() -> None:
    assert "no conversation" in of("list")
    run("ask", "help [bold]me")
    assert "help [bold]me" in of("list")
    assert "[red]x" in of("rename", "cli", "[red]x")
    assert "help [bold]me" in of("show", "cli")
    assert "[BOLD]ME".lower() in of("search", "[BOLD]ME")
    assert "deleted" in of("delete", "cli")
    assert "no conversation" in of("list")


def test_facts_are_pinned_and_answers_put_to_the_vote() -> None:
    assert "dark room" in of("pin", "cli", "The set is for a [red]dark room.")
    assert "majority of 3 answers" in of("set", "cli", "--samples", "3")
    both = of("set", "cli", "--escalate-to", "strong")
    assert "fewer than 60 % agree, strong is asked" in both
    answer = run("ask", "help").stdout
    assert "100 % of the answers agreed" in answer
    assert "agreed" not in run("ask", "help", "--samples", "1").stdout
    shown = of("show", "cli")
    assert "pinned The set is for a [red]dark room." in shown
    assert "majority of 3 answers" in shown
    message = as_json("show", "cli")["messages"][0]
    assert message["id"] in shown
    assert "pinned help" in of("pin", "cli", "--message", message["id"])
    first, second = as_json("pins", "cli")["pins"]
    assert first["id"] in of("pins", "cli")
    assert "1 fact is" in of("unpin", "cli", second["id"])
    assert "answered once" in of("set", "cli", "--samples", "1")
    told = of("set", "cli", "--temperature", "0.2", "--stop", "[END]", "--system", "plain")
    assert "temperature: 0.2" in told
    assert "stop: ['[END]']" in told
    told = of("set", "cli", "--seed", "4")
    assert "temperature: 0.2" in told, "what is not given stays"
    assert "system prompt: plain" in told
    assert "temperature" not in of("set", "cli", "--plain", "--max-tokens", "9")
    assert "temperature: expected" in run("ask", "x", "--temperature", "3", fails=True).stderr
    said = run("conversations", "pin", "cli", fails=True).stderr
    assert "give a text or a message" in said


def test_a_long_talk_is_summarised_written_down_and_taken_in(tmp_path: Path) -> None:
    assert "too little" in of("summarise", "cli")
    turn = {
        "at": "2026-01-02T03:04:05+00:00",
        "messages": [
            {"role": "user", "content": "My name is Ada \x1b[2J", "tool_calls": []},
            {"role": "assistant", "content": "Noted.", "tool_calls": []},
        ],
    }
    document = {"format": "conduit.conversation.v1", "session": "cli", "title": ""}
    given = tmp_path / "given.json"
    given.write_text(json.dumps({**document, "turns": [turn] * 12}))
    assert "24 messages are in cli now" in of("import", str(given))
    shown = of("summarise", "cli")
    assert "summary of the first 14 messages, extracted, by no model" in shown
    assert "asked: My name is Ada" in shown
    assert "\x1b" not in shown
    assert "saved" in of("export", "cli", "-o", "talk.json")
    assert as_json("import", "talk.json", "--as", "two") == {
        "session": "two", "messages": 24, "pins": 0,
    }  # fmt: skip
    markdown = of("export", "two", "--format", "md")
    assert "### User\n\n```text\nMy name is Ada [2J\n```" in markdown
    talk = json.loads(of("export", "two"))
    assert talk["turns"][0]["messages"][0]["content"] == "My name is Ada \x1b[2J"
    assert (
        "there is such a conversation"
        in run("conversations", "import", "talk.json", fails=True).stderr
    )
    for name in ("nosuch.json", "."):
        assert "cannot be read" in run("conversations", "import", name, fails=True).stderr
    nowhere = run("conversations", "export", "cli", "-o", "given.json/x", fails=True)
    assert "could not be written" in nowhere.stderr
