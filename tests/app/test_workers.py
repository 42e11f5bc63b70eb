"""``conduit up`` is told to end, or loses a worker: what it leaves behind and what it ends with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.cli.terminal import COMMAND
from tests.fakes.upstream import FakeUpstream

pytestmark = pytest.mark.timeout(180)

START_S, END_S = 40, 30
"""Two workers load every room at the same time, on a machine that may be busy."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Server:
    def __init__(self, home: Path, process: subprocess.Popen[str], log: Path) -> None:
        self.home = home
        self.process = process
        self._log = log
        assert process.stdout is not None
        watchdog = threading.Timer(START_S, process.kill)
        watchdog.start()
        greeting = process.stdout.readline()
        watchdog.cancel()
        assert greeting, self.log
        self.url = str(json.loads(greeting)["url"])

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def workers(self) -> set[int]:
        """The processes that it has started."""
        said = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        )
        pairs = (line.split() for line in said.stdout.splitlines())
        return {int(pid) for pid, parent in pairs if int(parent) == self.process.pid}

    def ends(self, how: signal.Signals) -> int:
        """Its exit status, or minus the signal that ended it."""
        self.process.send_signal(how)
        return self.process.wait(END_S)

    def ask(self) -> str:
        """On a connection of its own, which any of the workers may take."""
        question = {"model": "fake-1", "messages": [{"role": "user", "content": "hi"}]}
        answer = httpx.post(self.url + "/v1/chat/completions", json=question, timeout=END_S)
        assert answer.status_code == 200, answer.text
        return answer.text

    def left_behind(self) -> list[str]:
        """Usage that is not delivered, and metrics of workers that were not added to all others."""
        folders = (self.home / "usage", self.home / "run" / "metrics")
        found = {path.name for folder in folders for path in folder.iterdir()}
        return sorted(name for name in found if not name.startswith("merged."))

    def counted(self) -> int:
        """Requests that ended well, as the metrics of the one say that is started after it."""
        with server(self.home, "--role", "gateway") as after:
            text = httpx.get(after.url + "/metrics", timeout=END_S).text
        found = re.findall(r"^conduit_gateway_requests_total\{(.*)\} (\d+)", text, re.MULTILINE)
        return sum(int(count) for labels, count in found if 'outcome="ok"' in labels)

    def usage(self) -> int:
        """Requests that are in the database."""
        said = subprocess.run(
            [*COMMAND, "usage", "--json"],
            env=_environ(self.home),
            capture_output=True,
            text=True,
            check=True,
        )
        return int(json.loads(said.stdout)["total"]["requests"])


def _environ(home: Path) -> dict[str, str]:
    database = f"sqlite:///{home}/conduit.db"
    return {**os.environ, "CONDUIT_HOME": str(home), "CONDUIT_DB_URI": database}


@contextmanager
def server(home: Path, *words: str) -> Iterator[Server]:
    log = home / "server.log"
    if "gateway" not in words:  # another test may have a server at the usual ports
        words += ("--grpc-port", "0", "--flex-port", "0")
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "up", "--port", "0", "--no-open", "--json", *words],
            env=_environ(home),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        yield Server(home, process, log)
    finally:
        process.kill()  # its workers notice
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def eventually(holds: Callable[[], bool], within_s: float = END_S) -> bool:
    until = time.monotonic() + within_s
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)
    return holds()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        upstream = stack.enter_context(FakeUpstream.in_thread())
        (tmp_path / "providers.yaml").write_text(
            "providers:\n  fake:\n    type: openai_compatible\n"
            f"    base_url: {upstream.url}/v1\n    model: fake-1\n"
        )
        yield tmp_path


@pytest.mark.parametrize("how", SIGNALS)
@pytest.mark.parametrize("role", ["all", "gateway"])
def test_who_is_told_to_end_delivers_all_first(home: Path, role: str, how: signal.Signals) -> None:
    with server(home, "--role", role) as running:
        for _ in range(3):
            running.ask()
        status = running.ends(how)
        assert status == (-signal.SIGTERM if how == signal.SIGTERM else 130)
        assert running.left_behind() == []
        assert running.log == ""
        assert running.usage() == 3


@pytest.mark.parametrize("how", SIGNALS)
def test_workers_end_with_the_one_who_started_them(home: Path, how: signal.Signals) -> None:
    with server(home, "--role", "gateway", "--workers", "2") as running:
        workers = running.workers()
        assert len(workers) == 2
        for _ in range(6):
            running.ask()
        status = running.ends(how)
        assert status == (-signal.SIGTERM if how == signal.SIGTERM else 130)
        assert not any(map(alive, workers))
        assert running.left_behind() == []
        assert running.log == ""
        assert (running.usage(), running.counted()) == (6, 6)


def test_a_worker_that_is_killed_is_started_anew(home: Path) -> None:
    with server(home, "--role", "gateway", "--workers", "2") as running:
        first = running.workers()
        lost = min(first)
        os.kill(lost, signal.SIGKILL)
        for _ in range(12):  # some of them come to the listener of the lost one, and wait
            running.ask()
        assert eventually(lambda: len(running.workers()) == 2)
        assert running.workers() - {lost} > first - {lost}
        assert f"worker {lost} ended (-9); starting another" in running.log
        assert running.ends(signal.SIGTERM) == -signal.SIGTERM
        assert running.left_behind() == []
        assert running.usage() == 12


def test_workers_do_not_outlive_the_one_who_started_them(home: Path) -> None:
    with server(home, "--role", "gateway", "--workers", "2") as running:
        workers = running.workers()
        running.ask()
        running.process.kill()
        assert eventually(lambda: not any(map(alive, workers)))
        assert running.left_behind() == []


def test_workers_that_cannot_start_say_why_and_end(home: Path) -> None:
    (home / "providers.yaml").write_text("providers: 5\n")
    words = ("up", "--role", "gateway", "--workers", "2", "--port", "0")
    done = subprocess.run(
        [*COMMAND, *words], env=_environ(home), capture_output=True, text=True, timeout=START_S
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error: " in done.stderr
    assert "providers" in done.stderr
    assert "Traceback" not in done.stderr
