"""Lines for the styles: a bass and a stab that suit each, played only where they are asked for.

The bass leaves the kick its place, or is as long as the style is slow; the stab says the chord once
or twice a bar. They have channels of their own, and follow the style's key.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from conduit.rhythm.config import EngineConfig, Feel, LayerConfig, Role, TimingConfig
from conduit.rhythm.parameters import KeyConfig, KickLock, MelodyConfig
from conduit.rhythm.scale import Root, Scale


class Part(enum.StrEnum):
    """A pitched part that a style can have."""

    BASS = "bass"
    STAB = "stab"


_ROLLING = LayerConfig(
    name="bass line",
    role=Role.BASS,
    channel=0,
    pitch=36,
    pattern=".xxx .xxx .xxx .xxx",
    velocity=88,
    shape=(0, -12, 4, -8),
    length=0.6,
    melody=MelodyConfig(
        degrees=(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0), by="step", kick=KickLock.ANSWER
    ),
)
_ACID = replace(
    _ROLLING,
    pattern="x.xx x.xX ..xx xXxx",
    accent=30,
    length=0.5,
    melody=MelodyConfig(
        degrees=(0, 0, 0, 7, 0, 0, 3, 7, 0, 0, 0, 1, 0, 7, 10, 1),
        by="step",
        octaves=2,
        slides="...x...x.....xx.",
        wander=0.1,
    ),
)
_SUB = replace(
    _ROLLING,
    pattern="..x. .... ...x ..x.",
    shape=(),
    velocity=92,
    length=1.5,
    timing=TimingConfig(feel=Feel.LATE, cap_ms=10),
    melody=MelodyConfig(degrees=(0, 0, 4), kick=KickLock.ANSWER),
)
_SYNCOPATED = replace(
    _ROLLING,
    pattern="x..x ..x. .x.. x.x.  x..x ..x. .x.x ..?.",
    shape=(),
    length=0.8,
    melody=MelodyConfig(degrees=(0, 0, 6, 0, 3), octaves=2),
)
_ON_THE_KICK = replace(
    _ROLLING,
    pattern="x" * 16,
    shape=(),
    length=0.9,
    melody=MelodyConfig(degrees=(0,), kick=KickLock.WITH),
)

_OFF_BEAT_STAB = LayerConfig(
    name="chords",
    role=Role.STAB,
    channel=1,
    pitch=60,
    pattern="...x .... ..x. ....",
    velocity=76,
    humanize=6,
    length=0.5,
    melody=MelodyConfig(degrees=(0, 0, 0, 1), chord=(0, 2, 4)),
)
_DUB_CHORD = replace(
    _OFF_BEAT_STAB,
    pattern="..X. .x.. x... ....  .... .... .... ....",
    length=1.2,
    accent=24,
    shape=(0, 0, 0, 0, 0, -10, 0, 0, -24),
    melody=MelodyConfig(degrees=(0,), chord=(0, 2, 4, 6)),
)
_HARD_STAB = replace(
    _OFF_BEAT_STAB,
    pattern="..x. ..x. .x.. ..x.",
    drift=0.25,
    velocity=84,
    length=0.35,
    melody=MelodyConfig(degrees=(0,), chord=(0, 4, 7), kick=KickLock.ANSWER),
)

_BASSES: Final[Mapping[str, LayerConfig]] = MappingProxyType(
    {
        "industrial": _ON_THE_KICK,
        "minimal": _SUB,
        "dub": _SUB,
        "acid": _ACID,
        "broken": _SYNCOPATED,
        "electro": _SYNCOPATED,
        "idm": _SYNCOPATED,
    }
)
_STABS: Final[Mapping[str, LayerConfig]] = MappingProxyType(
    {"dub": _DUB_CHORD, "minimal": _DUB_CHORD, "industrial": _HARD_STAB, "hard": _HARD_STAB}
)
_KEYS: Final[Mapping[str, KeyConfig]] = MappingProxyType(
    {
        "industrial": KeyConfig(root=Root.E, scale=Scale.PHRYGIAN),
        "hypnotic": KeyConfig(root=Root.F, scale=Scale.DORIAN),
        "dub": KeyConfig(root=Root.D, scale=Scale.MINOR),
        "acid": KeyConfig(root=Root.A, scale=Scale.PHRYGIAN),
        "electro": KeyConfig(root=Root.D, scale=Scale.HARMONIC_MINOR),
        "hard": KeyConfig(root=Root.F, scale=Scale.PHRYGIAN),
        "idm": KeyConfig(root=Root.C_SHARP, scale=Scale.DORIAN),
    }
)


def key_of(style: str) -> KeyConfig:
    """The key that suits a style: A minor where no other does."""
    return _KEYS.get(style, KeyConfig())


def with_parts(
    config: EngineConfig, style: str, parts: tuple[Part, ...], key: KeyConfig
) -> EngineConfig:
    """The config with the style's lines for the parts below its drums, in ``key``. A part that is
    asked for twice is there once."""
    if not parts:
        return config
    lines = {
        Part.BASS: _BASSES.get(style, _ROLLING),
        Part.STAB: _STABS.get(style, _OFF_BEAT_STAB),
    }
    wanted = tuple(lines[part] for part in Part if part in parts)
    return replace(config, key=key, layers=config.layers + wanted)
