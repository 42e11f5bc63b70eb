"""A groove to steer, and five things to ask of it."""

from __future__ import annotations

from typing import Final

from conduit.rhythm import (
    EngineConfig,
    GuardConfig,
    LayerConfig,
    Role,
    Session,
    Targets,
    Window,
    render,
)

GROOVE: Final = EngineConfig(
    bars=32,
    swing=54,
    layers=(
        LayerConfig(name="kick", role=Role.KICK, pitch=36, pattern="X... X... X... X..."),
        LayerConfig(name="clap", role=Role.SNARE, pitch=39, pattern=".... X... .... X..."),
        LayerConfig(
            name="open hat", role=Role.OPEN_HAT, pitch=46, pattern="..x. ..x. ..x. ..x.", choke=0
        ),
        LayerConfig(
            name="closed hat", role=Role.HAT, pitch=42, pattern="xx.x xx.x", velocity=74, choke=0
        ),
        LayerConfig(name="ride", pitch=51, pattern="x.x. x.x.", velocity=62),
        LayerConfig(name="rim", pitch=37, pulses=5, steps=16, velocity=76),
        LayerConfig(name="conga", pitch=64, pulses=3, steps=16, velocity=66),
        LayerConfig(name="bell", pitch=53, pulses=5, steps=12, velocity=60),
    ),
)

ASKED: Final = {
    "rolling": Targets(density=Window(low=0.32, high=0.4), syncopation=Window(low=0.02, high=0.08)),
    "sparse": Targets(density=Window(low=0.15, high=0.22), entrainment=Window(low=0.4, high=0.8)),
    "leaning": Targets(
        syncopation=Window(low=0.12, high=0.2),
        density=Window(low=0.25, high=0.35),
        entrainment=Window(low=0.2, high=0.7),
    ),
    "busy": Targets(density=Window(low=0.45, high=0.55), entropy=Window(low=0.1, high=0.35)),
    "restless": Targets(tension=Window(low=0.25, high=0.45), density=Window(low=0.25, high=0.4)),
}

GUARD: Final = GuardConfig(max_change=0.1)


def steered(asked: str, **overrides: object) -> Session:
    return render(GROOVE, **{"targets": ASKED[asked], "guard": GUARD, **overrides})
