"""Processes of the command that start in a hundredth of the time.

A start costs a second or two of a processor, nearly all of it to load modules, and the suite starts
some six hundred. So one process loads them and forks (``parent``). What is forked is a process like
any other: it has its own id, folder, environment, files and signals, and runs ``conduit.cli.main``.
That Python itself starts it is tested where that matters, in ``tests/cli/test_process.py``.
"""

from __future__ import annotations

import atexit
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

SOCKET = "TEST_FORKS"
"""The variable with the socket of the process that forks."""
COMMAND = [sys.executable, "-ISE", str(Path(__file__).with_name("command.py"))]
"""``conduit`` for one that a test runs with ``subprocess``."""
_ROOT = Path(__file__).parents[2]


def start_parent() -> None:
    """Have a process that forks, until this one ends. It loads while we go on."""
    folder = tempfile.mkdtemp(prefix="forks-")
    path = f"{folder}/socket"
    script = Path(folder, "bin", "conduit")
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n')
    script.chmod(0o755)
    os.environ[SOCKET] = path
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.forking.parent", str(listener.fileno())],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        pass_fds=[listener.fileno()],
    )
    listener.close()

    def end() -> None:
        assert parent.stdin is not None
        parent.stdin.close()
        parent.wait(30)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)


def bin_folder() -> Path:
    """For ``PATH``: a folder with ``conduit`` in it."""
    return Path(os.environ[SOCKET]).with_name("bin")


class Forked:
    """One process of the command; as much of ``subprocess.Popen`` as servers need."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stderr: int,
        stdout: int | None = None,
    ) -> None:
        """``conduit`` with these words. What it prints is read from ``stdout``, unless that is
        given as a file."""
        self.stdout: IO[str] | None = None
        self.returncode: int | None = None
        told = stdout
        if told is None:
            ours, told = os.pipe()
            self.stdout = os.fdopen(ours)
        nothing = os.open(os.devnull, os.O_RDONLY)
        self._talk = socket.socket(socket.AF_UNIX)
        self._talk.connect(os.environ[SOCKET])
        ask(self._talk, words, str(cwd), env, (nothing, told, stderr))
        os.close(nothing)
        if stdout is None:
            os.close(told)
        self.pid = int.from_bytes(_exactly(self._talk, 4))
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """How it ended; None while it lives."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends, and say how. Raises ``TimeoutExpired``."""
        with self._lock:
            if self.returncode is None:
                self._talk.settimeout(timeout)
                try:
                    status = int.from_bytes(_exactly(self._talk, 4))
                except (TimeoutError, BlockingIOError):
                    raise subprocess.TimeoutExpired("conduit", timeout or 0) from None
                self.returncode = os.waitstatus_to_exitcode(status)
                self._talk.close()
            return self.returncode

    def send_signal(self, how: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, how)

    def kill(self) -> None:
        """End it without a word."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def ask(
    talk: socket.socket,
    words: Sequence[str],
    cwd: str,
    env: Mapping[str, str],
    files: tuple[int, int, int],
) -> None:
    """Ask for a process: what to run, where, and what its first three files are."""
    asked = json.dumps({"words": list(words), "cwd": cwd, "env": dict(env)}).encode()
    socket.send_fds(talk, [len(asked).to_bytes(8)], list(files))
    talk.sendall(asked)


def _exactly(talk: socket.socket, size: int) -> bytes:
    data = talk.recv(size, socket.MSG_WAITALL)
    assert len(data) == size, "the process that forks is gone"
    return data


if SOCKET not in os.environ:
    start_parent()
