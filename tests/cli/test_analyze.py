"""``conduit analyze`` as a process; that it hears is tested by its guide and in ``tests/audio``."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conduit.audio import render_song, wav_bytes
from conduit.rhythm import STYLES, Style, render
from tests import forking
from tests.cli.terminal import conduit

FIGURES = {
    "tempo", "onsets", "key", "loudness", "spectrum", "feel", "said", "seconds", "start", "rate",
    "channels", "faults",
}  # fmt: skip


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"CONDUIT_HOME": f"{tmp_path}/home", "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/a.db"}


@pytest.fixture(scope="module")
def loop() -> bytes:
    return wav_bytes(render_song(render(STYLES[Style.HARD], bars=2, swing=60).song()))


def test_a_file_is_heard_whole_and_its_conversation_knows_it(
    tmp_path: Path, environ: dict[str, str], loop: bytes
) -> None:
    (tmp_path / "my loop.wav").write_bytes(loop)
    words = ("analyze", "my loop.wav", "--json", "--session", "mine")
    done = conduit(*words, cwd=tmp_path, environ=environ)
    found = json.loads(done.stdout)
    assert found.keys() == FIGURES | {"file_id"}
    assert found["tempo"]["bpm"] == pytest.approx(STYLES[Style.HARD].bpm, rel=0.01)
    assert found["onsets"]["count"] == len(found["onsets"]["seconds"]) > 20
    assert found["spectrum"].keys() >= {"centroid_hz", "flux", "bands"}
    assert found["loudness"]["integrated_lufs"] < 0
    assert found["feel"]["swing"] == pytest.approx(60, abs=3)
    assert found["feel"]["spread_ms"] is not None
    wish = "2 bars of minimal with hats like my loop 60 %"
    reply = conduit("ask", wish, "--session", "mine", "--json", cwd=tmp_path, environ=environ)
    (use,) = json.loads(reply.stdout)["tool_calls"]
    assert use["block"] == "groove.sit_like"
    assert (use["arguments"]["loop"], use["arguments"]["amount"]) == (found["file_id"], 0.6)
    (saved,) = json.loads(reply.stdout)["files"]
    assert (tmp_path / saved).read_bytes().startswith(b"MThd")


def test_a_stream_is_heard_while_it_plays_and_ends_when_told(
    tmp_path: Path, environ: dict[str, str], loop: bytes
) -> None:
    endless = loop[:40] + struct.pack("<I", 0xFFFFFFFF) + loop[44:]
    words = "analyze - --every 0.5 --seconds 2 --json --session mine --name mixer".split()
    with subprocess.Popen(
        [*forking.COMMAND, *words],
        cwd=tmp_path,
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        half = len(endless) // 2
        process.stdin.write(endless[:half])
        process.stdin.flush()
        first: Any = json.loads(process.stdout.readline())
        assert first.keys() == FIGURES | {"at"}
        assert first["at"] == 0.5
        process.stdin.write(endless[half:])  # it stood still, and goes on
        process.stdin.flush()
        last = first
        while last["at"] < 3:
            last = json.loads(process.stdout.readline())
        assert last["tempo"]["bpm"] == pytest.approx(STYLES[Style.HARD].bpm, rel=0.02)
        process.send_signal(signal.SIGINT)  # while it waits for more
        process.communicate(timeout=60)
        assert process.returncode == 0
    reply = conduit(
        *("ask", "minimal, hats like this loop", "--session", "mine", "--json"),
        cwd=tmp_path,
        environ=environ,
    )
    (use,) = json.loads(reply.stdout)["tool_calls"]
    assert use["ok"]
    assert len(use["arguments"]["loop"]) == 36, "what plays has an id of its own"
    assert use["result"]["template"]["bpm"] == pytest.approx(STYLES[Style.HARD].bpm, rel=0.02)


def piped(
    words: str, data: bytes, cwd: Path, environ: dict[str, str]
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*forking.COMMAND, *words.split()],
        input=data,
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_bare_samples_have_an_end_too(tmp_path: Path, environ: dict[str, str], loop: bytes) -> None:
    words = "analyze - --raw --rate 44100 --channels 2 --format s16 --every 60"
    done = piped(words, loop[44:], tmp_path, environ)
    assert done.returncode == 0
    (line,) = done.stdout.decode().splitlines()
    assert line.startswith("4.9 s: 4.9 s, 1")
    assert "BPM" in line
    for words, said in (
        ("analyze -", "nothing came"),
        ("analyze - --raw --format x1", "no format"),
    ):
        done = piped(words, b"", tmp_path, environ)
        assert done.returncode == 1
        assert said in done.stderr.decode()
        assert "hint: " in done.stderr.decode()


def test_what_is_no_sound_is_refused_with_a_hint(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "groove.mid").write_bytes(b"MThd" + bytes(40))
    done = conduit("analyze", "groove.mid", "--json", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    error = json.loads(done.stdout or done.stderr)["error"]
    assert error["code"] == "invalid_input"
    assert "MIDI" in error["message"]
    assert "audio.render" in error["hint"]
    done = conduit("analyze", "missing.wav", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    assert "there is no file 'missing.wav'" in done.stderr
