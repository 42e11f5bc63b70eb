"""From one layer to another; and how a layer comes or goes that only one of two grooves has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from conduit.midi.notes import Flags
from conduit.rhythm.config import (
    EngineConfig,
    Feel,
    GhostConfig,
    LayerConfig,
    TimingBin,
    TimingConfig,
)
from conduit.rhythm.hits import layer_loop
from conduit.rhythm.limits import MAX_STEPS
from conduit.rhythm.morph.fade import Cells, Fade, between, common_length, whole
from conduit.rhythm.parameters import (
    ConditionConfig,
    MelodyConfig,
    RatchetConfig,
    VariationConfig,
)
from conduit.rhythm.pattern import HIT, MAYBE, REST, SYMBOLS, Kinds, parse_pattern
from conduit.rhythm.ratchet import parse_strokes
from conduit.rhythm.timing import FEELS

MOST_AROUND: Final = 64
"""Values that go around step by step, as many as a layer may have of them."""
_MOST_BINS, _MOST_CONDITIONS = 16, 32
_ON_THE_GRID: Final = (TimingBin(name="grid"),)
_FEWEST_GHOSTS: Final = 0.02
_QUIETEST: Final = 0.5
"""The part of its velocity that a layer comes in with and goes out with."""


def straightened(config: EngineConfig, layer: LayerConfig) -> LayerConfig:
    """The same layer with its loop written out as a pattern, turned as far as it is."""
    by = layer.rotation
    return replace(
        layer,
        pattern=as_text(layer_loop(config, layer)),
        steps=None,
        pulses=None,
        rotation=0,
        conditions=tuple(
            replace(each, steps=as_text(np.roll(parse_pattern(each.steps), by)))
            for each in layer.conditions
        ),
        ratchet=replace(layer.ratchet, strokes=_as_strokes(np.roll(strokes_of(layer), by)))
        if layer.ratchet.strokes
        else layer.ratchet,
    )


def as_text(cells: Cells | Kinds) -> str:
    """Steps as a pattern."""
    return "".join(SYMBOLS[each] for each in cells.tolist())


def strokes_of(layer: LayerConfig) -> Cells:
    """How often each step is struck."""
    return parse_strokes(layer.ratchet.strokes or ".").astype(np.int64)


def _as_strokes(strokes: Cells) -> str:
    return "".join("." if each <= 1 else str(each) for each in strokes.tolist())


def own_density(layer: LayerConfig) -> float:
    """The part of its steps that a straightened layer fills, on average."""
    if layer.density is not None:
        return layer.density
    loop = parse_pattern(layer.pattern)
    weight = (loop != REST).astype(float)
    weight[loop == HIT] = layer.probability
    weight[loop == MAYBE] = layer.maybe
    return float(weight.mean())


def paired(
    one: LayerConfig, two: LayerConfig, swings: tuple[float, float], fade: Fade
) -> LayerConfig:
    """A layer between two that are the same instrument, both straightened. ``swings`` are those of
    their grooves."""
    at, name = fade.amount, one.name
    near = two if fade.late else one
    held = two if fade.turned(name) else one
    pattern, conditions = _played(one, two, held, fade)
    density = None
    if one.density is not None or two.density is not None:
        density = between(own_density(one), own_density(two), at)
    swing = None
    if one.swing is not None or two.swing is not None:
        mine = swings[0] if one.swing is None else one.swing
        swing = between(mine, swings[1] if two.swing is None else two.swing, at)
    return replace(
        held,
        name=near.name,
        role=near.role,
        pattern=pattern,
        conditions=conditions,
        accents=_marks(one.accents, two.accents, "accents", name, fade),
        density=density,
        swing=swing,
        drift=between(one.drift, two.drift, at),
        probability=between(one.probability, two.probability, at),
        maybe=between(one.maybe, two.maybe, at),
        void=between(one.void, two.void, at),
        velocity=whole(one.velocity, two.velocity, at),
        accent=whole(one.accent, two.accent, at),
        humanize=whole(one.humanize, two.humanize, at),
        length=between(one.length, two.length, at),
        shape=tuple(math.floor(each + 0.5) for each in _around(one.shape, two.shape, 0.0, at)),
        variation=_variation(one.variation, two.variation, held.variation, at),
        ratchet=_ratchet(one, two, fade),
        ghost=_ghosts(one.ghost, two.ghost, held.ghost, at),
        timing=_timing(one.timing, two.timing, held.timing, at),
        melody=_melody(one.melody, two.melody, held.melody, name, fade),
    )


def alone(layer: LayerConfig, fade: Fade, *, coming: bool) -> LayerConfig:
    """A straightened layer that only one groove has: step by step and louder as it comes, step by
    step and softer as it goes."""
    loop = parse_pattern(layer.pattern).astype(np.int64)
    nothing = np.zeros(len(loop), np.int64)
    ends = (nothing, loop) if coming else (loop, nothing)
    cells, _ = fade.cells(layer.name, "steps", *ends)
    part = fade.amount if coming else 1 - fade.amount
    there = part >= 0.5
    none = replace(layer.ghost, probability=0.0)
    ghosts = (none, layer.ghost) if coming else (layer.ghost, none)
    return replace(
        layer,
        pattern=as_text(cells),
        density=None if layer.density is None else layer.density * part,
        velocity=max(1, whole(0, layer.velocity, _QUIETEST + (1 - _QUIETEST) * part)),
        fills=layer.fills if there else (),
        turn=layer.turn if there else "",
        variation=replace(layer.variation, probability=layer.variation.probability * part),
        ghost=_ghosts(*ghosts, layer.ghost, fade.amount),
    )


def heard(layer: LayerConfig) -> bool:
    """Whether anything of a straightened layer may ever sound."""
    parts = (layer.pattern, layer.turn, *layer.fills)
    return any(parse_pattern(text).any() for text in parts) or bool(layer.density)


def _played(
    one: LayerConfig, two: LayerConfig, held: LayerConfig, fade: Fade
) -> tuple[str, tuple[ConditionConfig, ...]]:
    """The steps, and their conditions: each step keeps those that it came with. A loop that counts
    how often it went around keeps its length, so such loops of two lengths change as one."""
    first, second = (parse_pattern(each.pattern).astype(np.int64) for each in (one, two))
    asked = bool(one.conditions or two.conditions)
    if asked and len(first) != len(second):
        return held.pattern, held.conditions
    cells, mine = fade.cells(one.name, "steps", first, second)
    if one.conditions == two.conditions:
        return as_text(cells), one.conditions
    kept = (*_masked(one.conditions, ~mine), *_masked(two.conditions, mine))
    if len(kept) > _MOST_CONDITIONS:
        return held.pattern, held.conditions
    return as_text(cells), kept


def _masked(conditions: Sequence[ConditionConfig], where: Flags) -> list[ConditionConfig]:
    """Conditions on these steps of the loop only; those that stand nowhere are left out."""
    found = []
    for each in conditions:
        marks = parse_pattern(each.steps)
        length = common_length(len(marks), len(where))
        marked = (np.resize(marks, length) != REST) & np.resize(where, length)
        if marked.any():
            found.append(replace(each, steps=as_text(np.where(marked, HIT, REST))))
    return found


def _marks(one: str, two: str, what: str, name: str, fade: Fade) -> str:
    """Marked steps, cross-faded; nothing is as good as no mark."""
    if one == two:
        return one
    ends = (parse_pattern(each or ".").astype(np.int64) for each in (one, two))
    cells, _ = fade.cells(name, what, *ends)
    return as_text(cells) if cells.any() else ""


def _around(
    one: Sequence[float], two: Sequence[float], usual: float, at: float
) -> tuple[float, ...]:
    """Values that go around step by step."""
    if tuple(one) == tuple(two):
        return tuple(one)
    first, second = (np.array(each or (usual,), float) for each in (one, two))
    length = min(MOST_AROUND, common_length(len(first), len(second), MOST_AROUND))
    return tuple((np.resize(first, length) * (1 - at) + np.resize(second, length) * at).tolist())


def _variation(
    one: VariationConfig, two: VariationConfig, held: VariationConfig, at: float
) -> VariationConfig:
    return replace(
        held,
        probability=between(one.probability, two.probability, at),
        drop=between(one.drop, two.drop, at),
        double=between(one.double, two.double, at),
        push=between(one.push, two.push, at),
    )


def _ghosts(one: GhostConfig, two: GhostConfig, held: GhostConfig, at: float) -> GhostConfig:
    return replace(
        held,
        probability=_rare(between(one.probability, two.probability, at), one, two),
        low=whole(one.low, two.low, at),
        high=whole(one.high, two.high, at),
    )


def _rare(probability: float, one: GhostConfig, two: GhostConfig) -> float:
    """Any chance above none gives a ghost in every phrase, so between none and some there is a
    stretch without."""
    some = one.probability > 0 and two.probability > 0
    return probability if some or probability >= _FEWEST_GHOSTS else 0.0


def _ratchet(one: LayerConfig, two: LayerConfig, fade: Fade) -> RatchetConfig:
    at, a, b = fade.amount, one.ratchet, two.ratchet
    strokes = a.strokes
    if a.strokes != b.strokes:
        first, second = strokes_of(one) - 1, strokes_of(two) - 1  # struck once is nothing
        strokes = _as_strokes(fade.cells(one.name, "strokes", first, second)[0] + 1)
    return RatchetConfig(
        strokes=strokes if strokes.strip(". |") else "",
        span=between(a.span, b.span, at),
        pace=between(a.pace, b.pace, at),
        fall=whole(a.fall, b.fall, at),
        probability=between(a.probability, b.probability, at),
    )


def _timing(one: TimingConfig, two: TimingConfig, held: TimingConfig, at: float) -> TimingConfig:
    """A hit falls as in the one groove or as in the other, as in the one more and more rarely."""
    feel, bins = one.feel, one.bins
    if (one.feel, one.bins) != (two.feel, two.bins):
        bins = tuple(
            replace(each, weight=each.weight / sum(b.weight for b in ends) * part)
            for ends, part in ((_bins_of(one), 1 - at), (_bins_of(two), at))
            for each in ends
        )
        feel = Feel.GRID
        if len(bins) > _MOST_BINS:
            feel, bins = held.feel, held.bins
    return TimingConfig(
        feel=feel,
        bins=bins,
        steps_ms=_around(one.steps_ms, two.steps_ms, 0.0, at),
        cap_ms=between(one.cap_ms, two.cap_ms, at),
    )


def _bins_of(timing: TimingConfig) -> tuple[TimingBin, ...]:
    return timing.bins or FEELS[timing.feel] or _ON_THE_GRID


def _melody(
    one: MelodyConfig | None,
    two: MelodyConfig | None,
    held: MelodyConfig | None,
    name: str,
    fade: Fade,
) -> MelodyConfig | None:
    if one is None or two is None or held is None or one.by != two.by:
        return held
    at = fade.amount
    degrees = held.degrees
    if one.degrees != two.degrees:
        # As numbers from 1, since 0 would be a rest and degrees have none.
        first, second = (np.array(each.degrees, np.int64) + 100 for each in (one, two))
        cells, _ = fade.cells(name, "degrees", first, second)
        degrees = tuple((cells - 100).tolist())[:MAX_STEPS]
    return replace(
        held,
        degrees=degrees,
        octaves=whole(one.octaves, two.octaves, at),
        wander=between(one.wander, two.wander, at),
        leap=between(one.leap, two.leap, at),
        gates=_around(one.gates, two.gates, 1.0, at),
        slides=_marks(one.slides, two.slides, "slides", name, fade),
    )
