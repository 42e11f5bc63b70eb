"""What the types of a config cannot say: rules between fields."""

from __future__ import annotations

from conduit.blocks.check import find_breach
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.rhythm.check_extras import check_extras, check_map, weight_of
from conduit.rhythm.config import EngineConfig, LayerConfig
from conduit.rhythm.control.check import check_steering
from conduit.rhythm.limits import MAX_STEPS
from conduit.rhythm.pattern import MAYBE, parse_pattern

MAX_CELLS = 20_000_000
"""Bars × steps × layers of one render: where a groove stops being one and becomes a load test."""


def cells_of(config: EngineConfig) -> int:
    """The size of a render: bars × steps × layers, where a layer counts once for each note that a
    hit of it may become (chords, ratchets), and once for each of its conditions."""
    layers = sum(weight_of(layer) for layer in config.layers)
    return config.bars * config.steps_per_bar * layers


def check_config(config: EngineConfig) -> None:
    """Check types, bounds and the rules between fields.

    Raises ``InvalidInput`` with the path of the field and what is legal there, and ``TooLarge``.
    """
    breach = find_breach(EngineConfig, config)
    if breach:
        raise InvalidInput(
            f"expected {breach.expected}, got {breach.got}", where=breach.path or "config"
        )
    for index, layer in enumerate(config.layers):
        check_extras(layer, f"layers[{index}]")
    cells = cells_of(config)
    if cells > MAX_CELLS:
        raise TooLarge(
            f"{config.bars} bars × {config.steps_per_bar} steps × {len(config.layers)} layers is "
            f"{cells} cells, at most {MAX_CELLS} are rendered",
            where="bars",
        )
    check_map(config)
    check_steering(config)
    seen: dict[str, int] = {}
    for index, layer in enumerate(config.layers):
        where = f"layers[{index}]"
        if layer.name in seen:
            raise InvalidInput(
                f"layers {seen[layer.name]} and {index} are both named {layer.name!r}",
                where=f"{where}.name",
                hint="a layer's name seeds its chance, so each needs its own",
            )
        seen[layer.name] = index
        _check_layer(layer, where, config.steps_per_bar)


def _check_layer(layer: LayerConfig, where: str, steps_per_bar: int) -> None:
    if layer.pattern and layer.pulses is not None:
        raise InvalidInput(
            "a layer has a pattern or Euclidean pulses, not both",
            where=f"{where}.pulses",
            hint="remove one of the two",
        )
    if not layer.pattern and layer.pulses is None:
        raise InvalidInput(
            "a layer needs a pattern, or pulses", where=where, hint='for example "x... x..."'
        )
    steps = layer.steps or steps_per_bar
    if layer.pulses is not None and layer.pulses > steps:
        raise InvalidInput(
            f"{layer.pulses} pulses do not fit in {steps} steps; legal is 0 to {steps}",
            where=f"{where}.pulses",
        )
    if layer.pattern and layer.steps is not None:
        raise InvalidInput(
            "steps is the length of a Euclidean loop; a pattern has its own",
            where=f"{where}.steps",
            hint="remove steps, or use pulses instead of the pattern",
        )
    _check_patterns(layer, where)
    _check_timing(layer, where)
    if layer.ghost.low > layer.ghost.high:
        raise InvalidInput(
            f"low is {layer.ghost.low}, above high {layer.ghost.high}", where=f"{where}.ghost.low"
        )


def _check_patterns(layer: LayerConfig, where: str) -> None:
    optional = {
        "pattern": layer.pattern,
        "accents": layer.accents,
        "ghost.steps": layer.ghost.steps,
    }
    for name, text in optional.items():
        if text and not 1 <= len(parse_pattern(text, f"{where}.{name}")) <= MAX_STEPS:
            raise InvalidInput(f"a pattern has 1 to {MAX_STEPS} steps", where=f"{where}.{name}")
    for index, text in enumerate(layer.fills):
        place = f"{where}.fills[{index}]"
        if len(text) > 2 * MAX_STEPS:
            raise InvalidInput(f"a fill has 0 to {MAX_STEPS} steps", where=place)
        if MAYBE in parse_pattern(text, place):
            raise InvalidInput("a fill is played as written and has no ? steps", where=place)


def _check_timing(layer: LayerConfig, where: str) -> None:
    for index, each in enumerate(layer.timing.bins):
        if each.low_ms > each.high_ms:
            raise InvalidInput(
                f"low_ms is {each.low_ms:g}, above high_ms {each.high_ms:g}",
                where=f"{where}.timing.bins[{index}].low_ms",
            )
    if layer.timing.bins and not any(each.weight for each in layer.timing.bins):
        raise InvalidInput("at least one bin needs a weight above 0", where=f"{where}.timing.bins")
