"""The token bucket: it never admits too much, and never lies about when it will admit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.routing.buckets import TokenBucket
from tests.models.routing.conftest import HandClock

CAPACITY = st.one_of(st.integers(1, 100_000), st.floats(0.5, 1e6))
RATE = st.floats(0.01, 1e5)
STEPS = st.lists(st.tuples(st.floats(0, 30), st.floats(0, 1)), max_size=60)


@given(capacity=CAPACITY, rate=RATE, steps=STEPS)
def test_in_any_window_it_admits_no_more_than_capacity_and_refill(
    capacity: float, rate: float, steps: list[tuple[float, float]]
) -> None:
    clock = HandClock()
    bucket = TokenBucket(clock, capacity=capacity, per_second=rate)
    admitted: list[tuple[float, float]] = []
    for pause, share in steps:
        clock.now += pause
        amount = share * capacity
        if bucket.try_take(amount) == 0.0:
            admitted.append((clock.now, amount))
    slack = 1e-6 * rate + 1e-9 * capacity * (1 + len(steps))
    for first in range(len(admitted)):
        total = 0.0
        for at, amount in admitted[first:]:
            total += amount
            window = at - admitted[first][0]
            assert total <= capacity + rate * window * (1 + 1e-9) + slack


@given(capacity=CAPACITY, rate=RATE, steps=STEPS)
def test_who_waits_as_long_as_told_is_admitted_and_not_much_sooner(
    capacity: float, rate: float, steps: list[tuple[float, float]]
) -> None:
    clock = HandClock()
    bucket = TokenBucket(clock, capacity=capacity, per_second=rate)
    for pause, share in steps:
        clock.now += pause
        wait = bucket.try_take(share * capacity)
        if wait > 1e-3:
            clock.now += wait * 0.9
            assert bucket.try_take(share * capacity) > 0.0
            clock.now += wait * 0.1
            assert bucket.try_take(share * capacity) == 0.0


@given(capacity=CAPACITY, rate=RATE, first=st.floats(0, 1), amounts=st.lists(st.floats(0, 2)))
def test_the_wait_grows_with_the_amount_and_shrinks_with_time(
    capacity: float, rate: float, first: float, amounts: list[float]
) -> None:
    waits = []
    for amount in sorted(amounts):
        clock = HandClock()
        bucket = TokenBucket(clock, capacity=capacity, per_second=rate)
        bucket.try_take(first * capacity)
        waits.append(bucket.try_take(amount * capacity))
        if waits[-1] > 0.0:
            clock.now += 1.0
            assert bucket.try_take(amount * capacity) <= waits[-1]
    assert waits == sorted(waits)


@given(capacity=CAPACITY, rate=RATE, steps=STEPS, used=st.lists(st.floats(0, 3), max_size=60))
def test_what_is_settled_is_counted_to_the_last_token(
    capacity: float, rate: float, steps: list[tuple[float, float]], used: list[float]
) -> None:
    """At any moment no more has been used than capacity and refill allow, beyond what the last
    settlement found to be used above its estimate."""
    clock = HandClock()
    bucket = TokenBucket(clock, capacity=capacity, per_second=rate)
    began, total = clock.now, 0.0
    for (pause, share), factor in zip(steps, used, strict=False):
        clock.now += pause
        estimated = share * capacity
        if bucket.try_take(estimated) > 0.0:
            continue
        actual = estimated * factor
        bucket.settle(estimated, actual)
        total += actual
        over = max(0.0, actual - estimated)
        allowed = capacity + rate * (clock.now - began)
        assert total <= (allowed + over) * (1 + 1e-9) + 1e-6 * rate
        assert bucket.try_take(capacity * 1.001) == math.inf
    clock.now += 1e12
    assert bucket.try_take(capacity) == 0.0
    assert bucket.try_take(capacity) > 0.0, "it holds no more than that, however long it waits"


def test_more_than_ever_fits_in_is_told_so(clock: HandClock) -> None:
    bucket = TokenBucket.per_minute(clock, 6000)
    assert bucket.try_take(6001) == math.inf
    assert bucket.try_take(6000) == 0.0
    assert bucket.try_take(100) == 1.0
    never = TokenBucket(clock, capacity=1, per_second=0)
    assert (never.try_take(), never.try_take()) == (0.0, math.inf)


def test_what_was_used_beyond_the_estimate_is_owed(clock: HandClock) -> None:
    bucket = TokenBucket.per_minute(clock, 600)
    assert bucket.try_take(100) == 0.0
    bucket.settle(100, 900)
    assert bucket.try_take(10) == 31.0  # 300 are owed
    clock.now += 30.0
    assert bucket.try_take(10) == 1.0
    bucket.give_back(10_000)
    assert bucket.try_take(600) == 0.0
    assert bucket.try_take(1) == pytest.approx(0.1)


def test_a_clock_that_jumps_back_refills_nothing(clock: HandClock) -> None:
    bucket = TokenBucket(clock, capacity=10, per_second=1)
    bucket.try_take(10)
    clock.now -= 100.0
    assert bucket.try_take(1) == 1.0
    clock.now += 101.0
    assert bucket.try_take(2) == pytest.approx(1.0)
