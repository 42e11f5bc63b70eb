"""Plain data to dataclasses: strict for programs, lenient for models, inventing nothing."""

from __future__ import annotations

import time
from dataclasses import InitVar, dataclass
from typing import Annotated, Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conduit.blocks import Range, decode, dumps, loads
from conduit.contracts.errors import InvalidInput, MalformedJson
from tests.blocks.nouns import Layer, Song, Style, Words


@dataclass
class Numbers:
    whole: int = 0
    real: float = 0.0
    flag: bool = False
    either: int | str = 0
    kind: Literal["One Shot", "loop"] = "loop"


@dataclass
class Checked:
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


@pytest.mark.parametrize(
    ("field", "sent", "made"),
    [
        ("whole", "140", 140),
        ("whole", " 8 ", 8),
        ("whole", "1e3", 1000),
        ("whole", "8.0", 8),
        ("whole", 8.0, 8),
        ("whole", "-7", -7),
        ("whole", "9007199254740993", 9007199254740993),
        ("whole", "9007199254740993.0", 9007199254740993),
        ("real", "0.5", 0.5),
        ("real", "140", 140.0),
        ("real", 3, 3.0),
        ("flag", "True", True),
        ("flag", " false", False),
        ("either", "12", "12"),
        ("kind", "ONE shot ", "One Shot"),
    ],
)
def test_lenient_converts_what_loses_nothing(field: str, sent: object, made: object) -> None:
    value = getattr(decode(Numbers, {field: sent}, lenient=True), field)
    assert value == made
    assert type(value) is type(made)


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("whole", "8.5"),
        ("whole", 8.5),
        ("whole", 1e30),  # which whole number was it?
        ("whole", 2.0**53 + 2),
        ("whole", True),
        ("whole", ""),
        ("whole", "0x10"),
        ("whole", "1_000"),
        ("whole", "1e999999999"),
        ("whole", "9" * 5000),
        ("whole", None),
        ("whole", [8]),
        ("real", "nan"),
        ("real", "1e999"),
        ("real", float("inf")),
        ("real", 10**400),
        ("flag", 1),
        ("flag", "yes"),
        ("kind", "oneshot"),
    ],
)
def test_neither_guesses(field: str, sent: object) -> None:
    for lenient in (False, True):
        with pytest.raises(InvalidInput, match=f"^{field}: expected"):
            decode(Numbers, {field: sent}, lenient=lenient)


@pytest.mark.parametrize("sent", ["140", " 8 ", "True", "ONE SHOT"])
@pytest.mark.parametrize("field", ["whole", "real", "flag", "kind"])
def test_strict_takes_no_text_for_anything_else(field: str, sent: str) -> None:
    with pytest.raises(InvalidInput):
        decode(Numbers, {field: sent})


@given(st.integers(-(10**30), 10**30))
def test_a_whole_number_as_text_stays_that_number(number: int) -> None:
    assert decode(Numbers, {"whole": f" {number}"}, lenient=True).whole == number


@example("0\x1f")  # white space to str.strip(), and to nobody else
@given(st.text(max_size=12))
def test_text_becomes_a_number_only_if_it_is_one(text: str) -> None:
    try:
        number = decode(Numbers, {"whole": text}, lenient=True).whole
    except InvalidInput:
        return
    assert float(text) == number


def test_a_required_field_is_never_invented() -> None:
    for lenient in (False, True):
        with pytest.raises(InvalidInput, match="style: is missing"):
            decode(Song, {"bpm": 140}, lenient=lenient)
        with pytest.raises(InvalidInput, match="style: expected"):
            decode(Song, {"style": None}, lenient=lenient)


def test_all_faults_are_told_at_once() -> None:
    sent = {"bpm": "x", "layers": [{"name": "a", "pitch": 300}, {"pitch": 1}, 7], "tempo": 1}
    with pytest.raises(InvalidInput) as caught:
        decode(Song, sent, where="groove")
    told = caught.value
    for part in (
        "style: is missing",
        "bpm: expected float from 20 to 300, got str 'x'",
        "layers[0].pitch: expected int from 0 to 127, got int 300",
        "layers[1].name: is missing",
        "layers[2]: expected an object (Layer), got int 7",
        "'tempo': unknown field",
    ):
        assert part in told.message
    assert told.where == "groove"
    assert "known fields: style, bpm" in told.hint


def test_a_misspelt_field_is_answered_with_the_right_one() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(Song, {"style": "dub", "layer": []})
    assert caught.value.hint == "did you mean 'layers'?"


def test_a_hundred_thousand_unknown_fields_are_refused_quickly_and_shortly() -> None:
    started = time.process_time()
    with pytest.raises(InvalidInput) as caught:
        decode(Song, {"style": "dub", **{f"field{i}": i for i in range(100_000)}})
    assert time.process_time() - started < 10
    assert "and 99980 more" in caught.value.message
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_cannot_be_stored_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="expected text that can be stored"):
        decode(Words, {"text": text})


def test_what_post_init_refuses_is_invalid_input_with_its_path() -> None:
    @dataclass
    class Outer:
        span: Checked

    with pytest.raises(InvalidInput, match=r"^span: low is above high$"):
        decode(Outer, {"span": {"low": 2, "high": 1}})


@dataclass
class Started:
    """Needs something that no data can hold."""

    number: int
    start: InitVar[int]


@dataclass
class Failing:
    number: int

    def __post_init__(self) -> None:
        raise KeyError(self.number)


@pytest.mark.parametrize(
    ("cls", "told"), [(Started, "^input: .*argument: 'start'$"), (Failing, r"^input: 1$")]
)
def test_whatever_a_dataclass_raises_is_invalid_input(cls: type, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        decode(cls, {"number": 1})


@pytest.mark.parametrize("sent", [None, [], "x", 1, b"x", object()])
def test_what_is_no_object_is_refused(sent: object) -> None:
    with pytest.raises(InvalidInput, match=r"expected an object \(Song\)"):
        decode(Song, sent)


@dataclass
class Leaf:
    value: int


@dataclass
class Add:
    left: Add | Multiply | Leaf
    right: Add | Multiply | Leaf


@dataclass
class Multiply:
    left: Add | Multiply | Leaf
    right: Add | Multiply | Leaf


def test_unions_in_unions_take_linear_time() -> None:
    sent: dict[str, Any] = {"value": "broken"}
    for _ in range(60):  # naively 2**60 attempts
        sent = {"left": sent, "right": {"value": 1}}
    with pytest.raises(InvalidInput):
        decode(Add, sent)


def test_a_union_of_records_is_decoded_by_its_fields() -> None:
    sent = {"left": {"value": 1}, "right": {"left": {"value": 2}, "right": {"value": 3}}}
    assert decode(Add, sent) == Add(Leaf(1), Add(Leaf(2), Leaf(3)))


def test_absurd_depth_is_refused_by_the_parser_and_by_the_decoder() -> None:
    for depth in (1_500, 10_000, 1_000_000):
        with pytest.raises(MalformedJson):
            loads("[" * depth)
    nested: Any = {"value": 1}
    for _ in range(900):
        nested = {"left": nested, "right": {"value": 1}}
    with pytest.raises(InvalidInput, match="nested too deep"):
        decode(Add, nested)
    json: Any = []
    for _ in range(5_000):
        json = [json]
    with pytest.raises(InvalidInput, match="nested too deep"):
        decode(Song, {"style": "dub", "extra": json})


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", "[1,]", "{'a': 1}", '"\\ud800"', b'"\xff"', "1 2", "\ud800", "[1] x"]
)
def test_what_is_not_json_is_malformed(text: str | bytes) -> None:
    with pytest.raises(MalformedJson, match="this is not valid JSON"):
        loads(text)


@pytest.mark.parametrize("value", [2**64, "\ud800", object(), {1: 2}])
def test_what_json_cannot_hold_is_told(value: object) -> None:
    with pytest.raises(InvalidInput, match="cannot be written as JSON"):
        dumps(Song(Style.DUB, extra=value))


def test_a_cycle_is_not_written() -> None:
    song = Song(Style.DUB)
    song.extra = song
    with pytest.raises(InvalidInput, match="cannot be written as JSON"):
        dumps(song)


def test_subclasses_of_float_and_tuple_are_written_as_such() -> None:
    numpy = pytest.importorskip("numpy")
    assert dumps([numpy.float64(0.5)]) == b"[0.5]"


def test_an_outer_range_narrows_an_inner_one() -> None:
    @dataclass
    class Narrow:
        share: Annotated[Annotated[float, Range(0, 100)], Range(-5, 10)]

    assert decode(Narrow, {"share": 10}).share == 10
    for wrong in (-1, 11):
        with pytest.raises(InvalidInput, match="float from 0 to 10"):
            decode(Narrow, {"share": wrong})


def test_a_default_object_is_not_shared() -> None:
    one, other = decode(Song, {"style": "dub"}), decode(Song, {"style": "dub"})
    one.layers.append(Layer("a"))
    assert other.layers == []
