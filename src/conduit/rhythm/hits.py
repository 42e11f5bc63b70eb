"""Which steps of a layer sound, and as what: the stages of a pattern, in order.

1. the loop: a pattern or a Euclidean rhythm, rotated, repeated over the bar lines, drifting;
2. accents laid over it;
3. chance: ``?`` steps and the layer's probability (accents always play);
4. density, where one is asked for;
5. conditions, which were asked for all layers before;
6. variation of the last hit of some bars;
7. ghosts in the rests;
8. turns and fills over the ends of half and whole phrases;
9. the form: phrases in which the layer is silent.
"""

from __future__ import annotations

import numpy as np

from conduit.midi.notes import Flags
from conduit.rhythm.chance import Memory
from conduit.rhythm.conditions import NOTHING_ASKED, Asked, ask, parse_condition
from conduit.rhythm.config import EngineConfig, LayerConfig
from conduit.rhythm.density import clamp_density
from conduit.rhythm.drift import turned
from conduit.rhythm.dynamics import shape_of
from conduit.rhythm.ghosts import add_ghosts
from conduit.rhythm.grid import Grid
from conduit.rhythm.pattern import ACCENT, HIT, MAYBE, REST, Kinds, euclid_pattern, parse_pattern
from conduit.rhythm.phrase import add_fills, add_turns, follow_form, in_fill
from conduit.rhythm.variation import vary


def layer_kinds(
    config: EngineConfig,
    layer: LayerConfig,
    grid: Grid,
    memory: Memory,
    allowed: Flags | None = None,
) -> Kinds:
    """What the layer does on each step of the groove, ``(steps,)``: no ``MAYBE`` is left.

    ``allowed`` are the steps on which its conditions let it play, ``(steps,)``; ``None`` is all.
    """
    kinds = turned(layer_loop(config, layer), memory.steps, layer.drift, grid.steps_per_bar)
    if layer.accents:
        marked = _around(parse_pattern(layer.accents), memory.steps) == ACCENT
        kinds[marked & (kinds == HIT)] = ACCENT
    _decide(kinds, layer, memory)
    if layer.density is not None:
        loudness = shape_of(layer, np.arange(memory.steps))
        chance = memory.held(layer.name, "density")
        weights = np.resize(grid.metric_weights(), memory.cycle_steps)
        kinds = clamp_density(kinds, layer.density, loudness, chance, weights, layer.void)
    kinds = kinds[: grid.steps]  # so far in whole cycles, which a groove may end within
    if allowed is not None:
        kinds[~allowed] = REST
    if layer.variation.probability > 0:
        number, which = (memory.fresh(layer.name, f"variation {n}") for n in ("when", "how"))
        vary(kinds, layer.variation, number, which, grid.steps_per_bar)
    if layer.ghost.probability > (0.5 if memory.still else 0):
        text = layer.ghost.steps
        places = _around(parse_pattern(text), grid.steps) if text else None
        phrase_steps = config.phrase_bars * grid.steps_per_bar
        chance = memory.held(layer.name, "ghost")[: grid.steps]
        add_ghosts(kinds, places, layer.ghost.probability, chance, phrase_steps)
    _over_phrases(kinds, config, layer, grid)
    return kinds


def _over_phrases(kinds: Kinds, config: EngineConfig, layer: LayerConfig, grid: Grid) -> None:
    """What phrases change, in place: turns, fills, and the form."""
    if layer.turn:
        add_turns(kinds, parse_pattern(layer.turn), config.phrase_bars, grid)
    add_fills(kinds, [parse_pattern(text) for text in layer.fills], config.phrase_bars, grid)
    if layer.form:
        form = parse_pattern(layer.form)
        follow_form(kinds, form, config.phrase_bars * grid.steps_per_bar)


def allowed_steps(config: EngineConfig, grid: Grid, memory: Memory) -> list[Flags | None]:
    """Ask the conditions of all layers, in their order: on which steps each may play,
    ``(steps,)``, or ``None`` for a layer without conditions."""
    fill = in_fill(grid.bars, grid.steps_per_bar, config.phrase_bars, config.fill_bars)
    above, found = NOTHING_ASKED, list[Flags | None]()
    for layer in config.layers:
        allowed, above = (
            _asked(config, layer, grid, memory, fill, above)
            if layer.conditions
            else (None, NOTHING_ASKED)
        )
        found.append(allowed)
    return found


def _asked(
    config: EngineConfig,
    layer: LayerConfig,
    grid: Grid,
    memory: Memory,
    fill: Flags,
    above: Asked,
) -> tuple[Flags, Asked]:
    """Ask the conditions of one layer: on which steps it may play, and what it remembers. Trigs
    that a short bar cuts off are not asked."""
    loop = layer_loop(config, layer)
    trigs = turned(loop, grid.steps, layer.drift, grid.steps_per_bar) != REST
    if grid.meters:
        trigs &= grid.played()
    marked = (np.roll(parse_pattern(each.steps), layer.rotation) for each in layer.conditions)
    places = (turned(marks, grid.steps, layer.drift, grid.steps_per_bar) for marks in marked)
    return ask(
        [
            (parse_condition(each.when), trigs & (marks != REST))
            for each, marks in zip(layer.conditions, places, strict=True)
        ],
        passes=np.arange(grid.steps) // len(loop) + 1,
        fill=fill,
        above=above,
        dice=lambda number: memory.fresh(layer.name, f"condition {number}")[: grid.steps],
    )


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
