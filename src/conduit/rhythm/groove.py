"""From a musician's wish to a config: a style, and what should be different about it.

A wish names few things and leaves the rest to the style. :func:`complete` fills in what the style
decides, so that a later "more swing" has a number to start from; a completed wish sounds exactly
like the one it was made from.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Final

from conduit.blocks import Length, Range, dumps
from conduit.contracts.errors import InvalidInput
from conduit.rhythm.config import EngineConfig, LayerConfig, Role
from conduit.rhythm.hits import layer_loop
from conduit.rhythm.parameters import KeyConfig
from conduit.rhythm.pattern import HIT, MAYBE, REST
from conduit.rhythm.scale import Root, Scale
from conduit.rhythm.styles import STYLES, Style
from conduit.rhythm.styles.lines import Part, key_of, with_parts


@dataclass(frozen=True, slots=True)
class GrooveRequest:
    """What to play: a style, and what should be different about it. Leave out what was not asked
    for; the style knows."""

    style: Annotated[
        Style,
        "industrial: hard, square, metallic. warehouse: rolling, open hats. hypnotic: loops that "
        "slide, no backbeat. minimal: sparse, swung. dub: slow, late, echoes. acid: shuffled, "
        "snare rolls. broken: kick off the beat. electro: dry backbeat. hard: fast, loud "
        "off-beats. idm: irregular.",
    ]
    bpm: Annotated[
        float | None, Range(20, 300), "tempo in beats per minute; null: the style's own (122-152)"
    ] = None
    bars: Annotated[int, Range(1, 4096), "length in bars of 4/4"] = 8
    seed: Annotated[
        int,
        Range(0, 2**53 - 1),
        "which variation; the same seed gives the same notes, another seed another variation",
    ] = 0
    density: Annotated[
        float | None,
        Range(0, 1),
        "how busy hats and percussion are: 0.5 as the style is written, 0.2 sparse, 0.8 busy",
    ] = None
    swing: Annotated[
        float | None,
        Range(50, 75),
        "percent, as on a drum machine: 50 straight, 54 a little, 58 clear, 66.7 triplet shuffle",
    ] = None
    ghost: Annotated[
        float | None,
        Range(0, 1),
        "probability of quiet ghost kicks between the kicks: 0 none, 0.15 sparse, 0.5 many",
    ] = None
    rotation: Annotated[
        int,
        Range(-64, 64),
        "moves hats and percussion that many sixteenths later (negative: earlier)",
    ] = 0
    mute: Annotated[
        tuple[str, ...],
        Length(0, 64),
        "layers to leave out, by name or by kind: kick, snare, hat, open_hat, percussion",
    ] = ()
    title: Annotated[str, Length(0, 120), "a name for the groove; empty: style and tempo"] = ""
    parts: Annotated[
        tuple[Part, ...],
        Length(0, 8),
        "pitched parts to add: bass, stab; only when they are asked for",
    ] = ()
    root: Annotated[Root | None, "root of the key of the pitched parts; null: the style's own"] = (
        None
    )
    scale: Annotated[Scale | None, "scale of the pitched parts; null: the style's own"] = None


AS_WRITTEN: Final = 0.5
"""The density at which a style plays as it is written."""

_ADDED_LATER: Final = ("parts", "root", "scale")
"""Fields that are left out of a groove's name while they say nothing, so that names from before
they were there still hold."""

_ROTATED: Final = frozenset({Role.HAT, Role.OPEN_HAT, Role.PERCUSSION})
_BUSIEST: Final = {Role.HAT: 1.0, Role.PERCUSSION: 0.6, Role.OPEN_HAT: 0.25}
"""The part of the steps that a kind of layer may be made to fill. Kick and snare keep the style."""


def complete(request: GrooveRequest) -> GrooveRequest:
    """The same wish with everything said. ``complete(complete(x)) == complete(x)``."""
    style = STYLES[request.style]
    kick = next(layer for layer in style.layers if layer.role is Role.KICK)
    bpm = _chosen(request.bpm, style.bpm)
    if request.parts:
        key = key_of(request.style)
        request = replace(request, root=request.root or key.root, scale=request.scale or key.scale)
    return replace(
        request,
        bpm=bpm,
        density=_chosen(request.density, AS_WRITTEN),
        swing=_chosen(request.swing, style.swing),
        ghost=_chosen(request.ghost, kick.ghost.probability),
        title=request.title or f"{style.title} {bpm:g} BPM",
    )


def _chosen(wish: float | None, otherwise: float) -> float:
    """As a float even where a whole number was given: equal wishes must be written alike."""
    return float(otherwise if wish is None else wish)


def config_of(request: GrooveRequest) -> EngineConfig:
    """The config that plays the wish. Raises ``InvalidInput`` for a layer that is not there."""
    wish = complete(request)
    key = key_of(wish.style)
    key = KeyConfig(root=wish.root or key.root, scale=wish.scale or key.scale)
    style = with_parts(STYLES[wish.style], wish.style, wish.parts, key)
    heard = _heard(style, wish.mute)
    swing = _chosen(wish.swing, style.swing)
    layers = [_rotated(layer, wish.rotation) for layer in style.layers if layer.name in heard]
    layers = [_swung(layer, swing - style.swing) for layer in layers]
    layers = [_dense(style, layer, wish.density) for layer in layers]
    layers = [_ghosted(layer, wish.ghost) for layer in layers]
    return replace(
        style,
        title=wish.title,
        bpm=_chosen(wish.bpm, style.bpm),
        bars=wish.bars,
        seed=wish.seed,
        swing=swing,
        layers=tuple(layers),
    )


def groove_id(request: GrooveRequest) -> str:
    """A name for the groove that depends only on what was asked for: 24 hexadecimal digits."""
    wish = asdict(complete(request))
    for name in _ADDED_LATER:
        if not wish[name]:
            del wish[name]
    return hashlib.sha256(dumps(wish)).hexdigest()[:24]


def file_name(request: GrooveRequest) -> str:
    """What to call the MIDI file, for instance ``industrial-140-bpm-8-bars.mid``."""
    wish = complete(request)
    words = slug(wish.title)
    seed = f"-seed-{wish.seed}" if wish.seed else ""
    return f"{words or wish.style}-{wish.bars}-bars{seed}.mid"


def slug(title: str) -> str:
    """A title in lower-case letters, digits and dashes; empty when it has none of them."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]


def _heard(style: EngineConfig, mute: tuple[str, ...]) -> set[str]:
    heard = {layer.name for layer in style.layers}
    for name in mute:
        word = name.strip().lower()
        named = {each.name for each in style.layers if word in (each.name, each.role.value)}
        if not named and word not in set(Role):
            raise InvalidInput(
                f"there is no layer {name[:40]!r} to mute",
                where="mute",
                hint=f"layers: {', '.join(each.name for each in style.layers)}",
            )
        heard -= named
    if not heard:
        raise InvalidInput("every layer is muted", where="mute", hint="leave at least one")
    return heard


def _rotated(layer: LayerConfig, rotation: int) -> LayerConfig:
    if layer.role not in _ROTATED:
        return layer
    return replace(layer, rotation=layer.rotation + rotation)


def _swung(layer: LayerConfig, more: float) -> LayerConfig:
    """A layer with a swing of its own keeps its distance to the groove's."""
    if layer.swing is None:
        return layer
    return replace(layer, swing=min(75.0, max(50.0, layer.swing + more)))


def _dense(style: EngineConfig, layer: LayerConfig, density: float | None) -> LayerConfig:
    """As many hits as written at one half, none at zero, twice as many at one, within reason."""
    if density in (None, AS_WRITTEN) or layer.role not in _BUSIEST:
        return layer
    own = _own_density(style, layer)
    busiest = max(own, _BUSIEST[layer.role])
    return replace(layer, density=min(busiest, own * density / AS_WRITTEN))


def _own_density(style: EngineConfig, layer: LayerConfig) -> float:
    """The part of its steps that a layer fills as written, on average."""
    loop = layer_loop(style, layer)
    weight = (loop != REST).astype(float)
    weight[loop == HIT] = layer.probability
    weight[loop == MAYBE] = layer.maybe
    return float(weight.mean())


def _ghosted(layer: LayerConfig, probability: float | None) -> LayerConfig:
    if layer.role is not Role.KICK or probability is None:
        return layer
    return replace(layer, ghost=replace(layer.ghost, probability=float(probability)))
