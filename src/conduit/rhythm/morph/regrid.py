"""A groove on the grid of another: where two count a bar in different steps, or in other beats.

Each step goes to the nearest step of the new grid; where several meet, the strongest stays. What is
measured in steps (lengths, loops, drifts) is measured in the new ones. Times in milliseconds,
velocities and chances stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final, TypeVar

import numpy as np

from conduit.rhythm.config import EngineConfig, LayerConfig
from conduit.rhythm.limits import MAX_STEPS
from conduit.rhythm.morph.fade import Cells
from conduit.rhythm.morph.layers import MOST_AROUND, as_text, strokes_of
from conduit.rhythm.parameters import MelodyConfig
from conduit.rhythm.pattern import ACCENT, GHOST, HIT, MAYBE, parse_pattern

T = TypeVar("T")

_BY_STRENGTH: Final = (GHOST, MAYBE, HIT, ACCENT)


def pace_between(config: EngineConfig, like: EngineConfig) -> Fraction:
    """How many steps of the second one last as long as a step of the first."""
    return Fraction(like.steps_per_bar * config.beats_per_bar, like.beats_per_bar) / (
        config.steps_per_bar
    )


def on_grid(layer: LayerConfig, pace: Fraction) -> LayerConfig:
    """A straightened layer in steps of which ``pace`` last as long as one of its own."""
    if pace == 1:
        return layer
    by = float(pace)
    return replace(
        layer,
        pattern=_steps(layer.pattern, pace),
        fills=tuple(_steps(each, pace) for each in layer.fills),
        turn=_steps(layer.turn, pace),
        accents=_steps(layer.accents, pace),
        drift=_within(layer.drift * by, -64, 64),
        conditions=tuple(
            replace(each, steps=_steps(each.steps, pace)) for each in layer.conditions
        ),
        ratchet=replace(
            layer.ratchet,
            strokes=_strokes(layer, pace),
            span=_within(layer.ratchet.span * by, 0.1, 16),
        ),
        ghost=replace(layer.ghost, steps=_steps(layer.ghost.steps, pace)),
        melody=_line(layer.melody, pace) if layer.melody else None,
        shape=_values(layer.shape, pace, MOST_AROUND),
        timing=replace(layer.timing, steps_ms=_values(layer.timing.steps_ms, pace, MOST_AROUND)),
        length=_within(layer.length * by, 0.01, 64),
    )


def _line(melody: MelodyConfig, pace: Fraction) -> MelodyConfig:
    degrees = melody.degrees
    if melody.by == "step":
        degrees = _values(degrees, pace, MAX_STEPS)
    return replace(
        melody,
        degrees=degrees,
        gates=_values(melody.gates, pace, MOST_AROUND),
        slides=_steps(melody.slides, pace),
    )


def _within(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))


def _length(steps: int, pace: Fraction, most: int) -> int:
    return min(most, max(1, int(steps * pace + Fraction(1, 2))))


def _places(count: int, pace: Fraction, length: int) -> Cells:
    """Where each step goes; -1 where the new loop has no room for it."""
    up, down = pace.numerator, pace.denominator
    places = (2 * np.arange(count, dtype=np.int64) * up + down) // (2 * down)
    if length < MAX_STEPS:
        return places % length
    return np.where(places < length, places, -1)


def _steps(text: str, pace: Fraction) -> str:
    cells = parse_pattern(text)
    if not len(cells):
        return text
    length = _length(len(cells), pace, MAX_STEPS)
    places, made = _places(len(cells), pace, length), np.zeros(length, np.int64)
    for kind in _BY_STRENGTH:
        here = places[cells == kind]
        made[here[here >= 0]] = kind
    return as_text(made)


def _strokes(layer: LayerConfig, pace: Fraction) -> str:
    if not layer.ratchet.strokes:
        return ""
    strokes = strokes_of(layer)
    length = _length(len(strokes), pace, MAX_STEPS)
    places, made = _places(len(strokes), pace, length), np.ones(length, np.int64)
    np.maximum.at(made, places[places >= 0], strokes[places >= 0])
    return "".join("." if each == 1 else str(each) for each in made.tolist())


def _values(values: Sequence[T], pace: Fraction, most: int) -> tuple[T, ...]:
    """What goes around step by step: a new step takes the value of the step that it lies in."""
    if not values:
        return ()
    length = _length(len(values), pace, most)
    return tuple(values[int(at / pace) % len(values)] for at in range(length))
