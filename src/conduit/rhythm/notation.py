"""Grooves as text: one lane a layer, one string a bar, one character a step.

``.`` rest, ``-`` ghost (velocity below 50), ``x`` hit, ``X`` accent (velocity 110 and above).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from conduit.midi import NoteArray
from conduit.midi.notes import Ints

GHOST_BELOW = 50
ACCENT_FROM = 110


@dataclass(frozen=True, slots=True)
class Lane:
    """One layer of a step grid."""

    name: str
    pitch: Annotated[int, "MIDI note"]
    bars: Annotated[tuple[str, ...], "a string a bar: . rest, - ghost, x hit, X accent"]


def lane_bars(velocity: Ints, steps: Ints, bars: int, steps_per_bar: int) -> tuple[str, ...]:
    """The bars of one lane. ``velocity`` and ``steps`` (from the first bar on) are ``(n,)``; of
    several notes on one step the loudest shows."""
    loudest = np.zeros(bars * steps_per_bar, np.int64)
    np.maximum.at(loudest, steps, velocity)
    level = (loudest > 0).astype(np.uint8) + (loudest >= GHOST_BELOW) + (loudest >= ACCENT_FROM)
    text = np.frombuffer(b".-xX", np.uint8)[level].tobytes().decode()
    return tuple(text[at : at + steps_per_bar] for at in range(0, len(text), steps_per_bar))


def lanes_of(
    notes: NoteArray,
    steps: Ints,
    layers: Sequence[tuple[str, int]],
    first_bar: int,
    bars: int,
    steps_per_bar: int,
) -> tuple[Lane, ...]:
    """The step grid of some bars.

    ``steps`` is ``(n,)``: the step of the groove that each note belongs to, however late it is
    played. ``layers`` are name and pitch.
    """
    first = first_bar * steps_per_bar
    inside = (steps >= first) & (steps < first + bars * steps_per_bar)
    layer, velocity = notes["layer"][inside], notes["velocity"][inside].astype(np.int64)
    step = steps[inside] - first
    return tuple(
        Lane(name, pitch, lane_bars(velocity[layer == n], step[layer == n], bars, steps_per_bar))
        for n, (name, pitch) in enumerate(layers)
    )


def as_text(
    lanes: Sequence[Lane], *, first_bar: int = 0, beat_steps: int = 4, bars_per_row: int = 2
) -> str:
    """A step grid for a terminal: bars numbered from ``first_bar + 1``, beats set apart."""
    if not lanes:
        return ""
    width = max(len(lane.name) for lane in lanes)
    count = len(lanes[0].bars)
    rows = []
    for start in range(0, count, bars_per_row):
        for lane in lanes:
            bars = lane.bars[start : start + bars_per_row]
            row = " | ".join(_beats(bar, beat_steps) for bar in bars)
            rows.append(f"{lane.name:>{width}} {first_bar + start + 1:>3} | {row} |")
        rows.append("")
    return "\n".join(rows).rstrip("\n")


def _beats(bar: str, beat_steps: int) -> str:
    return " ".join(bar[at : at + beat_steps] for at in range(0, len(bar), max(1, beat_steps)))
