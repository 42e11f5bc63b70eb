"""``conduit play`` to a device, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conduit.cli.main import cli
from conduit.midi import ump
from conduit.midi.clip import Clip, ClipEvent, write_clip
from conduit.surfaces.flex import outputs

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(outputs, "outputs_here", lambda: ["Desk", "Rack"])
    return tmp_path


def said(*words: str) -> str:
    done = RUNNER.invoke(cli, ["play", *words])
    assert done.exit_code == 1, done.output
    assert "hint:" in done.stderr
    return done.stderr


def test_a_wish_and_a_file_are_played(folder: Path) -> None:
    os.mkfifo(folder / "midiC1D0")
    reader = os.open(folder / "midiC1D0", os.O_RDONLY | os.O_NONBLOCK)
    device = str(folder / "midiC1D0")
    wished = RUNNER.invoke(cli, ["play", "1 bar of dub at 240 bpm", "--port", device])
    assert wished.exit_code == 0, wished.output
    assert "kick" in wished.output
    assert "playing 4 beats to" in wished.stderr
    assert os.read(reader, 1 << 16).count(b"\x99") > 4  # notes on of the drums

    two = (ClipEvent(0, ump.SetTempo(0, 100_000)), ClipEvent(0, ump.Midi2NoteOn(0, 9, 36, 1)))
    (folder / "fast.midi2").write_bytes(write_clip(Clip(96, two)))
    done = RUNNER.invoke(cli, ["play", "fast.midi2", "--port", device, "--loops", "3", "--json"])
    played = json.loads(done.stdout)
    assert (played["rounds"], played["messages"]) == (3, 6)
    sent = os.read(reader, 1 << 16)
    assert sent == bytes([0x99, 36, 1] * 3) + bytes([0x89, 36, 64])  # what sounds is ended
    os.close(reader)


def test_what_cannot_be_played_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conduit.cli.play._LISTEN_S", 0.05)
    (folder / "bad.mid").write_bytes(b"RIFF")
    (folder / "empty.midi2").write_bytes(write_clip(Clip(96, ())))
    assert "there are several places to play to" in (told := said("x.mid"))
    assert "--port 'Desk'" in told
    monkeypatch.setattr(outputs, "outputs_here", list)
    assert "there is nowhere to play to" in said("x.mid")
    to = ["--port", "/dev/null"]
    assert "two places" in said("x.mid", "--to", "localhost:5004", *to)
    assert "only a session can start it" in said("x.mid", "--follow-start", *to)
    assert "there is no file 'x.mid'" in said("x.mid", *to)
    assert "or a wish like" in said("hello", *to)
    assert "does not begin with a MIDI header" in said("bad.mid", *to)
    assert "nothing to play" in said("empty.midi2", *to)
    assert "no groove came of it" in said("what is a block", *to)
    assert "no such device" in said("x.mid", "--port", "/nonexistent/midiC0D0")
    (folder / "one.midi2").write_bytes(
        write_clip(Clip(96, (ClipEvent(0, ump.Midi2NoteOn(0, 0, 1, 1)),)))
    )
    monkeypatch.setitem(sys.modules, "aalink", None)
    assert "pip install 'conduit-os[link]'" in said("one.midi2", "--link", *to)
    monkeypatch.setenv("CONDUIT_LINK", "maybe")
    assert "neither yes nor no" in said("one.midi2", *to)


def test_a_gateway_plays_nothing() -> None:
    done = RUNNER.invoke(cli, ["up", "--role", "gateway", "--link"])
    assert done.exit_code == 1
    assert "leave --link out" in done.stderr
