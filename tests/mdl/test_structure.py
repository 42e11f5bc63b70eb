"""The public face of MDL: what an answer becomes, and why it does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Length, Range
from conduit.blocks.check import predicate_of
from conduit.contracts.errors import ConfigError, UnparsableOutput
from conduit.mdl import Mdl
from conduit.mdl.fast import NOTHING, exact_decoder
from tests.blocks.generated import Typed, plain_json, records


@dataclass
class File:
    name: str
    bytes: int
    date_modified: str = field(metadata={"description": "as ls prints it"})


@dataclass
class Files:
    """What is in a directory."""

    files: list[File]


ONE = Files([File("a", 1, "today")])
CLEAN = '{"files": [{"name": "a", "bytes": 1, "date_modified": "today"}]}'


def test_a_clean_answer_needs_nothing() -> None:
    parsed = Mdl.of(Files).parse(CLEAN)
    assert parsed.value == ONE
    assert parsed.exact
    assert parsed.cost == 0


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"Sure!\n```json\n{CLEAN}\n```\nAnything else?", {"around"}),
        (f'<think>{{"files": []}}</think>{CLEAN}', {"around"}),
        (f'{{"json": {CLEAN}}}', {"wrapper"}),
        (f'{{"Files": {CLEAN}}}', {"wrapper"}),
        (f"[{CLEAN}]", {"unlisted"}),
        (CLEAN[len('{"files": ') : -1], {"wrapper"}),
        (CLEAN.replace("1", '"1"'), {"converted"}),
        (CLEAN.replace("1", "1.0"), {"whole"}),
        (CLEAN.replace("date_modified", "DateModified"), {"key"}),
        (CLEAN.replace('"', "'"), {"quotes"}),
        (CLEAN.replace("}]", ",}]"), {"comma"}),
        (CLEAN.replace("[", "").replace("]", ""), {"listed"}),
        (CLEAN.replace('"name": "a", ', '"name": "a", "mode": "rw", '), {"extra"}),
        (CLEAN.replace('"name": "a", ', '"name": "b", "name": "a", '), {"duplicate"}),
        (CLEAN.replace("{", "{ // so\n"), {"comment"}),
        (f'Not {{"files": 1}} but {CLEAN}', {"around"}),
        (f'```json\n{CLEAN}\n```\nas opposed to {{"files": []}}', {"around"}),
        (CLEAN[:-2], {"truncated"}),
    ],
)
def test_an_answer_that_is_nearly_right_is_mended(text: str, kinds: set[str]) -> None:
    parsed = Mdl.of(Files).parse(text)
    assert parsed.value == ONE
    assert {repair.kind for repair in parsed.repairs} == kinds
    assert not parsed.exact


def test_every_fault_is_named_with_its_path() -> None:
    with pytest.raises(UnparsableOutput) as caught:
        Mdl.of(Files).parse('{"files": [{"name": "a", "bytes": "many"}]}')
    assert caught.value.faults == (
        "files[0].bytes: expected int, got str 'many'",
        "files[0].date_modified: is missing (str)",
    )


def test_twenty_faults_and_a_count() -> None:
    with pytest.raises(UnparsableOutput) as caught:
        Mdl.of(Files).parse('{"files": [' + "{}," * 10 + "{}]}")
    assert len(caught.value.faults) == 21
    assert caught.value.faults[-1] == "and 13 more"


class Mood(StrEnum):
    GOOD = "good"
    SO_SO = "so-so"


class Level(Enum):
    LOW = 1
    HIGH = 2


@dataclass
class Day:
    mood: Mood
    level: Level
    rain: bool
    share: Annotated[float, Range(0, 1)]
    tags: tuple[str, ...] = ()
    wind: float | None = None
    word: Annotated[str, Length(1, 5)] = "none"
    near: dict[str, int] = field(default_factory=dict)
    way: Literal["up", "down", 3] = "up"


DAY = '"mood": "good", "level": 1, "rain": true, "share": 0.5'


def _day(**changes: Any) -> Day:
    return Day(**{"mood": Mood.GOOD, "level": Level.LOW, "rain": True, "share": 0.5, **changes})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DAY, _day()),
        (DAY.replace("good", "So So"), _day(mood=Mood.SO_SO)),
        (DAY.replace("1,", '"high",'), _day(level=Level.HIGH)),
        (DAY.replace("1,", '"2",'), _day(level=Level.HIGH)),
        (DAY.replace("true", '"False"'), _day(rain=False)),
        (DAY.replace("0.5", '"5e-1"'), _day()),
        (DAY.replace("0.5", "1"), _day(share=1.0)),
        (DAY + ', "tags": "wet"', _day(tags=("wet",))),
        (DAY + ', "wind": null', _day()),
        (DAY + ', "wind": "null"', _day()),
        (DAY + ', "word": null', _day()),
        (DAY + ', "word": 123', _day(word="123")),
        (DAY + ', "near": {"a": 1}', _day(near={"a": 1})),
        (DAY + ', "near": [{"key": "a", "value": 1}]', _day(near={"a": 1})),
        (DAY + ', "near": [["a", "1"]]', _day(near={"a": 1})),
        (DAY + ', "way": "DOWN"', _day(way="down")),
        (DAY + ', "way": "3"', _day(way=3)),
    ],
)
def test_what_loses_nothing_is_converted(text: str, expected: Day) -> None:
    assert Mdl.of(Day).parse(f"{{{text}}}").value == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (DAY.replace("good", "bad"), "mood: expected one of 'good', 'so-so', got str 'bad'"),
        (DAY.replace("true", "1"), "rain: expected bool, got int 1"),
        (DAY.replace("true", '"yes"'), "rain: expected bool, got str 'yes'"),
        (DAY.replace("0.5", "1.5"), "share: expected float from 0 to 1, got float 1.5"),
        (DAY.replace("0.5", "NaN"), "share: expected float from 0 to 1, got float nan"),
        (DAY.replace("0.5", '"50%"'), "share: expected float from 0 to 1, got str '50%'"),
        (DAY.replace("1,", "null,"), "level: expected one of 1, 2, got null"),
        (DAY + ', "word": "too long"', "word: expected str of 1 to 5 characters, got 8 characters"),
        (DAY + ', "wind": 1e999', "wind: expected float, got float inf"),
        (DAY + ', "word": "a\\u0000"', "word: expected text that can be stored, got a NUL"),
        (DAY + ', "word": "\\ud800"', "word: expected text that can be stored, got a lone surr"),
        (DAY + ', "near": {"a": 1.5}', "near['a']: expected int, got float 1.5"),
        (DAY + ', "near": {"\\u0000": 1}', "near['\\x00']: expected text that can be stored"),
        (DAY[:-12], "share: is missing (float from 0 to 1)"),
    ],
)
def test_what_would_lose_or_invent_something_is_a_fault(text: str, fault: str) -> None:
    with pytest.raises(UnparsableOutput) as caught:
        Mdl.of(Day).parse(f"{{{text}}}")
    assert caught.value.faults[0].startswith(fault)
    assert len(caught.value.faults) == 1


@dataclass
class Note:
    title: str
    text: str = ""
    tags: list[str] = field(default_factory=list)
    stars: int | None = None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"title": "a", "tags": ["b", "c', Note("a", tags=["b"])),
        ('{"title": "a", "tags": ["b", ', Note("a", tags=["b"])),
        ('{"title": "a", "text": "half a sen', Note("a")),
        ('{"title": "a", "stars": 1', Note("a")),
        ('{"title": "a", "stars": 12}', Note("a", stars=12)),
        ('{"title": "a"', Note("a")),
    ],
)
def test_what_is_unfinished_is_left_out(text: str, expected: Note) -> None:
    parsed = Mdl.of(Note).parse(text)
    assert parsed.value == expected
    assert parsed.exact is text.endswith("}")


@pytest.mark.parametrize(
    "text", ['{"title": "half a na', '{"title": ', '{"tags": ["x"], "title": "a']
)
def test_an_unfinished_value_that_must_be_there_is_a_fault(text: str) -> None:
    with pytest.raises(UnparsableOutput, match="title"):
        Mdl.of(Note).parse(text)


@dataclass
class Cat:
    name: str
    lives: int
    kind: Literal["cat"] = "cat"


@dataclass
class Dog:
    name: str
    kind: Literal["dog"] = "dog"
    bites: bool = False


@dataclass
class Pets:
    pets: list[Cat | Dog]


def test_the_cheapest_branch_of_a_union_is_taken() -> None:
    text = """{"pets": [{"name": "Tom", "lives": "9"}, {"name": "Rex", "kind": "dog"},
                        {"name": "Ada", "bites": true}]}"""
    parsed = Mdl.of(Pets).parse(text)
    assert parsed.value == Pets([Cat("Tom", 9), Dog("Rex"), Dog("Ada", bites=True)])


@dataclass
class Circle:
    radius: float
    kind: Literal["circle"] = "circle"


@dataclass
class Ball:
    radius: float
    kind: Literal["ball"] = "ball"


@dataclass
class Drawn:
    shape: Circle | Ball
    size: float | int = 0
    word: str | Mood = "x"


def test_what_could_be_either_branch_is_neither() -> None:
    assert Mdl.of(Drawn).parse('{"shape": {"radius": 1, "kind": "ball"}}').value.shape == Ball(1.0)
    with pytest.raises(
        UnparsableOutput, match="shape: nothing tells which it is of Circle or Ball"
    ):
        Mdl.of(Drawn).parse('{"shape": {"radius": 1}}')


def test_a_scalar_stays_what_it_is_and_a_choice_comes_before_text() -> None:
    text = '{"shape": {"radius": 1, "kind": "ball"}, "size": 2, "word": "good"}'
    drawn = Mdl.of(Drawn).parse(text).value
    assert type(drawn.size) is int
    assert drawn.word is Mood.GOOD


def test_the_nearest_branch_says_what_is_wrong() -> None:
    with pytest.raises(UnparsableOutput, match=r"pets\[0\]\.lives: is missing"):
        Mdl.of(Pets).parse('{"pets": [{"name": "Tom", "kind": "cat"}]}')


@dataclass
class Node:
    label: str
    left: Node | None = None
    right: Node | None = None


def test_a_recursive_type_as_deep_as_sense_allows() -> None:
    text = '{"label": "x", "left": ' * 60 + "null" + "}" * 60
    assert Mdl.of(Node).parse(text).exact
    assert not Mdl.of(Node).parse(text.replace('"x"', "'x'")).exact
    with pytest.raises(UnparsableOutput):
        Mdl.of(Node).parse('{"label": "x", "left": ' * 100_000)


@dataclass
class Even:
    value: int

    def __post_init__(self) -> None:
        if self.value % 2:
            raise ValueError(f"{self.value} is odd")


def test_what_the_type_itself_refuses_is_a_fault() -> None:
    with pytest.raises(UnparsableOutput, match="3 is odd"):
        Mdl.of(Even).parse('{"value": 3}')


@pytest.mark.parametrize("text", ["", "\ufeff", "I cannot do that.", "null", "{", "\ud800{"])
def test_nothing_that_fits(text: str) -> None:
    with pytest.raises(UnparsableOutput) as caught:
        Mdl.of(Files).parse(text)
    assert caught.value.faults
    assert caught.value.where == "Files"


@given(records, st.dictionaries(st.sampled_from(["f0", "f1", "f2", "x"]), plain_json, max_size=4))
def test_whatever_comes_out_has_its_type(typed: Typed, data: Any) -> None:
    try:
        mdl = Mdl.of(typed[0])
        parsed = mdl.parse(str(data))
    except (ConfigError, UnparsableOutput):
        return
    assert predicate_of(typed[0])(parsed.value)


@given(records, st.dictionaries(st.sampled_from(["f0", "f1", "f2", "x"]), plain_json, max_size=4))
def test_the_fast_way_takes_only_what_the_slow_way_takes_exactly(typed: Typed, data: Any) -> None:
    import json

    try:
        mdl = Mdl.of(typed[0])
    except ConfigError:
        return
    fast = exact_decoder(typed[0])
    text = json.dumps(data)
    value = fast(text) if fast else NOTHING
    if value is not NOTHING:
        slow = mdl._mended(text)
        assert slow.exact
        assert slow.value == value


@given(st.text(st.sampled_from('{}[]",:filesnam 1\\\n')))
def test_no_answer_is_too_odd(text: str) -> None:
    try:
        parsed = Mdl.of(Files).parse(text)
    except UnparsableOutput:
        return
    assert predicate_of(Files)(parsed.value)


@dataclass
class Hound:
    bark: str
    age: Annotated[int, Range(0, 30)] = 0


@dataclass
class Owner:
    pet: Cat | Hound


def test_the_fault_is_told_of_the_branch_that_was_meant() -> None:
    """One fault either way: the age is wrong for a dog, and a cat has no bark at all."""
    with pytest.raises(UnparsableOutput) as caught:
        Mdl.of(Owner).parse('{"pet": {"bark": "wow", "age": 99}}')
    assert caught.value.faults == ("pet.age: expected int from 0 to 30, got int 99",)


def test_what_no_model_writes_is_not_mended_but_still_read() -> None:
    long = "x" * 1_100_000
    clean = CLEAN.replace("today", long)
    assert Mdl.of(Files).parse(clean).value.files[0].date_modified == long
    with pytest.raises(UnparsableOutput, match="too long to mend: 1100000 characters"):
        Mdl.of(Files).parse('{"files": ' + '"' * 1_099_990)
