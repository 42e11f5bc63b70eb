"""Words, sentences, paragraphs and passages: nothing is lost, and every offset is exact."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.corpora.difference import difference
from conduit.corpora.passages import SIZE, passages
from conduit.corpora.texts import Span, paragraphs, pieces, sentences, words
from tests.corpora.hostile import LARGE, TEXTS


def said(text: str, spans: list[Span]) -> list[str]:
    return [text[span.start : span.end] for span in spans]


def all_sentences(text: str) -> list[str]:
    return said(text, list(sentences(text, 0, len(text))))


def test_words_are_runs_of_letters_and_digits() -> None:
    assert words("The kick's at 140 BPM, c'est ÉLEVÉ_là") == [
        "the", "kick", "s", "at", "140", "bpm", "c", "est", "élevé", "là",
    ]  # fmt: skip
    assert words("鼓が鳴る now") == ["鼓", "が", "鳴", "る", "now"]
    assert words("") == []


def test_an_accent_is_the_same_however_it_was_typed() -> None:
    typed, composed = "Éte\u0301, nai\u0308ve", "\u00c9t\u00e9, na\u00efve"
    assert words(typed) == words(composed) == ["\u00e9t\u00e9", "na\u00efve"]
    assert difference(typed, composed).changes == ()


def test_sentences_end_where_a_reader_says_so() -> None:
    assert all_sentences("One. Two! Is it? Yes… no.") == ["One.", "Two!", "Is it?", "Yes… no."]
    assert all_sentences('He said "stop." Then he did.') == ['He said "stop."', "Then he did."]
    assert all_sentences("At 1.5 bars, e.g. here, it ends.") == ["At 1.5 bars, e.g. here, it ends."]
    assert all_sentences("一つ。二つ。三つ") == ["一つ。", "二つ。", "三つ"]
    assert all_sentences("no stop\nanother line") == ["no stop", "another line"]


def test_paragraphs_are_parted_by_blank_lines_and_headings() -> None:
    text = "# One\nfirst line\nsecond line\n\n \n  third  \n## Two\n"
    found = list(paragraphs(text))
    assert said(text, found) == ["# One", "first line\nsecond line", "third", "## Two"]
    assert [each.heading for each in found] == [True, False, False, True]


def test_a_heading_begins_a_passage() -> None:
    text = "# One\n\nIntro.\n\n## Two\n### Three\nMore."
    assert said(text, list(passages(text))) == ["# One\n\nIntro.", "## Two\n### Three\nMore."]


def test_passages_overlap_by_whole_sentences() -> None:
    text = " ".join(f"Sentence number {number} is here." for number in range(100))
    found = list(passages(text, 200, 60))
    assert len(found) > 10
    for before, after in pairwise(found):
        shared = text[after.start : before.end]
        assert shared.startswith("Sentence")
        assert len(shared) <= 60


def test_a_character_as_seen_is_not_cut() -> None:
    family = "👩‍👩‍👧‍👦"
    for piece in said(family * 200, list(passages(family * 200, 50))):
        assert piece.replace(family, "") == ""


@given(TEXTS, st.integers(20, 300))
def test_passages_hold_all_of_a_text_but_blanks(text: str, size: int) -> None:
    found = list(passages(text, size, size // 5))
    covered = set()
    for span in found:
        assert 0 < span.end - span.start <= size
        assert not text[span.start].isspace()
        assert not text[span.end - 1].isspace()
        covered.update(range(span.start, span.end))
    assert all(text[at].isspace() for at in range(len(text)) if at not in covered)
    assert all(a.start < b.start and a.end < b.end for a, b in pairwise(found))


@given(TEXTS, st.integers(1, 100))
def test_pieces_do_not_overlap_and_leave_out_blanks_only(text: str, largest: int) -> None:
    found = list(pieces(text, largest))
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(span.end - span.start <= largest for span in found)
    kept = "".join(said(text, found))
    assert "".join(kept.split()) == "".join(text.split())


@given(TEXTS)
def test_the_words_of_the_sentences_are_those_of_the_text(text: str) -> None:
    found = [word for sentence in all_sentences(text) for word in words(sentence)]
    assert found == words(text)


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_many_characters_of_anything_take_seconds(text: str) -> None:
    """The quadratic way would take minutes; the test's own time limit would end it."""
    found = list(passages(text))
    assert all(0 < span.end - span.start <= SIZE for span in found)
    assert bool(found) == bool(text.strip())
    words(text)
