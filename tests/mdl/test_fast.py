"""The fast way: only for what is exactly right, and for all of that."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any

import pytest

from conduit.blocks import Length, Range
from conduit.mdl import Mdl
from conduit.mdl.fast import NOTHING, exact_decoder


@dataclass
class Point:
    x: Annotated[int, Range(0, 9)]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    name: Annotated[str, Length(1, 20)]
    points: list[Point]
    by_name: dict[str, Point]
    inner: Drawing | None = None
    sizes: tuple[Annotated[float, Range(0, 1)], ...] = ()


TEXT = (
    '{"name": "a: b", "points": [{"x": 1, "label": "c: d"}, {"x": 2}], "by_name": {"p": {"x": 3}}}'
)


def _fast(text: str) -> Any:
    decode = exact_decoder(Drawing)
    assert decode is not None
    return decode(text)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT[:-1] + ', "sizes": [0, 0.5]}',
        TEXT[:-1] + f', "inner": {TEXT}}}',
        TEXT[:-1] + ', "inner": null}',
        json.dumps(json.loads(TEXT), indent=2),
        json.dumps(json.loads(TEXT), separators=(",", ":")),
    ],
)
def test_what_is_right_is_read_fast(text: str) -> None:
    value = _fast(text)
    assert isinstance(value, Drawing)
    assert value.points == [Point(1, "c: d"), Point(2)]
    assert value == Mdl.of(Drawing)._mended(text).value


@pytest.mark.parametrize(
    "text",
    [
        TEXT[:-1],
        TEXT.replace('"x": 1', '"x": 10'),
        TEXT.replace("a: b", ""),
        TEXT.replace('"x": 2', '"x": 2.0'),
        TEXT.replace('"x": 2', '"x": 2, "y": 3'),
        TEXT.replace('"x": 2', '"x": 1, "x": 2'),
        TEXT.replace('"p"', '"p": {"x": 1}, "p"'),
        TEXT.replace("c: d", "\\u0000"),
        TEXT.replace("c: d", "\\ud800"),
        TEXT[:-1] + ', "sizes": [2]}',
        TEXT[:-1] + f', "inner": {TEXT.replace("2", "22")}}}',
        TEXT[:-1] + ', "inner": ' * 5000,
        "\ud800",
    ],
)
def test_what_is_not_goes_the_slow_way(text: str) -> None:
    assert _fast(text) is NOTHING


class Odd(Enum):
    YES = True


@dataclass
class Unsaid:
    odd: Odd


@dataclass
class Made:
    name: str
    length: int = field(init=False, default=0)


@dataclass
class Cat:
    lives: int


@dataclass
class Dog:
    bites: bool


@dataclass
class Pet:
    pet: Cat | Dog


@pytest.mark.parametrize("cls", [Unsaid, Made, Pet])
def test_what_msgspec_cannot_say_has_no_fast_way(cls: type) -> None:
    assert exact_decoder(cls) is None


def test_it_is_read_all_the_same() -> None:
    parsed = Mdl.of(Pet).parse('{"pet": {"bites": true}}')
    assert parsed.exact
    assert parsed.value == Pet(Dog(True))
    assert Mdl.of(Unsaid).parse('{"odd": true}').value == Unsaid(Odd.YES)
    assert Mdl.of(Made).parse('{"name": "a"}').value == Made("a")
