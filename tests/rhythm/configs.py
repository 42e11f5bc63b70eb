"""Hypothesis strategies for configs: everything a musician might write, and some things not."""

from __future__ import annotations

from hypothesis import strategies as st

from conduit.rhythm import EngineConfig, Feel, GhostConfig, LayerConfig, Role, TimingConfig

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
