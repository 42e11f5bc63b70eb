"""From hits to scores, some hundred bars at a time.

Every measure is a few whole-array operations. Working through a long groove in pieces that fit a
processor's cache keeps the cost of a bar the same however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from conduit.midi import NoteArray
from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.grid import Grid
from conduit.rhythm.scores import (
    density,
    entrainment,
    entropy,
    note_to_beat,
    pulse,
    syncopation,
    tension,
)
from conduit.rhythm.scores.gaps import gaps_of
from conduit.rhythm.scores.result import Score, Scores

PIECE_CELLS = 1 << 16
"""Bars × layers × steps that are scored at once."""

Velocities = npt.NDArray[np.uint8]
"""``(bars, layers, steps)``, 0 where nothing sounds."""


@dataclass(frozen=True, slots=True, eq=False)
class Metre:
    """What the measures need to know of a bar."""

    steps: int
    beats: int
    weights: Ints
    step_seconds: float

    @classmethod
    def of(cls, grid: Grid, bpm: float) -> Metre:
        seconds = 60 / bpm * grid.beats_per_bar / grid.steps_per_bar
        return cls(grid.steps_per_bar, grid.beats_per_bar, grid.metric_weights(), seconds)


def velocity_grid(notes: NoteArray, steps: Ints, layers: int, grid: Grid) -> Velocities:
    """The loudest note of each layer on each step. ``steps`` is ``(n,)``: where each note belongs,
    however late it is played."""
    bar, step = np.divmod(steps, grid.steps_per_bar)
    place = (bar * layers + notes["layer"]) * grid.steps_per_bar + step
    flat = np.zeros(grid.bars * layers * grid.steps_per_bar, np.uint8)
    np.maximum.at(flat, place, notes["velocity"])
    return flat.reshape(grid.bars, layers, grid.steps_per_bar)


def score_bars(velocity: Velocities, metre: Metre, heard: Flags | None = None) -> Scores:
    """All measures of ``velocity``, ``(bars, layers, steps)``, with at least one of each.

    ``heard`` is what the listener of tension hears, in the same shape; the same, unless given.
    Given, each bar is scored as if it alone had been another one.
    """
    bars, layers, steps = velocity.shape
    known = velocity != 0 if heard is None else heard
    at_once = max(tension.MEMORY, PIECE_CELLS // (layers * steps))
    pieces = []
    for first in range(0, bars, at_once):
        piece = slice(first, first + at_once)
        before = known[max(0, first - tension.MEMORY) : first]
        pieces.append(_score_piece(velocity[piece], metre, known[piece], before))
    if len(pieces) == 1:
        return pieces[0]
    return Scores(*(_joined([getattr(p, each.name) for p in pieces]) for each in fields(Scores)))


def _joined(parts: list[Score]) -> Score:
    return Score(*(np.concatenate([getattr(p, c.name) for p in parts]) for c in fields(Score)))


def _score_piece(velocity: Velocities, metre: Metre, heard: Flags, before: Flags) -> Scores:
    bars, layers, steps = velocity.shape
    onsets = velocity != 0
    gaps = gaps_of(onsets.reshape(-1, steps))
    hits = gaps.counts().reshape(bars, layers)
    total = hits.sum(axis=1)

    lhl = gaps.sums(syncopation.strengths(metre.weights)).reshape(bars, layers)
    table = note_to_beat.distances(steps, metre.beats)
    far = gaps.sums(table).reshape(bars, layers)
    wnbd, wnbd_all = note_to_beat.mean(far, hits), note_to_beat.mean(far.sum(axis=1), total)
    intervals = entropy.interval_counts(gaps).reshape(bars, layers, steps + 1)
    bits, bits_all = entropy.entropy(intervals), entropy.entropy(intervals.sum(axis=1))
    news = tension.surprisal(onsets, *tension.times_heard(heard, before))

    def syncopated(raw: Floats, count: Ints) -> Floats:
        return syncopation.normalised(raw, count, metre.weights)

    return Scores(
        entrainment=_same(*_loudness_scores(velocity, metre)),
        syncopation=Score(
            lhl.sum(axis=1), syncopated(lhl.sum(axis=1), total), lhl, syncopated(lhl, hits)
        ),
        density=Score(
            total.astype(np.float64),
            density.normalised(total, steps * layers),
            hits.astype(np.float64),
            density.normalised(hits, steps),
        ),
        entropy=Score(
            bits_all, entropy.normalised(bits_all, steps), bits, entropy.normalised(bits, steps)
        ),
        tension=Score(
            news.sum(axis=1),
            tension.normalised(news.sum(axis=1), steps * layers),
            news,
            tension.normalised(news, steps),
        ),
        note_to_beat=Score(
            wnbd_all,
            note_to_beat.normalised(wnbd_all, table),
            wnbd,
            note_to_beat.normalised(wnbd, table),
        ),
        pulse=_same(*_pulse_scores(velocity, metre)),
    )


def _same(all_layers: Floats, each: Floats) -> Score:
    return Score(all_layers, all_layers, each, each)


def _loudness_scores(velocity: Velocities, metre: Metre) -> tuple[Floats, Floats]:
    phase = entrainment.phases(metre.steps, metre.beats)
    loudness = velocity.astype(np.float64)
    return (
        entrainment.vector_strength(loudness.sum(axis=1), phase),
        entrainment.vector_strength(loudness, phase),
    )


def _pulse_scores(velocity: Velocities, metre: Metre) -> tuple[Floats, Floats]:
    lags = pulse.pulse_lags(metre.steps, metre.step_seconds)
    loudness = velocity.astype(np.float64)
    return pulse.clarity(loudness.sum(axis=1), lags), pulse.clarity(loudness, lags)
