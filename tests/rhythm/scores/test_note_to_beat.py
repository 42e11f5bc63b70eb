"""WNBD against the tables of Gómez, Melvin, Rappaport and Toussaint (2005)."""

from __future__ import annotations

import pytest

from tests.rhythm.scores.loops import CLAVES, score

# Figure 8, five hits in sixteen steps.
BINARY = {
    "shiko": 6 / 5,
    "son": 14 / 5,
    "rumba": 18 / 5,
    "gahu": 18 / 5,
    "soukous": 18 / 5,
    "bossa nova": 20 / 5,
}

# Figure 11, seven hits in twelve steps, four beats.
TERNARY = {
    "bembé": ("x.x.xx.x.x.x", 21 / 7),
    "asaadua": ("x.x.x.xx.xx.", 15 / 7),
    "soli": ("x.x.x.x.xx.x", 15 / 7),
    "tonada": ("x.xx.xx.x.x.", 15 / 7),
}


@pytest.mark.parametrize("name", BINARY)
def test_the_published_binary_timelines(name: str) -> None:
    assert score(CLAVES[name]).note_to_beat.raw[0] == pytest.approx(BINARY[name])


@pytest.mark.parametrize("name", TERNARY)
def test_the_published_ternary_timelines(name: str) -> None:
    pattern, expected = TERNARY[name]
    assert score(pattern).note_to_beat.raw[0] == pytest.approx(expected)


def test_beats_are_at_no_distance_and_the_largest_distance_is_one() -> None:
    assert score("x... x... x... x...").note_to_beat.raw[0] == 0
    assert score("...x .... .... ....").note_to_beat.normal[0] == 0.5
    assert score("...x ..x. .... ....").note_to_beat.raw[0] == pytest.approx((8 + 2) / 2)
    assert score("...x ..x. .... ....", "................").note_to_beat.normal[0] <= 1
