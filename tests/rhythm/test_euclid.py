"""Euclidean rhythms against the necklaces that Toussaint printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.rhythm import euclid

NECKLACES = {
    (1, 2): "x.",
    (1, 3): "x..",
    (1, 4): "x...",
    (4, 12): "x..x..x..x..",
    (2, 3): "x.x",
    (2, 5): "x.x..",
    (3, 4): "x.xx",
    (3, 5): "x.x.x",
    (3, 7): "x.x.x..",
    (3, 8): "x..x..x.",
    (4, 7): "x.x.x.x",
    (4, 9): "x.x.x.x..",
    (4, 11): "x..x..x..x.",
    (5, 6): "x.xxxx",
    (5, 7): "x.xx.xx",
    (5, 8): "x.xx.xx.",
    (5, 9): "x.x.x.x.x",
    (5, 11): "x.x.x.x.x..",
    (5, 12): "x..x.x..x.x.",
    (5, 16): "x..x..x..x..x...",
    (7, 8): "x.xxxxxx",
    (7, 12): "x.xx.x.xx.x.",
    (7, 16): "x..x.x.x..x.x.x.",
    (9, 16): "x.xx.x.x.xx.x.x.",
    (11, 24): "x..x.x.x.x.x..x.x.x.x.x.",
    (13, 24): "x.xx.x.x.x.x.xx.x.x.x.x.",
}
"""G. Toussaint, "The Euclidean algorithm generates traditional musical rhythms", section 4."""


def text(mask: tuple[bool, ...]) -> str:
    return "".join("x" if hit else "." for hit in mask)


@pytest.mark.parametrize(("numbers", "necklace"), NECKLACES.items())
def test_necklaces(numbers: tuple[int, int], necklace: str) -> None:
    assert text(euclid(*numbers)) == necklace


@st.composite
def numbers(draw: st.DrawFn) -> tuple[int, int]:
    steps = draw(st.integers(1, 200))
    return draw(st.integers(0, steps)), steps


@given(numbers())
def test_hits_are_all_there_and_as_even_as_steps_allow(pair: tuple[int, int]) -> None:
    pulses, steps = pair
    mask = euclid(pulses, steps)
    assert (len(mask), sum(mask)) == (steps, pulses)
    places = [place for place, hit in enumerate(mask) if hit]
    if places:
        assert places[0] == 0
        gaps = [b - a for a, b in zip(places, [*places[1:], places[0] + steps], strict=True)]
        assert max(gaps) - min(gaps) <= 1


@given(numbers(), st.integers(-500, 500))
def test_rotation_moves_later_around_the_end(pair: tuple[int, int], rotation: int) -> None:
    base, moved = euclid(*pair), euclid(*pair, rotation)
    assert all(moved[(i + rotation) % len(base)] == hit for i, hit in enumerate(base))


@pytest.mark.parametrize(("pulses", "steps"), [(1, 0), (0, 0), (-1, 4), (5, 4), (0, -1)])
def test_impossible_numbers(pulses: int, steps: int) -> None:
    with pytest.raises(ValueError, match="pulses"):
        euclid(pulses, steps)
    with pytest.raises(InvalidInput):
        euclid(pulses, steps)


def test_many_steps() -> None:
    assert sum(euclid(511, 1024)) == 511
