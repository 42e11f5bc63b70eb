"""Make layers sit like another groove: its swing, its lean and its accents, not its notes.

A :class:`~conduit.contracts.groove.GrooveTemplate` says of each sixteenth of a bar how late and how
loud it is played somewhere else. A layer that takes it keeps its pattern. Its swing becomes the
template's, its steps lean as far (``timing.steps_ms``), and its hand (``shape``) is as loud on a
step as the template is against its own middle; a hit that is an accent stays one. What results is a
config like any other: saved, changed and rendered again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.contracts.groove import GrooveTemplate
from conduit.rhythm.config import EngineConfig, Feel, LayerConfig, Role, TimingConfig
from conduit.rhythm.timeline import first_bpm

STEPS: Final = 16
_FURTHEST_MS = 50.0
_STRAIGHT, _MOST_SWUNG = 50.0, 75.0
_SLOWEST, _FASTEST = 20.0, 400.0


def sit_like(
    config: EngineConfig,
    template: GrooveTemplate,
    layers: Sequence[str] = ("hat", "open_hat"),
    amount: float = 1.0,
) -> EngineConfig:
    """The config with some layers, by name or by kind, leaning like the template: at an ``amount``
    of 1 wholly, at 0 not at all.

    Raises ``InvalidInput`` for layers that are not there, for a template that cannot be, and for a
    groove that is not in sixteenths of four beats.
    """
    require_template(template)
    if not (math.isfinite(amount) and 0 <= amount <= 1):
        raise InvalidInput(f"an amount of {amount}", where="amount", hint="0 to 1")
    if config.steps_per_bar != STEPS or config.beats_per_bar != 4:
        raise InvalidInput(
            f"a bar of {config.beats_per_bar} beats in {config.steps_per_bar} steps",
            where="steps_per_bar",
            hint="a template is one bar of four beats in sixteenths, so the groove must be too",
        )
    chosen = chosen_layers(config, layers)
    return replace(
        config,
        layers=tuple(
            _leaning(each, config, template, amount) if each.name in chosen else each
            for each in config.layers
        ),
    )


def chosen_layers(config: EngineConfig, layers: Sequence[str]) -> frozenset[str]:
    """The names of layers that are meant by name or by kind. Raises ``InvalidInput`` for one of
    neither, and when none is there."""
    found: set[str] = set()
    for name in layers:
        word = name.strip().lower()
        mine = {each.name for each in config.layers if word in (each.name, each.role.value)}
        if not mine and word not in set(Role):
            raise InvalidInput(
                f"there is no layer {name[:40]!r}",
                where="layers",
                hint=f"layers: {', '.join(each.name for each in config.layers)}",
            )
        found |= mine
    if not found:
        raise InvalidInput(
            "the groove has no such layer",
            where="layers",
            hint=f"layers: {', '.join(each.name for each in config.layers)}",
        )
    return frozenset(found)


def _leaning(
    layer: LayerConfig, config: EngineConfig, template: GrooveTemplate, amount: float
) -> LayerConfig:
    bpm = first_bpm(config)
    own = config.swing if layer.swing is None else layer.swing
    bound = _FURTHEST_MS
    scale = amount * template.bpm / bpm  # a lean is a part of a step, as swing is
    offsets = [min(bound, max(-bound, scale * each)) for each in template.offsets_ms]
    # A feel of its own would blur what the loop says: it stays as far as the loop does not count.
    feel = layer.timing.feel if amount < 0.5 else Feel.GRID
    bins = layer.timing.bins if amount < 0.5 else ()
    return replace(
        layer,
        swing=own + amount * (template.swing - own),
        timing=TimingConfig(feel=feel, bins=bins, steps_ms=tuple(offsets), cap_ms=_FURTHEST_MS),
        shape=_shape(layer, template.velocities, amount),
    )


def _shape(layer: LayerConfig, velocities: Sequence[int], amount: float) -> tuple[int, ...]:
    """What is added to the velocity of each step: from the layer's own shape towards the
    template's. A step that the template does not play keeps the layer's own."""
    own = [layer.shape[n % len(layer.shape)] if layer.shape else 0 for n in range(STEPS)]
    played = sorted(each for each in velocities if each)
    if not played:
        return layer.shape
    middle = played[len(played) // 2]
    wanted = [each - middle if each else mine for each, mine in zip(velocities, own, strict=True)]
    return tuple(
        max(-126, min(126, round(mine + amount * (other - mine))))
        for mine, other in zip(own, wanted, strict=True)
    )


def require_template(template: GrooveTemplate) -> None:
    """What the types of one cannot say. Raises ``InvalidInput``."""
    if len(template.offsets_ms) != STEPS or len(template.velocities) != STEPS:
        raise InvalidInput(
            f"{len(template.offsets_ms)} offsets and {len(template.velocities)} velocities",
            where="template",
            hint=f"one of each for the {STEPS} sixteenths of a bar",
        )
    if not all(math.isfinite(each) for each in template.offsets_ms):
        raise InvalidInput("an offset is no number", where="template.offsets_ms")
    if not _SLOWEST <= template.bpm <= _FASTEST:
        raise InvalidInput(f"a tempo of {template.bpm:g}", where="template.bpm", hint="20 to 400")
    if not _STRAIGHT <= template.swing <= _MOST_SWUNG:
        raise InvalidInput(
            f"a swing of {template.swing:g} %", where="template.swing", hint="50 to 75"
        )
    if not all(0 <= each <= 127 for each in template.velocities):
        raise InvalidInput("a velocity is not 0 to 127", where="template.velocities")
