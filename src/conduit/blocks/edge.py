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

from conduit.blocks.check import is_json, predicate_for
from conduit.blocks.hints import spell_hint
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
    raise unfit(where, f"not {spell_hint(hint)}")


def not_joined(block: object, other: object) -> Any:
    """For ``block >> other`` where the other is no block: ``NotImplemented``, or ``ConfigError``
    for a function or a class, which was most likely meant to be one."""
    if callable(other) and not hasattr(type(other), "__rrshift__"):
        raise no_block(other, getattr(block, "label", ""))
    return NotImplemented


def no_block(given: object, where: str) -> ConfigError:
    """The error for something else where a block is needed."""
    if isinstance(given, type):
        shown, hint = f"the class {given.__name__}", "join an instance of a block class: Tagger()"
    elif name := getattr(given, "__name__", ""):
        shown = "a lambda" if name == "<lambda>" else f"the function {name}()"
        hint = 'make one of it: @block("some.name", summary="…") above `def f(data: In) -> Out`'
    else:
        shown, hint = type(given).__name__, "give what @block made, or an instance of a Block"
    return ConfigError(f"a block is needed here, and this is {shown}", where=where, hint=hint)


def fits(made: Edge, wanted: Edge) -> bool:
    """Whether every value of one edge may pass where the other is wanted."""
    return made.hint == wanted.hint or _Comparison().within(made.shape, wanted.shape)


def _shape(hint: Any, where: str) -> Shape:
    if hint is None or isinstance(hint, str):
        raise unfit(where, f"not the text {hint!r:.80}" if hint else "none is given")
    try:
        return shape_of(hint, where)
    except ConfigError as error:
        raise unfit(where, f"not {spell_hint(hint)}") from error


def fits_in_part(made: Edge, wanted: Edge) -> bool:
    """Whether one of several types that are made may pass."""
    options = made.shape.options if isinstance(made.shape, Either) else ()
    return any(_Comparison().within(option, wanted.shape) for option in options)


class _Comparison:
    """One question whether a type is within another. Types may contain themselves and each other:
    two records are assumed to fit while they are looked at, and each two are looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, Any], bool] = {}

    def within(self, made: Shape, wanted: Shape) -> bool:
        if isinstance(made, Either):
            return all(self.within(option, wanted) for option in made.options)
        if isinstance(wanted, Either):
            return any(self.within(made, option) for option in wanted.options)
        match made, wanted:
            case Scalar(), Scalar():
                return _scalar_within(made, wanted)
            case Choice(), Choice():
                narrower = set(map(_typed, made.values)) <= set(map(_typed, wanted.values))
                return made.enum is wanted.enum and narrower
            case Choice(values, members), Scalar():
                return all(map(predicate_for(wanted), members or values))
            case Sequence(), Sequence():
                same = made.kind is wanted.kind and _tighter(made.length, wanted.length)
                return same and self.within(made.item, wanted.item)
            case Mapping(), Mapping():
                return self.within(made.value, wanted.value)
            case Record(), Record():
                return made.hint == wanted.hint or self._record_within(made, wanted)
            case Choice(values, members), AnyJson():
                return all(map(is_json, members or values))
            case Sequence(item) | Mapping(item), AnyJson():
                return self.within(item, wanted)
            case Scalar() | AnyJson(), AnyJson():
                return True
        return False

    def _record_within(self, made: Record, wanted: Record) -> bool:
        """A subclass, none of whose fields was widened."""
        pair = (made.hint, wanted.hint)
        if pair in self._known:
            return self._known[pair]
        if not issubclass(made.cls, wanted.cls):
            return False
        before = len(self._known)
        self._known[pair] = True
        given = {field.name: field.shape for field in fields_of(made.hint)}
        fit = all(
            field.name in given and self.within(given[field.name], field.shape)
            for field in fields_of(wanted.hint)
        )
        if not fit:  # what was found to fit since then may rest on the wrong assumption
            found = list(self._known.items())
            refused = [(each, fits) for each, fits in found[before:] if not fits]
            self._known = dict([*found[:before], *refused, (pair, False)])
        return fit


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


def unfit(where: str, found: str) -> ConfigError:
    """The error for types that no block has; ``found`` says what there is instead."""
    return ConfigError(
        "a block takes one dataclass and returns one dataclass (or a union of dataclasses); "
        f"{found}",
        where=where,
        hint="annotate it like `def render(request: GrooveRequest) -> RenderedGroove`, or subclass "
        "Block[GrooveRequest, RenderedGroove]; use NoOp when there is no input",
    )
