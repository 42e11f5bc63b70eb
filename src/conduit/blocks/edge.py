"""What may pass between two blocks, and whether two blocks fit together.

An edge is a dataclass, a generic one with its arguments (``Page[Item]``), or a union of them, with
or without None (``Found | Missing``, ``Found | None``). What one block makes fits what the next one
takes when every value of the first type is a value of the second: the same dataclass, a subclass,
a narrower union, narrower bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from conduit.blocks.shape import (
    AnyJson,
    Choice,
    Either,
    Length,
    Mapping,
    Range,
    Record,
    Scalar,
    Sequence,
    Shape,
    fields_of,
    records_in,
    require_known,
    shape_of,
    spell,
)
from conduit.contracts.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Edge:
    """``name`` is how a person writes the type; ``classes`` are for ``isinstance``."""

    hint: Any
    shape: Shape
    name: str
    classes: tuple[type, ...]


@cache
def edge_of(hint: Any, where: str = "edge") -> Edge:
    """The edge of a type hint. Raises ``ConfigError`` for what may not pass between blocks."""
    shape = _shape(hint, where)
    options = shape.options if isinstance(shape, Either) else (shape,)
    classes = tuple(o.cls if isinstance(o, Record) else type(None) for o in options)
    if all(isinstance(o, Record) or _is_null(o) for o in options) and records_in(shape):
        for each in records_in(shape):
            require_known(each)
        return Edge(hint, shape, " | ".join(_name(o) for o in options), classes)
    raise _unfit(where)


def fits(made: Edge, wanted: Edge) -> bool:
    """Whether every value of one edge may pass where the other is wanted."""
    return _within(made.shape, wanted.shape, set())


def _shape(hint: Any, where: str) -> Shape:
    if hint is None or isinstance(hint, str):
        raise _unfit(where)
    try:
        return shape_of(hint, where)
    except ConfigError as error:
        raise _unfit(where) from error


def _within(made: Shape, wanted: Shape, assumed: set[tuple[Any, Any]]) -> bool:
    if isinstance(made, Either):
        return all(_within(option, wanted, assumed) for option in made.options)
    if isinstance(wanted, Either):
        return any(_within(made, option, assumed) for option in wanted.options)
    match made, wanted:
        case Scalar(), Scalar():
            return _scalar_within(made, wanted)
        case Choice(), Choice():
            narrower = set(map(_typed, made.values)) <= set(map(_typed, wanted.values))
            return made.enum is wanted.enum and narrower
        case Choice(values, None), Scalar(kind, None, None):
            return all(type(value) is kind for value in values)
        case Sequence(), Sequence():
            same = made.kind is wanted.kind and _tighter(made.length, wanted.length)
            return same and _within(made.item, wanted.item, assumed)
        case Mapping(), Mapping():
            return _within(made.value, wanted.value, assumed)
        case Record(), Record():
            return _record_within(made, wanted, assumed)
        case AnyJson(), AnyJson():
            return True
    return False


def _record_within(made: Record, wanted: Record, assumed: set[tuple[Any, Any]]) -> bool:
    """A subclass, none of whose fields was widened. Types that contain themselves are assumed to
    fit while they are looked at."""
    pair = (made.hint, wanted.hint)
    if made.hint == wanted.hint or pair in assumed:
        return True
    if not issubclass(made.cls, wanted.cls):
        return False
    given = {field.name: field.shape for field in fields_of(made.hint)}
    return all(
        field.name in given and _within(given[field.name], field.shape, assumed | {pair})
        for field in fields_of(wanted.hint)
    )


def _scalar_within(made: Scalar, wanted: Scalar) -> bool:
    kinds = made.kind is wanted.kind or (made.kind is int and wanted.kind is float)
    return kinds and _tighter(made.range, wanted.range) and _tighter(made.length, wanted.length)


def _tighter(made: Range | Length | None, wanted: Range | Length | None) -> bool:
    if wanted is None:
        return True
    return made is not None and (wanted.minimum <= made.minimum and made.maximum <= wanted.maximum)


def _typed(value: Any) -> tuple[type, Any]:
    return type(value), value  # 1 is not True


def _is_null(shape: Shape) -> bool:
    return isinstance(shape, Scalar) and shape.kind is type(None)


def _name(shape: Shape) -> str:
    return "None" if _is_null(shape) else spell(shape)


def _unfit(where: str) -> ConfigError:
    return ConfigError(
        "a block takes one dataclass and returns one dataclass (or a union of dataclasses)",
        where=where,
        hint="annotate it like `def render(request: GrooveRequest) -> RenderedGroove`, or subclass "
        "Block[GrooveRequest, RenderedGroove]; use NoOp when there is no input",
    )
