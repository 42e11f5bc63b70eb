"""Blocking work that nobody can stop from outside, in threads that can be left behind.

The threads of an event loop's own pool are few, and a process waits for them when it ends. Work
that may hang in somebody else's code gets a daemon thread of its own instead: who waited long
enough goes on without it, and so do all the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from conduit.contracts.errors import TimedOut

T = TypeVar("T")

MOST = 64
"""Threads at a time, those that were left behind included."""

LEFT_BEHIND = "conduit-left-behind"
"""What such a thread is called where threads are listed."""

_LOOK_S = 0.005
_turns = threading.BoundedSemaphore(MOST)


def _looked_at(future: asyncio.Future[Any]) -> None:
    """Whoever left it behind did so on purpose: an error that nobody waits for is no news."""
    if not future.cancelled():
        future.exception()


async def started(
    function: Callable[..., T], *arguments: Any, patience_s: float
) -> asyncio.Future[T]:
    """Begin a call in a thread of its own; the future has its result, if anybody waits for it.

    Raises ``TimedOut`` when no thread becomes free within ``patience_s`` seconds.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_s
    while not _turns.acquire(blocking=False):
        if loop.time() >= until:
            raise TimedOut(f"{MOST} others are running and none has ended")
        await asyncio.sleep(_LOOK_S)
    future: asyncio.Future[T] = loop.create_future()
    future.add_done_callback(_looked_at)
    context = contextvars.copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]  # None only with an error
        else:
            future.set_exception(error)

    def work() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = context.run(function, *arguments)
        except BaseException as raised:
            error = raised
        finally:
            _turns.release()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    try:
        threading.Thread(target=work, name=LEFT_BEHIND, daemon=True).start()
    except RuntimeError:
        _turns.release()
        raise TimedOut("no thread is left to do it in") from None
    return future
