"""Every program in ``examples/`` runs as it stands, in an empty folder, and does what it says."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest

from tests.fakes.web import FakeWeb, Page

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = pytest.mark.timeout(180)

COMMAND = [sys.executable, "-m", "conduit.cli"]


def run(name: str, folder: Path, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


MODEL = "Qwen/Qwen3-4B-Instruct-2507-FP8"


@pytest.fixture
def model_server() -> Iterator[str]:
    """The address of ``/v1`` of a process that has the model of the published examples."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.upstream", "--model", MODEL],
        cwd=EXAMPLES.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"{process.stdout.readline().strip()}/v1"
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of ``/v1`` of a running server."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*COMMAND, "up", "--no-open", "--port", str(port)],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 30
        while not listens(port):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def test_typed_pipeline(tmp_path: Path) -> None:
    said = run("typed_pipeline.py", tmp_path)
    assert said.startswith("pipeline       Brief")
    assert "\nReport(hits=" in said
    assert "step 2 takes Brief, but step 1 (demo.count) makes Report" in said


def test_render_groove(tmp_path: Path) -> None:
    assert "cowbell" in run("render_groove.py", tmp_path)
    file = mido.MidiFile(tmp_path / "dub-with-cowbell.mid")
    pitches = {m.note for track in file.tracks for m in track if m.type == "note_on"}
    assert 56 in pitches


def test_ask_the_agent(tmp_path: Path) -> None:
    said = run("ask_the_agent.py", tmp_path)
    assert said.startswith("offline: ")
    (written,) = tmp_path.glob("*.mid")
    assert f"saved {written.name}, {written.stat().st_size} bytes" in said
    assert mido.MidiFile(written).ticks_per_beat == 1920


# Two processes start one after the other, hence several seconds on a slow machine.
def test_openai_stream(tmp_path: Path, server: str) -> None:
    said = run("openai_stream.py", tmp_path, CONDUIT_V1=server)
    assert ".mid: http://127.0.0.1:" in said
    assert "hypnotic" in said


def test_a_shell_to_files(tmp_path: Path, model_server: str) -> None:
    said = run("a_shell_to_files.py", tmp_path, CONDUIT_LM_BASE_URL=model_server)
    assert said == (
        "Files(files=[File(name='some name', bytes=1, date_modified='some date_modified')])\n"
    )


def test_b_haiku(tmp_path: Path, model_server: str) -> None:
    said = run("b_haiku.py", tmp_path, CONDUIT_LM_BASE_URL=model_server)
    assert said == "You said: Write a haiku about GPUs.\n"


# Starts a gateway in a process of its own, hence several seconds on a slow machine.
def test_gateway(tmp_path: Path, model_server: str) -> None:
    said = run("gateway.py", tmp_path, CONDUIT_LM_BASE_URL=model_server)
    answer = "You said: Write a haiku about GPUs."
    assert said == f"openai: {answer}\nanthropic: {answer}\nollama: {answer}\n"


def test_c_fetch_and_summarise(tmp_path: Path, model_server: str) -> None:
    page = Page("<!doctype html><title>Example Domain</title><p>For use in documents.")
    with FakeWeb({"https://example.com/": page}) as web:
        said = run(
            "c_fetch_and_summarise.py",
            tmp_path,
            **web.environment,
            CONDUIT_LM_BASE_URL=model_server,
        )
        assert "GET https://example.com/" in web.seen
    assert said == "Summary(title='some title', bullets=['some bullets'])\n"


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("a_shell_to_files.py", "cf3c30739f58995bd5ce289aa72ff807037ecbb5ee32521baf12fefb88e30be1"),
        ("b_haiku.py", "3abd3d6893b4b8d78c053d05e91e1665ee4490da3670eaaee08fd035581bb191"),
        (
            "c_fetch_and_summarise.py",
            "ab51545ea5200c8ceb2089b703ccd91e1fd2ae647925b8da1df6ab40ce88557a",
        ),
    ],
)
def test_published_examples_are_word_for_word(name: str, published: str) -> None:
    """People have copied them: what they import, and how they call it, stays."""
    text = (EXAMPLES / name).read_text("utf-8")
    code = text[text.index("\nfrom ") + 1 :]
    assert hashlib.sha256(code.encode()).hexdigest() == published


def test_every_example_is_tested() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in EXAMPLES.glob("*.py")} <= tested
