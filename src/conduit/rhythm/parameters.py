"""The optional parts of a config: what a layer or a groove may have and most do not.

Like :mod:`conduit.rhythm.config` plain data, and like it the bounds written here are the bounds
that are checked. Every part leaves a groove as it is until something is put in it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, Literal

from conduit.blocks import Length, Range
from conduit.rhythm.limits import MAX_BARS, MAX_STEPS
from conduit.rhythm.scale import Root, Scale


class Mode(enum.StrEnum):
    """How much is left to chance."""

    M1 = "m1"
    M2 = "m2"
    M4 = "m4"


class KickLock(enum.StrEnum):
    """What a pitched layer does where the kick is (see ``conduit.rhythm.melody``)."""

    FREE = "free"
    ANSWER = "answer"
    WITH = "with"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionConfig:
    """When the hits on some steps play (see ``conduit.rhythm.conditions``)."""

    when: Annotated[
        str,
        Length(1, 20),
        "PRE, NEI, FILL, 1ST (each also NOT_...), EVERY_4, 3:4 or a chance such as 50%",
    ]
    steps: Annotated[
        str, Length(1, 2 * MAX_STEPS), "x marks steps; around and around, turning with the loop"
    ] = "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatchetConfig:
    """Steps that are struck more than once (see ``conduit.rhythm.ratchet``)."""

    strokes: Annotated[
        str,
        Length(0, 2 * MAX_STEPS),
        "2 to 9 strokes where a digit stands, one where . does; turning with the loop",
    ] = ""
    span: Annotated[float, Range(0.1, 16), "steps that the strokes are spread over"] = 1.0
    pace: Annotated[float, Range(-1, 1), "0 even; above it speeds up, below it slows down"] = 0.0
    fall: Annotated[int, Range(-100, 100), "velocity lost from the first stroke to the last"] = 0
    probability: Annotated[float, Range(0, 1), "chance of each marked hit to be a ratchet"] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VariationConfig:
    """Small changes of a kick that otherwise never changes (see ``conduit.rhythm.variation``)."""

    probability: Annotated[float, Range(0, 1), "chance of a change; 0 is none"] = 0.0
    every: Annotated[int, Range(1, 64), "a change may come in the last of so many bars"] = 4
    drop: Annotated[float, Range(0, 100), "weight: the bar's last hit is left out"] = 1.0
    double: Annotated[float, Range(0, 100), "weight: it is played again two steps later"] = 1.0
    push: Annotated[float, Range(0, 100), "weight: it comes one step early"] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MelodyConfig:
    """What makes a layer a line in the groove's key (see ``conduit.rhythm.melody``).

    Degrees count the notes of the scale from 0, the key's root at or below the layer's pitch; in a
    scale of seven notes 7 is the octave. Negative degrees come from the octave below.
    """

    degrees: Annotated[
        tuple[Annotated[int, Range(-28, 28)], ...],
        Length(1, MAX_STEPS),
        "degrees of the scale, around and around",
    ] = (0,)
    by: Annotated[
        Literal["hit", "step"], "a degree a hit, anew in each phrase, or a degree a step"
    ] = "hit"
    octaves: Annotated[int, Range(1, 4), "the line stays within so many, from the root up"] = 1
    wander: Annotated[float, Range(0, 1), "chance of the degree above or below instead"] = 0.0
    leap: Annotated[float, Range(0, 1), "chance of an octave up, where there is room"] = 0.0
    chord: Annotated[
        tuple[Annotated[int, Range(-28, 28)], ...],
        Length(1, 8),
        "degrees above the line that sound together; 0, 2, 4 is a triad",
    ] = (0,)
    kick: Annotated[KickLock, "answer: in the kick's rests only. with: only with a kick"] = (
        KickLock.FREE
    )
    gates: Annotated[
        tuple[Annotated[float, Range(0.05, 32)], ...],
        Length(0, 64),
        "what the layer's length is multiplied by, step by step, around and around",
    ] = ()
    slides: Annotated[
        str, Length(0, 2 * MAX_STEPS), "x marks steps whose notes last into the next one"
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyConfig:
    """The key that pitched layers follow."""

    root: Root = Root.A
    scale: Scale = Scale.MINOR


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoChange:
    """From a bar on, another tempo."""

    bar: Annotated[int, Range(0, MAX_BARS - 1), "counted from 0"]
    bpm: Annotated[float, Range(20, 300), "quarter notes a minute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterChange:
    """From a bar on, another time signature: bars that are cut short."""

    bar: Annotated[int, Range(0, MAX_BARS - 1), "counted from 0"]
    beats: Annotated[int, Range(1, 64), "the upper number"]
    unit: Annotated[Literal[1, 2, 4, 8, 16, 32], "the lower number"] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerConfig:
    """A name for a bar, in the file."""

    bar: Annotated[int, Range(0, MAX_BARS - 1), "counted from 0"]
    text: Annotated[str, Length(1, 200)]
