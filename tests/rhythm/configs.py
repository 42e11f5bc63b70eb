"""Hypothesis strategies for configs: everything a musician might write, and some things not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from conduit.rhythm import (
    ConditionConfig,
    EngineConfig,
    Feel,
    GhostConfig,
    KeyConfig,
    KickLock,
    LayerConfig,
    MelodyConfig,
    MeterChange,
    Mode,
    RatchetConfig,
    Role,
    Root,
    Scale,
    TempoChange,
    TimingConfig,
    VariationConfig,
)

patterns = st.text(alphabet=".-xX?", min_size=1, max_size=40)
fills = st.lists(st.text(alphabet=".-xX", max_size=16), max_size=3).map(tuple)


@st.composite
def layers(draw: st.DrawFn, index: int) -> LayerConfig:
    steps = draw(st.integers(1, 40))
    euclidean = draw(st.booleans())
    return LayerConfig(
        name=f"layer {index}",
        pitch=draw(st.sampled_from([36, 38, 42, 46])),
        role=draw(st.sampled_from(Role)),
        pattern="" if euclidean else draw(patterns),
        steps=steps if euclidean else None,
        pulses=draw(st.integers(0, steps)) if euclidean else None,
        rotation=draw(st.integers(-50, 50)),
        fills=draw(fills),
        probability=draw(st.floats(0, 1)),
        maybe=draw(st.floats(0, 1)),
        density=draw(st.none() | st.floats(0, 1)),
        ghost=GhostConfig(probability=draw(st.sampled_from([0.0, 0.2, 1.0]))),
        humanize=draw(st.integers(0, 40)),
        length=draw(st.floats(0.01, 20)),
        swing=draw(st.none() | st.floats(50, 75)),
        timing=TimingConfig(feel=draw(st.sampled_from(Feel)), cap_ms=draw(st.floats(0, 50))),
        choke=draw(st.none() | st.integers(0, 1)),
    )


@st.composite
def engine_configs(draw: st.DrawFn) -> EngineConfig:
    count = draw(st.integers(1, 4))
    return EngineConfig(
        layers=tuple(draw(layers(index)) for index in range(count)),
        bpm=draw(st.floats(20, 300)),
        bars=draw(st.integers(1, 12)),
        seed=draw(st.integers(0, 2**63 - 1)),
        beats_per_bar=draw(st.integers(1, 7)),
        steps_per_bar=draw(st.sampled_from([1, 7, 12, 16, 32])),
        swing=draw(st.floats(50, 75)),
        phrase_bars=draw(st.integers(1, 9)),
        cycle_bars=draw(st.sampled_from([1, 2, 4, 8, 16])),
        evolve=draw(st.floats(0, 1)),
    )


def marks(symbols: str = ".x") -> st.SearchStrategy[str]:
    return st.text(alphabet=symbols, min_size=1, max_size=24)


whens = st.sampled_from(
    "PRE NOT_PRE NEI NOT_NEI FILL NOT_FILL 1ST NOT_1ST".split()
    + "EVERY_2 EVERY_3 1:2 2:3 3:3 50% 30% 0% 100%".split()
)
conditions = st.lists(st.builds(ConditionConfig, when=whens, steps=marks()), max_size=4).map(tuple)
ratchets = st.builds(
    RatchetConfig,
    strokes=marks(".23459"),
    span=st.floats(0.1, 16),
    pace=st.floats(-1, 1),
    fall=st.integers(-100, 100),
    probability=st.floats(0, 1),
)
degrees = st.lists(st.integers(-28, 28), min_size=1, max_size=8).map(tuple)
melodies = st.builds(
    MelodyConfig,
    degrees=degrees,
    by=st.sampled_from(["hit", "step"]),
    octaves=st.integers(1, 4),
    wander=st.floats(0, 1),
    leap=st.floats(0, 1),
    kick=st.sampled_from(KickLock),
    gates=st.lists(st.floats(0.05, 32), max_size=5).map(tuple),
    slides=st.just("") | marks(),
)


@st.composite
def whole_layers(draw: st.DrawFn, index: int) -> LayerConfig:
    """A layer with any of the optional parts, a line among them."""
    layer = replace(
        draw(layers(index)),
        drift=draw(st.sampled_from([0.0, 0.25, -1 / 3, 1.0])),
        void=draw(st.sampled_from([0.0, 0.5, 1.0])),
        turn=draw(st.just("") | st.text(alphabet=".-xX", max_size=40)).strip() or "",
        form=draw(st.just("") | marks()),
        conditions=draw(conditions),
        variation=VariationConfig(
            probability=draw(st.sampled_from([0.0, 0.5, 1.0])), every=draw(st.integers(1, 5))
        ),
        ratchet=draw(st.just(RatchetConfig()) | ratchets),
    )
    if draw(st.booleans()):
        return layer
    melody = draw(melodies)
    chord = draw(degrees) if layer.choke is None else (0,)
    pitch = draw(st.integers(0, 127))
    return replace(layer, channel=index, pitch=pitch, melody=replace(melody, chord=chord))


@st.composite
def whole_configs(draw: st.DrawFn) -> EngineConfig:
    """A groove in which anything that can be written may be written."""
    config = draw(engine_configs())
    bars = sorted(draw(st.sets(st.integers(0, 14), min_size=1, max_size=3)))
    steps = 4 * config.beats_per_bar
    return replace(
        config,
        mode=draw(st.sampled_from([Mode.M1, Mode.M2])),
        layers=tuple(draw(whole_layers(index)) for index in range(len(config.layers))),
        steps_per_bar=steps,
        tempo_map=draw(
            st.none() | st.just(tuple(TempoChange(bar=bar, bpm=100.0 + bar) for bar in bars))
        ),
        meters=tuple(
            MeterChange(bar=bar, beats=draw(st.integers(1, steps)), unit=16)
            for bar in draw(st.sampled_from([[], bars]))
        ),
        fill_bars=draw(st.integers(0, 4)),
        key=KeyConfig(root=draw(st.sampled_from(Root)), scale=draw(st.sampled_from(Scale))),
    )
