"""Metrics of several worker processes as one: whoever is scraped answers for all.

Each worker writes what it has counted to a file of its own, every second and before it answers a
scrape. A scrape adds up its own counts and the files of the others. The counts of processes that
are gone are folded into one file, so that no total ever goes down. A worker is alive as long as it
holds the lock on its ``.lock`` file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from conduit.telemetry.metrics import READ, Metrics, Values, joined, written
from conduit.telemetry.series import LENGTH, Kind, SeriesTable

MERGED: Final = "merged.json"
_TURN: Final = "merged.turn"
_TURN_S: Final = 2.0
_AGAIN_S: Final = 0.005
_MOST_BYTES: Final = 64 << 20
_log = logging.getLogger("conduit.metrics")


@dataclass(slots=True)
class Snapshot:
    """The counts of one process, or of all that are gone: those ``folded``, as long as their files
    may still be there."""

    series: list[tuple[Kind, list[float]]] = field(default_factory=list)
    values: list[tuple[str, tuple[str, ...], float]] = field(default_factory=list)
    folded: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, table: SeriesTable, values: Values, folded: list[str]) -> Snapshot:
        flat = [(name, labels, value) for (name, labels), value in sorted(values.items())]
        return cls(list(table.series.items()), flat, folded)

    def add_to(self, table: SeriesTable, values: Values, *, counters_only: bool = False) -> None:
        for kind, numbers in self.series:
            if len(numbers) == LENGTH:  # another version may count other things
                table.add(kind, numbers)
        for name, labels, value in self.values:
            known = READ.get(name)
            if known is None or len(labels) != len(known.labels):
                continue
            if known.kind == "counter" or not counters_only:
                before = values.get((name, labels))
                values[name, labels] = value if before is None else joined(name, before, value)


_decode = msgspec.json.Decoder(Snapshot).decode
_encode = msgspec.json.Encoder().encode


class SharedMetrics:
    """The metrics of this process and of all others that share ``folder``.

    When the folder cannot be used that is logged, and a scrape tells of this process alone: metrics
    are no reason to refuse requests.
    """

    def __init__(
        self, metrics: Metrics, folder: Path, new_id: Callable[[], str], *, every_s: float = 1.0
    ) -> None:
        self._metrics = metrics
        self._folder = folder
        self._name = f"{new_id()}-{os.getpid()}"
        self._every_s = every_s
        self._lock = -1
        self._last = b""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._complained = False
        self._reported: set[str] = set()

    def open(self) -> None:
        """Be alive, and write every ``every_s`` seconds from now on."""
        if self._thread is not None:
            return
        try:
            self._come_alive()
        except OSError as error:
            self._complain(error)
            return
        self._stop.clear()
        self._thread = threading.Thread(target=self._write_on, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the counts for whoever comes next, and no file of our own."""
        if self._thread is None:
            return
        self._stop.set()
        self._thread.join()
        self._thread = None
        self._try_to_write()
        os.close(self._lock)
        self._lock = -1
        # What cannot be folded now is there, and will be by the next one who is scraped.
        with contextlib.suppress(OSError), self._turn():
            self._fold(leaving=True)

    def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """The text of all processes' metrics and its content type, by an ``Accept`` header. It
        reads files and may wait for others: call it in a thread."""
        table, values = SeriesTable(), Values()
        try:
            self._add_up(table, values)
        except OSError as error:
            self._complain(error)
            return self._metrics.scrape(accept)
        return written(table, values, accept)

    def _come_alive(self) -> None:
        unborn, path = self._folder / f"{self._name}.new", self._folder / f"{self._name}.lock"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(unborn, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unborn.rename(path)  # with its lock held: nobody takes it for a dead one's
        self._write()

    def _add_up(self, table: SeriesTable, values: Values) -> None:
        with self._turn():
            merged = self._fold()
            self._write()  # first: what is told now must not be missing in anybody's next answer
            merged.add_to(table, values)
            for path in self._snapshots():
                if path.stem != self._name and path.stem not in merged.folded:
                    found = self._read(path)
                    if found is not None:
                        found.add_to(table, values)
            own = _decode(self._last)
        own.add_to(table, values)

    def _fold(self, *, leaving: bool = False) -> Snapshot:
        """Add the counts of the dead to those of all who died before."""
        merged = self._read(self._folder / MERGED) or Snapshot()
        others = [path for path in self._snapshots() if leaving or path.stem != self._name]
        dead = [path for path in others if _dead(path)]
        if not dead:
            return merged
        table, values = SeriesTable(), Values()
        merged.add_to(table, values)
        for path in dead:
            found = None if path.stem in merged.folded else self._read(path)
            if found is not None:
                found.add_to(table, values, counters_only=True)
        # Their names are kept with the sums: whoever dies before the files are gone counts nobody
        # twice.
        names = [path.stem for path in dead]
        merged = Snapshot.of(table, values, names)
        _replace(self._folder / MERGED, _encode(merged))
        for path in dead:
            path.unlink(missing_ok=True)
            path.with_suffix(".lock").unlink(missing_ok=True)
        return merged

    def _snapshots(self) -> list[Path]:
        return [path for path in sorted(self._folder.glob("*.json")) if path.name != MERGED]

    def _read(self, path: Path) -> Snapshot | None:
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ValueError("it is too large")
            return _decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            if path.name not in self._reported:
                _log.error("metrics of another process are left out: %s: %s", path.name, error)
            self._reported.add(path.name)
            return None

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One process at a time adds up and folds."""
        handle = os.open(self._folder / _TURN, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _wait_for(handle)
            yield
        finally:
            os.close(handle)

    def _write(self) -> None:
        data = _encode(Snapshot.of(self._metrics.table, self._metrics.values(), []))
        if data != self._last:
            _replace(self._folder / f"{self._name}.json", data)
            self._last = data

    def _write_on(self) -> None:
        while not self._stop.wait(self._every_s):
            self._try_to_write()

    def _try_to_write(self) -> None:
        try:
            with self._turn():
                self._write()
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            _log.error(
                "metrics cannot be shared with other workers: %s. hint: check space and "
                "permissions of CONDUIT_HOME",
                error.strerror,
                extra={"fields": {"folder": str(self._folder)}},
            )
        self._complained = True


def _wait_for(handle: int) -> None:
    """Lock a file. Raises ``TimeoutError`` when somebody who was stopped keeps it."""
    for _ in range(int(_TURN_S / _AGAIN_S)):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_AGAIN_S)
    raise TimeoutError(errno.ETIMEDOUT, "another worker has stopped in the middle of it")


def _dead(path: Path) -> bool:
    """Whether the writer of a snapshot is gone."""
    try:
        handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _replace(path: Path, data: bytes) -> None:
    """Write a file in one step. It need not survive a power cut: counters may begin anew then."""
    temporary = path.with_suffix(".part")
    handle = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    temporary.replace(path)
