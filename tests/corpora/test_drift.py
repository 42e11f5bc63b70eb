"""Drift: nothing for equal texts, the same from both sides, and exact about what changed."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.corpora.difference import difference, likeness
from conduit.corpora.drift import by_vectors, by_words
from conduit.corpora.texts import Span, words
from conduit.corpora.vectors import Matrix, unit_rows
from tests.corpora.hostile import LARGE, TEXTS

OLD = "# Kick\n\nIt is on every beat.\n\nIt is quite loud in it.\n\nThe hat swings.\n\nThe end."
NEW = "# Kick\n\nThe hat swings.\n\nIt is quite soft in it.\n\nThe end.\n\nA snare on two."


def test_every_kind_of_change_is_told_with_its_passages() -> None:
    found = difference(OLD, NEW)
    told = {
        (
            each.kind,
            each.before and OLD[each.before.start : each.before.end],
            each.after and NEW[each.after.start : each.after.end],
        )
        for each in found.changes
    }
    assert told == {
        ("removed", "It is on every beat.", None),
        ("changed", "It is quite loud in it.", "It is quite soft in it."),
        ("added", None, "A snare on two."),
    }
    assert (found.passages, found.same) == ((5, 5), 3)


def test_what_only_moved_is_neither_added_nor_removed() -> None:
    parts = [f"Paragraph {word} stands here." for word in "one two three four five".split()]
    moved = [parts[4], *parts[:4]]
    found = difference("\n\n".join(parts), "\n\n".join(moved))
    assert [each.kind for each in found.changes] == ["moved"]


def test_each_occurrence_counts() -> None:
    found = difference("Again.\n\nAgain.\n\nAgain.", "Again.")
    assert Counter(each.kind for each in found.changes) == {"removed": 2}


@given(TEXTS, TEXTS)
def test_counts_add_up_and_offsets_lie_in_their_texts(before: str, after: str) -> None:
    found = difference(before, after)
    count = Counter(each.kind for each in found.changes)
    assert found.passages[0] == found.same + count["removed"] + count["changed"]
    assert found.passages[1] == found.same + count["added"] + count["changed"]
    for each in found.changes:
        for text, span in ((before, each.before), (after, each.after)):
            assert span is None or 0 <= span.start < span.end <= len(text)


@given(TEXTS)
def test_equal_texts_do_not_differ(text: str) -> None:
    assert difference(text, text).changes == ()
    figures = by_words(text, text)
    assert (figures.shingles, figures.tokenChange, figures.divergence) == (1.0, 0.0, 0.0)
    assert figures.terms == ()


@given(TEXTS, TEXTS)
def test_figures_are_the_same_from_both_sides(one: str, other: str) -> None:
    there, back = by_words(one, other), by_words(other, one)
    assert there.shingles == back.shingles
    assert there.tokenChange == back.tokenChange
    assert there.divergence == pytest.approx(back.divergence, abs=2e-6)
    assert {(t.term, t.z) for t in there.terms} == {(t.term, -t.z) for t in back.terms}
    for figure in (there.shingles, there.tokenChange, there.divergence):
        assert 0 <= figure <= 1


def test_figures_are_those_of_their_formulas() -> None:
    figures = by_words("a b c d e", "a b c d f")
    assert figures.shingles == pytest.approx(1 / 3, abs=1e-6)  # abcd, of abcd bcde bcdf
    assert figures.tokenChange == pytest.approx(1 - 8 / 10)
    assert figures.divergence == pytest.approx(0.2)  # a fifth of the words tells them apart
    assert [(t.term, t.before, t.after) for t in figures.terms] == [("f", 0, 1), ("e", 1, 0)]
    nothing_in_common = by_words("a b", "c d")
    assert (nothing_in_common.shingles, nothing_in_common.tokenChange) == (0.0, 1.0)
    assert nothing_in_common.divergence == 1.0
    assert by_words("", "a").tokenChange == 1.0


def test_the_words_that_shifted_most_come_first() -> None:
    before = "the kick is loud and the hat is open " * 50
    after = before.replace("loud", "soft")
    terms = by_words(before, after).terms
    assert [(t.term, t.z > 0) for t in terms] == [("soft", True), ("loud", False)]
    assert abs(terms[0].z) > 1.96


def rows_of(*texts: str) -> tuple[list[Span], Matrix]:
    vocabulary = sorted(set(words(" ".join(["kick hat snare bass", *texts]))))
    rows = [[float(words(text).count(word)) for word in vocabulary] for text in texts]
    spans = [Span(at, at + 1) for at in range(len(texts))]
    return spans, unit_rows(rows) if rows else np.empty((0, len(vocabulary)), np.float32)


def test_a_shift_has_the_z_score_that_a_hand_works_out() -> None:
    """Each word has the prior 1, so the odds of ``a`` go from 3/2 to 2/3, and its variance is
    1/3 + 1/2."""
    z = 2 * math.log(3 / 2) / math.sqrt(5 / 6)
    found = {each.term: each.z for each in by_words("a a b", "a b b").terms}
    assert found == {"b": pytest.approx(z, abs=1e-6), "a": pytest.approx(-z, abs=1e-6)}


def test_passages_without_a_counterpart_are_told() -> None:
    ours, mine = rows_of("kick hat", "bass")
    theirs, yours = rows_of("kick hat", "snare", "kick hat hat")
    found = by_vectors(ours, theirs, mine, yours)
    assert {(each.side, each.span.start) for each in found.alone} == {(0, 1), (1, 1)}
    assert 0 < found.likeness < 1
    assert 0 < found.centroids < 1


@given(st.lists(st.sampled_from(["kick", "kick hat", "bass bass kick", "!"]), max_size=6))
def test_equal_passages_are_not_apart(texts: list[str]) -> None:
    spans, rows = rows_of(*texts)
    found = by_vectors(spans, spans, rows, rows)
    assert (found.centroids, found.likeness, found.alone) == (0.0, 1.0, ())


@given(
    st.lists(st.sampled_from(["kick", "hat bass", "snare"]), max_size=5),
    st.lists(st.sampled_from(["kick", "hat", "snare bass"]), max_size=5),
)
def test_vectors_tell_the_same_from_both_sides(one: list[str], other: list[str]) -> None:
    mine, yours = rows_of(*one), rows_of(*other)
    there = by_vectors(mine[0], yours[0], mine[1], yours[1])
    back = by_vectors(yours[0], mine[0], yours[1], mine[1])
    assert there.centroids == pytest.approx(back.centroids, abs=2e-6)
    assert there.likeness == pytest.approx(back.likeness, abs=2e-6)
    assert len(there.alone) == len(back.alone)


@given(TEXTS, TEXTS)
def test_likeness_is_a_share(one: str, other: str) -> None:
    bags = Counter(words(one)), Counter(words(other))
    assert 0 <= likeness(*bags) <= 1
    assert likeness(*bags) == likeness(*reversed(bags))


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_many_characters_of_anything_are_compared_in_seconds(text: str) -> None:
    """Against a text of the same kind with something in front, so that all of it has moved."""
    other = f"Something else.\n\n{text[: len(text) // 2]} and {text[len(text) // 2 :]}"
    assert difference(text, other).changes
    by_words(text, other)


def test_many_passages_that_all_changed_are_compared_in_seconds() -> None:
    """Each of 10,000 resembles each: all with all would be 100 million pairs."""
    before = "\n\n".join(f"The kick of bar {n} is loud." for n in range(10_000))
    after = "\n\n".join(f"The kick of bar {n} is soft." for n in reversed(range(10_000)))
    found = difference(before, after)
    assert found.count("changed") > 9_000
