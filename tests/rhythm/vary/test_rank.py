"""The ranking: copies last, misfits last, the rest spread out; and the distance it stands on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from conduit.rhythm import EngineConfig, LayerConfig
from conduit.rhythm.engine import play
from conduit.rhythm.vary import Take, fit_and_unlike, take_of
from conduit.rhythm.vary.rank import fit_of
from conduit.rhythm.vary.take import unlikeness


def take(number: int, *loudness: int, density: float | None = None) -> Take:
    steps = np.array(loudness, np.uint8)
    return Take(number, ((steps > 0).mean() if density is None else density,), steps)


BASE = take(0, 100, 0, 100, 0)


def test_a_take_of_a_groove() -> None:
    kick = LayerConfig(name="kick", pitch=36, pattern="x...", velocity=90, humanize=0)
    hat = LayerConfig(name="hat", pitch=42, pattern="..x.x...", velocity=60, humanize=0)
    made = take_of(play(EngineConfig(layers=(kick, hat), bars=12)), 3)
    assert (made.number, made.density) == (3, (0.25, 0.25))
    assert made.loudness.tolist() == [90, 0, 0, 0] * 32 + [0, 0, 60, 0, 60, 0, 0, 0] * 16


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ([100, 0], [100, 0], 0.0),
        ([100, 0], [0, 100], 1.0),
        ([100, 0], [50, 0], 0.5),
        ([100, 100], [100, 0], 0.5),
        ([0, 0], [0, 0], 0.0),
        ([0, 0], [1, 0], 1.0),
    ],
)
def test_unlikeness(one: list[int], other: list[int], distance: float) -> None:
    assert unlikeness(np.array(one, np.uint8), np.array([other], np.uint8)) == [distance]


grids = arrays.arrays(np.uint8, (3, 12), elements=st.integers(0, 127))


@given(grids)
def test_unlikeness_is_a_metric(grid: np.ndarray) -> None:
    between = np.stack([unlikeness(each, grid) for each in grid])
    assert np.array_equal(between, between.T)
    assert not between.diagonal().any()
    assert between[0, 2] <= between[0, 1] + between[1, 2] + 1e-12


def test_fit_falls_with_the_drift_of_density() -> None:
    assert [fit_of(take(1, 1, density=d), BASE) for d in (0.5, 0.625, 0.75, 1.0)] == [1, 0.5, 0, 0]
    silent = take(0, 0, 0)
    assert fit_of(take(1, 1), silent) == 1


def test_copies_and_misfits_come_last_and_neighbours_apart() -> None:
    takes = [
        take(1, 100, 0, 100, 0),  # the config again
        take(2, 0, 100, 0, 100),  # new, and as full
        take(3, 0, 101, 0, 100),  # almost number 2
        take(4, 100, 0, 0, 100),
        take(5, 100, 100, 100, 100),  # twice as full
    ]
    ranked = fit_and_unlike(BASE, takes, 5)
    assert [each.number for each in ranked] == [2, 4, 3, 1, 5]
    assert ranked[0].score == 1
    assert ranked[2].novelty < 0.01
    assert ranked[-1].score == 0
    assert fit_and_unlike(BASE, takes, 2) == ranked[:2]


@given(st.lists(st.lists(st.integers(0, 127), min_size=4, max_size=4), min_size=1, max_size=8))
def test_every_take_is_ranked_once_with_falling_scores(steps: list[list[int]]) -> None:
    takes = [take(number, *each) for number, each in enumerate(steps, 1)]
    ranked = fit_and_unlike(BASE, takes, 100)
    assert sorted(each.number for each in ranked) == list(range(1, len(steps) + 1))
    scores = [each.score for each in ranked]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= v <= 1 for each in ranked for v in (each.score, each.fit, each.novelty))
