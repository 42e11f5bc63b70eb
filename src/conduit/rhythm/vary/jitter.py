"""Variation number *k* of a config: another seed, and its dials turned a little.

The musical idea: a variation is the same groove on another night. So the patterns stay, and so do
tempo, length and what the layers are; chance falls differently, and the dials a player would touch
move within bounds: swing, loudness, how full a layer is, how often a maybe plays, how far a
Euclidean loop is turned. A kick is never turned. Dials that do nothing in a config stay untouched.

``amount`` scales all bounds: at 0 only the seed changes, at 1 the dials move as far as the table
says. A variation depends on the config and its number alone, so number 12 of 64 is number 12 of
1,000.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from conduit.rhythm.chance import uniform
from conduit.rhythm.config import EngineConfig, LayerConfig, Role

SEEDS: Final = 2**53
"""Seeds of variations stay below this, so that JSON readers everywhere keep them exact."""

SWING: Final = 3.0
EVOLVE: Final = 0.2
FULLNESS: Final = 0.15
LOUDNESS: Final = 10.0
TURN: Final = 2.0
"""The farthest that each dial moves at an amount of 1, in the units of its field."""

_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Change:
    """A dial that was moved."""

    layer: Annotated[str, "the layer's name; empty: a dial of the whole groove"]
    field: Annotated[str, "its path in the config"]
    was: float
    now: float


@dataclass(frozen=True, slots=True)
class _Dial:
    """A field of the config, how far it may move, and its legal range."""

    field: str
    most: float
    low: float
    high: float


def jittered(
    config: EngineConfig, number: int, amount: float
) -> tuple[EngineConfig, tuple[Change, ...]]:
    """Variation ``number`` (from 1) of a checked config, itself as legal, and what was moved."""
    changes: list[Change] = []
    groove = _turned(config, _groove_dials(config), "", number, amount, config.seed)
    changes += groove
    layers = []
    for index, layer in enumerate(config.layers):
        dials = tuple(_layer_dials(layer))
        moved = _turned(layer, dials, layer.name, number, amount, config.seed)
        layers.append(replace(layer, **_values(layer, moved)))
        changes += [replace(each, field=f"layers[{index}].{each.field}") for each in moved]
    varied = replace(
        config,
        seed=(config.seed + number) % SEEDS,
        layers=tuple(layers),
        **_values(config, groove),
    )
    return varied, tuple(changes)


def _groove_dials(config: EngineConfig) -> tuple[_Dial, ...]:
    return (_Dial("swing", SWING, 50, 75), _Dial("evolve", EVOLVE, 0, 1))


def _layer_dials(layer: LayerConfig) -> Iterator[_Dial]:
    yield _Dial("velocity", LOUDNESS, 1, 127)
    if layer.swing is not None:
        yield _Dial("swing", SWING, 50, 75)
    if layer.density is not None:
        yield _Dial("density", FULLNESS, 0, 1)
    if layer.probability < 1:
        yield _Dial("probability", FULLNESS, 0, 1)
    if "?" in layer.pattern:
        yield _Dial("maybe", 2 * FULLNESS, 0, 1)
    if layer.ghost.probability:
        yield _Dial("ghost.probability", FULLNESS, 0, 1)
    if layer.pulses is not None and layer.role is not Role.KICK:
        yield _Dial("rotation", TURN, -1024, 1024)


def _turned(
    owner: EngineConfig | LayerConfig,
    dials: tuple[_Dial, ...],
    name: str,
    number: int,
    amount: float,
    seed: int,
) -> list[Change]:
    """What becomes of the dials of a groove or a layer; those that stay are left out."""
    chance = uniform(seed, name, f"variation {number}", len(dials))
    moved = []
    for dial, luck in zip(dials, chance.tolist(), strict=True):
        was = _get(owner, dial.field)
        wanted = was + (2 * luck - 1) * dial.most * amount
        now = type(was)(round(min(dial.high, max(dial.low, wanted)), _DIGITS))
        if isinstance(was, int):
            now = int(min(dial.high, max(dial.low, round(wanted))))
        if now != was:
            moved.append(Change(name, dial.field, was, now))
    return moved


def _get(owner: EngineConfig | LayerConfig, field: str) -> float:
    value: object = owner
    for name in field.split("."):
        value = getattr(value, name)
    assert isinstance(value, int | float)
    return value


def _values(owner: EngineConfig | LayerConfig, moved: list[Change]) -> dict[str, Any]:
    """Changed fields as ``replace`` takes them; those of a ghost are put into a new ghost."""
    values: dict[str, Any] = {each.field: each.now for each in moved}
    ghost = values.pop("ghost.probability", None)
    if ghost is not None and isinstance(owner, LayerConfig):
        values["ghost"] = replace(owner.ghost, probability=ghost)
    return values
