"""Phrases that lead somewhere: a fill, a build, a breakdown and a drop in any style.

A phrase is an ordinary config that is one phrase long: what makes it lead is written as the fill of
its layers, which replaces their end, or all of them. The musical ideas:

- *fill*: the kick leaves the last half bar and a roll answers, so that the next *one* is wanted;
- *build*: a roll in quarters, eighths, then sixteenths, and no kick in the last bar;
- *breakdown*: no kick and no backbeat, thin hats; one bar of pickup at the end;
- *drop*: everything at once with a crash on the one, busier than the style is written.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final

from conduit.blocks import Length, Range
from conduit.rhythm.config import EngineConfig, GhostConfig, LayerConfig, Role
from conduit.rhythm.groove import GrooveRequest, complete, config_of
from conduit.rhythm.styles import Style
from conduit.rhythm.styles.drums import CRASH, SNARE


class Phrase(enum.StrEnum):
    """What a phrase does."""

    FILL = "fill"
    BUILD = "build"
    BREAKDOWN = "breakdown"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class PhraseRequest:
    """A phrase that leads somewhere, in a style."""

    kind: Annotated[
        Phrase,
        "fill: a turn at the end. build: a roll that grows. breakdown: no kick, then a pickup. "
        "drop: everything, with a crash.",
    ]
    style: Style
    bars: Annotated[int | None, Range(1, 32), "null: 4 for a fill, otherwise 8"] = None
    bpm: Annotated[float | None, Range(20, 300), "null: the style's own"] = None
    swing: Annotated[float | None, Range(50, 75), "percent; null: the style's own"] = None
    seed: Annotated[int, Range(0, 2**53 - 1), "which variation"] = 0
    name: Annotated[str, Length(0, 400), "name of the files; empty: made from the rest"] = ""


_DENSITY: Final[Mapping[Phrase, float]] = {
    Phrase.BUILD: 0.6,
    Phrase.BREAKDOWN: 0.25,
    Phrase.DROP: 0.65,
}
_LISTEN: Final[Mapping[Phrase, str]] = {
    Phrase.FILL: "The kick leaves the last half bar, and a roll asks for the next one.",
    Phrase.BUILD: "A roll that doubles twice, and a last bar without a kick.",
    Phrase.BREAKDOWN: "No kick and no backbeat, until one bar of pickup at the end.",
    Phrase.DROP: "Everything comes back at once, with a crash on the one.",
}


def phrase_config(request: PhraseRequest) -> EngineConfig:
    """The config of a phrase, exactly one phrase long."""
    kind = request.kind
    bars = request.bars or (4 if kind is Phrase.FILL else 8)
    wish = GrooveRequest(
        request.style,
        bpm=request.bpm,
        bars=bars,
        seed=request.seed,
        density=_DENSITY.get(kind),
        swing=request.swing,
    )
    config = config_of(complete(wish))
    bar = config.steps_per_bar
    layers = [_led(layer, kind, bar, bars * bar) for layer in config.layers]
    layers += _added(kind, bar, bars * bar, {layer.name for layer in layers})
    return replace(
        config,
        title=f"{request.style.value.capitalize()} {kind.value}",
        listen=_LISTEN[kind],
        phrase_bars=bars,
        layers=tuple(layers),
    )


def _led(layer: LayerConfig, kind: Phrase, bar: int, total: int) -> LayerConfig:
    """What a layer of the style does in the phrase."""
    if kind is Phrase.BREAKDOWN and layer.role in (Role.KICK, Role.SNARE):
        return replace(layer, fills=("." * total,), ghost=GhostConfig())
    if layer.role is Role.KICK and kind is Phrase.FILL:
        return replace(layer, fills=("." * (bar // 2),))
    if layer.role is Role.KICK and kind is Phrase.BUILD:
        return replace(layer, fills=("." * min(bar, total // 2),))
    return layer


def _added(kind: Phrase, bar: int, total: int, taken: set[str]) -> list[LayerConfig]:
    """The layer that leads. Its name may be taken in a style of somebody's own."""
    if kind is Phrase.DROP:
        steps, pitch, name = "X" + "." * (total - 1), CRASH, "crash"
        length = 8.0
    else:
        roll = {Phrase.FILL: _fill, Phrase.BUILD: _build, Phrase.BREAKDOWN: _pickup}[kind]
        steps, pitch, name = roll(bar, total), SNARE, "roll"
        length = 0.5
    name = name if name not in taken else f"{kind.value} {name}"
    return [
        LayerConfig(
            name=name,
            pitch=pitch,
            role=Role.PERCUSSION if kind is Phrase.DROP else Role.SNARE,
            pattern=".",
            fills=(steps,),
            length=length,
            velocity=88,
        )
    ]


def _fill(bar: int, total: int) -> str:
    """The last bar answers: sparse, then sixteenths."""
    half = max(1, bar // 2)
    return _cut("." * (bar - half) + _every(2, half - half // 2, "x") + "X" * (half // 2), total)


def _build(bar: int, total: int) -> str:
    """Quarters for half of it, eighths for a quarter, then sixteenths that become accents."""
    quarter = max(1, bar // 4)
    eighth = max(1, bar // 8)
    fast = total // 4
    slow = total // 2
    loud = fast // 2
    return (
        _every(quarter, slow, "-")
        + _every(eighth, total - slow - fast, "x")
        + "x" * (fast - loud)
        + "X" * loud
    )


def _pickup(bar: int, total: int) -> str:
    """A bar of eighths that becomes louder."""
    eighth = max(1, bar // 8)
    half = bar // 2
    return _cut(_every(eighth, half, "-") + _every(eighth, bar - half, "X"), total)


def _every(spacing: int, steps: int, symbol: str) -> str:
    return "".join(symbol if step % spacing == 0 else "." for step in range(steps))


def _cut(pattern: str, total: int) -> str:
    return pattern[-total:]
