"""``conduit places``, ``calendar`` and ``commute``, in one process: what they say, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from conduit.cli.main import cli

CALENDAR = "\r\n".join([
    "BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:1", "SUMMARY:Board\x1b[2J [bold]", "LOCATION:at work",
    "DTSTART:20240101T150000Z", "RRULE:FREQ=DAILY", "END:VEVENT", "BEGIN:VEVENT", "UID:2",
    "SUMMARY:Odd", "END:VEVENT", "END:VCALENDAR",
])  # fmt: skip
Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run a command that succeeds unless ``status`` says otherwise."""
    for name, value in (
        ("CONDUIT_HOME", f"{tmp_path}/home"),
        ("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db"),
        ("COLUMNS", "120"),
        ("TZ", "UTC"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, status: int = 0) -> str:
        done = CliRunner().invoke(cli, list(words))
        assert done.exit_code == status, done.output
        return done.output

    return run


def test_from_a_place_to_the_time_to_leave(say: Say, tmp_path: Path) -> None:
    def told(*words: str) -> Any:
        return json.loads(say(*words, "--json"))

    (tmp_path / "work.ics").write_text(CALENDAR, "utf-8")
    assert "No places are saved yet" in say("places")
    assert "No calendar is added yet" in say("calendar", "sources")
    said = say("places", "save", "Office", "1 King St W", "--alias", "hq")
    assert said == "Saved Office (1 King St W)\nalso called hq\n"
    say("places", "save", "home", "--latitude", "43.7", "--longitude", "-79.4")
    assert "43.70000, -79.40000" in say("places", "list")
    assert say("places", "resolve", "to work") == "Office (1 King St W) by its common word\n"
    assert "Where is “moon”?" in say("places", "resolve", "moon")
    assert "35 minutes from home to office" in say("commute", "save", "hq", "35")
    assert "35 minutes as the person said" in say("commute", "time", "office", "--by", "9:30")
    added = say("calendar", "add", "work", "work.ics")
    assert "Added work with 1 events." in added
    assert "'Odd' has no time that can be read" in added
    assert "\x1b" not in say("calendar", "next")
    assert len(told("calendar", "list", "--days", "3")["events"]) == 3
    left = say("commute", "leave", "board")
    assert "places.resolve “at work”: Office, by its common word" in left
    assert "Leave at 20" in left
    assert told("commute", "leave", "--to", "moon", "--by", "9:30")["status"] == "question"
    assert "work is forgotten" in say("calendar", "remove", "work")
    assert "office is forgotten" in say("places", "delete", "hq")


def test_what_cannot_be_is_said(say: Say, tmp_path: Path) -> None:
    (tmp_path / "large.ics").write_bytes(b"x" * ((4 << 20) + 1))
    for words, says in (
        (("calendar", "add", "x", "nowhere.ics"), "cannot be read"),
        (("calendar", "add", "x", "large.ics"), "exceeds"),
        (("calendar", "add", "x", "http://127.0.0.1/private-1/x.ics"), "loopback"),
        (("calendar", "remove", "x"), "no calendar 'x'"),
        (("places", "show", "x"), "no place 'x'"),
        (("commute", "save", "x", "5"), "no saved place"),
        (("commute", "time", "x", "--by", "noon"), "is no time"),
    ):
        said = say(*words, status=1)
        assert says in said
        assert "private-1" not in said
        assert "hint:" in said
