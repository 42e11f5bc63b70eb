"""Type variables are filled in where they are used, class by class."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from conduit.blocks.hints import (
    arguments_of,
    class_of,
    dataclass_of,
    field_hints,
    is_open,
    spell_hint,
    substitute,
    yields_only_outputs,
)
from tests.blocks.nouns import Count, Step, Words
from tests.blocks.test_edge import Item, ItemPage, Other, Page, Pair, Swapped, Titled

T = TypeVar("T")
U = TypeVar("U")


@dataclass
class Named(Generic[T]):
    """Uses the same variable for something else than those it is mixed with."""

    name: dict[str, T]


@dataclass
class NamedPage(Page[T], Named[int]):
    pass


@pytest.mark.parametrize(
    ("hint", "name", "expected"),
    [
        (Page[Item], "items", list[Item]),
        (Page[Item], "next", Page[Item] | None),
        (Titled[Item], "items", list[Item]),
        (ItemPage, "items", list[Item]),
        (ItemPage, "next", Page[Item] | None),
        (ItemPage, "title", str),
        (Page[Page[Item]], "items", list[Page[Item]]),
        (Page[Item | None], "items", list[Item | None]),
        (Swapped[Item, Other], "first", Other),
        (Swapped[Item, Other], "second", Item),
        (NamedPage[Item], "name", dict[str, int]),
        (NamedPage[Item], "items", list[Item]),
        (Page, "items", list[T]),
    ],
    ids=str,
)
def test_fields_are_read_with_the_arguments_of_their_class(
    hint: Any, name: str, expected: Any
) -> None:
    found = field_hints(hint)[name]
    assert str(found) == str(expected)


def test_only_classes_have_fields() -> None:
    with pytest.raises(TypeError, match="is no class"):
        field_hints("Page")


def test_what_a_class_gives_its_base() -> None:
    assert arguments_of(ItemPage, Page) == (Item,)
    assert arguments_of(Titled[Other], Page) == (Other,)
    assert arguments_of(Swapped[Item, Other], Pair) == (Other, Item)
    assert arguments_of(Page, Page) == ()
    with pytest.raises(ValueError, match=r"Pair is no base of Page\[Item\]"):
        arguments_of(Page[Item], Pair)


def test_open_and_filled() -> None:
    assert is_open(T)
    assert is_open(Page[T])  # type: ignore[valid-type]
    assert is_open(Page)
    assert not is_open(Page[Item])
    assert substitute(dict[str, Pair[T, U]], {T: int}) == dict[str, Pair[int, U]]  # type: ignore[valid-type]
    assert substitute(int, {T: str}) is int


def test_the_class_behind_a_hint() -> None:
    assert class_of(Page[Item]) is Page
    assert dataclass_of(Page[Item]) is Page
    assert dataclass_of(Item | Other) is None
    assert dataclass_of(list[Item]) is None
    assert class_of("Page") is None


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (Page[Pair[Item, int]], "Page[Pair[Item, int]]"),
        (Page[Item | None], "Page[test_edge.Item | None]"),
        (list[int], "list[int]"),
        (Item, "Item"),
    ],
    ids=str,
)
def test_a_hint_is_spelled(hint: Any, said: str) -> None:
    assert spell_hint(hint).replace("tests.blocks.", "") == said


def test_what_is_no_field_is_no_field() -> None:
    @dataclass
    class Odd:
        shared: ClassVar[int] = 1
        start: InitVar[int] = 2
        _: KW_ONLY
        kept: str = ""

    assert field_hints(Odd)["kept"] is str


async def _outputs(data: Words) -> AsyncIterator[Count]:
    yield Count(1)


async def _generated(data: Words) -> AsyncGenerator[Count, None]:
    yield Count(1)


async def _events(data: Words) -> AsyncIterator[Step | Count]:
    yield Count(1)


async def _unsaid(data: Words) -> Any:
    yield Count(1)


async def _unknown(data: Words) -> AsyncIterator[Nowhere]:  # type: ignore[name-defined]  # noqa: F821
    yield Count(1)


def test_a_generator_of_outputs_is_told_from_one_with_events() -> None:
    every = (_outputs, _generated, _events, _unsaid, _unknown)
    told = [yields_only_outputs(each, Count) for each in every]
    assert told == [True, True, False, False, False]
    assert yields_only_outputs(_events, Step | Count)
