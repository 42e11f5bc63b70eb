"""A mean that forgets: against the definition it states, and over time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.routing.latency import FAILURE_MS, DecayedMean, Latency
from tests.models.routing.conftest import HandClock

SAMPLES = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 1e6)), min_size=1, max_size=30)


@given(samples=SAMPLES)
def test_it_is_the_decayed_mean_of_its_definition(samples: list[tuple[float, float]]) -> None:
    clock = HandClock()
    mean = DecayedMean(clock, half_life_s=10.0)
    times = []
    for pause, value in samples:
        clock.now += pause
        times.append((clock.now, value))
        mean.add(value)
    weights = [2.0 ** (-(clock.now - at) / 10.0) for at, _ in times]
    expected = sum(w * x for w, (_, x) in zip(weights, times, strict=True)) / sum(weights)
    assert mean.value == pytest.approx(expected, rel=1e-6, abs=1e-6)
    low, high = min(x for _, x in times), max(x for _, x in times)
    assert low - 1e-3 <= mean.value <= high + 1e-3


def test_what_is_long_ago_is_unknown_again(clock: HandClock) -> None:
    mean = DecayedMean(clock, half_life_s=10.0)
    assert mean.value is None
    mean.add(0.0)
    assert mean.value == 0.0
    clock.now += 66.0
    assert mean.value == 0.0
    clock.now += 1.0
    assert mean.value is None
    mean.add(7.0)
    assert mean.value == pytest.approx(7.0, abs=0.1)


def test_samples_of_one_instant_count_alike_and_a_clock_that_jumps_back_does_no_harm(
    clock: HandClock,
) -> None:
    mean = DecayedMean(clock, half_life_s=10.0)
    mean.add(1.0)
    mean.add(3.0)
    assert mean.value == 2.0
    clock.now -= 500.0
    mean.add(5.0)
    assert mean.value == 3.0


def test_after_a_thousand_half_lives_it_still_counts(clock: HandClock) -> None:
    mean = DecayedMean(clock, half_life_s=1.0)
    mean.add(1e300)
    clock.now += 1e6
    assert mean.value is None
    mean.add(4.0)
    assert mean.value == 4.0


def test_a_failure_counts_as_slow_however_fast_it_came(clock: HandClock) -> None:
    latency = Latency(clock)
    latency.answered(100.0)
    latency.failed(2.0)
    assert latency.answer_ms == (100.0 + FAILURE_MS) / 2
    latency.failed(60_000.0)
    assert latency.answer_ms == pytest.approx((100.0 + FAILURE_MS + 60_000.0) / 3)
