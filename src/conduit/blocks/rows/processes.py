"""The engine of worker processes: each builds the block once and is given chunk after chunk.

A worker that dies (out of memory, a crash in C code) takes only the row that killed it along: the
rows of its chunk are run once more one by one, by fresh workers, and the row that kills one then
is reported. Everything else goes on. Nothing outlives the results: workers are stopped when
they are closed, and end by themselves when this process dies.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from conduit.blocks.rows.chunks import Chunk, Done
from conduit.blocks.rows.pump import Interrupted
from conduit.blocks.rows.row import RowError, killed, raised
from conduit.blocks.rows.transport import packed_rows, unpacked_outcomes
from conduit.blocks.rows.worker import READY, STOP, work
from conduit.contracts.errors import ConduitError, ConfigError, Unavailable

_AHEAD = 2
"""Chunks that a worker is given before it has returned the first: it never waits for us."""

_MOST_DEATHS = 16
"""Workers that may die in a row, with no chunk finished between, before it is not the rows."""

_GRACE_S = 3.0
_LOOK_S = 1.0
"""How often to look whether a silent worker is alive: a child of its own may hold its pipe open."""


@dataclass(slots=True)
class _Piece:
    """What is sent at once: a chunk, or one row of a chunk whose worker died."""

    chunk: Chunk
    rows: list[Any]
    start: int
    tried: int = 0
    parts: _Parts | None = None
    size: int = 0


@dataclass(slots=True)
class _Parts:
    """The rows of a chunk that are run one by one."""

    chunk: Chunk
    missing: int
    outcomes: list[Any]
    seconds: float = 0.0


@dataclass(slots=True, eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    given: deque[_Piece] = field(default_factory=deque)


class Processes:
    """Runs chunks in ``workers`` processes."""

    def __init__(
        self, block: Any, job: bytes, workers: int, *, most_deaths: int = _MOST_DEATHS
    ) -> None:
        self.limit = _AHEAD * workers + 2
        self._block = block
        self._job = job
        self._most = workers
        self._workers: list[_Worker] = []
        self._pending: deque[_Piece] = deque()
        self._ended: deque[Done] = deque()
        self._deaths = 0
        self._most_deaths = most_deaths
        # Spawned, not forked: a fork copies locks that other threads hold, for ever.
        self._context = multiprocessing.get_context("spawn")
        self._wake_read, self._wake = self._context.Pipe(duplex=False)

    def submit(self, chunk: Chunk) -> None:
        self._pending.append(_Piece(chunk, chunk.rows, chunk.start))
        self._assign()

    def next(self) -> Done:
        while not self._ended:
            pipes: dict[Any, _Worker] = {worker.pipe: worker for worker in self._workers}
            ready = wait([*pipes, self._wake_read], _LOOK_S)
            if self._wake_read in ready:
                raise Interrupted
            for worker in [pipes[pipe] for pipe in ready]:
                self._hear(worker)
            if not ready:
                for worker in [w for w in self._workers if w.process.exitcode is not None]:
                    self._bury(worker)
            self._assign()
        return self._ended.popleft()

    def interrupt(self) -> None:
        with contextlib.suppress(OSError):  # closed meanwhile
            self._wake.send_bytes(b"x")

    def close(self, *, orderly: bool) -> None:
        for worker in self._workers:
            if orderly and not worker.given:
                with contextlib.suppress(OSError):
                    worker.pipe.send_bytes(STOP)
            else:
                worker.process.terminate()
        until = time.monotonic() + _GRACE_S
        for worker in self._workers:
            worker.process.join(max(0.0, until - time.monotonic()))
            self._release(worker)
        self._workers.clear()
        self._wake.close()
        self._wake_read.close()

    def _assign(self) -> None:
        while self._pending:
            worker = self._free_worker()
            if worker is None:
                return
            piece = self._pending.popleft()
            worker.given.append(piece)
            data = packed_rows(self._block.input_type, piece.rows)
            piece.size = len(data)
            with contextlib.suppress(OSError):  # it died: its pipe will say so
                worker.pipe.send_bytes(piece.start.to_bytes(8, "big") + data)

    def _free_worker(self) -> _Worker | None:
        free = [w for w in self._workers if len(w.given) < _AHEAD]
        best = min(free, key=lambda w: len(w.given), default=None)
        if (best is None or best.given) and len(self._workers) < self._most:
            return self._start()
        return best

    def _start(self) -> _Worker:
        _require_file()
        ours, theirs = self._context.Pipe()
        # A daemon, so that it is stopped even if this program ends without closing anything.
        process = self._context.Process(
            target=work, args=(theirs, self._job), name="rows-worker", daemon=True
        )
        try:
            process.start()
        except RuntimeError:
            raise _no_main_guard() from None
        finally:
            theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _hear(self, worker: _Worker) -> None:
        message = _heard(worker.pipe)
        if message is None:
            self._bury(worker)
            return
        if worker.ready:
            piece = worker.given.popleft()
            outcomes, seconds = unpacked_outcomes(self._block.output_type, message)
            self._deaths = 0
            self._finish(piece, outcomes, seconds, piece.size + len(message))
        elif message == READY:
            worker.ready = True
        else:
            error: RowError = pickle.loads(message)
            raise _not_started(error, self._block)

    def _finish(self, piece: _Piece, outcomes: list[Any], seconds: float, size: int) -> None:
        parts, chunk = piece.parts, piece.chunk
        if parts is None:
            self._ended.append(Done(chunk.start, chunk.rows, outcomes, seconds, size))
            return
        parts.outcomes[piece.start - chunk.start] = outcomes[0]
        parts.missing -= 1
        parts.seconds += seconds
        if not parts.missing:
            self._ended.append(Done(chunk.start, chunk.rows, parts.outcomes, parts.seconds, size))

    def _bury(self, worker: _Worker) -> None:
        """A worker died: its first piece killed it, the others it has not seen."""
        self._workers.remove(worker)
        worker.process.join(_GRACE_S)
        exitcode = worker.process.exitcode
        self._release(worker)
        self._deaths += 1
        if not worker.ready:
            raise Unavailable(
                f"a worker process died before it could start ({_death(exitcode)})",
                where=self._block.label,
                hint='a script that maps rows needs `if __name__ == "__main__":` around its work; '
                "what the worker said is on standard error",
            )
        if self._deaths > self._most_deaths:
            raise Unavailable(
                f"{self._deaths} worker processes died one after another ({_death(exitcode)})",
                where=self._block.label,
                hint="the block itself may be at fault, or the machine short of memory",
            )
        pieces = list(worker.given)
        if pieces:
            pieces[:1] = self._again(pieces[0], exitcode)
        self._pending.extendleft(reversed(pieces))

    def _again(self, piece: _Piece, exitcode: int | None) -> list[_Piece]:
        """The rows of a piece to run one by one; none when it was one row and killed twice."""
        if piece.tried:
            self._finish(piece, [killed(piece.start, _death(exitcode))], 0.0, 0)
            return []
        chunk = piece.chunk
        parts = _Parts(chunk, len(chunk.rows), [None] * len(chunk.rows))
        return [
            _Piece(chunk, [row], chunk.start + position, 1, parts)
            for position, row in enumerate(chunk.rows)
        ]

    def _release(self, worker: _Worker) -> None:
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()
        worker.process.close()


def _heard(pipe: Connection) -> bytes | None:
    """What a worker says; None from one that is dead."""
    try:
        return pipe.recv_bytes()
    except (EOFError, OSError):
        return None


def _death(exitcode: int | None) -> str:
    if exitcode is None:
        return "it closed its pipe"
    return f"signal {-exitcode}" if exitcode < 0 else f"exit code {exitcode}"


def _require_file() -> None:
    """A worker begins by importing the program, which fails for one that came through a pipe."""
    if getattr(sys.modules["__main__"], "__file__", None) == "<stdin>":
        raise ConfigError(
            "worker processes cannot import this program: it was read from standard input",
            where="workers",
            hint="save it as a script, or leave workers out",
        )


def _no_main_guard() -> ConfigError:
    return ConfigError(
        "worker processes were asked for while a worker imports this program",
        where="workers",
        hint='put the work of a script below `if __name__ == "__main__":`',
    )


def _not_started(error: RowError, block: Any) -> ConfigError:
    hint = error.hint
    if error.code == ConduitError.code:  # mostly what unpickling raises: nobody's own words
        hint = (
            "the worker imports the modules that define the block: write it at the top level of "
            'one, not at a prompt and not below `if __name__ == "__main__":`'
        )
    return ConfigError(
        f"the block could not be built in a worker process: {raised(error).message}",
        where=block.label,
        hint=hint,
    )
