"""BM25 gives what its formula says, however the passages came in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.corpora.bm25 import K1, B, Words, fused, triples_of
from conduit.corpora.texts import words

PASSAGES = st.lists(
    st.lists(st.sampled_from("kick snare hat bass swing".split()), max_size=12).map(" ".join),
    min_size=1,
    max_size=40,
)


def by_the_book(texts: list[str], query: str) -> list[float]:
    """The formula, word by word."""
    bags = [words(text) for text in texts]
    mean = sum(map(len, bags)) / len(bags)
    scores = [0.0] * len(bags)
    for word in set(words(query)):
        holding = sum(word in bag for bag in bags)
        weight = math.log(1 + (len(bags) - holding + 0.5) / (holding + 0.5))
        for at, bag in enumerate(bags):
            times = bag.count(word)
            if times:
                damped = times + K1 * (1 - B + B * len(bag) / mean)
                scores[at] += weight * times * (K1 + 1) / damped
    return scores


@given(PASSAGES, st.integers(1, 10), st.integers(1, 50))
def test_scores_are_those_of_the_formula(texts: list[str], step: int, k: int) -> None:
    index = Words()
    for at in range(0, len(texts), step):
        some = texts[at : at + step]
        index.add(triples_of(some), len(some))
    rows, scores = index.best("kick swing, kick", k)
    expected = by_the_book(texts, "kick swing")
    best = sorted((score for score in expected if score > 0), reverse=True)[:k]
    assert scores.tolist() == pytest.approx(best)
    assert [expected[row] for row in rows] == pytest.approx(best)


@given(PASSAGES, st.data())
def test_what_is_forgotten_leaves_no_trace(texts: list[str], data: st.DataObject) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    index, fresh = Words(), Words()
    for text in texts:
        index.add(triples_of([text]), 1)
    index.keep(np.array(mask, np.bool_))
    left = [text for text, stays in zip(texts, mask, strict=True) if stays]
    fresh.add(triples_of(left), len(left))
    for given_, wanted in zip(index.best("hat bass", 9), fresh.best("hat bass", 9), strict=True):
        assert given_.tolist() == wanted.tolist()


def test_a_query_without_a_known_word_finds_nothing() -> None:
    index = Words()
    index.add(triples_of(["kick", "snare"]), 2)
    for query in ("bass", "", "!?", "bass " * 100_000):
        assert index.best(query, 5)[0].tolist() == []
    assert Words().best("kick", 5)[0].tolist() == []


def test_ranks_are_fused_by_their_reciprocals() -> None:
    rows, scores = fused([np.array([7, 3]), np.array([3, 9])], 2)
    assert rows.tolist() == [3, 7]
    assert scores.tolist() == pytest.approx([1 / 62 + 1 / 61, 1 / 61])
