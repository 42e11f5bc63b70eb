"""Step conditions: hits that play only when something else is so.

The musical idea: one bar, written once, that takes a minute to repeat. A condition stands on a
*trig* (a step where the loop has a hit or a ``?``) and is asked each time the loop comes past, in
the order of the layers. What they mean is what players of trig-condition sequencers know:

====================  ==============================================================================
``50%``, ``PROB_50``  a die is thrown, anew each time (a ``?`` step instead keeps to its memory)
``PRE``               the condition asked last on this layer was true
``NEI``               the condition asked last on the layer above was true
``FILL``              it is a fill: one of the last ``fill_bars`` bars of the phrase
``1ST``               the loop is played for the first time
``3:4``               of every four times the loop is played, the third
``EVERY_4``           every fourth time, so the same as ``4:4``
``NOT_PRE`` and so    the opposite, for ``PRE``, ``NEI``, ``FILL`` and ``1ST``
====================  ==============================================================================

What the manuals leave open is settled here:

- ``PRE`` conditions are asked but not remembered: after ``50%`` came true, the steps ``PRE`` and
  ``NOT_PRE`` are true and false, and both answers are about the ``50%``.
- Before anything was asked, ``PRE`` and ``NEI`` are false, and their opposites true.
- On one step a layer is asked after the layer above it, so ``NEI`` sees the same step.
- Several conditions on one trig are asked in the order they are listed, all of them, each
  remembered by itself; the hit plays when all are true.

Asking is done for all bars at once, and the work grows with the number of trigs alone.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.contracts.errors import InvalidInput
from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats

MOST_PASSES: Final = 64


class Asks(enum.Enum):
    """What a condition looks at."""

    CHANCE = enum.auto()
    PRE = enum.auto()
    NEI = enum.auto()
    FILL = enum.auto()
    PASS = enum.auto()
    FIRST = enum.auto()


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition, read. ``part`` of ``parts`` is for ``PASS``, ``chance`` (0 to 1) for
    ``CHANCE``."""

    asks: Asks
    negated: bool = False
    part: int = 1
    parts: int = 1
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of a layer that are remembered, in the order they were given: ``steps`` and
    ``answers`` are ``(n,)``, and ``steps`` never falls."""

    steps: Ints
    answers: Flags


NOTHING_ASKED: Final = Asked(np.empty(0, np.int64), np.empty(0, np.bool_))

_WORDS: Final = {"PRE": Asks.PRE, "NEI": Asks.NEI, "FILL": Asks.FILL, "1ST": Asks.FIRST}
_CHANCE = re.compile(r"(?=PROB_|.*%)(?:PROB_)?(\d{1,3}(?:\.\d{1,6})?) ?%?")
_EVERY = re.compile(r"EVERY_(\d{1,2})")
_RATIO = re.compile(r"(\d{1,2}):(\d{1,2})")


def parse_condition(text: str, where: str = "when") -> Condition:
    """Read a condition. Raises ``InvalidInput`` that names what is legal."""
    word = text.strip().upper()
    plain = word.removeprefix("NOT_")
    if plain in _WORDS:
        return Condition(_WORDS[plain], negated=plain != word)
    if (match := _CHANCE.fullmatch(word)) and (percent := float(match[1])) <= 100:
        return Condition(Asks.CHANCE, chance=percent / 100)
    if (match := _EVERY.fullmatch(word)) and 1 <= (every := int(match[1])) <= MOST_PASSES:
        return Condition(Asks.PASS, part=every, parts=every)
    if match := _RATIO.fullmatch(word):
        part, parts = int(match[1]), int(match[2])
        if 1 <= part <= parts <= MOST_PASSES:
            return Condition(Asks.PASS, part=part, parts=parts)
    raise InvalidInput(
        f"{text[:40]!r} is no condition",
        where=where,
        hint="legal are PRE, NEI, FILL, 1ST, NOT_PRE, NOT_NEI, NOT_FILL, NOT_1ST, "
        f"EVERY_1 to EVERY_{MOST_PASSES}, 1:1 to {MOST_PASSES}:{MOST_PASSES}, 0% to 100%",
    )


def ask(
    conditions: Sequence[tuple[Condition, Flags]],
    passes: Ints,
    fill: Flags,
    above: Asked,
    dice: Callable[[int], Floats],
) -> tuple[Flags, Asked]:
    """Ask the conditions of one layer, at all steps of the groove.

    Each condition comes with the trigs it stands on, ``(steps,)``; ``passes`` (from 1) and ``fill``
    are ``(steps,)``; ``above`` is what the layer above remembers; ``dice(n)`` has the numbers of
    the n-th condition, ``(steps,)``. Returns which steps may play, ``(steps,)``, and what is
    remembered.
    """
    places = [np.flatnonzero(trigs) for _, trigs in conditions]
    order = np.argsort(np.concatenate(places), kind="stable")
    raw, negated, is_pre = (
        np.concatenate(columns)[order]
        for columns in (
            [
                _answers(condition, at, passes, fill, above, number, dice)
                for number, ((condition, _), at) in enumerate(zip(conditions, places, strict=True))
            ],
            [np.full(len(at), c.negated) for (c, _), at in zip(conditions, places, strict=True)],
            [
                np.full(len(at), c.asks is Asks.PRE)
                for (c, _), at in zip(conditions, places, strict=True)
            ],
        )
    )
    steps = np.concatenate(places)[order]
    answers = np.where(is_pre, _answer_before(raw ^ negated, ~is_pre), raw) ^ negated
    plays = np.ones(len(passes), np.bool_)
    plays[steps[~answers]] = False
    return plays, Asked(steps[~is_pre], answers[~is_pre])


def _answers(
    condition: Condition,
    at: Ints,
    passes: Ints,
    fill: Flags,
    above: Asked,
    number: int,
    dice: Callable[[int], Floats],
) -> Flags:
    """The answers of a condition on the steps ``at``, before ``NOT_``; none yet for ``PRE``."""
    answers: Flags = np.zeros(len(at), np.bool_)
    match condition.asks:
        case Asks.CHANCE:
            answers = dice(number)[at] < condition.chance
        case Asks.FILL:
            answers = fill[at]
        case Asks.FIRST:
            answers = passes[at] == 1
        case Asks.PASS:
            answers = (passes[at] - condition.part) % condition.parts == 0
        case Asks.NEI:
            last = np.searchsorted(above.steps, at, side="right")
            answers = np.append(np.False_, above.answers)[last]
    return answers


def _answer_before(answers: Flags, remembered: Flags) -> Flags:
    """For each place the latest remembered answer so far; false where there is none."""
    place = np.where(remembered, np.arange(1, len(answers) + 1), 0)
    return np.append(np.False_, answers)[np.maximum.accumulate(place)]
