"""The judge: the scores of many candidates for one bar, and how far they lie outside.

The measures are those of ``conduit.rhythm.scores``, for a whole bar only. Entrainment, density and
tension are sums over the hits, so one matrix product has them for all candidates; syncopation and
entropy look from hit to hit. Only the scores that are watched are computed.

Readings are rounded to nine decimals: whether a bar lies inside must not depend on the order in
which a processor adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.scores import Metre, ScoreName, entropy, syncopation, tension
from conduit.rhythm.scores.entrainment import phases
from conduit.rhythm.scores.gaps import Gaps, gaps_of

_DECIMALS = 9
_MARGIN = 0.15
"""What is moved at all is moved past the edge, by this part of the window."""


class Bounds:
    """Where the watched scores may lie, ``(bars, watched)`` each."""

    def __init__(self, low: Floats, high: Floats) -> None:
        self.low, self.high = low, high
        self._width = np.maximum(high - low, 0.01)
        inner = _MARGIN * (high - low)
        self._inner_low, self._inner_high = low + inner, high - inner

    def excess(self, bar: int, readings: Floats) -> Floats:
        """How far readings, ``(n, watched)``, lie outside, in widths of the windows, ``(n,)``."""
        return self._beyond(readings, self.low[bar], self.high[bar], self._width[bar])

    def lean(self, bar: int, readings: Floats) -> Floats:
        """The same, for windows a little smaller."""
        low, high = self._inner_low[bar], self._inner_high[bar]
        return self._beyond(readings, low, high, self._width[bar])

    def _beyond(self, readings: Floats, low: Floats, high: Floats, width: Floats) -> Floats:
        out = np.maximum(low - readings, readings - high)
        return _rounded((np.maximum(out, 0) / width).sum(axis=1))


class Judge:
    """Reads candidates for the bars of one groove, in order."""

    def __init__(self, metre: Metre, layers: int, watched: tuple[ScoreName, ...]) -> None:
        self._watched = watched
        self._metre = metre
        self._shape = (layers, metre.steps)
        self._phase = phases(metre.steps, metre.beats)
        self._strengths = syncopation.strengths(metre.weights)
        self._past: list[Flags] = []
        self._heard: Ints = np.zeros(self._shape, np.int64)
        self._columns: Floats = np.zeros((layers * metre.steps, 5))
        self._rest_bits = 0.0

    def open_bar(self, velocity: npt.NDArray[np.uint8]) -> None:
        """Begin a bar. ``velocity`` is ``(layers, steps)``: of each step if it sounds."""
        loud = velocity.astype(np.float64)
        columns = self._columns.reshape(*self._shape, 5)
        columns[..., 0] = loud * self._phase[:, 0]
        columns[..., 1] = loud * self._phase[:, 1]
        columns[..., 2] = loud
        columns[..., 3] = 1
        if ScoreName.TENSION in self._watched:
            bars = min(len(self._past), tension.MEMORY)
            hit, rest = tension.cell_bits(self._heard, np.array(bars))
            columns[..., 4] = hit - rest
            self._rest_bits = float(rest.sum())

    def close_bar(self, sounding: Flags) -> None:
        """Remember what was played, ``(layers, steps)``."""
        self._past.append(sounding)
        self._heard += sounding
        if len(self._past) > tension.MEMORY:
            self._heard -= self._past[-1 - tension.MEMORY]

    def readings(self, sounding: Flags) -> Floats:
        """The watched scores of candidates, ``(n, layers, steps)``, as ``(n, watched)``."""
        count = len(sounding)
        if not self._watched:
            return np.zeros((count, 0))
        sums = sounding.reshape(count, -1).astype(np.float64) @ self._columns
        hits = sums[:, 3]
        found: dict[ScoreName, Floats] = {}
        if ScoreName.ENTRAINMENT in self._watched:
            length = np.sqrt(sums[:, 0] ** 2 + sums[:, 1] ** 2)
            found[ScoreName.ENTRAINMENT] = length / np.maximum(sums[:, 2], 1)
        if ScoreName.SYNCOPATION in self._watched or ScoreName.ENTROPY in self._watched:
            rows = _changed_rows(sounding)
            found[ScoreName.SYNCOPATION] = self._syncopation(rows, hits)
            found[ScoreName.ENTROPY] = self._entropy(rows, hits)
        cells = self._shape[0] * self._shape[1]
        found[ScoreName.DENSITY] = hits / cells
        found[ScoreName.TENSION] = np.minimum((sums[:, 4] + self._rest_bits) / cells, 1.0)
        result = np.empty((count, len(self._watched)))
        for column, name in enumerate(self._watched):
            result[:, column] = found[name]
        return _rounded(result)

    def _syncopation(self, rows: Rows, hits: Floats) -> Floats:
        raw = rows.totals(rows.gaps.sums(self._strengths)[:, None], len(hits))[:, 0]
        return syncopation.normalised(raw, hits.astype(np.int64), self._metre.weights)

    def _entropy(self, rows: Rows, hits: Floats) -> Floats:
        if ScoreName.ENTROPY not in self._watched:
            return np.zeros(len(hits))
        intervals = rows.totals(entropy.interval_counts(rows.gaps), len(hits))
        return entropy.normalised(entropy.entropy(intervals.astype(np.int64)), self._metre.steps)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The layers of the first candidate, and of the others those that differ from it: candidates
    differ in little, and what is equal is measured once."""

    gaps: Gaps
    candidate: Ints
    layer: Ints
    layers: int

    def totals(self, values: Floats | Ints, count: int) -> Floats:
        """Sums over layers of ``(rows, m)`` values, whole numbers all, as ``(count, m)``."""
        result = np.repeat(values[: self.layers].sum(axis=0, keepdims=True), count, axis=0)
        if len(values) > self.layers:
            rest = slice(self.layers, None)
            whose = self.candidate[rest]
            change = values[rest] - values[self.layer[rest]]
            starts = np.concatenate(([0], 1 + np.flatnonzero(whose[1:] != whose[:-1])))
            result[whose[starts]] += np.add.reduceat(change, starts, axis=0)
        return result.astype(np.float64)


def _changed_rows(sounding: Flags) -> Rows:
    layers = sounding.shape[1]
    if len(sounding) == 1:
        return Rows(gaps_of(sounding[0]), np.zeros(layers, np.int64), np.arange(layers), layers)
    changed = (sounding != sounding[0]).any(axis=2)
    changed[0] = True
    candidate, layer = np.nonzero(changed)
    return Rows(gaps_of(sounding[candidate, layer]), candidate, layer, layers)


def _rounded(values: Floats) -> Floats:
    return np.round(values, _DECIMALS).astype(np.float64, copy=False)
