"""Modulators move slowly, inside their depth, and the same way every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.rhythm import Aim, ModulatorConfig, Shape
from conduit.rhythm.control import modulation

modulators = st.builds(
    ModulatorConfig,
    name=st.sampled_from(["a", "b"]),
    aim=st.sampled_from(Aim),
    shape=st.sampled_from(Shape),
    depth=st.floats(0, 1),
    period_bars=st.floats(1, 100),
    phase=st.floats(0, 1),
    cap=st.floats(0.0001, 1),
)
seeds = st.integers(0, 2**63 - 1)


@given(modulators, seeds, st.integers(1, 200))
def test_no_cap_is_exceeded_and_no_depth(modulator: ModulatorConfig, seed: int, bars: int) -> None:
    curve = modulation(modulator, bars, seed)
    assert curve.shape == (bars,)
    assert (np.abs(curve) <= modulator.depth).all()
    assert (np.abs(np.diff(curve)) <= modulator.cap).all()


@given(modulators, seeds, st.integers(1, 100))
def test_a_longer_curve_begins_with_the_shorter(
    modulator: ModulatorConfig, seed: int, bars: int
) -> None:
    assert modulation(modulator, bars, seed).tolist() == (
        modulation(modulator, 2 * bars, seed)[:bars].tolist()
    )


def of(shape: Shape, **fields: float) -> np.ndarray:
    modulator = ModulatorConfig(name="m", aim=Aim.DENSITY, shape=shape, **{"cap": 1.0, **fields})
    return modulation(modulator, 65, 3)


def test_a_sine_comes_back_and_a_ramp_stays() -> None:
    sine = of(Shape.SINE, depth=0.5, period_bars=16)
    assert sine[[0, 4, 8, 12, 16]] == pytest.approx([0, 0.5, 0, -0.5, 0], abs=1e-6)
    assert of(Shape.SINE, depth=0.5, period_bars=16, phase=0.25)[0] == pytest.approx(0.5)
    ramp = of(Shape.RAMP, depth=0.5, period_bars=16)
    assert ramp[[0, 4, 8, 16, 64]] == pytest.approx([-0.5, -0.25, 0, 0.5, 0.5])


def test_wandering_goes_both_ways_and_depends_on_seed_and_name() -> None:
    for shape in (Shape.RANDOM_WALK, Shape.PERLIN):
        one = ModulatorConfig(name="a", aim=Aim.DENSITY, shape=shape, period_bars=8, cap=0.1)
        two = ModulatorConfig(name="b", aim=Aim.DENSITY, shape=shape, period_bars=8, cap=0.1)
        curves = [modulation(*args) for args in ((one, 200, 1), (one, 200, 2), (two, 200, 1))]
        for curve in curves:
            assert curve.min() < -0.02
            assert curve.max() > 0.02
        assert not np.array_equal(curves[0], curves[1])
        assert not np.array_equal(curves[0], curves[2])


def test_perlin_noise_is_smooth_and_rests_on_its_lattice() -> None:
    curve = of(Shape.PERLIN, depth=1, period_bars=16)
    assert curve[::16].tolist() == [0, 0, 0, 0, 0]
    assert np.abs(np.diff(curve, n=2)).max() < 0.06
