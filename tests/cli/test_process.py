"""The command line as a process: what it writes, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import mido
import pytest

from tests.cli.terminal import ANSI, COMMAND, conduit, on_a_terminal

SENTENCE = "make an 8-bar industrial groove at 140 bpm with sparse ghost kicks"
KICK = 36


def test_a_sentence_becomes_a_midi_file(tmp_path: Path) -> None:
    done = conduit("ask", SENTENCE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*.mid")
    assert str(path.name) in done.stdout
    assert "●" in done.stdout
    assert "\x1b" not in done.stdout, "no colour into a pipe"

    file = mido.MidiFile(path)
    events = [message for track in file.tracks for message in track]
    (tempo,) = {message.tempo for message in events if message.type == "set_tempo"}
    assert mido.tempo2bpm(tempo) == pytest.approx(140, abs=0.001)
    notes = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                notes.append((tick, message.note, message.velocity))
    bar = 4 * file.ticks_per_beat
    assert {tick // bar for tick, _, _ in notes} == set(range(8))
    ghosts = [n for n in notes if n[1] == KICK and n[2] < 50]
    assert 1 <= len(ghosts) <= 16
    assert len([n for n in notes if n[1] == KICK and n[2] >= 50]) >= 32


def test_two_grooves_never_overwrite_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    say = ("8 bars of dub at 120 bpm", "8 bars of dub at 120 bpm with many ghost kicks")
    files = []
    for session, text in enumerate((*say, say[0])):  # or the last one would be built upon
        words = ("ask", text, "--out", str(folder), "--session", str(session), "--json")
        done = conduit(*words, cwd=tmp_path)
        reply = json.loads(done.stdout)
        assert reply["tool_calls"][0]["ok"]
        files += reply["files"]
    assert len(set(files)) == 2, "the same groove again is the same file"
    assert files[0] == files[2]
    assert Path(files[1]).stem == f"{Path(files[0]).stem}-2", "they would have had the same name"
    first, second = (Path(name).read_bytes() for name in files[:2])
    assert first != second
    assert first.startswith(b"MThd")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    done = conduit("ask", SENTENCE, "--out", str(locked), cwd=tmp_path)
    assert done.returncode == 1
    assert "locked" in done.stderr
    assert "hint:" in done.stderr


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = conduit("ask", SENTENCE, "--out", "file", "--json", cwd=tmp_path)
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "store_failed"
    assert error["hint"]


def test_a_conversation_goes_on_from_one_command_to_the_next(tmp_path: Path) -> None:
    environ = {"CONDUIT_DB_URI": f"sqlite:///{tmp_path}/own.db", "CONDUIT_HOME": str(tmp_path)}
    first = conduit("ask", SENTENCE, "--json", cwd=tmp_path, environ=environ)
    second = conduit("ask", "more swing", "--json", cwd=tmp_path, environ=environ)
    before, after = (json.loads(done.stdout)["tool_calls"][0]["result"] for done in (first, second))
    assert after["swing"] > before["swing"]
    assert after["bpm"] == before["bpm"] == 140


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    key = "sk-this-must-not-be-seen-0123456789"
    environ = {"CONDUIT_HOME": str(tmp_path), "CONDUIT_API_KEY": key, "CONDUIT_LOG": "debug"}
    add = ("providers", "add", "mine", "--type", "openai_compatible", "--model", "m")
    done = conduit(*add, "--base-url", "http://127.0.0.1:1/v1", cwd=tmp_path, environ=environ)
    assert done.returncode == 0, done.stderr
    failing = conduit("ask", "hi", "--provider", "mine", cwd=tmp_path, environ=environ)
    assert failing.returncode == 1
    help = conduit("providers", "add", "--help", cwd=tmp_path, environ=environ)
    doctor = conduit("doctor", "--json", cwd=tmp_path, environ=environ)
    for each in (done, failing, help, doctor):
        assert key not in each.stdout + each.stderr
    assert "list of processes" in " ".join(help.stdout.split())
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and key in _text(path)]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]


def _text(path: Path) -> str:
    return path.read_text(errors="replace")


def test_a_port_that_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = conduit("up", "--no-open", "--port", port, cwd=tmp_path)
    assert done.returncode == 1
    assert port in done.stderr
    assert "--port" in done.stderr


def test_up_greets_with_an_address_and_an_example(tmp_path: Path) -> None:
    with on_a_terminal("up", "--no-open", "--port", "0", cwd=tmp_path) as terminal:
        assert "http://127.0.0.1:" in terminal.wait_for("Ctrl-C stops it")
        terminal.wait_for("conduit ask")
        terminal.send("\x03")
        assert terminal.process.wait(10) in (0, 130)
    assert "Traceback" not in terminal.seen


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "blocks", "show", "groove.render", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        said = process.stderr.read()
    assert process.wait(20) in (0, 1, 141)
    assert said == b""


@pytest.mark.parametrize("columns", ["40", "200"])
def test_terminals_of_any_width(tmp_path: Path, columns: str) -> None:
    environ = {"COLUMNS": columns}
    with on_a_terminal("ask", "8 bars of dub", cwd=tmp_path, environ=environ) as terminal:
        shown = terminal.wait_for("saved")
        # The sign of life before it was wiped out with a carriage return.
        lines = [line.rpartition("\r")[2].rstrip() for line in shown.split("\r\n")]
        grid = [line for line in lines if "│" in line]
        assert len(grid) >= 4
        assert {len(line) for line in grid} == {len(grid[0])}, "lanes are aligned"
        assert len(grid[0]) <= int(columns)
        assert all(len(line) <= int(columns) for line in lines)


def test_colour_is_only_a_help(tmp_path: Path) -> None:
    """Without it the same characters are there."""
    plain = conduit("ask", "8 bars of dub", cwd=tmp_path, environ={"NO_COLOR": "1"})
    coloured = conduit("ask", "8 bars of dub", cwd=tmp_path, environ={"FORCE_COLOR": "1"})
    assert "\x1b[" not in plain.stdout
    assert "\x1b[" in coloured.stdout
    shown = [ANSI.sub("", line).rstrip() for line in coloured.stdout.splitlines()]
    assert shown == [line.rstrip() for line in plain.stdout.splitlines()]


def test_a_terminal_without_our_characters(tmp_path: Path) -> None:
    environ = {"PYTHONIOENCODING": "ascii"}
    done = conduit("ask", "8 bars of dub", cwd=tmp_path, environ=environ)
    assert done.returncode == 0
    assert "|x... x..." in done.stdout
    assert "X accent  x hit  - ghost" in done.stdout


def test_help_does_not_wait_for_what_it_does_not_need(tmp_path: Path) -> None:
    """A quarter of a second instead of one and a quarter."""
    heavy = ("numpy", "sqlalchemy", "alembic", "uvicorn", "starlette", "aiohttp", "prompt_toolkit")
    code = f"import sys, conduit.cli; print(sorted(set({heavy}) & set(sys.modules)))"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no full device")
def test_output_that_does_not_land_or_is_not_there(tmp_path: Path) -> None:
    def ended(words: str, ends: str) -> tuple[int, str]:
        shell = f'exec "$0" -m conduit.cli {words} {ends}'
        done = subprocess.run(
            ["sh", "-c", shell, sys.executable],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stderr

    said = (
        "error: what was to be shown could not be written: No space left on device\n"
        "hint: is the disk full?\n"
    )
    assert ended("--help", ">/dev/full") == (1, said)
    assert ended("--version", ">/dev/full") == (1, said)
    assert ended("chat", "<&- >&-") == (0, "")


def test_ctrl_c_while_it_is_loading(tmp_path: Path) -> None:
    """Whatever is being loaded, it ends without a word."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    done = conduit("ask", "hi", cwd=tmp_path, environ={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_command_may_close_what_it_printed_to(tmp_path: Path) -> None:
    code = (
        "import sys, conduit.cli\n"
        "sys.modules['conduit.cli.main'].cli = sys.stdout.close\n"
        "conduit.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
