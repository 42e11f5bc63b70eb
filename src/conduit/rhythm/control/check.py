"""Rules between the fields that steer a groove, and which layers are steered."""

from __future__ import annotations

from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.rhythm.config import EngineConfig, Role
from conduit.rhythm.parameters import Mode
from conduit.rhythm.scores import ScoreName
from conduit.rhythm.steering import Aim, MarkovConfig, Targets

FREE_ROLES: Final = frozenset({Role.HAT, Role.OPEN_HAT, Role.PERCUSSION})
"""What is steered unless layers are named; kick and snare are the backbone."""


def steered_layers(config: EngineConfig) -> tuple[int, ...]:
    """The layers that the chain decides, by index."""
    names = set((config.markov or MarkovConfig()).layers)
    return tuple(
        index
        for index, layer in enumerate(config.layers)
        if (layer.name in names if names else layer.role in FREE_ROLES)
    )


def check_steering(config: EngineConfig) -> None:
    """Raises ``InvalidInput`` with the path of the field and what is legal there."""
    if config.steered and config.mode is Mode.M1:
        raise InvalidInput(
            "m1 leaves nothing to chance, and the chain that is steered is chance",
            where="mode",
            hint="use m4, or remove targets, markov, guard and modulators",
        )
    targets = config.targets or Targets()
    for name in ScoreName:
        window = getattr(targets, name)
        if window and window.low > window.high:
            raise InvalidInput(
                f"low is {window.low:g}, above high {window.high:g}", where=f"targets.{name}.low"
            )
    known = [layer.name for layer in config.layers]
    for index, layer in enumerate((config.markov or MarkovConfig()).layers):
        if layer not in known:
            raise InvalidInput(
                f"there is no layer {layer!r}",
                where=f"markov.layers[{index}]",
                hint=f"layers: {', '.join(known)}",
            )
    if config.steered and not steered_layers(config):
        raise InvalidInput(
            "nothing to steer: no layer is a hat, an open hat or percussion",
            where="markov.layers",
            hint="name the layers to steer",
        )
    _check_modulators(config, targets)


def _check_modulators(config: EngineConfig, targets: Targets) -> None:
    seen: set[str] = set()
    for index, each in enumerate(config.modulators):
        if each.name in seen:
            raise InvalidInput(
                f"two modulators are named {each.name!r}",
                where=f"modulators[{index}].name",
                hint="a modulator's name seeds its chance, so each needs its own",
            )
        seen.add(each.name)
        if each.aim is not Aim.VELOCITY and getattr(targets, each.aim) is None:
            raise InvalidInput(
                f"it moves the window of {each.aim}, and targets has none",
                where=f"modulators[{index}].aim",
                hint=f"add targets.{each.aim}",
            )
