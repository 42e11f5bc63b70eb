"""Syncopation: the examples of the literature, a slow double, and a second model."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.rhythm.scores import syncopation
from conduit.rhythm.scores.gaps import gaps_of
from tests.rhythm.scores.loops import CLAVES, metre_of, onsets_of, score

# Longuet-Higgins and Lee 1984, figure 9, and three more of the kind, as inter-onset intervals in a
# bar of 2, 4 or 8 steps: the strength of each hit that has one.
PUBLISHED = [
    ("xx..", [1]),
    ("x..x", []),
    ("x.xx ..x.", [2]),
    ("xx.x", [1]),
    ("xx.x xx..", [1, 1]),
    ("xx.. .x..", [2, 1]),
]

# Worked out by hand from the weights 0 -4 -3 -4 -2 -4 -3 -4 -1 -4 -3 -4 -2 -4 -3 -4.
BY_HAND = {"shiko": 2, "son": 4, "rumba": 5, "gahu": 5, "soukous": 6, "bossa nova": 6}


@pytest.mark.parametrize(("pattern", "strengths"), PUBLISHED)
def test_the_examples_of_longuet_higgins_and_lee(pattern: str, strengths: list[int]) -> None:
    onsets = onsets_of(pattern)
    steps = onsets.shape[1]
    gaps = gaps_of(onsets)
    table = syncopation.strengths(metre_of(steps).weights)
    found = table[gaps.step, gaps.gap].astype(int).tolist()
    assert [strength for strength in found if strength] == strengths


@pytest.mark.parametrize("name", CLAVES)
def test_the_six_timelines(name: str) -> None:
    found = score(CLAVES[name]).syncopation
    assert found.raw[0] == BY_HAND[name]
    assert found.normal[0] == pytest.approx(BY_HAND[name] / (4 * 5))


def test_a_hit_on_every_step_or_on_every_beat_does_not_syncopate() -> None:
    for pattern in ("x" * 16, "x... x... x... x...", "x...............", "................"):
        assert score(pattern).syncopation.raw[0] == 0


def test_the_most_syncopated_single_hit_is_one() -> None:
    assert score(".... .... .... ...x").syncopation.normal[0] == 1


def test_the_total_adds_up_the_voices() -> None:
    together = score(CLAVES["son"], CLAVES["rumba"]).syncopation
    assert together.layer_raw.tolist() == [[4, 5]]
    assert together.raw.tolist() == [9]
    assert together.normal.tolist() == [pytest.approx(9 / 40)]


@given(st.lists(st.booleans(), min_size=16, max_size=16))
def test_a_slow_reading_of_the_definition_says_the_same(bar: list[bool]) -> None:
    weights = metre_of().weights.tolist()
    expected = 0
    for at in [n for n, hit in enumerate(bar) if hit]:
        rests = list(itertools.takewhile(lambda n: not bar[n % 16], range(at + 1, at + 16)))
        strongest = max((weights[n % 16] for n in rests), default=-4)
        expected += max(0, strongest - weights[at])
    text = "".join("x" if hit else "." for hit in bar)
    assert score(text).syncopation.raw[0] == expected


def ranks(values: list[float]) -> list[float]:
    """Ranks from 0, ties sharing their mean."""
    return [sum(v < x for v in values) + (sum(v == x for v in values) - 1) / 2 for x in values]


def test_both_models_order_the_six_timelines_alike() -> None:
    lhl = [float(score(text).syncopation.raw[0]) for text in CLAVES.values()]
    wnbd = [float(score(text).note_to_beat.raw[0]) for text in CLAVES.values()]
    for one, two in itertools.combinations(range(6), 2):
        assert (lhl[one] - lhl[two]) * (wnbd[one] - wnbd[two]) >= 0


def test_both_models_agree_in_rank_on_other_loops() -> None:
    """Two questions about the same thing: far from equal, further from unrelated."""
    random = np.random.default_rng(1)
    texts = ["".join(random.permutation(list("xxxxx...........")).tolist()) for _ in range(300)]
    lhl = ranks([float(score(text).syncopation.raw[0]) for text in texts])
    wnbd = ranks([float(score(text).note_to_beat.raw[0]) for text in texts])
    assert np.corrcoef(lhl, wnbd)[0, 1] > 0.5
