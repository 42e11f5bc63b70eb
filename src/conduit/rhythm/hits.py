"""Which steps of a layer sound, and as what: the stages of a pattern, in order.

1. the loop: a pattern or a Euclidean rhythm, rotated, repeated over the bar lines;
2. accents laid over it;
3. chance: ``?`` steps and the layer's probability (accents always play);
4. density, where one is asked for;
5. ghosts in the rests;
6. fills over the ends of phrases.
"""

from __future__ import annotations

import numpy as np

from conduit.rhythm.chance import Memory
from conduit.rhythm.config import EngineConfig, LayerConfig
from conduit.rhythm.density import clamp_density
from conduit.rhythm.dynamics import shape_of
from conduit.rhythm.ghosts import add_ghosts
from conduit.rhythm.grid import Grid
from conduit.rhythm.pattern import ACCENT, HIT, MAYBE, REST, Kinds, euclid_pattern, parse_pattern
from conduit.rhythm.phrase import add_fills


def layer_kinds(config: EngineConfig, layer: LayerConfig, grid: Grid, memory: Memory) -> Kinds:
    """What the layer does on each step of the groove, ``(steps,)``: no ``MAYBE`` is left."""
    kinds = _around(layer_loop(config, layer), memory.steps)
    if layer.accents:
        marked = _around(parse_pattern(layer.accents), memory.steps) == ACCENT
        kinds[marked & (kinds == HIT)] = ACCENT
    _decide(kinds, layer, memory)
    if layer.density is not None:
        loudness = shape_of(layer, np.arange(memory.steps))
        chance = memory.held(layer.name, "density")
        weights = np.resize(grid.metric_weights(), memory.cycle_steps)
        kinds = clamp_density(kinds, layer.density, loudness, chance, weights)
    kinds = kinds[: grid.steps]  # so far in whole cycles, which a groove may end within
    if layer.ghost.probability > 0:
        text = layer.ghost.steps
        places = _around(parse_pattern(text), grid.steps) if text else None
        phrase_steps = config.phrase_bars * grid.steps_per_bar
        chance = memory.held(layer.name, "ghost")[: grid.steps]
        add_ghosts(kinds, places, layer.ghost.probability, chance, phrase_steps)
    add_fills(kinds, [parse_pattern(text) for text in layer.fills], config.phrase_bars, grid)
    return kinds


def layer_loop(config: EngineConfig, layer: LayerConfig) -> Kinds:
    """The layer's loop as written, rotated, ``(length of the loop,)``."""
    if layer.pulses is None:
        loop = parse_pattern(layer.pattern)
    else:
        loop = euclid_pattern(layer.pulses, layer.steps or config.steps_per_bar)
    return np.roll(loop, layer.rotation)


def _around(loop: Kinds, steps: int) -> Kinds:
    """The loop, around and around, for so many steps."""
    return np.resize(loop, steps)


def _decide(kinds: Kinds, layer: LayerConfig, memory: Memory) -> None:
    """Let chance settle the ``?`` steps, and then the plain hits, in place."""
    maybe = kinds == MAYBE
    if maybe.any():
        plays = memory.held(layer.name, "maybe") < layer.maybe
        kinds[maybe] = np.where(plays[maybe], HIT, REST)
    if layer.probability < 1:
        skipped = memory.held(layer.name, "probability") >= layer.probability
        kinds[skipped & (kinds == HIT)] = REST
