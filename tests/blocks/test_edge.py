"""What fits together: subclasses, unions, generics, bounds; and that fitting is never too kind."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Batch, Block, Both, Json, Length, Range, block
from conduit.blocks.check import predicate_of
from conduit.blocks.edge import edge_of, fits
from conduit.contracts.errors import ConfigError, TypeMismatch, WiringError
from tests.blocks.generated import Circle, Colour, Square, records
from tests.blocks.nouns import Count, Words, count

T = TypeVar("T")
U = TypeVar("U")


@dataclass
class Item:
    number: int


@dataclass
class Other:
    number: int


@dataclass
class LoudItem(Item):
    gain: float = 0.0


@dataclass
class SofterItem(Item):
    """Widens what it inherits: not every one is an Item."""

    number: int | None  # type: ignore[assignment]


@dataclass
class Page(Generic[T]):
    items: list[T]
    next: Page[T] | None = None


@dataclass
class Titled(Page[T]):
    title: str = ""


@dataclass
class ItemPage(Titled[Item]):
    pass


@dataclass
class Pair(Generic[T, U]):
    first: T
    second: U


@dataclass
class Swapped(Pair[U, T], Generic[T, U]):
    """Its second argument is the first of what it inherits from."""


@dataclass
class Growing(Generic[T]):
    """Contains itself with an ever larger argument."""

    inner: Growing[Page[T]] | None = None
    pair: Growing[Pair[T, T]] | None = None


def _fits(made: Any, wanted: Any) -> bool:
    return fits(edge_of(made), edge_of(wanted))


@pytest.mark.parametrize(
    ("made", "wanted", "answer"),
    [
        (Item, Item, True),
        (LoudItem, Item, True),
        (Item, LoudItem, False),
        (SofterItem, Item, False),
        (Item, Other, False),
        (LoudItem, Other, False),
        (Item, Item | None, True),
        (Item | None, Item, False),
        (Item, Item | Other, True),
        (LoudItem | Other, Other | Item, True),
        (Item | Other, Item, False),
        (Optional[Item], Item | Other | None, True),  # noqa: UP045 - the older way to write it
        (Page[Item], Page[Item], True),
        (Page[Item], Page[Other], False),
        (Page[LoudItem], Page[Item], True),
        (Page[SofterItem], Page[Item], False),
        (Page[Page[LoudItem]], Page[Page[Item]], True),
        (Page[Page[Item]], Page[Item], False),
        (Page[Item | Other], Page[Item], False),
        (Page[Item], Page[Item | Other], True),
        (Titled[Item], Page[Item], True),
        (ItemPage, Page[Item], True),
        (ItemPage, Titled[Item], True),
        (ItemPage, Page[Other], False),
        (Swapped[Item, Other], Pair[Other, Item], True),
        (Swapped[Item, Other], Pair[Item, Other], False),
        (Batch[LoudItem], Batch[Item], True),
        (Both[Item, Other], Both[Item, Item], False),
        (Page[Annotated[int, Range(2, 3)]], Page[Annotated[int, Range(1, 3)]], True),
        (Page[Annotated[int, Range(0, 3)]], Page[Annotated[int, Range(1, 3)]], False),
        (Page[int], Page[Annotated[int, Range(1, 3)]], False),
        (Page[Annotated[str, Length(1, 2)]], Page[str], True),
        (Page[str], Page[Annotated[str, Length(1, 2)]], False),
        (Page[int], Page[float], True),
        (Page[float], Page[int], False),
        (Page[bool], Page[int], False),
        (Page[Literal["a"]], Page[Literal["a", "b"]], True),
        (Page[Literal["a", "b"]], Page[Literal["a"]], False),
        (Page[Literal[True]], Page[Literal[1]], False),
        (Page[Literal["a", "b"]], Page[str], True),
        (Page[Literal["a", 1]], Page[str], False),
        (Page[Literal[1, 9]], Page[Annotated[int, Range(1, 3)]], False),
        (Page[Literal["ab"]], Page[Annotated[str, Length(1, 2)]], True),
        (Page[Colour], Page[str], True),
        (Page[Colour], Page[Literal["red", "green"]], False),
        (Page[dict[str, int]], Page[dict[str, float]], True),
        (Page[list[int]], Page[tuple[int, ...]], False),
        (Page[str], Page[Json], True),
        (Page[list[int | None]], Page[Json], True),
        (Page[Item], Page[Json], False),
        (Page[Json], Page[str], False),
    ],
    ids=str,
)
def test_what_fits(made: Any, wanted: Any, answer: bool) -> None:
    assert _fits(made, wanted) is answer


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (int, "takes one dataclass"),
        (Item | int, "takes one dataclass"),
        (list[Item], "takes one dataclass"),
        (None, "takes one dataclass"),
        (type(None), "takes one dataclass"),
        (Page, "type variable ~T has no type"),
        (Pair[int, T], "type variable ~T has no type"),  # type: ignore[valid-type]
        (Page[object], "object is not a type"),
        (Growing[int], r"leads to arguments nested more than 16 deep\n"),
    ],
    ids=str,
)
def test_what_may_not_pass_between_blocks(hint: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        edge_of(hint)


def test_a_generic_without_its_argument_is_refused_when_the_block_is_defined() -> None:
    with pytest.raises(ConfigError, match="type variable"):

        class Pages(Block[Page, Count]):  # type: ignore[type-arg]
            name = "page.count"


def test_a_block_without_types_cannot_be_wired() -> None:
    class Same(Block[T, T]):
        name = "any.same"

        def forward(self, data: T) -> T:
            return data

    with pytest.raises(ConfigError, match="Same: a block takes one dataclass"):
        count >> Same[Count]()

    class SameCount(Same[Count]):
        pass

    assert (count >> SameCount())(Words("a b")) == Count(2)


def test_the_hint_says_the_way_out() -> None:
    @block("count.some", summary="Some")
    def some(data: Words) -> Count | None:
        return None

    @block("count.either", summary="Either")
    def either(data: Words) -> Count | Item:
        return Count(1)

    @block("count.back", summary="Back")
    def back(data: Count) -> Words:
        return Words("")

    for made, hint in (
        (some, "let count.back take Count | None"),
        (either, "let count.back take Count | Item, or choose: by_type(count.back, …)"),
        (back, "put a block between them that makes Count of Words"),
    ):
        with pytest.raises(WiringError) as caught:
            made >> back  # type: ignore[operator]
        assert caught.value.hint == hint


def test_a_class_that_was_defined_twice_is_not_called_by_its_name_alone() -> None:
    """As when a cell of a notebook runs again."""

    cell = """
from dataclasses import dataclass
from conduit.blocks import block

@dataclass
class Note:
    pitch: int

@dataclass
class Bar:
    notes: list[Note]

@block("bar.play", summary="Play")
def play(bar: Bar) -> Bar:
    return bar
"""

    def run() -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": "notebook"}
        exec(compile(cell, "cell", "exec", dont_inherit=True), names)
        return names

    once, again = run(), run()
    bar, play = once["Bar"], once["play"]
    twice = "the class was defined a second time"
    for wrong, told in (
        (again["Bar"]([]), f"'input': expected Bar, got another Bar: {twice}"),
        (bar([again["Note"](1)]), f"'notes[0]': expected Note, got another Note: {twice}"),
    ):
        with pytest.raises(TypeMismatch) as caught:
            play(wrong)
        assert str(caught.value) == f"bar.play: input field {told}"
    with pytest.raises(WiringError) as wired:
        play >> again["play"]
    assert wired.value.hint.startswith(twice)


def test_wrong_wiring_names_the_step_the_edge_and_both_types() -> None:
    @block("item.page", summary="Page")
    def page(data: Count) -> Page[Other]:
        return Page([])

    @block("item.first", summary="First")
    def first(data: Page[Item] | None) -> Item:
        return Item(1)

    with pytest.raises(WiringError) as caught:
        count >> page >> first
    told = caught.value
    assert (told.step, told.made, told.wanted) == ("item.first", "Page[Other]", "Page[Item] | None")
    assert str(told) == (
        "item.first: step 3 takes Page[Item] | None, but step 2 (item.page) makes Page[Other]\n"
        "hint: put a block between them that makes Page[Item] | None of Page[Other]"
    )


def _ladders(rungs: int, made: type, wanted: type) -> tuple[type, type]:
    """Dataclasses that have two of a dataclass that has two of …: few types, many ways. Those of
    the first are subclasses of those of the second."""
    for _ in range(rungs):
        wide = dataclasses.make_dataclass("Rung", [("a", wanted), ("b", wanted)])
        made = dataclasses.make_dataclass("Low", [("a", made), ("b", made)], bases=(wide,))
        wanted = wide
    return made, wanted


def test_types_that_share_parts_are_compared_in_no_time() -> None:
    started = time.process_time()
    assert _fits(*_ladders(50, LoudItem, Item))
    assert not _fits(*_ladders(50, SofterItem, Item))
    assert not _fits(*_ladders(50, Item, LoudItem))
    assert time.process_time() - started < 2


@dataclass
class Left:
    right: list[Right] = field(default_factory=list)
    mark: int | str = 0


@dataclass
class Right:
    left: list[Left] = field(default_factory=list)


@dataclass
class LowLeft(Left):
    right: list[LowRight] = field(default_factory=list)  # type: ignore[assignment]
    mark: int = 0


@dataclass
class LowRight(Right):
    left: list[LowLeft] = field(default_factory=list)  # type: ignore[assignment]


def test_types_that_contain_each_other_are_compared() -> None:
    assert _fits(LowLeft, Left)
    assert _fits(LowRight, Right)
    assert not _fits(Left, LowLeft)
    assert not _fits(Right, LowRight)


def test_what_rested_on_a_wrong_assumption_is_looked_at_again() -> None:
    """While LowLeft is compared with BadLeft, LowRight seems to fit Right; then BadLeft does not
    fit, and what was assumed with it must not stay."""

    @dataclass
    class Root:
        one: Page[Left] | Circle
        two: Page[Right]

    @dataclass
    class Low(Root):
        one: Page[LowLeft] | Circle
        two: Page[LowRight]

    assert _fits(Low, Root)
    assert not _fits(Root, Low)


def _subclass(base: type, changes: dict[str, Any]) -> type:
    return dataclasses.make_dataclass("Derived", list(changes.items()), bases=(base,))


_WIDTHS: tuple[tuple[Any, st.SearchStrategy[Any]], ...] = (
    (int, st.integers()),
    (float, st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9)),
    (bool, st.booleans()),
    (str, st.text(max_size=4)),
    (int | None, st.none() | st.integers()),
    (float | str, st.floats(0, 1) | st.text(max_size=3)),
    (Literal["a", 2], st.sampled_from(["a", 2])),
    (Literal["a"], st.just("a")),
    (Literal[True], st.just(True)),
    (Colour, st.sampled_from(Colour)),
    (Annotated[int, Range(0, 2)], st.integers(0, 2)),
    (Annotated[float, Range(0, 5)], st.floats(0, 5)),
    (Annotated[str, Length(0, 2)], st.text(max_size=2)),
    (list[int], st.lists(st.integers(), max_size=2)),
    (list[float | None], st.lists(st.none() | st.floats(0, 1), max_size=2)),
    (tuple[bool, ...], st.lists(st.booleans(), max_size=2).map(tuple)),
    (dict[str, int], st.dictionaries(st.text(max_size=1), st.integers(), max_size=2)),
    (Json, st.sampled_from([None, "a", 1, [1, "b"], {"k": [None]}])),
    (Item, st.builds(Item, st.integers())),
    (LoudItem, st.builds(LoudItem, st.integers(), st.floats(0, 1))),
    (Circle | Square, st.builds(Circle, st.floats(0, 1))),
    (Page[int], st.builds(Page, st.lists(st.integers(), max_size=2))),
    (Page[float], st.builds(Page, st.lists(st.floats(0, 1), max_size=2))),
    (list[LoudItem], st.lists(st.builds(LoudItem, st.integers()), max_size=2)),
    (list[Item], st.lists(st.builds(Item, st.integers()), max_size=2)),
)


@given(st.sampled_from(_WIDTHS), st.sampled_from(_WIDTHS), st.data())
def test_every_value_of_what_fits_passes_the_check(
    one: tuple[Any, Any], other: tuple[Any, Any], data: st.DataObject
) -> None:
    """For a class, a subclass that narrows or widens its field, and a generic one."""
    base = dataclasses.make_dataclass("Base", [("held", other[0])])
    derived = _subclass(base, {"held": one[0]})
    value = data.draw(one[1])
    for made, wanted, built in (
        (derived, base, derived(value)),
        (Page[one[0]], Page[other[0]], Page([value])),  # type: ignore[valid-type]
        (derived | Other, base | Other, derived(value)),
    ):
        assert predicate_of(made)(built)
        if _fits(made, wanted):
            assert predicate_of(wanted)(built)


@given(records)
def test_every_type_fits_itself_and_its_union(typed: tuple[Any, Any]) -> None:
    cls = typed[0]
    same = dataclasses.make_dataclass("Same", [], bases=(cls,))
    assert _fits(cls, cls)
    assert _fits(same, cls)
    assert _fits(same, cls | None)
    assert not _fits(cls | None, same)


@given(records, st.data())
def test_an_inherited_value_passes(typed: tuple[Any, Any], data: st.DataObject) -> None:
    cls, values = typed
    value = data.draw(values)
    same: Callable[..., Any] = dataclasses.make_dataclass("Same", [], bases=(cls,))
    inherited = same(**{f.name: getattr(value, f.name) for f in dataclasses.fields(cls)})
    assert predicate_of(cls)(inherited)
