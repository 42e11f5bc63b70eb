"""From one groove to another: a config between two configs.

At an amount of 0 the result is the first groove itself, at 1 the second. Between them

- numbers slide: swing, velocities, chances, densities, lengths and timing in a straight line, the
  tempo in equal ratios (a fader that feels even);
- patterns change step by step (``conduit.rhythm.morph.fade``);
- a layer that only one groove has comes or goes step by step, softer than it is;
- what has no between changes once: the key, the seed and the form with the nearer groove, at one
  half, a layer's instrument, fills and line near it.

Layers are the same instrument where they have the same name; or else the same kind, pitch and
channel; and a kick is a kick, a bass a bass. Where the two grooves count in different steps, the
result counts as the nearer one, and the other's steps fall on the nearest of its steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace

from conduit.contracts.errors import InvalidInput
from conduit.rhythm.check import check_config
from conduit.rhythm.config import EngineConfig, LayerConfig, Role
from conduit.rhythm.grid import Grid
from conduit.rhythm.morph.fade import Fade, between
from conduit.rhythm.morph.layers import alone, heard, paired, straightened
from conduit.rhythm.morph.regrid import on_grid, pace_between
from conduit.rhythm.steering import Targets, Window

_MOST_LAYERS = 64
_SINGLE = (Role.KICK, Role.BASS)
"""Kinds of which two at once are one too many."""


def morph(one: EngineConfig, two: EngineConfig, amount: float, *, seed: int = 0) -> EngineConfig:
    """The groove at ``amount`` (0 to 1) of the way from ``one`` to ``two``; both are checked
    configs. ``seed`` decides which of equally important steps changes first.

    Raises ``InvalidInput`` for an amount that is none, and ``TooLarge`` for a groove that is.
    """
    if not 0 <= amount <= 1:  # NaN is neither
        raise InvalidInput(f"an amount of {amount}", where="amount", hint="0 to 1")
    if amount in (0, 1):
        return two if amount else one
    near = two if amount >= 0.5 else one
    grid = Grid(1, near.steps_per_bar, near.beats_per_bar)
    fade = Fade(amount, seed, grid.metric_weights())
    ratio = between(math.log(one.bpm), math.log(two.bpm), amount)
    bpm = _bpm(math.exp(ratio))
    made = replace(
        near,
        title=f"{100 * amount:.0f} % from {_title(one)} to {_title(two)}",
        listen="",
        bpm=bpm,
        tempo_map=near.tempo_map
        and tuple(replace(each, bpm=_bpm(each.bpm * bpm / near.bpm)) for each in near.tempo_map),
        swing=between(one.swing, two.swing, amount),
        evolve=between(one.evolve, two.evolve, amount),
        targets=_windows(one.targets, two.targets, near.targets, amount),
        layers=_layers(one, two, near, fade),
    )
    check_config(made)
    return made


def _bpm(bpm: float) -> float:
    return min(300.0, max(20.0, round(bpm, 1)))


def _title(config: EngineConfig) -> str:
    return config.title[:80] or "a groove"


def _layers(
    one: EngineConfig, two: EngineConfig, near: EngineConfig, fade: Fade
) -> tuple[LayerConfig, ...]:
    """The nearer groove's layers in its order, all of them; then the other's that are heard."""
    firsts, seconds = (
        [on_grid(straightened(config, each), pace_between(config, near)) for each in config.layers]
        for config in (one, two)
    )
    mates = _mates(firsts, seconds)
    ours, theirs = (seconds, firsts) if fade.late else (firsts, seconds)
    back = {second: first for first, second in mates.items()}
    made: list[LayerConfig] = []
    for at, layer in enumerate(ours):
        mate = (back if fade.late else mates).get(at)
        if mate is None:
            made.append(alone(layer, fade, coming=fade.late))
        else:
            pair = (firsts[mate], layer) if fade.late else (layer, seconds[mate])
            made.append(paired(*pair, (one.swing, two.swing), fade))
    left = (each for at, each in enumerate(theirs) if at not in (mates if fade.late else back))
    faded = (alone(each, fade, coming=not fade.late) for each in left)
    made += [each for each in faded if heard(each)]
    return tuple(made[:_MOST_LAYERS])


def _mates(firsts: list[LayerConfig], seconds: list[LayerConfig]) -> dict[int, int]:
    """Which layers of two grooves are the same instrument, by their places."""
    mates: dict[int, int] = {}

    def pair(alike: Callable[[LayerConfig, LayerConfig], bool]) -> None:
        for at, layer in enumerate(firsts):
            free = (i for i in range(len(seconds)) if i not in mates.values())
            if (
                at not in mates
                and (mate := next((i for i in free if alike(layer, seconds[i])), None)) is not None
            ):
                mates[at] = mate

    pair(lambda a, b: a.name == b.name)
    pair(lambda a, b: (a.role, a.pitch, a.channel) == (b.role, b.pitch, b.channel))
    pair(lambda a, b: a.role == b.role and a.role in _SINGLE)
    return mates


def _windows(
    one: Targets | None, two: Targets | None, near: Targets | None, at: float
) -> Targets | None:
    """Windows that both grooves have slide; others are the nearer one's."""
    if one is None or two is None or near is None:
        return near
    both = {
        each.name: Window(low=between(a.low, b.low, at), high=between(a.high, b.high, at))
        for each in fields(Targets)
        if (a := getattr(one, each.name)) and (b := getattr(two, each.name))
    }
    return replace(near, **both)
