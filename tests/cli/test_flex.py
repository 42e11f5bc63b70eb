"""``conduit flex decode``: words on standard input, a JSON value a line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conduit.cli.flex import MOST_INPUT
from conduit.cli.main import cli
from conduit.cli.osc import _argument
from conduit.midi.flex import text_packets

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db")


def test_each_line_is_a_value_and_none_is_a_command_to_a_terminal() -> None:
    text = "\x1b]0;x\x07 \x9b2J \x7f"
    words = " ".join(f"{word:x}" for word in text_packets(text, bank=1, status=0))
    done = RUNNER.invoke(cli, ["flex", "decode"], input=f"40992400 c1040000\n{words}")
    assert done.exit_code == 0, done.output
    note, *packets, told = map(json.loads, done.stdout.splitlines())
    assert note["type"] == "Midi2NoteOn"
    assert note["words"] == ["40992400", "c1040000"]
    assert note["velocity"] == 0xC104
    assert {each["type"] for each in packets} == {"FlexPacket"}
    assert told["text"] == text
    assert RUNNER.invoke(cli, ["flex", "decode", *words.split()]).stdout == "".join(
        done.stdout.splitlines(keepends=True)[1:]
    )
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout) is None


def test_what_cannot_be_read_ends_with_an_error() -> None:
    for given, said in ((b"\xff\xfe", "is not a 32-bit word"), (b"0 " * MOST_INPUT, "more than")):
        done = RUNNER.invoke(cli, ["flex", "decode"], input=given)
        assert done.exit_code == 1
        assert said in done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("flex", "send", "llm.chat", "--timeout", "nan"), "--timeout"),
        (("flex", "devices", "--seconds", "nan"), "--seconds"),
        (("flex", "serve", "--port", "0", "--tcp", "99999"), "--tcp"),
        (("flex", "serve", "--port", "0", "--service", "nope"), "no address of a service"),
        (("osc", "serve", "--port", "0", "--service", "http://[::1"), "no address of a service"),
        (("osc", "serve", "--port", "0", "--per-minute", "-1"), "--per-minute"),
        (("osc", "serve", "--port", "99999"), "there is no port 99999\nhint: is somebody"),
        (("osc", "send", "/x", "--timeout", "nan"), "--timeout"),
    ],
)
def test_what_cannot_be_waited_for_or_listened_at(words: tuple[str, ...], said: str) -> None:
    done = RUNNER.invoke(cli, words)
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (1, 2)
    assert said in done.output


def test_a_text_that_only_begins_as_json_is_a_text() -> None:
    assert _argument("[" * 100_000) == "[" * 100_000
    assert [_argument(each) for each in ("4", "4.5", "true", "dub")] == [4, 4.5, True, "dub"]
