"""Exact search: the same as looking at every row in float64, whatever the rows are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.corpora.vectors import Vectors, unit_rows


def brute(rows: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    scores = rows.astype(np.float64) @ query.astype(np.float64)
    return np.lexsort((np.arange(len(rows)), -scores))[:k].tolist()


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 300),
    st.sampled_from([1, 2, 8, 64]),
    st.integers(1, 40),
    st.sampled_from([0.0, 1e-7, 1e-4, 1.0]),
)
def test_it_finds_what_looking_at_all_finds(
    seed: int, count: int, dimensions: int, k: int, spread: float
) -> None:
    """With a small spread the rows differ less than float32 can tell in a product."""
    chance = np.random.default_rng(seed)
    centre = chance.normal(size=dimensions)
    rows = unit_rows((centre + spread * chance.normal(size=(count, dimensions))).tolist())
    query = unit_rows([(centre + spread * chance.normal(size=dimensions)).tolist()])[0]
    vectors = Vectors(dimensions)
    for at in range(0, count, 7):
        vectors.add(rows[at : at + 7])
    found, scores = vectors.nearest(query, k)
    exact = np.sort(rows.astype(np.float64) @ query.astype(np.float64))[::-1][:k]
    assert np.allclose(scores, exact, rtol=0, atol=1e-15)
    assert len(set(found.tolist())) == min(k, count)


def test_equal_rows_come_in_their_order() -> None:
    vectors = Vectors(2)
    vectors.add(unit_rows([[1, 0]] * 50))
    found, scores = vectors.nearest(unit_rows([[2, 0]])[0], 5)
    assert found.tolist() == [0, 1, 2, 3, 4]
    assert scores.tolist() == [1.0] * 5


def test_rows_can_be_thinned_out_and_added_again() -> None:
    chance = np.random.default_rng(1)
    rows = unit_rows(chance.normal(size=(100, 8)).tolist())
    vectors = Vectors(8)
    vectors.reserve(60)
    vectors.add(rows[:60])
    mask = np.arange(60) % 3 == 0
    vectors.keep(mask)
    vectors.add(rows[60:])
    left = np.concatenate([rows[:60][mask], rows[60:]])
    assert len(vectors) == len(left)
    found, _ = vectors.nearest(rows[3], 10)
    assert found.tolist() == brute(left, rows[3], 10)


def test_nothing_is_found_in_nothing() -> None:
    found, scores = Vectors(3).nearest(unit_rows([[1, 2, 3]])[0], 5)
    assert (found.tolist(), scores.tolist()) == ([], [])


def test_lengths_are_one_also_of_extreme_numbers() -> None:
    rows = unit_rows([[3.0, 4.0], [1e300, 1e300], [1e-300, 0.0], [0.0, 0.0]])
    assert np.allclose(np.linalg.norm(rows, axis=1), [1, 1, 1, 0])


@pytest.mark.parametrize("rows", [[[1.0, float("nan")]], [[float("inf"), 1.0]], [[1.0], [1.0, 2]]])
def test_what_is_no_vector_is_refused(rows: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"."):
        unit_rows(rows)
