"""Generated types of the closed set, with values that fit them and values that may not.

The slow checker reads type hints, not shapes: it shares no code with what it is compared to.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st

from conduit.blocks import Length, Range


class Colour(enum.StrEnum):
    RED = "red"
    GREEN = "green"


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Tree:
    """A type that contains itself."""

    label: str
    children: list[Tree] = dataclasses.field(default_factory=list)
    parent: Tree | None = None


@dataclasses.dataclass
class Circle:
    radius: float


@dataclasses.dataclass
class Square:
    side: float


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
INTS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)

trees = st.recursive(
    st.builds(Tree, TEXT),
    lambda inner: st.builds(Tree, TEXT, st.lists(inner, max_size=2), st.none() | inner),
    max_leaves=5,
)

Typed = tuple[Any, st.SearchStrategy[Any]]

_LEAVES: tuple[Typed, ...] = (
    (bool, st.booleans()),
    (int, INTS),
    (float, FLOATS),
    (str, TEXT),
    (Colour, st.sampled_from(Colour)),
    (Level, st.sampled_from(Level)),
    (Literal["a", "b", 1, True, None], st.sampled_from(["a", "b", 1, True, None])),
    (Annotated[int, Range(-3, 3), "small"], st.integers(-3, 3)),
    (Annotated[float, Range(0, 1)], st.floats(0, 1)),
    (Annotated[str, Length(1, 4)], TEXT.filter(lambda t: 1 <= len(t) <= 4)),
    (Tree, trees),
    (Circle | Square, st.builds(Circle, FLOATS) | st.builds(Square, FLOATS)),
)


def _wider(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    return st.one_of(
        inner.map(lambda t: (list[t[0]], st.lists(t[1], max_size=3))),
        inner.map(lambda t: (tuple[t[0], ...], st.lists(t[1], max_size=3).map(tuple))),
        inner.map(lambda t: (dict[str, t[0]], st.dictionaries(TEXT, t[1], max_size=3))),
        inner.map(
            lambda t: (Annotated[list[t[0]], Length(0, 2)], st.lists(t[1], max_size=2)),
        ),
        inner.map(lambda t: (Union[t[0], None], st.none() | t[1])),  # noqa: UP007 - t[0] is a value
        st.lists(inner, min_size=1, max_size=3).map(_record),
    )


def _record(fields: list[Typed]) -> Typed:
    named = {f"f{i}": typed for i, typed in enumerate(fields)}
    cls = dataclasses.make_dataclass("Generated", [(k, hint) for k, (hint, _) in named.items()])
    cls.__module__ = __name__
    return cls, st.builds(cls, **{k: values for k, (_, values) in named.items()})


hints: st.SearchStrategy[Typed] = st.recursive(st.sampled_from(_LEAVES), _wider, max_leaves=5)
records: st.SearchStrategy[Typed] = st.lists(hints, min_size=1, max_size=3).map(_record)

odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(),
    TEXT,
    st.sampled_from([Colour.RED, Level.LOW, Circle(1.0), Square(math.nan), Tree("t"), object()]),
    st.lists(st.integers(-5, 5) | TEXT, max_size=3),
    st.dictionaries(st.sampled_from([1, "k"]), st.integers(), max_size=2),
    st.tuples(st.integers(), TEXT),
)

plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-3, 3) | TEXT | st.just("red"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["f0", "f1", "radius", "side", "label", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def fits(hint: Any, value: Any, bounds: tuple[Any, ...] = ()) -> bool:
    """The slow checker."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return fits(args[0], value, args[1:])
    if origin in (Union, types.UnionType):
        return any(fits(option, value, bounds) for option in args)
    if hint is type(None):
        return value is None
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in args)
    if dataclasses.is_dataclass(hint):
        inner = typing.get_type_hints(hint, include_extras=True)
        return isinstance(value, hint) and all(fits(h, getattr(value, k)) for k, h in inner.items())
    if origin is not None:
        return isinstance(value, origin) and _bounded(value, bounds) and _items(args, value)
    if hint is bool or issubclass(hint, enum.Enum):
        return isinstance(value, hint)
    if isinstance(value, bool):
        return False
    if hint is float:
        ok = isinstance(value, int | float) and math.isfinite(value)
        return ok and _bounded(value, bounds)
    return isinstance(value, hint) and _bounded(value, bounds)


def _items(args: tuple[Any, ...], value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and fits(args[1], v) for k, v in value.items())
    return all(fits(args[0], item) for item in value)


def _bounded(value: Any, bounds: tuple[Any, ...]) -> bool:
    for bound in bounds:
        if isinstance(bound, Range) and not bound.minimum <= value <= bound.maximum:
            return False
        if isinstance(bound, Length) and not bound.minimum <= len(value) <= bound.maximum:
            return False
    return True
