"""Phrases: what makes eight bars of loop into a sentence.

The musical idea: dancers feel the eighth bar coming. There the last steps of a phrase are replaced
by a fill, and fills have a rank. With fills ``(small, middle, large)`` phrases of eight bars end

    small   middle   small   large      and so on: 8, 16, 24, 32 bars

so that the ear can tell 16 from 8 and 32 from 16. One fill serves for all; with two, the second
comes every 16 bars. A layer without fills plays through, and one whose pattern is all rests but has
fills (a tom, a crash) is heard only there.

Below that, a *turn* ends the first half of each phrase (bar 4 of 8), and a kick may vary in every
fourth bar (``conduit.rhythm.variation``). Above it, a layer's *form* says in which phrases it plays
at all: ``"..xx"`` is silent for two phrases and there for two, which over phrases of eight bars is
an arrangement of thirty-two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.grid import Grid
from conduit.rhythm.pattern import REST, Kinds


def add_fills(kinds: Kinds, fills: Sequence[Kinds], phrase_bars: int, grid: Grid) -> None:
    """Write the fills over the ends of whole phrases, in place. ``kinds`` is ``(steps,)``."""
    if not fills:
        return
    for rank, phrases in enumerate(_phrases_by_rank(len(fills), grid.bars // phrase_bars)):
        fill = fills[rank][-phrase_bars * grid.steps_per_bar :]
        kinds[_ends(phrases * phrase_bars, grid)[:, None] - np.arange(len(fill), 0, -1)] = fill


def add_turns(kinds: Kinds, turn: Kinds, phrase_bars: int, grid: Grid) -> None:
    """Write the turn over the end of the first half of each phrase, in place. ``kinds`` is
    ``(steps,)``; a phrase of one bar has no halves."""
    half = phrase_bars // 2
    turn = turn[-half * grid.steps_per_bar :] if half else turn[:0]
    if len(turn):
        bars = np.arange(half, grid.bars + 1, phrase_bars)
        kinds[_ends(bars, grid)[:, None] - np.arange(len(turn), 0, -1)] = turn


def follow_form(kinds: Kinds, form: Kinds, phrase_steps: int) -> None:
    """Silence the phrases where the form has a rest, in place. ``kinds`` is ``(steps,)``."""
    phrase = np.arange(len(kinds)) // phrase_steps
    kinds[form[phrase % len(form)] == REST] = REST


def in_fill(bars: int, steps_per_bar: int, phrase_bars: int, fill_bars: int) -> Flags:
    """Which steps lie in the last ``fill_bars`` bars of a phrase, ``(bars * steps_per_bar,)``."""
    last = np.arange(bars) % phrase_bars >= phrase_bars - fill_bars
    return np.repeat(last, steps_per_bar)


def _ends(bars: Ints, grid: Grid) -> Ints:
    """The step after the last one played of so many bars, for each number of bars given."""
    return (bars - 1) * grid.steps_per_bar + grid.bar_steps()[bars - 1]


def _phrases_by_rank(ranks: int, phrases: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The numbers (from 1) of the phrases that end in each fill."""
    number = np.arange(1, phrases + 1)
    rank = np.where(number % 4 == 0, ranks - 1, np.where(number % 2 == 0, min(1, ranks - 1), 0))
    return [number[rank == each] for each in range(ranks)]
