"""How far a mapping is: counts, speed, time left; for a person as a bar, for a program as calls."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from conduit.blocks.rows.row import RowError

KEPT_ERRORS = 1_000
"""How many errors the results keep for who only reads outputs; all are counted."""

_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """``total`` and ``left_s`` (seconds until the end) are None when the size is not known."""

    rows: int
    errors: int
    total: int | None
    elapsed_s: float
    ended: bool

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def left_s(self) -> float | None:
        if self.total is None or not self.rows:
            return None
        return max(0.0, self.total - self.rows) / self.rows_per_s


Watcher = Callable[[Progress], None]


class Meter:
    """Counts what is delivered, keeps the first errors, and tells whoever watches.

    A watcher is called ten times a second at most, and once at the end.
    """

    def __init__(
        self,
        total: int | None,
        watcher: Watcher | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows = 0
        self.errors = 0
        self.kept: list[RowError] = []
        self._total = total
        self._watcher = watcher
        self._clock = clock
        self._started = self._told = clock()

    @property
    def watched(self) -> bool:
        return self._watcher is not None

    def start(self) -> None:
        """Time counts from here."""
        self._started = self._told = self._clock()

    def failed(self, error: RowError) -> None:
        self.errors += 1
        if len(self.kept) < KEPT_ERRORS:
            self.kept.append(error)

    def tick(self, *, ended: bool = False) -> None:
        """Tell the watcher, if it is time to."""
        now = self._clock()
        if self._watcher is None or not (ended or now - self._told >= _EVERY_S):
            return
        self._told = now
        elapsed = now - self._started
        self._watcher(Progress(self.rows, self.errors, self._total, elapsed, ended))


def watcher_of(progress: bool | Watcher) -> Watcher | None:
    """``True`` is a bar on standard error, when that is a terminal."""
    if callable(progress):
        return progress
    return _bar() if progress and sys.stderr.isatty() else None


def _bar() -> Watcher:
    import rich.console
    import rich.progress as bars

    columns = (
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[speed]:,.0f} rows/s, {task.fields[errors]:,} errors"),
        bars.TimeRemainingColumn(elapsed_when_finished=True),
    )
    bar = bars.Progress(*columns, console=rich.console.Console(stderr=True), transient=False)
    task = bar.add_task("rows", total=None, speed=0.0, errors=0)

    def watch(progress: Progress) -> None:
        if not bar.live.is_started:
            bar.start()
        bar.update(
            task,
            completed=progress.rows,
            total=progress.rows if progress.ended else progress.total,
            speed=progress.rows_per_s,
            errors=progress.errors,
        )
        if progress.ended:
            bar.stop()

    return watch
