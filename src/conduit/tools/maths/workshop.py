"""Processes that work formulas out, kept for the next question: starting one takes half a second,
asking one a few milliseconds. One that takes too long is killed."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from conduit.blocks import dumps, loads
from conduit.contracts.errors import ConduitError, InvalidInput, Overloaded, TimedOut, Unavailable

_PROGRAM: Final = Path(__file__).with_name("worker.py")
_MOST: Final = 2
_WAIT_S: Final = 30.0
_START_S: Final = 20.0
"""For a process that has yet to import sympy, on a slow machine."""
_LARGEST_ANSWER: Final = 1 << 20


class Workshop:
    """Two processes at most. Safe to share between threads; blocks the one that asks."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(_MOST)
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._closed = False

    def ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer's fields. Raises ``InvalidInput`` with what the process says against it,
        ``TimedOut``, ``Overloaded`` when nobody gets free, and ``Unavailable``."""
        line = dumps({**question, "seconds": seconds}) + b"\n"
        if not self._places.acquire(timeout=_WAIT_S):
            raise Overloaded(
                "others are being worked out already", retry_after_s=5.0, where="math.solve"
            )
        try:
            with self._worker() as worker:
                said = _asked(worker, line, seconds)
        finally:
            self._places.release()
        if refused := said.get("refused"):
            raise InvalidInput(str(refused), where="math.solve")
        answer = said.get("answer")
        if not isinstance(answer, dict):
            raise Unavailable("the process that does mathematics answered nonsense")
        return answer

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            _end(worker)

    @contextlib.contextmanager
    def _worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """One that is free, or a new one."""
        worker = self._free() or _started()
        try:
            yield worker
        except BaseException:
            _end(worker)
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        _end(worker)

    def _free(self) -> subprocess.Popen[bytes] | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                worker = self._idle.pop()
            if worker.poll() is None:
                return worker
            _end(worker)  # it had waited long enough, and left


def _started() -> subprocess.Popen[bytes]:
    try:
        worker = subprocess.Popen(
            [sys.executable, "-I", "-B", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"},
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(
            f"no process for mathematics could be started: {error.strerror}",
            hint="there may be too many processes, or too little memory",
        ) from None
    try:
        _line(worker, _START_S)  # it is ready
    except (ConduitError, OSError):
        _end(worker)
        raise Unavailable(
            "the process for mathematics did not start",
            hint="is sympy installed? `pip install sympy`; or the machine is very busy",
        ) from None
    return worker


def _asked(worker: subprocess.Popen[bytes], line: bytes, seconds: float) -> dict[str, Any]:
    assert worker.stdin is not None
    try:
        worker.stdin.write(line)
        said = loads(_line(worker, seconds))
    except OSError as error:
        raise Unavailable(f"the process that does mathematics failed: {error}") from None
    return said if isinstance(said, dict) else {}


def _line(worker: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The next line of a process. Raises ``TimedOut`` and, when it ended, ``InvalidInput``."""
    assert worker.stdout is not None
    until = time.monotonic() + seconds
    read = bytearray()
    ready = select.poll()  # not select, which knows no number above 1023
    ready.register(worker.stdout, select.POLLIN)
    while not read.endswith(b"\n"):
        left = until - time.monotonic()
        if left <= 0 or not ready.poll(left * 1000):
            raise TimedOut(
                f"it was not worked out in {seconds:g} s",
                where="math.solve",
                hint="ask for something smaller, or for a number with `evaluate`",
            )
        data = os.read(worker.stdout.fileno(), 65_536)
        read += data
        if not data or len(read) > _LARGEST_ANSWER:
            raise InvalidInput(
                "working it out took more memory than there is for it", where="math.solve"
            )
    return bytes(read)


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            pipe.close()
