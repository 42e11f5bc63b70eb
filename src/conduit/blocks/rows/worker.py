"""What a worker process does: take a chunk, run its rows, send what came of them.

A thread reads the pipe all the time. So the parent's sends never wait for a busy worker, and a
worker whose parent dies ends at once, even in the middle of a row.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import queue
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from conduit.blocks.rows.row import error_of, killed
from conduit.blocks.rows.runner import RowRunner, set_up, tear_down
from conduit.blocks.rows.transport import packed_outcomes, unpacked_rows

READY = b""
STOP = b""
"""Empty messages: a started worker to its parent, and the parent to a worker it needs no more."""


class _Stopped(KeyboardInterrupt):
    """SIGTERM. Event loops let this one through, and no row catches it."""


def work(pipe: Connection, job: bytes) -> None:
    """The main function of a worker process. ``job`` is made by ``packed_job``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, and it stops us
    chunks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(pipe, chunks), daemon=True).start()
    signal.signal(signal.SIGTERM, _stop)
    try:
        _serve(pipe, job, chunks)
    except (_Stopped, BrokenPipeError):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _read(pipe: Connection, chunks: queue.SimpleQueue[bytes | None]) -> None:
    while True:
        try:
            message = pipe.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)  # the parent is gone, and nobody wants what is being computed
        if message == STOP:
            chunks.put(None)
            return
        chunks.put(message)


def _serve(pipe: Connection, job: bytes, chunks: queue.SimpleQueue[bytes | None]) -> None:
    try:
        worker = Worker(job)
    except Exception as error:
        pipe.send_bytes(pickle.dumps(error_of(0, error)))
        return
    try:
        pipe.send_bytes(READY)
        while (message := chunks.get()) is not None:
            start = int.from_bytes(message[:8], "big")
            pipe.send_bytes(worker.run(start, message[8:]))
    finally:
        worker.close()


class Worker:
    """A block, built and set up once, and the rows that it is given."""

    def __init__(self, job: bytes) -> None:
        self._block, form, self._at_once = pickle.loads(job)
        self._runner = RowRunner(self._block, form)
        self._loop = asyncio.Runner() if not self._block.plain else None
        set_up(self._block)

    def run(self, start: int, data: bytes) -> bytes:
        """Run a chunk: packed rows in, packed outcomes out."""
        rows = unpacked_rows(self._block.input_type, data)
        started = time.perf_counter()
        outcomes = self._outcomes(rows, start)
        seconds = time.perf_counter() - started
        return packed_outcomes(self._block.output_type, outcomes, seconds, start)

    def run_one_by_one(self, start: int, data: bytes, may_run: Callable[[int], bool]) -> bytes:
        """Like ``run``, after a worker died of the chunk. ``may_run`` is asked before each row,
        and says no to the one that another worker was alone with when it died."""
        rows = unpacked_rows(self._block.input_type, data)
        outcomes: list[Any] = []
        for index, row in enumerate(rows, start):
            if may_run(index):
                outcomes += self._outcomes([row], index)
            else:
                outcomes.append(killed(index, "the actor was lost"))
        return packed_outcomes(self._block.output_type, outcomes, 0.0, start)

    def _outcomes(self, rows: list[Any], start: int) -> list[Any]:
        if self._loop is None:
            return list(self._runner.outcomes(rows, start))
        return self._loop.run(self._runner.all(rows, start, self._at_once))

    def close(self) -> None:
        """Tear the block down; tasks that still run are cancelled first."""
        if self._loop is not None:
            self._loop.close()
        tear_down(self._block)
