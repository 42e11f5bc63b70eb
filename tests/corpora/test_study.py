"""What comes back, what is said in short, and that a model cites only what it was given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.corpora.answering import checked
from conduit.corpora.patterns import Text, recurring_passages
from conduit.corpora.phrases import recurring_phrases
from conduit.corpora.summary import ranked
from conduit.store.segments import BASELINE, REFLECTION, Source
from tests.corpora.hostile import LARGE, TEXTS


def texts(*contents: str) -> list[Text]:
    return [Text(Source(BASELINE, f"b{at}", 1), each) for at, each in enumerate(contents)]


def test_a_passage_that_comes_back_is_told_with_its_places() -> None:
    given_ = texts(
        "The kick is on every beat. It swings.",
        "Before all: the hat.\n\nThe  kick is on\tevery beat.",
    )
    (found,) = recurring_passages(given_, 10)
    assert (found.text, found.times, found.sources) == ("The kick is on every beat.", 2, 2)
    quoted = [given_[at].content[p.start : p.end] for at, p in enumerate(found.places)]
    assert quoted == ["The kick is on every beat.", "The  kick is on\tevery beat."]


def test_the_longest_phrases_stand_for_those_inside_them() -> None:
    given_ = texts("We like four on the floor.", "It is four on the floor!", "no such thing")
    found = recurring_phrases(given_, 2, 10)
    assert [(each.text, each.times, each.sources) for each in found] == [
        ("four on the floor", 2, 2)
    ]
    assert found[0].score == 4.0  # log2 of 4 words, times 2
    assert [p.source.id for p in found[0].places] == ["b0", "b1"]


def test_a_phrase_counts_beyond_those_around_it() -> None:
    given_ = texts("four on the floor", "four on the floor", "on the beat")
    found = {each.text: each.score for each in recurring_phrases(given_, 2, 10)}
    assert found == {"four on the floor": 4.0, "on the": 1.0}  # log2 of 2 words, times 3 − 2


def test_a_phrase_in_one_text_only_is_none_across_texts() -> None:
    given_ = texts("side chain, side chain, side chain", "nothing of it")
    assert recurring_phrases(given_, 2, 10) == ()
    assert recurring_phrases(given_, 1, 10)[0].text.startswith("side chain")


def test_a_summary_is_made_of_central_sentences_that_do_not_repeat() -> None:
    about_kicks = "The kick drum is on every beat of the bar."
    again = "The kick drum is on every single beat of the bar."
    given_ = texts(
        f"# Notes\n\n{about_kicks} {again} The kick drum drives the bar. A cat sat outside today.",
        "The kick drum and the bass share the beat of the bar. Hats play on the off-beat.",
    )
    found = ranked(given_, 3)
    assert len(found) == 3
    said = [each.text for each in found]
    assert not {about_kicks, again} <= set(said)
    assert any("kick drum" in each for each in said)
    for each in found:
        content = next(t.content for t in given_ if t.source == each.at.source)
        assert content[each.at.start : each.at.end] == each.text
    assert ranked(given_, 3) == found


def test_a_text_of_short_lines_has_a_summary_too() -> None:
    assert [each.text for each in ranked(texts("kick\nhat\nsnare"), 2)] != []
    assert ranked(texts("", " \n"), 5) == ()


@given(st.lists(TEXTS, max_size=4), st.integers(1, 6))
def test_whatever_is_told_stands_where_it_is_said_to(contents: list[str], most: int) -> None:
    given_ = texts(*contents)
    held = {each.source: each.content for each in given_}
    summary = ranked(given_, most)
    assert len(summary) <= most
    for sentence in summary:
        assert held[sentence.at.source][sentence.at.start : sentence.at.end] == sentence.text
    for found in recurring_passages(given_, most):
        assert found.times >= 2
        said = {" ".join(held[p.source][p.start : p.end].split()).casefold() for p in found.places}
        assert len(said) == 1
    for phrase in recurring_phrases(given_, 2, most):
        assert phrase.sources >= 2


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_many_characters_of_anything_are_studied_in_seconds(text: str) -> None:
    given_ = [*texts(text), Text(Source(REFLECTION, "r", 1), text[:100_000])]
    assert len(ranked(given_, 5)) <= 5
    recurring_passages(given_, 10)
    recurring_phrases(given_, 2, 10)


def test_a_citation_of_nothing_is_taken_out_and_told() -> None:
    text, cited, unknown = checked("One [1]. Two [2, 9]. Three [7]! Not [a] nor [0].", 3)
    assert text == "One [1]. Two [2]. Three! Not [a] nor."
    assert (cited, unknown) == ((1, 2), (9, 7, 0))


@given(st.text(alphabet="[], 0123456789a", max_size=80), st.integers(0, 12))
def test_no_citation_is_left_that_refers_to_nothing(text: str, count: int) -> None:
    shown, cited, unknown = checked(text, count)
    assert all(1 <= number <= count for number in cited)
    assert all(not 1 <= number <= count for number in unknown)
    again, still, made_up = checked(shown, count)
    assert set(still) <= set(range(1, count + 1))
    if not made_up:  # what was taken out may have joined what stood beside it
        assert set(cited) <= set(still) or again == shown
