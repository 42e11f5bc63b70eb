"""The engines of this process: one row after another, or many asynchronous rows at once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

from conduit.blocks.rows.chunks import Chunk, Done
from conduit.blocks.rows.pump import Interrupted
from conduit.blocks.rows.runner import RowRunner, set_up, tear_down


def one_by_one(block: Any, runner: RowRunner, rows: Iterator[Any]) -> Iterator[Done]:
    """All rows as a single chunk that is run lazily: each row is taken, run and delivered before
    the next, so nothing waits for a chunk to fill, and it costs little more than a loop."""
    set_up(block)
    try:
        yield _lazy(runner, rows)
    finally:
        tear_down(block)


def _lazy(runner: RowRunner, rows: Iterator[Any]) -> Done:
    beside, taken = itertools.tee(rows)
    return Done(0, beside, runner.outcomes(taken, 0))


class Inline:
    """Chunks one after another, in the thread that asks: what a checkpoint needs."""

    limit = 1

    def __init__(self, block: Any, runner: RowRunner) -> None:
        self._block = block
        self._runner = runner
        self._chunks: deque[Chunk] = deque()
        self._interrupted = False
        set_up(block)

    def submit(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)

    def next(self) -> Done:
        chunk = self._chunks.popleft()
        started = time.perf_counter()
        outcomes = []
        for outcome in self._runner.outcomes(chunk.rows, chunk.start):
            if self._interrupted:
                raise Interrupted
            outcomes.append(outcome)
        return Done(chunk.start, chunk.rows, outcomes, time.perf_counter() - started)

    def interrupt(self) -> None:
        self._interrupted = True

    def close(self, *, orderly: bool) -> None:
        tear_down(self._block)


class Loop:
    """An event loop that runs in a thread of its own, or one that runs already."""

    def __init__(self, running: asyncio.AbstractEventLoop | None = None) -> None:
        self._own: threading.Thread | None = None
        self._stop = asyncio.Event()
        if running is not None:
            self.loop = running
            return
        self.loop = asyncio.new_event_loop()
        self._own = threading.Thread(target=self._run, name="rows-loop", daemon=True)
        self._own.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        await self._stop.wait()

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the loop and wait for it, from another thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def close(self) -> None:
        """End a loop of our own, with all that runs in it."""
        if self._own is not None:
            with contextlib.suppress(RuntimeError):  # closed already
                self.loop.call_soon_threadsafe(self._stop.set)
            self._own.join()


class AtOnce:
    """Asynchronous rows, ``at_once`` at a time, each a chunk of its own.

    The rows run in an event loop while another thread waits in ``next``: theirs goes on while the
    reader of the results does something else.
    """

    def __init__(
        self, block: Any, runner: RowRunner, loop: Loop, *, at_once: int, ordered: bool
    ) -> None:
        # In order, finished rows wait for slow ones: begin more, so that all places stay taken.
        self.limit = 4 * at_once if ordered else at_once
        self._block = block
        self._runner = runner
        self._loop = loop
        self._places = asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: queue.SimpleQueue[Done | None] = queue.SimpleQueue()
        set_up(block)

    def submit(self, chunk: Chunk) -> None:
        self._loop.loop.call_soon_threadsafe(self._begin, chunk)

    def _begin(self, chunk: Chunk) -> None:
        task = self._loop.loop.create_task(self._one(chunk))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(self, chunk: Chunk) -> None:
        async with self._places:
            started = time.perf_counter()
            outcomes = [await self._runner.outcome(chunk.rows[0], chunk.start)]
            seconds = time.perf_counter() - started
        self._ended.put(Done(chunk.start, chunk.rows, outcomes, seconds))

    def next(self) -> Done:
        done = self._ended.get()
        if done is None:
            self._ended.put(None)
            raise Interrupted
        return done

    def interrupt(self) -> None:
        self._ended.put(None)

    def close(self, *, orderly: bool) -> None:
        self._loop.wait(self._cancel())
        tear_down(self._block)

    async def _cancel(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def pulled(rows: AsyncIterator[Any], loop: Loop) -> Iterator[Any]:
    """An asynchronous source, for a thread that is not the loop's."""

    async def following() -> Any:
        return await anext(rows, _END)

    while (row := loop.wait(following())) is not _END:
        yield row


_END = object()
