"""Orders of asking: what holds for all strategies, and what each promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.routing.settings import Price, Strategy, Target, Tier
from conduit.models.routing.strategies import USUAL_OUTPUT, expected_cost_micro, order


@dataclass(frozen=True)
class Standing:
    target: Target
    latency_ms: float | None = None
    in_flight: int = 0
    price: Price | None = None
    open: bool = False


def named(
    name: str,
    *,
    weight: float = 1.0,
    priority: int = 0,
    tier: Tier | None = None,
    latency_ms: float | None = None,
    in_flight: int = 0,
    price: Price | None = None,
    open: bool = False,
) -> Standing:
    target = Target(name, weight=weight, priority=priority, tier=tier)
    return Standing(target, latency_ms, in_flight, price, open)


def names(candidates: Sequence[Standing]) -> str:
    return "".join(candidate.target.provider for candidate in candidates)


PRICES = st.builds(Price, input=st.integers(0, 10**8), output=st.integers(0, 10**8))
STANDINGS = st.builds(
    named,
    st.text("abc", min_size=1, max_size=3),
    weight=st.one_of(st.just(0.0), st.floats(1e-9, 1e9)),
    priority=st.integers(-2, 2),
    tier=st.one_of(st.none(), st.sampled_from(get_args(Tier))),
    latency_ms=st.one_of(st.none(), st.floats(0, 1e6)),
    in_flight=st.integers(0, 1000),
    price=st.one_of(st.none(), PRICES),
    open=st.booleans(),
)


@given(
    candidates=st.lists(STANDINGS, max_size=12),
    strategy=st.sampled_from(get_args(Strategy)),
    seed=st.integers(),
    tier=st.sampled_from(get_args(Tier)),
    max_tokens=st.one_of(st.none(), st.integers(1, 100_000)),
)
def test_all_are_asked_once_open_ones_last_and_a_lower_priority_first(
    candidates: list[Standing], strategy: Strategy, seed: int, tier: Tier, max_tokens: int | None
) -> None:
    def ordered() -> tuple[Standing, ...]:
        return order(
            candidates,
            strategy,
            Random(seed),
            input_tokens=1000,
            max_tokens=max_tokens,
            tier=tier,
        )

    result = ordered()
    assert Counter(map(id, result)) == Counter(map(id, candidates))
    ranks = [(candidate.open, candidate.target.priority) for candidate in result]
    assert ranks == sorted(ranks)
    assert list(map(id, ordered())) == list(map(id, result))


def test_without_anybody_nobody_is_asked() -> None:
    assert order((), "weighted", Random(1)) == ()


def test_priority_keeps_the_listed_order() -> None:
    listed = [named("c"), named("a", priority=1), named("b"), named("d", open=True)]
    assert names(order(listed, "priority", Random(1))) == "cbad"


@pytest.mark.parametrize("others", [1, 2])
def test_weights_are_the_shares_of_coming_first(others: int) -> None:
    listed = [named("a", weight=7), named("b", weight=3), named("z", weight=0)][: others + 1]
    rng = Random(20)
    first = Counter(names(order(listed, "weighted", rng))[0] for _ in range(20_000))
    assert first["a"] / 20_000 == pytest.approx(0.7, abs=0.015)
    assert first["z"] == 0


def test_weights_hold_for_the_second_place_too() -> None:
    """Without replacement: after a (1/6), b comes with 2 of the 5 that are left."""
    listed = [named("a", weight=1), named("b", weight=2), named("c", weight=3)]
    rng = Random(21)
    orders = Counter(names(order(listed, "weighted", rng)) for _ in range(30_000))
    for expected, share in {
        "abc": 1 / 6 * 2 / 5,
        "acb": 1 / 6 * 3 / 5,
        "bac": 2 / 6 * 1 / 4,
        "bca": 2 / 6 * 3 / 4,
        "cab": 3 / 6 * 1 / 3,
        "cba": 3 / 6 * 2 / 3,
    }.items():
        assert orders[expected] / 30_000 == pytest.approx(share, abs=0.012)


def test_random_gives_every_order_alike_whatever_the_weights() -> None:
    listed = [named("a", weight=100), named("b"), named("c", weight=0)]
    rng = Random(22)
    orders = Counter(names(order(listed, "random", rng)) for _ in range(12_000))
    assert len(orders) == 6
    for count in orders.values():
        assert count / 12_000 == pytest.approx(1 / 6, abs=0.015)


def test_least_latency_explores_the_unknown_with_one_request_at_a_time() -> None:
    fast, slow = named("f", latency_ms=100.0), named("s", latency_ms=900.0)
    assert names(order([slow, fast], "least_latency", Random(1))) == "fs"
    unknown = named("u")
    assert names(order([slow, unknown, fast], "least_latency", Random(1))) == "ufs"
    under_way = named("u", in_flight=1)
    assert names(order([under_way, slow, fast], "least_latency", Random(1))) == "fsu"


def test_least_busy_fills_targets_in_proportion_to_their_weight() -> None:
    busy = {"a": 0, "b": 0, "z": 0}
    rng = Random(23)
    for _ in range(40):
        now = [
            named("a", weight=3, in_flight=busy["a"]),
            named("b", weight=1, in_flight=busy["b"]),
            named("z", weight=0, in_flight=busy["z"]),
        ]
        busy[names(order(now, "least_busy", rng))[0]] += 1
    assert busy == {"a": 30, "b": 10, "z": 0}


def test_least_busy_decides_between_equals_by_chance() -> None:
    rng = Random(24)
    first = Counter(
        names(order([named("a"), named("b"), named("c")], "least_busy", rng))[0]
        for _ in range(3000)
    )
    assert min(first.values()) > 850


def test_cost_weighs_input_and_output_as_the_request_has_them() -> None:
    long_input = named("i", price=Price(input=100_000, output=9_000_000))
    long_output = named("o", price=Price(input=3_000_000, output=1_000_000))
    unknown, free = named("u"), named("f", price=Price())
    everybody = [unknown, long_output, long_input, free]
    reading = order(everybody, "cost", Random(1), input_tokens=50_000, max_tokens=10)
    assert names(reading) == "fiou"
    writing = order(everybody, "cost", Random(1), input_tokens=50)
    assert names(writing) == "foiu"


def test_the_expected_cost_is_in_micro_dollars() -> None:
    price = Price(input=3_000_000, output=15_000_000)  # 3 and 15 dollars for a million tokens
    assert expected_cost_micro(price, 1000, 100) == 3000 + 1500
    assert expected_cost_micro(price, 0, None) == 15 * USUAL_OUTPUT
    assert expected_cost_micro(price, 0, 10**6) == 15 * USUAL_OUTPUT


@pytest.mark.parametrize(
    ("tier", "expected"), [("local", "lnes"), ("search", "ensl"), ("strongest", "snel")]
)
def test_complexity_asks_its_own_tier_then_any_then_stronger_ones(
    tier: Tier, expected: str
) -> None:
    listed = [
        named("s", tier="strongest"),
        named("n"),
        named("e", tier="search"),
        named("l", tier="local"),
    ]
    assert names(order(listed, "complexity", Random(1), tier=tier)) == expected
