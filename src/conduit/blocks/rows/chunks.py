"""Rows in chunks: cut from the source as they are asked for, of a size that fits their cost.

A chunk is the unit that a process gets, that a checkpoint keeps and that a kill may lose. Its
size starts small and grows while a chunk takes little time and space, so that a million cheap
rows travel by thousands, and rows of seconds or of megabytes by ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from conduit.contracts.errors import InvalidInput

_SMALL_BYTES = 1 << 20
_LARGE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that follow each other. ``start`` is the index of the first."""

    start: int
    rows: list[Any]


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk with what came of it: for each row its output or a ``RowError``, in order.

    ``outcomes`` may be lazy: the rows are then run as they are taken, once.
    """

    start: int
    rows: Iterable[Any]
    outcomes: Iterable[Any]
    seconds: float = 0.0
    """How long its rows took where they ran."""
    size: int = 0
    """Bytes that were moved for it."""
    clean: bool = False
    """It is known that no outcome is an error, and that none is lazy."""


class ChunkSize:
    """How many rows the next chunk shall have."""

    def __init__(
        self, fixed: int | None, *, first: int, largest: int, seconds: float = 0.05
    ) -> None:
        if fixed is not None and fixed < 1:
            raise InvalidInput(f"a chunk of {fixed} rows is none", where="chunk")
        self.rows = fixed or first
        self._fixed = fixed is not None
        self._largest = largest
        self._seconds = seconds

    def learn(self, rows: int, seconds: float, size: int) -> None:
        """Take into account what a chunk of so many rows cost."""
        if self._fixed:
            return
        if size > _LARGE_BYTES or seconds > 4 * self._seconds:
            self.rows = max(1, min(self.rows, rows) // 2)
        elif rows >= self.rows and size < _SMALL_BYTES and seconds < self._seconds:
            # Eight times as many only where even they would cost little.
            far = 8 * size < _SMALL_BYTES and 8 * seconds < self._seconds
            self.rows = min(self._largest, self.rows * (8 if far else 2))


class Cutter:
    """Cuts an iterator into chunks. ``exhausted`` says whether it has come to its end."""

    def __init__(self, rows: Iterator[Any], size: ChunkSize) -> None:
        self._rows = rows
        self._size = size
        self._failure: BaseException | None = None
        self.position = 0
        self.exhausted = False

    def take(self, most: int | None = None) -> Chunk | None:
        """The next chunk, of at most ``most`` rows; None at the end.

        What the source raises is raised after the rows that came before it.
        """
        wanted = self._size.rows if most is None else most
        start, rows = self.position, self._pull(wanted)
        self.position += len(rows)
        if rows:
            return Chunk(start, rows)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return None

    def exactly(self, count: int) -> Chunk:
        """The next ``count`` rows, or as many as there still are."""
        start, rows = self.position, self._pull(count)
        self.position += len(rows)
        return Chunk(start, rows)

    def _pull(self, wanted: int) -> list[Any]:
        rows: list[Any] = []
        if self.exhausted:
            return rows
        try:
            rows.extend(itertools.islice(self._rows, wanted))  # keeps what came before a failure
            self.exhausted = len(rows) < wanted
        except Exception as error:
            self.exhausted = True
            self._failure = error
        return rows
