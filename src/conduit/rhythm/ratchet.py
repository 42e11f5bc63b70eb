"""Ratchets: one hit struck several times within its step.

The musical idea: a roll that belongs to a step, as if the sequencer stuttered. ``strokes`` says how
many where, ``span`` over how many steps they are spread, and ``pace`` whether they hurry: each gap
is ``2 ** -pace`` times the one before, so at 1 every gap is half the last (a bouncing ball), at -1
twice it, and at 0 all are equal. Stroke *i* of *n* therefore begins at

    span · (1 − qⁱ) / (1 − qⁿ)  steps,  q = 2 ** -pace          (span · i / n  where q = 1)

Only hits and accents stutter; a ghost that did would be no ghost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.contracts.errors import InvalidInput
from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.parameters import RatchetConfig
from conduit.rhythm.pattern import BLANK, HIT, Kinds

MOST_STROKES: Final = 9


@dataclass(frozen=True, slots=True)
class Strokes:
    """What becomes of hits that are struck again: ``hit`` is the number of the hit that each
    stroke belongs to, ``later`` its ticks after that hit's and ``softer`` the velocity it has
    lost; all ``(strokes,)``."""

    hit: Ints
    later: Ints
    softer: Ints


def parse_strokes(text: str, where: str = "strokes") -> Kinds:
    """How many strokes each step has, ``(n,)``. Raises ``InvalidInput`` for the first wrong one."""
    symbols = text.translate(BLANK)
    for place, symbol in enumerate(symbols):
        if symbol not in ".123456789":
            raise InvalidInput(
                f"step {place + 1} is {symbol!r}, legal are . (one stroke) and 1 to {MOST_STROKES}",
                where=where,
            )
    return np.array([1 if symbol == "." else int(symbol) for symbol in symbols], np.uint8)


def struck_again(
    ratchet: RatchetConfig, counts: Kinds, kinds: Kinds, chance: Floats, step_ticks: float
) -> Strokes:
    """The strokes of every hit, in order. ``counts``, ``kinds`` and ``chance`` are ``(hits,)``."""
    stutters = (kinds >= HIT) & (chance < ratchet.probability)
    strokes = np.where(stutters, counts, 1).astype(np.int64)
    hit = np.repeat(np.arange(len(strokes)), strokes)
    number = np.arange(len(hit)) - np.repeat(np.cumsum(strokes) - strokes, strokes)
    of = strokes[hit]
    later = stroke_ticks(ratchet, step_ticks)[of, number]
    part = number / np.maximum(of - 1, 1)
    return Strokes(hit, later, np.floor(ratchet.fall * part + 0.5).astype(np.int64))


def stroke_ticks(ratchet: RatchetConfig, step_ticks: float) -> Ints:
    """Where stroke ``i`` of ``n`` begins, in ticks after the hit: ``[n, i]``."""
    table = np.zeros((MOST_STROKES + 1, MOST_STROKES), np.int64)
    q = 2.0**-ratchet.pace
    for count in range(2, MOST_STROKES + 1):
        i = np.arange(count)
        part = i / count if q == 1 else (1 - q**i) / (1 - q**count)
        table[count, :count] = np.floor(part * ratchet.span * step_ticks + 0.5)
    return table
