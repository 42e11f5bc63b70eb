"""From chunks to finished chunks, through an engine: order, back-pressure, checkpoint.

The pump is a generator: nothing is read from the source and nothing is begun unless somebody asks
for the next chunk. Then it fills the engine up to a limit that counts the chunks which wait for
an earlier one as well, so that memory stays bounded when one row takes an hour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from conduit.blocks.rows.checkpoint import Checkpoint
from conduit.blocks.rows.chunks import Chunk, ChunkSize, Cutter, Done
from conduit.blocks.rows.row import RowError


class Engine(Protocol):
    """Where chunks are run."""

    limit: int
    """How many chunks may be begun and not yet delivered."""

    def submit(self, chunk: Chunk) -> None:
        """Begin a chunk, or queue it. Does not wait for it."""
        ...

    def next(self) -> Done:
        """Wait for some submitted chunk to end."""
        ...

    def interrupt(self) -> None:
        """Make ``next`` in another thread raise ``Interrupted``, now and ever after."""
        ...

    def close(self, *, orderly: bool) -> None:
        """Release everything. ``orderly`` when all that was begun has ended."""
        ...


class Interrupted(Exception):
    """The results were closed while the engine was waiting. It never leaves this package."""


def pumped(
    cutter: Cutter,
    size: ChunkSize,
    engine: Engine,
    *,
    ordered: bool,
    kept: Checkpoint | None,
    keep_errors: bool,
) -> Iterator[Done]:
    """Finished chunks, in the order of the source or as they end.

    A source that fails fails only after all rows before it are delivered. Without ``keep_errors``
    a chunk with an error is not kept, so that it runs again the next time.
    """
    pump = _Pump(cutter, size, engine, ordered, kept, keep_errors)
    orderly = False
    try:
        yield from pump.run()
        orderly = True
    finally:
        engine.close(orderly=orderly)
        if kept:
            kept.close()


class _Pump:
    def __init__(
        self,
        cutter: Cutter,
        size: ChunkSize,
        engine: Engine,
        ordered: bool,
        kept: Checkpoint | None,
        keep_errors: bool,
    ) -> None:
        self._cutter = cutter
        self._size = size
        self._engine = engine
        self._ordered = ordered
        self._kept = kept
        self._keep_errors = keep_errors
        self._waiting: deque[int] = deque()  # the starts of chunks begun, in order
        self._ended: dict[int, Done] = {}
        self._running = 0
        self._failure: Exception | None = None

    def run(self) -> Iterator[Done]:
        while True:
            self._fill()
            while done := self._deliverable():
                yield done
                self._fill()
            if not self._running:
                break
            self._collect()
        if self._failure is not None:
            raise self._failure
        if self._kept:
            self._kept.complete(self._cutter.position)

    def _fill(self) -> None:
        while len(self._waiting) < self._engine.limit and self._failure is None and self._begin():
            pass

    def _begin(self) -> bool:
        """Take one chunk from the source; False at its end."""
        stored = self._kept.stored_at(self._cutter) if self._kept else None
        if stored is not None:
            self._waiting.append(stored.start)
            self._ended[stored.start] = stored
            return True
        room = self._kept.room(self._cutter, self._size) if self._kept else None
        try:
            chunk = self._cutter.take(room)
        except Exception as error:
            self._failure = error  # raised when all rows before it are delivered
            return False
        if chunk is None:
            return False
        self._waiting.append(chunk.start)
        self._running += 1
        self._engine.submit(chunk)
        return True

    def _deliverable(self) -> Done | None:
        if self._ordered:
            if self._waiting and self._waiting[0] in self._ended:
                return self._ended.pop(self._waiting.popleft())
            return None
        if self._ended:
            start = next(iter(self._ended))
            self._waiting.remove(start)
            return self._ended.pop(start)
        return None

    def _collect(self) -> None:
        done = self._engine.next()
        self._running -= 1
        outcomes, size = list(done.outcomes), done.size
        clean = not any(type(outcome) is RowError for outcome in outcomes)
        if self._kept and (clean or self._keep_errors):
            outcomes, written = self._kept.add(done.start, list(done.rows), outcomes)
            clean = not any(type(outcome) is RowError for outcome in outcomes)
            size = max(size, written)
        self._size.learn(len(outcomes), done.seconds, size)
        self._ended[done.start] = Done(done.start, done.rows, outcomes, clean=clean)
