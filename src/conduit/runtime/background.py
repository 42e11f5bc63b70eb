"""One event loop in a thread of its own, where connections outlive the call that opened them.

A script that calls ``lm(...)`` a thousand times would otherwise open a loop and a connection each
time, and a bound on concurrent calls would hold only within one loop. So all work with models runs
here, whoever waits for it: a plain thread, or a task of any other event loop.

The thread starts with the first work. A forked child has none of it and starts its own. Context
variables of the caller hold inside. Whoever stops waiting cancels the work, and waits until it has
let go of what it held.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any, Generic, Protocol, TypeVar

from conduit.contracts.errors import Unavailable

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]

_STOP_S = 5.0


class Closeable(Protocol):
    """Something with connections."""

    async def aclose(self) -> None:
        """Close them."""
        ...


class _Job(Generic[T]):
    """Work handed over. ``done`` is settled in the loop's thread."""

    def __init__(self, work: Work[T], loop: asyncio.AbstractEventLoop) -> None:
        self.done: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._work = work
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        try:
            loop.call_soon_threadsafe(self._start)  # in a copy of the caller's context
        except RuntimeError:
            raise Unavailable(
                "the process is ending", where="lm", hint="call models before the end"
            ) from None

    def cancel(self) -> None:
        """Ask the work to stop; ``done`` tells when it has."""
        _post(self._loop, self._stop)

    def _start(self) -> None:
        self.done.set_running_or_notify_cancel()
        self._task = self._loop.create_task(self._work())
        self._task.add_done_callback(self._settle)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _settle(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.done.set_exception(concurrent.futures.CancelledError())
        elif (error := task.exception()) is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(task.result())


class BackgroundLoop:
    """A thread that runs an event loop. ``run``, ``call`` and ``iterate`` are for all others."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._kept: set[Closeable] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._turn, name="conduit-models", daemon=True)
        self._thread.start()

    def run(self, work: Work[T]) -> T:
        """Run to the end and block until then. An interrupt cancels the work."""
        job = _Job(work, self._loop)
        try:
            concurrent.futures.wait([job.done])
        except BaseException:
            job.cancel()
            concurrent.futures.wait([job.done], timeout=_STOP_S)
            raise
        return job.done.result()

    async def call(self, work: Work[T]) -> T:
        """Run to the end without blocking the caller's loop. Cancelling cancels the work."""
        job = _Job(work, self._loop)
        ended = asyncio.wrap_future(job.done)
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            if not ended.done():
                job.cancel()
                await _settled(ended)
            raise

    def iterate(self, items: Callable[[], AsyncGenerator[T, None]]) -> Reader[T]:
        """The items of a generator that runs here, which goes on when the next item is asked for
        and not before. Whoever reads must close."""
        return Reader(self, _Pump(items))

    def cancel(self, pump: _Pump[Any]) -> None:
        """Have a pump stop. No task does it, which could itself be cancelled before it has."""
        _post(self._loop, pump.cancel)

    def keep(self, resource: Closeable) -> Callable[[], None]:
        """Hold what must be closed in this loop, until the function given back is called, from
        wherever (a finalizer, for one), or the loop stops. In a forked child that function does
        nothing: what it would close is its parent's."""
        self._kept.add(resource)

        def release() -> None:
            if os.getpid() == self._pid:
                _post(self._loop, self._close, resource)

        return release

    def stop(self) -> None:
        """Cancel what runs, let it clean up, close what is kept, end the thread."""
        _post(self._loop, self._loop.stop)
        self._thread.join(_STOP_S)

    def _close(self, resource: Closeable) -> None:
        self._kept.discard(resource)
        task = self._loop.create_task(resource.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        left = asyncio.all_tasks() - self._closing - {asyncio.current_task()}
        for task in left:
            task.cancel()
        ending = [each.aclose() for each in self._kept]
        await asyncio.gather(*left, *self._closing, *ending, return_exceptions=True)
        await self._loop.shutdown_asyncgens()


class Reader(Generic[T]):
    """The other end of a generator in the background loop. No generator itself: where one is left
    open inside another, an ending event loop closes both at once, and stumbles."""

    def __init__(self, loop: BackgroundLoop, pump: _Pump[T]) -> None:
        self._loop = loop
        self._pump = pump

    def __aiter__(self) -> Reader[T]:
        return self

    async def __anext__(self) -> T:
        item = await self._loop.call(self._pump.next)
        if item is None:
            raise StopAsyncIteration
        return item[0]

    async def aclose(self) -> None:
        """Close the generator, and wait until it is."""
        self._loop.cancel(self._pump)
        with suppress(Unavailable):  # the loop has stopped, and closed it
            await self._loop.call(self._pump.ended)


def _post(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *given: Any) -> None:
    """Have a function called in the loop. One that has stopped has ended all that was in it."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *given)


async def _settled(ended: asyncio.Future[Any]) -> None:
    """Wait until cancelled work has cleaned up, though not for ever, and let its error go."""
    with suppress(TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(_STOP_S):
            await asyncio.wait([ended])
    if ended.done() and not ended.cancelled():
        ended.exception()


class _Pump(Generic[T]):
    """Reads a generator in one task, as its time-outs and locks demand, an item at a time."""

    def __init__(self, items: Callable[[], AsyncGenerator[T, None]]) -> None:
        self._source = items
        self._items: asyncio.Queue[tuple[T] | None] = asyncio.Queue()
        self._wanted = asyncio.Semaphore(0)
        self._task: asyncio.Task[None] | None = None

    async def next(self) -> tuple[T] | None:
        """The next item, in a tuple of its own; None at the end. Raises what the generator did."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._pump())
        self._wanted.release()
        item = await self._items.get()
        if item is None:
            await self._task
        return item

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until the generator is closed."""
        if self._task is not None:
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()  # the reader has seen it, or has left

    async def _pump(self) -> None:
        try:
            async with aclosing(self._source()) as source:
                await self._wanted.acquire()
                async for item in source:
                    self._items.put_nowait((item,))
                    await self._wanted.acquire()
        finally:
            self._items.put_nowait(None)


_lock = threading.Lock()
_ours: BackgroundLoop | None = None
_inherited: list[BackgroundLoop] = []
"""Loops of a parent process, and all that they keep. Were they collected, sockets that are the
parent's would be closed, with a warning."""


def background() -> BackgroundLoop:
    """The loop of this process."""
    global _ours
    with _lock:
        if _ours is None:
            _ours = BackgroundLoop()
            atexit.register(_ours.stop)
        return _ours


def _begin_anew() -> None:
    global _ours, _lock
    _lock = threading.Lock()
    if _ours is not None:
        atexit.unregister(_ours.stop)
        _inherited.append(_ours)
    _ours = None


os.register_at_fork(after_in_child=_begin_anew)
