"""What cannot be asked of a model is refused when it is defined, with the way to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Dict, List, Literal, Optional, Union  # noqa: UP035

import pytest

from conduit.blocks import Json, Length
from conduit.contracts.errors import ConfigError
from conduit.mdl import Mdl


@dataclass
class Untyped:
    value: Any


@dataclass
class Inner:
    untyped: list[Untyped]


@dataclass
class Outer:
    inner: Inner


@dataclass
class AnyJson:
    value: Json


@dataclass
class Bare:
    value: None


@dataclass
class BareLiteral:
    value: Literal[None]


@dataclass
class IntKeys:
    value: dict[int, str]


@dataclass
class Foreign:
    value: list[complex]


@dataclass
class Circle:
    radius: float
    note: str = ""


@dataclass
class Ball:
    radius: float
    colour: str = ""


@dataclass
class Box:
    side: float


@dataclass
class Alike:
    shape: Circle | Ball


@dataclass
class TwoObjects:
    value: Circle | dict[str, int]


@dataclass
class TwoLists:
    value: list[int] | list[str] | None


@dataclass
class Endless:
    inner: Endless


@dataclass
class EndlessList:
    inner: Annotated[list[EndlessList], Length(1, 3)]


REFUSED: dict[type, tuple[str, str]] = {
    Untyped: ("Untyped.value", "Any"),
    Outer: ("Outer.inner.untyped.value", "Any"),
    AnyJson: ("AnyJson.value", "Json is Any in disguise"),
    Bare: ("Bare.value", "NoneType is not a type"),
    BareLiteral: ("BareLiteral.value", "None alone says nothing"),
    IntKeys: ("IntKeys.value", "not a type"),
    Foreign: ("Foreign.value[]", "complex"),
    Alike: ("Alike.shape", "nothing tells Circle from Ball"),
    TwoObjects: ("TwoObjects.value", "both are written as an object"),
    TwoLists: ("TwoLists.value", "both are written as a list"),
    Endless: ("Endless", "contains itself without end"),
    EndlessList: ("EndlessList", "contains itself without end"),
    int: ("Mdl", "int is not a dataclass"),
}


@pytest.mark.parametrize(("cls", "why"), REFUSED.items(), ids=lambda x: getattr(x, "__name__", ""))
def test_refused_with_the_path(cls: type, why: tuple[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Mdl.of(cls)
    assert caught.value.where == why[0]
    assert why[1] in caught.value.message
    assert caught.value.hint


@dataclass
class Cat:
    name: str
    kind: Literal["cat"] = "cat"


@dataclass
class Dog:
    name: str
    kind: Literal["dog"] = "dog"


@dataclass
class Old:
    numbers: List[int]  # noqa: UP006
    by_name: Dict[str, float]  # noqa: UP006
    pet: Union[Cat, Dog]  # noqa: UP007
    shape: Optional[Union[Circle, Box]]  # noqa: UP007, UP045
    wide: int | str | list[int] | None = None
    next: Old | None = None


def test_what_can_be_told_apart_is_accepted() -> None:
    text = (
        '{"numbers": [1], "by_name": {"a": 1.5}, "pet": {"name": "Rex", "kind": "dog"},'
        ' "shape": {"side": 2.0}, "wide": "x", "next": null}'
    )
    expected = Old([1], {"a": 1.5}, Dog("Rex"), Box(2.0), "x")
    assert Mdl.of(Old).parse(text).value == expected


def test_a_structure_is_made_once() -> None:
    assert Mdl.of(Old) is Mdl.of(Old)
