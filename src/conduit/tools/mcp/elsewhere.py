"""An event loop in a thread of its own, where all connections to servers live.

A block may be called from any event loop, or from none at all, and a connection belongs to the one
it was opened in. So they all live here, and calls come over.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Elsewhere:
    """Starts with the first work that is given to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it there, and wait here. Whoever stops waiting stops the work."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._started()))

    def run_blocking(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """The same for a thread that may be kept waiting."""
        return asyncio.run_coroutine_threadsafe(work, self._started()).result(timeout_s)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                # Not uvloop: it is only there for servers, and pipes gain nothing by it.
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_forever, name="mcp servers", daemon=True
                ).start()
            return self._loop


THERE = Elsewhere()
