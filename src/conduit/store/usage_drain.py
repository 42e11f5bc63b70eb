"""From the journal into the database: each record once, whoever died meanwhile.

A segment is deleted after its records were committed. What is delivered twice, because somebody
died between the two, is stored once: records have ids. Segments of processes that are gone are
taken along; one that is written to is locked, and left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from conduit.contracts.errors import ConduitError, StoreError
from conduit.contracts.usage import UsageRecord
from conduit.store.usage import BREATH, BREATH_S, UsageStore
from conduit.store.usage_journal import SUFFIX, UNBORN, UsageJournal
from conduit.store.usage_lines import LONGEST_LINE, Unreadable, decode_line

UNUSABLE: Final = "unusable.log"
"""Lines that could not be stored, kept for a person to look at."""
MOST_UNUSABLE: Final = 16 << 20
"""Bytes of that file; more is only counted."""
_STALE_S: Final = 3600.0
"""A segment this old that was never born belongs to somebody who died at it."""

_log = logging.getLogger("conduit.usage")


@dataclass(frozen=True, slots=True)
class DrainState:
    """Counts since the start. ``delivered`` counts what is delivered twice twice. ``damaged`` lines
    were torn, changed or not ours. ``behind`` says that the database could not be used the last
    time."""

    delivered: int
    damaged: int
    failures: int
    behind: bool


class UsageDrain:
    """Empties a journal's folder into the database, in a thread, every ``every_s`` seconds.

    ``group`` records go into one transaction. While the database is away it is tried less and less
    often, every ``longest_s`` seconds at most; the journal stays on disk.
    """

    def __init__(
        self,
        journal: UsageJournal,
        store: UsageStore,
        *,
        every_s: float = 1.0,
        longest_s: float = 60.0,
        group: int = 1000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._store = store
        self._every_s = every_s
        self._longest_s = longest_s
        self._group = group
        self._now = now
        self._draining = threading.Lock()
        self._delivered = self._damaged = self._failures = 0
        self._behind = self._stuck = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start draining; what was left behind by others is the first to be delivered."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._drain_on, name="usage-drain", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop, and try once more to deliver everything. What remains is on disk."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
        self._try()

    def drain(self) -> int:
        """Deliver all there is now; returns how many records that were. Raises ``StoreError``;
        what was delivered until then stays so."""
        with self._draining:
            before = self._delivered
            self._deliver_sealed()
            if self._journal.seal():
                self._deliver_sealed()
            return self._delivered - before

    def state(self) -> DrainState:
        return DrainState(self._delivered, self._damaged, self._failures, self._behind)

    def _drain_on(self) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            wait = self._every_s if self._try() else min(max(wait, 1.0) * 2, self._longest_s)

    def _try(self) -> bool:
        try:
            self.drain()
        except ConduitError as error:
            self._failures += 1
            if not self._behind:
                _log.error("usage waits on disk for the database: %s", error)
            self._behind = True
        except Exception:  # the thread must outlive whatever it meets: it is tried again
            self._failures += 1
            if not self._behind:
                _log.exception("usage waits on disk: draining failed")
            self._behind = True
        else:
            if self._behind:
                _log.warning("usage reaches the database again")
            self._behind = False
        return not self._behind

    def _deliver_sealed(self) -> None:
        try:
            entries = sorted(self._journal.folder.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unreadable(self._journal.folder, error) from None
        for path in entries:
            try:
                if path.suffix == SUFFIX:
                    self._deliver(path)
                elif path.suffix == UNBORN:
                    self._forget_unborn(path)
            except OSError as error:  # one file must not keep the others back
                self._failures += 1
                if not self._stuck:
                    _log.error("usage stays on disk: %s", _unreadable(path, error))
                self._stuck = True

    def _deliver(self, path: Path) -> None:
        with _taken(path) as file:
            if file is None:
                return
            for group in self._groups(file):
                self._store.add(group)
                self._delivered += len(group)
            path.unlink(missing_ok=True)

    def _groups(self, file: BinaryIO) -> Iterator[list[UsageRecord]]:
        group: list[UsageRecord] = []
        for number in itertools.count():
            if number % BREATH == 0:
                time.sleep(BREATH_S)
            if not (line := file.readline(LONGEST_LINE)):
                break
            if line == b"\n":  # the end of a line that the disk did not take whole
                continue
            try:
                group.append(decode_line(line))
            except Unreadable:
                self._damaged += 1
                self._set_aside(line)
            if len(group) >= self._group:
                yield group
                group = []
        if group:
            yield group

    def _set_aside(self, line: bytes) -> None:
        path = self._journal.folder / UNUSABLE
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW
        handle = os.open(path, flags, 0o600)
        try:
            if os.fstat(handle).st_size < MOST_UNUSABLE:
                os.write(handle, line.rstrip(b"\n") + b"\n")
        finally:
            os.close(handle)

    def _forget_unborn(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self._now() - path.stat().st_mtime > _STALE_S:
                path.unlink()


@contextlib.contextmanager
def _taken(path: Path) -> Iterator[BinaryIO | None]:
    """The segment, locked; None when somebody else has it, or has finished it."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        yield None
        return
    with os.fdopen(handle, "rb") as file:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        status = os.fstat(handle)
        yield file if status.st_nlink and stat.S_ISREG(status.st_mode) else None


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the journal of usage could not be read: {error.strerror}",
        where=str(path),
        hint="check the permissions of CONDUIT_HOME",
    )
