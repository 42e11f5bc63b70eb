"""Exact nearest neighbours by cosine.

All vectors have length 1 and lie in one matrix of float32, so a search is one product and a
selection. What float32 may have rounded is settled in float64: a dot product of ``n`` terms errs by
at most ``n·u / (1 − n·u)``, ``u = 2⁻²⁴``, times the product of the lengths (Higham, *Accuracy and
Stability of Numerical Algorithms*, 3.1), so whatever is within twice that of the last one found is
counted again. Recall is therefore 1, by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""Rows and their scores, the best first."""

_UNIT: Final = 2.0**-24
_TWICE: Final = 2.01
"""And a little, for lengths that are 1 only as far as float32 goes."""
_ROWS_AT_ONCE: Final = 8192
_GROWTH: Final = 1.5


def unit_rows(rows: Sequence[Sequence[float]]) -> Matrix:
    """Rows of length 1; one that is all 0 stays so. Raises ``ValueError`` for rows of different
    lengths and for what is no number."""
    given = np.asarray(rows, dtype=np.float64)
    if given.ndim != 2:
        raise ValueError("not a list of vectors")
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.abs(given).max(axis=1, initial=0.0, keepdims=True)
        given = given / np.where(largest > 0, largest, 1.0)
        lengths = np.sqrt((given * given).sum(axis=1, keepdims=True))
    if not np.isfinite(lengths).all():
        raise ValueError("a number that is none")
    unit: Matrix = (given / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit


class Vectors:
    """Rows that can be added, thinned out, and searched."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self._rows: Matrix = np.empty((0, dimensions), np.float32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> Matrix:
        return self._rows[: self._count]

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes

    def reserve(self, count: int) -> None:
        """Make room for ``count`` more at once."""
        needed = self._count + count
        if needed > len(self._rows):
            grown = np.empty((needed, self.dimensions), np.float32)
            grown[: self._count] = self.rows
            self._rows = grown

    def add(self, rows: Matrix) -> None:
        """Append rows of length 1."""
        if self._count + len(rows) > len(self._rows):
            self.reserve(max(len(rows), int(self._count * (_GROWTH - 1))))
        self._rows[self._count : self._count + len(rows)] = rows
        self._count += len(rows)

    def keep(self, mask: npt.NDArray[np.bool_]) -> None:
        """Forget the rows where the mask is false."""
        self._rows = self.rows[mask]
        self._count = len(self._rows)

    def nearest(self, query: Matrix, k: int) -> Found:
        """The ``k`` rows with the largest cosine. Equal ones come in the order of their rows."""
        k = min(k, self._count)
        if k <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float64)
        rough = self.rows @ query
        worst = np.partition(rough, self._count - k)[self._count - k]
        error = self.dimensions * _UNIT / (1 - self.dimensions * _UNIT)
        candidates = np.flatnonzero(rough >= worst - _TWICE * error)
        exact = np.empty(len(candidates))
        wide = query.astype(np.float64)
        for at in range(0, len(candidates), _ROWS_AT_ONCE):
            some = candidates[at : at + _ROWS_AT_ONCE]
            exact[at : at + len(some)] = self._rows[some].astype(np.float64) @ wide
        order = np.lexsort((candidates, -exact))[:k]
        return candidates[order], exact[order]
