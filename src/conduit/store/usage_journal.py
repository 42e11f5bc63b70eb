"""The journal of usage: what was acknowledged is on record, whatever happens to this process.

A record is written to a file before its answer is acknowledged, so that ``kill -9`` loses none: the
kernel keeps what was written. What a power cut loses is what was not yet synchronised, the last
``flush_s`` seconds at most; with ``durable`` nothing is acknowledged before it is synchronised,
and one synchronisation serves everybody who waits.

Each process writes segments of its own, named by time and process, and holds a lock on the one it
writes to. A segment without a lock belongs to whoever drains it into the database
(``usage_drain``). A full or read-only disk fails no request: records wait in memory, bounded, and
are tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conduit.contracts.usage import UsageRecord
from conduit.store.usage_lines import encode_line

SUFFIX: Final = ".journal"
UNBORN: Final = ".new"
"""A segment has this name until its lock is held, so that nobody drains it before."""
MOST_WAITING: Final = 10_000
"""Records that wait in memory for a disk that takes none: 7 MB."""

_log = logging.getLogger("conduit.usage")
_Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


@dataclass(frozen=True, slots=True)
class JournalState:
    """Counts since the start; ``waiting`` is how many records the disk has not taken yet, ``lost``
    how many it never took, ``failures`` how often writing or synchronising failed."""

    written: int
    waiting: int
    lost: int
    failures: int


class UsageJournal:
    """An append-only journal in ``folder``. Threads and event loops may share one.

    ``flush_s`` seconds pass at most before what was written is synchronised; a segment is closed
    at ``segment_bytes`` or ``segment_s`` seconds. No method raises for a disk that fails.
    """

    def __init__(
        self,
        folder: Path,
        new_id: Callable[[], str],
        *,
        durable: bool = False,
        flush_s: float = 1.0,
        segment_bytes: int = 8 << 20,
        segment_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.durable = durable
        self._new_id = new_id
        self._flush_s = flush_s
        self._segment_bytes = segment_bytes
        self._segment_s = segment_s
        self._clock = clock
        self._lock = threading.Lock()
        """Guards everything below; held for one write."""
        self._syncing = threading.Lock()
        """Held while files are synchronised and closed: no handle is used anew meanwhile."""
        self._handle = -1
        self._path = folder
        self._born = 0.0
        self._size = 0
        self._dirty = False
        self._torn = False
        self._full_at = segment_bytes
        self._complained = False
        self._retired: list[int] = []
        self._unwritten: deque[bytes] = deque()
        self._waiters: list[_Waiter] = []
        self._written = self._lost = self._failures = 0
        self._wake = threading.Event()
        self._closed = True
        self._flusher: threading.Thread | None = None

    def open(self) -> None:
        """Start the first segment and the thread that synchronises. Opening twice does nothing."""
        if not self._closed:
            return
        self._closed = False
        with self._lock:
            self._begin()
        self._flusher = threading.Thread(target=self._flush_on, name="usage-journal", daemon=True)
        self._flusher.start()

    def close(self) -> None:
        """Synchronise and let go of the segment; whoever drains may have it from now on."""
        if self._closed:
            return
        self._closed = True
        self._wake.set()
        if self._flusher is not None:
            self._flusher.join()
        self._retry()
        with self._lock:
            if self._handle >= 0:
                self._retired.append(self._handle)
                self._handle = -1
                if not self._size:
                    self._path.unlink(missing_ok=True)
            self._lost += len(self._unwritten)
            self._unwritten.clear()
        self._synchronise()

    def append(self, record: UsageRecord) -> None:
        """Write one record. Once this returns, the end of this process does not lose it."""
        line = encode_line(record)
        with self._lock:
            if self._unwritten or self._handle < 0:
                self._keep(line)
                return
            try:
                written = os.write(self._handle, line)
            except OSError as error:
                self._refused(error)
                self._keep(line)
                return
            self._size += written
            self._dirty = True
            if written != len(line):  # the disk became full in the middle of it
                self._torn = True
                self._refused(None)
                self._keep(line)
                return
            self._written += 1
            if self._size >= self._full_at and not self._begin():
                self._full_at = self._size + self._segment_bytes  # not at every record anew

    async def flushed(self) -> None:
        """Wait until what was appended so far is synchronised. At once unless ``durable``.

        It returns also when the disk failed: that is counted and logged, and no reason to refuse
        an answer that exists.
        """
        if not self.durable or self._closed:
            return
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._lock:
            self._waiters.append((loop, future))
        self._wake.set()
        await future

    def seal(self) -> bool:
        """Close the segment, synchronised, and begin another, so that it can be drained. False when
        it holds nothing, or no other can be begun."""
        with self._lock:
            if not self._size or self._closed or not self._begin():
                return False
        self._synchronise()
        return True

    def state(self) -> JournalState:
        with self._lock:
            return JournalState(self._written, len(self._unwritten), self._lost, self._failures)

    def _begin(self) -> bool:
        """Begin a segment (with the lock held); the old one is kept when that fails."""
        name = f"{self._new_id()}-{os.getpid()}"
        unborn = self.folder / f"{name}{UNBORN}"
        handle = -1
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(unborn, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unborn.rename(unborn.with_suffix(SUFFIX))
        except OSError as error:
            if handle >= 0:
                os.close(handle)
                unborn.unlink(missing_ok=True)
            self._refused(error)
            return False
        if self._handle >= 0:
            self._retired.append(self._handle)
        self._handle, self._path = handle, unborn.with_suffix(SUFFIX)
        self._born, self._size, self._torn = self._clock(), 0, False
        self._full_at = self._segment_bytes
        return True

    def _keep(self, line: bytes) -> None:
        if self._closed or len(self._unwritten) >= MOST_WAITING:
            self._lost += 1
        else:
            self._unwritten.append(line)

    def _refused(self, error: OSError | None) -> None:
        """Count a failure; the first since all was well is logged."""
        self._failures += 1
        if self._complained:
            return
        self._complained = True
        _log.error(
            "usage cannot be written to the disk: %s; requests are answered, %d records are kept "
            "in memory. hint: make room in CONDUIT_HOME and check its permissions",
            error.strerror if error else "it is full",
            MOST_WAITING,
            extra={"fields": {"folder": str(self.folder)}},
        )

    def _retry(self) -> None:
        """Write what the disk did not take, letting others in between."""
        while self._retry_one():
            pass

    def _retry_one(self) -> bool:
        with self._lock:
            if not self._unwritten or (self._handle < 0 and not self._begin()):
                return False
            line = self._unwritten[0]
            whole = b"\n" + line if self._torn else line
            try:
                written = os.write(self._handle, whole)
            except OSError as error:
                self._refused(error)
                return False
            self._size += written
            self._dirty = True
            self._torn = written != len(whole)
            if self._torn:
                self._refused(None)
                return False
            self._unwritten.popleft()
            self._written += 1
            return True

    def _flush_on(self) -> None:
        while not self._closed:
            self._wake.wait(self._flush_s)
            self._wake.clear()
            self._retry()
            with self._lock:
                old = self._size and self._clock() - self._born >= self._segment_s
                if self._handle < 0 or old:
                    self._begin()
            self._synchronise()

    def _synchronise(self) -> None:
        """Synchronise what was written, close what is retired, let go on who waits for it."""
        with self._syncing:
            with self._lock:
                waiters, self._waiters = self._waiters, []
                retired, self._retired = self._retired, []
                current = [self._handle] if self._dirty and self._handle >= 0 else []
                self._dirty = False
            well = True
            for handle in (*retired, *current):
                try:
                    os.fsync(handle)
                except OSError as error:
                    well = False
                    with self._lock:
                        self._dirty = True
                        self._refused(error)
            for handle in retired:
                os.close(handle)
            with self._lock:
                if self._complained and well and not self._unwritten and self._handle >= 0:
                    self._complained = False
                    _log.warning("usage is written to the disk again")
        for loop, future in waiters:
            with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, future)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():  # whoever waited may have been cancelled
        future.set_result(None)
