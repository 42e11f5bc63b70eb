"""Segments: kept apart by model, source and organisation, and gone with their corpus."""

from __future__ import annotations

import pytest

from conduit.contracts.errors import StoreError
from conduit.store.corpora import Corpora
from conduit.store.database import Database
from conduit.store.segments import BASELINE, REFLECTION, Segment, SegmentKey, Segments, Source
from conduit.telemetry.ids import IdMaker
from tests.store.conftest import DEFAULT_ORG, OTHER_ORG

ONE = Source(BASELINE, "one", 1)


@pytest.fixture
def corpora(database: Database) -> Corpora:
    made = Corpora(database, IdMaker())
    for org in (DEFAULT_ORG, OTHER_ORG):
        made.create(org, "c", "")
    return made


@pytest.fixture
def segments(database: Database, corpora: Corpora) -> Segments:
    return Segments(database)


def segment(source: Source, ordinal: int = 0, *, last: bool = True, text: str = "t") -> Segment:
    key = SegmentKey(source, ordinal, last, passages=2, dimensions=3, digest="d" * 32)
    return Segment(key, 7, text, b"bounds\0", b"terms\0\xff", b"\0vectors")


def test_a_segment_comes_back_as_it_was(segments: Segments) -> None:
    made = segment(ONE)
    segments.add(DEFAULT_ORG, "c", "m", made)
    assert segments.keys(DEFAULT_ORG, "c", "m") == (made.key,)
    assert list(segments.read(DEFAULT_ORG, "c", "m", [made.key])) == [made]
    assert segments.text(DEFAULT_ORG, "c", "m", ONE, 0) == (7, "t")
    assert segments.text(DEFAULT_ORG, "c", "m", ONE, 1) is None


def test_one_that_is_there_is_left_as_it_is(segments: Segments) -> None:
    segments.add(DEFAULT_ORG, "c", "m", segment(ONE, text="first"))
    segments.add(DEFAULT_ORG, "c", "m", segment(ONE, text="second"))
    assert segments.text(DEFAULT_ORG, "c", "m", ONE, 0) == (7, "first")


def test_models_and_organisations_are_apart(segments: Segments) -> None:
    segments.add(DEFAULT_ORG, "c", "m", segment(ONE))
    for org, model in ((DEFAULT_ORG, "n"), (OTHER_ORG, "m")):
        assert segments.keys(org, "c", model) == ()
        assert segments.text(org, "c", model, ONE, 0) is None
        assert list(segments.read(org, "c", model, [segment(ONE).key])) == []


def test_many_are_read_in_the_order_of_their_source(segments: Segments) -> None:
    made = [segment(ONE, number, last=number == 149) for number in range(150)]
    for each in reversed(made):
        segments.add(DEFAULT_ORG, "c", "m", each)
    keys = segments.keys(DEFAULT_ORG, "c", "m")
    assert [key.ordinal for key in keys] == list(range(150))
    assert [each.key for each in segments.read(DEFAULT_ORG, "c", "m", keys)] == list(keys)


def test_what_is_dropped_is_gone_and_nothing_else(segments: Segments) -> None:
    two = Source(BASELINE, "two", 1)
    for source in (ONE, two):
        segments.add(DEFAULT_ORG, "c", "m", segment(source))
    segments.add(DEFAULT_ORG, "c", "n", segment(ONE))
    segments.drop(DEFAULT_ORG, "c", "m", [ONE])
    assert [key.source for key in segments.keys(DEFAULT_ORG, "c", "m")] == [two]
    segments.drop_models(DEFAULT_ORG, "c", but=["m"])
    assert segments.keys(DEFAULT_ORG, "c", "n") == ()
    segments.drop_models(DEFAULT_ORG, "c")
    assert segments.keys(DEFAULT_ORG, "c", "m") == ()


def test_the_newest_versions_and_the_reflections_can_be_searched(
    segments: Segments, corpora: Corpora
) -> None:
    for text in ("a", "b"):
        corpora.put(DEFAULT_ORG, "c", "one", text)
    corpora.put(DEFAULT_ORG, "c", "two", "a")
    made = corpora.reflect(DEFAULT_ORG, "c", "insight")
    assert segments.sources(DEFAULT_ORG, "c") == (
        Source(BASELINE, "one", 2),
        Source(BASELINE, "two", 1),
        Source(REFLECTION, made.id, 1),
    )
    assert segments.sources(OTHER_ORG, "c") == ()


def test_a_corpus_takes_its_segments_with_it_and_none_comes_after(
    segments: Segments, corpora: Corpora
) -> None:
    segments.add(DEFAULT_ORG, "c", "m", segment(ONE))
    corpora.delete(DEFAULT_ORG, "c")
    assert segments.keys(DEFAULT_ORG, "c", "m") == ()
    with pytest.raises(StoreError):
        segments.add(DEFAULT_ORG, "c", "m", segment(ONE))
