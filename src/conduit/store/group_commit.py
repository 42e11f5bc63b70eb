"""Many small writes in few transactions: what waits for the disk waits together.

A commit waits for the disk to say that it has it, and SQLite lets one writer in at a time. So
whatever was asked for while one transaction was being committed goes into the next one.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from conduit.contracts.errors import Unavailable
from conduit.store.database import Database

T = TypeVar("T")
Work = Callable[[sa.Connection], T]
_MOST_TOGETHER = 256


@dataclass(slots=True)
class _Asked:
    work: Work[Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class GroupCommit:
    """Writes to a database from a thread of its own, which starts with the first one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False

    async def __call__(self, work: Work[T]) -> T:
        """Do ``work`` in a transaction; return when it is on the disk.

        ``work`` may be done twice where the first transaction failed, so it changes nothing but the
        database. Raises what ``work`` raises, and ``StoreError``. Whoever is cancelled while
        waiting does not know whether it was done.
        """
        loop = asyncio.get_running_loop()
        asked = _Asked(work, loop, loop.create_future())
        with self._starting:
            if self._closed:
                raise Unavailable("the database is being closed", hint="start Conduit again")
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="commits", daemon=True)
                self._thread.start()
            self._asked.put(asked)
        made: T = await asked.done
        return made

    def close(self) -> None:
        """Finish what was asked for, and take no more."""
        with self._starting:
            self._closed = True
            thread = self._thread
            self._asked.put(None)
        if thread is not None:
            thread.join()

    def _write(self) -> None:
        ending = False
        while not ending:
            batch: list[_Asked] = []
            first = self._asked.get()
            while first is not None:
                batch.append(first)
                if len(batch) == _MOST_TOGETHER:
                    break
                try:
                    first = self._asked.get_nowait()
                except queue.Empty:
                    break
            ending = first is None
            if batch:
                self._commit(batch)

    def _commit(self, batch: list[_Asked]) -> None:
        """All of it, or those that do not fail: each that does is left out, tried alone. A database
        that cannot be used is waited for once, not once for each."""
        while batch:
            made: list[Any] = []
            begun = False
            try:
                with self._database.transaction() as connection:
                    begun = True
                    made.extend(each.work(connection) for each in batch)
            except Exception as error:
                failed = batch[len(made)] if begun and len(made) < len(batch) else None
                if failed is None or len(batch) == 1:
                    for each in batch:
                        _answer(each, None, error)
                    return
                batch = [each for each in batch if each is not failed]
                self._commit([failed])
                continue
            for each, result in zip(batch, made, strict=True):
                _answer(each, result, None)
            return


def _answer(asked: _Asked, result: Any, error: Exception | None) -> None:
    def settle() -> None:
        if asked.done.done():
            return
        if error is not None:
            asked.done.set_exception(error)
        else:
            asked.done.set_result(result)

    try:
        asked.loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has ended, and with it whoever waited
        return
