"""What a steered groove (M4) is asked to do: plain data, part of an ``EngineConfig``.

Windows are in normalised scores (see ``conduit.rhythm.scores``). Where no window, chain, guard or
modulator is given, a groove plays as it is written.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated

from conduit.blocks import Length, Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where a score may lie. Inside it nothing is better than anything else."""

    low: Annotated[float, Range(0, 1)] = 0.0
    high: Annotated[float, Range(0, 1)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The windows that the controller holds; a score without one is left alone."""

    entrainment: Annotated[Window | None, "E: how strongly the bar points to the beat"] = None
    syncopation: Annotated[Window | None, "S: pull against the metre, for each hit"] = None
    density: Annotated[Window | None, "D: part of all steps of all layers that sound"] = None
    entropy: Annotated[Window | None, "H: how many different intervals"] = None
    tension: Annotated[Window | None, "T: news against the last 16 bars; 1 is a coin a step"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkovConfig:
    """The chain that decides the steered layers, step by step.

    The others are the backbone and play as written, and so do a steered layer's accents, ghosts
    and fills.
    """

    layers: Annotated[
        tuple[Annotated[str, Length(1, 40)], ...],
        Length(0, 64),
        "names of the steered layers; empty: hats, open hats and percussion",
    ] = ()
    fidelity: Annotated[float, Range(0, 1), "1 keeps to the written steps, 0 ignores them"] = 0.9
    persistence: Annotated[
        float, Range(-1, 1), "after a hit another is likelier (runs), or rarer (gaps) when negative"
    ] = 0.0
    sync: Annotated[
        float, Range(-1, 1), "bias towards weak steps, or strong ones when negative"
    ] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardConfig:
    """What the controller may not do, whatever its targets."""

    max_change: Annotated[
        float, Range(0.002, 1), "no knob (range -1 to 1) moves further in one bar"
    ] = 0.1
    touches: Annotated[
        int, Range(0, 16), "single steps that may be set or cleared in a bar when the knobs fail"
    ] = 6
    entrainment_floor: Annotated[
        float, Range(0, 1), "below it a bar is rescued: kick on every beat, weak hits out"
    ] = 0.0
    syncopation_ceiling: Annotated[float, Range(0, 1)] = 1.0
    density_ceiling: Annotated[float, Range(0, 1)] = 1.0


class Shape(enum.StrEnum):
    """How a modulator moves (see ``conduit.rhythm.control.modulators``)."""

    SINE = "sine"
    RAMP = "ramp"
    RANDOM_WALK = "random_walk"
    PERLIN = "perlin"


class Aim(enum.StrEnum):
    """What a modulator moves: the window of a score, or how loud the steered layers are."""

    ENTRAINMENT = "entrainment"
    SYNCOPATION = "syncopation"
    DENSITY = "density"
    ENTROPY = "entropy"
    TENSION = "tension"
    VELOCITY = "velocity"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulatorConfig:
    """A slow movement over many bars."""

    name: Annotated[str, Length(1, 40)]
    aim: Aim
    shape: Shape = Shape.SINE
    depth: Annotated[
        float, Range(0, 1), "largest distance from rest: in scores, or in 127ths of velocity"
    ] = 0.1
    period_bars: Annotated[float, Range(1, 4096), "of a sine; length of a ramp, or of a swell"] = 32
    phase: Annotated[float, Range(0, 1), "where in its period it begins"] = 0.0
    cap: Annotated[float, Range(0.0001, 1), "no larger change from one bar to the next"] = 0.02
