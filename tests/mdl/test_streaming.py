"""Answers that arrive in pieces."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import UnparsableOutput
from conduit.mdl import Mdl, Partial, PartialList
from conduit.mdl.growing import Growing
from tests.mdl.test_lenient import containers


@dataclass
class Scene:
    title: str
    beats: list[str]
    bars: int = 4


@dataclass
class Story:
    title: str
    scenes: list[Scene]
    scores: dict[str, float] = field(default_factory=dict)
    best: Scene | None = None


STORY = Story("Night", [Scene("One", ["a", "b"]), Scene("Two", [], 8)], {"x": 1.5}, Scene("B", []))
TEXT = (
    '{"title": "Night", "scenes": [{"title": "One", "beats": ["a", "b"]}, {"title": "Two", '
    '"beats": [], "bars": 8}], "scores": {"x": 1.5}, "best": {"title": "B", "beats": []}}'
)


def _fed(text: str, size: int = 1) -> Partial[Story] | None:
    reader = Mdl.of(Story).partial()
    view = None
    for at in range(0, len(text), size):
        view = reader.feed(text[at : at + size])
    return view


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("before", ["", "Sure:\n```json\n", "<think>{no}</think>\n"])
def test_fields_are_there_as_they_arrive(before: str, size: int) -> None:
    def at(mark: str) -> Partial[Story]:
        view = _fed(before + TEXT[: TEXT.index(mark) + len(mark)], size)
        assert view is not None
        return view

    assert at("{").arrived == ()
    assert not hasattr(at('"title": '), "title")
    assert at('"title": "Ni').title == "Ni"
    scenes = at('"One", "beats": ["a"').scenes
    assert isinstance(scenes, PartialList)
    assert isinstance(scenes[0], Partial)
    assert (scenes[0].title, list(scenes[0].beats)) == ("One", ["a"])
    assert not hasattr(scenes[0], "bars")
    scenes = at('"Two"').scenes
    assert scenes[0] == Scene("One", ["a", "b"])
    assert (scenes[-1].title, len(scenes)) == ("Two", 2)
    assert at("}],").scenes == STORY.scenes
    assert at('{"x": 1.5').get("scores") == {}  # a number may go on
    assert at('{"x": 1.5,'.replace(",", "}")).scores == {"x": 1.5}
    best = at('"title": "B').best
    assert isinstance(best, Partial)
    assert best.title == "B"


def test_before_the_answer_begins_there_is_nothing() -> None:
    reader = Mdl.of(Story).partial()
    assert reader.feed("Let me think. ") is None
    assert reader.feed("Here it is: ") is None
    assert reader.feed('{"ti') is not None


def test_the_whole_is_parsed_at_the_end() -> None:
    reader = Mdl.of(Story).partial()
    for char in f"```json\n{TEXT}\n```":
        reader.feed(char)
    assert reader.finish().value == STORY


def test_an_end_in_the_middle_is_told() -> None:
    reader = Mdl.of(Story).partial()
    reader.feed('{"title": "Nig')
    with pytest.raises(UnparsableOutput, match="title: the text ends inside"):
        reader.finish()


def test_what_is_not_quite_json_is_seen_in_larger_steps() -> None:
    reader = Mdl.of(Story).partial()
    titles = []
    for char in "<think>{'title': 'Day'}</think>\n{'title': 'Night', 'scenes': [], }":
        if view := reader.feed(char):
            titles.append(view.get("title"))
    assert titles[-1] == "Night"
    assert reader.finish().value == Story("Night", [])


def test_a_finished_part_is_made_once() -> None:
    view = _fed(TEXT[:-1])
    assert view is not None
    assert view.scenes is view.scenes
    assert view.scenes == STORY.scenes


def test_a_name_nobody_knows() -> None:
    view = _fed(TEXT)
    with pytest.raises(AttributeError, match="no field 'titel'"):
        _ = view.titel  # type: ignore[union-attr]
    assert repr(_fed('{"title": "N')) == "Partial[Story](title='N')"


@given(containers, st.data())
def test_pieces_make_the_same_tree_as_the_whole(value: object, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    growing = Growing()
    at = 0
    while at < len(text):
        size = data.draw(st.integers(1, 12))
        assert growing.feed(text[at : at + size])
        at += size
    assert growing.done
    assert growing.root == value


@given(st.text(st.sampled_from('{}[]",:\\u123dtrue -.\n')), st.integers(1, 5))
def test_what_is_not_json_is_said(text: str, size: int) -> None:
    growing = Growing()
    fine = False
    for at in range(0, len(text), size):
        fine = growing.feed(text[at : at + size])
    if fine and growing.done:
        value, _ = json.JSONDecoder().raw_decode(text.lstrip())
        assert growing.root == value


@pytest.mark.parametrize(
    "text",
    ['{"title": "' + "x" * 200_000, '{"title": "x", "scenes": [' + '{"title": "y"},' * 14_000],
)
def test_small_pieces_take_linear_time(text: str) -> None:
    began = time.process_time()
    view = _fed(text, 4)
    assert time.process_time() - began < 3  # 60 us per piece; 4 are measured
    assert view is not None
