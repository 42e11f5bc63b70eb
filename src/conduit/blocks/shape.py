"""The closed set of types a block may use, resolved once per dataclass.

A *shape* is what a type hint means to Conduit. Everything that depends on types is derived from
shapes: run-time checks (``check``), JSON Schema (``schema``), and decoding of plain data
(``decode``). The set is closed on purpose: what cannot be checked cannot be declared.

=====================  ==========================================
hint                   shape
=====================  ==========================================
``bool int float str``  ``Scalar``
``None``               ``Scalar`` (only inside a union)
``Literal[...]``       ``Choice``
``enum.Enum``          ``Choice``
``list[X]``            ``Sequence`` (also ``tuple[X, ...]``)
``dict[str, X]``       ``Mapping``
``X | Y``              ``Either``
a dataclass            ``Record`` (also ``Page[Item]``)
``Json``               ``AnyJson``
=====================  ==========================================

``Annotated[X, Range(1, 8), "what it is"]`` adds bounds and a description.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import math
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from conduit.blocks.hints import (
    class_of,
    dataclass_of,
    field_hints,
    is_union,
    nesting,
    spell_hint,
)
from conduit.contracts.errors import ConfigError
from conduit.contracts.json import JsonMark

_DEEPEST_HINT = 16


@dataclass(frozen=True, slots=True)
class Range:
    """Inclusive bounds of a number, both finite. Several on one hint must all hold."""

    minimum: float
    maximum: float

    def __post_init__(self) -> None:
        _require_order(self, math.isfinite(self.minimum) and math.isfinite(self.maximum))


@dataclass(frozen=True, slots=True)
class Length:
    """Inclusive bounds on the number of characters or items."""

    minimum: int
    maximum: int

    def __post_init__(self) -> None:
        _require_order(self, self.minimum >= 0)


def _require_order(bounds: Range | Length, usable: bool) -> None:
    if not usable or bounds.minimum > bounds.maximum:
        raise ConfigError(f"{bounds} admits nothing, or has no end", where="bounds")


@dataclass(frozen=True, slots=True)
class Scalar:
    kind: type
    range: Range | None = None
    length: Length | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values. ``values`` are the plain ones; ``enum`` turns them into members."""

    values: tuple[Any, ...]
    enum: type[enum.Enum] | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    item: Shape
    kind: type  # list or tuple
    length: Length | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    value: Shape


@dataclass(frozen=True, slots=True)
class Either:
    options: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A dataclass. ``fields_of(record.hint)`` looks its fields up, so that types may refer to
    themselves. ``args`` are the hints given to a generic one: ``Page[Item]``."""

    cls: type
    args: tuple[Any, ...] = ()

    @property
    def hint(self) -> Any:
        """What was written in the annotation."""
        return self.cls[self.args] if self.args else self.cls  # type: ignore[index]  # generic, as it has arguments


@dataclass(frozen=True, slots=True)
class AnyJson:
    pass


Shape = Scalar | Choice | Sequence | Mapping | Either | Record | AnyJson


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    shape: Shape
    doc: str
    required: bool
    default: Any  # dataclasses.MISSING when required or made by a factory


@cache
def fields_of(hint: Any) -> tuple[Field, ...]:
    """The fields of a dataclass, in order; of a generic one with its arguments: ``Page[Item]``.

    A description is the text in ``Annotated``, or ``metadata={"description": …}``. Raises
    ``ConfigError`` for a type outside the set.
    """
    name = spell_hint(hint)
    try:
        hints = field_hints(hint)
    except (NameError, TypeError, AttributeError) as error:
        raise unresolved(error, name) from None
    found = []
    for field in dataclasses.fields(class_of(hint) or hint):
        if not field.init:
            continue
        where = f"{name}.{field.name}"
        shape, doc = _annotated(hints[field.name], where)
        required = field.default is dataclasses.MISSING
        if required and field.default_factory is not dataclasses.MISSING:
            required = False
        doc = doc or str(field.metadata.get("description", ""))
        found.append(Field(field.name, shape, doc, required, field.default))
    return tuple(found)


def unresolved(error: Exception, where: str) -> ConfigError:
    """Type hints that name something which cannot be found."""
    return ConfigError(
        f"type hints cannot be resolved: {error}",
        where=where,
        hint="define the types a block uses at module level",
    )


def require_known(hint: Any) -> None:
    """Resolve a dataclass and every one inside it.

    Raises ``ConfigError`` that names the field outside the set and the way that leads to it.
    """
    ways: dict[Any, str] = {hint: ""}
    todo = [hint]
    while todo:
        outer = todo.pop()
        try:
            fields = fields_of(outer)
        except ConfigError as error:
            if outer is hint:
                raise
            raise ConfigError(
                f"{error.message} (reached through {ways[outer]})",
                where=error.where,
                hint=error.hint,
            ) from None
        for field in fields:
            for inner in records_in(field.shape) - ways.keys():
                ways[inner] = f"{ways[outer] or spell_hint(hint)}.{field.name}"
                if nesting(inner) > _DEEPEST_HINT:
                    raise ConfigError(
                        f"it leads to arguments nested more than {_DEEPEST_HINT} deep",
                        where=f"{spell_hint(outer)}.{field.name}",
                        hint="a generic dataclass may not contain itself with a larger argument",
                    )
                todo.append(inner)


def records_in(shape: Shape) -> set[Any]:
    """The dataclasses (their hints) that a shape names, not those inside them."""
    match shape:
        case Record():
            return {shape.hint}
        case Sequence(item) | Mapping(item):
            return records_in(item)
        case Either(options):
            return set().union(*map(records_in, options))
    return set()


def shape_of(hint: Any, where: str = "type") -> Shape:
    """The shape of a type hint. Raises ``ConfigError`` for anything outside the set."""
    return _annotated(hint, where)[0]


def summary_of(cls: type) -> str:
    """The first paragraph of a dataclass's own docstring, on one line; empty when it has none."""
    doc = cls.__dict__.get("__doc__") or ""
    if doc.startswith(f"{cls.__name__}("):  # the one that dataclasses write themselves
        return ""
    return " ".join(inspect.cleandoc(doc).split("\n\n")[0].split())


def _annotated(hint: Any, where: str) -> tuple[Shape, str]:
    if get_origin(hint) is not Annotated:
        return _plain(hint, None, None, where), ""
    base, *notes = get_args(hint)
    if any(isinstance(note, JsonMark) for note in notes):
        return AnyJson(), _description(notes)
    limits = _tightest([n for n in notes if isinstance(n, Range)])
    length = _tightest([n for n in notes if isinstance(n, Length)])
    shape = _plain(base, limits, length, where)
    for bounds, kind in ((limits, "range"), (length, "length")):
        if bounds and not _bounded(shape, kind):
            raise ConfigError(f"{bounds} has no meaning for {spell(shape)}", where=where)
    return shape, _description(notes)


_Bounds = TypeVar("_Bounds", Range, Length)


def _tightest(bounds: list[_Bounds]) -> _Bounds | None:
    """An outer ``Annotated`` narrows an inner one, never widens it."""
    if len(bounds) < 2:
        return bounds[0] if bounds else None
    return type(bounds[0])(max(b.minimum for b in bounds), min(b.maximum for b in bounds))


def _bounded(shape: Shape, kind: str) -> bool:
    if isinstance(shape, Either):
        return any(_bounded(option, kind) for option in shape.options)
    return getattr(shape, kind, None) is not None


def _description(notes: list[Any]) -> str:
    return " ".join(n for n in notes if isinstance(n, str))


def _plain(hint: Any, limits: Range | None, length: Length | None, where: str) -> Shape:
    if hint in (int, float):
        return Scalar(hint, range=limits)
    if hint is str:
        return Scalar(str, length=length)
    if hint is bool:
        return Scalar(bool)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choice(tuple(member.value for member in hint), hint, where)
    if cls := dataclass_of(hint):
        return Record(cls, get_args(hint))
    if isinstance(hint, TypeVar):
        raise ConfigError(
            f"the type variable {hint} has no type here",
            where=where,
            hint="give the generic dataclass its argument, like Page[Item]",
        )
    return _composed(hint, limits, length, where)


def _composed(hint: Any, limits: Range | None, length: Length | None, where: str) -> Shape:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _choice(args, None, where)
    if origin is list and args:
        return Sequence(_annotated(args[0], f"{where}[]")[0], list, length)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return Sequence(_annotated(args[0], f"{where}[]")[0], tuple, length)
    if origin is dict and args and args[0] is str:
        return Mapping(_annotated(args[1], f"{where}{{}}")[0])
    if is_union(hint):
        return Either(tuple(_option(arg, limits, length, where) for arg in args))
    raise ConfigError(
        f"{spell_hint(hint)} is not a type a block can use",
        where=where,
        hint="use bool, int, float, str, Enum, Literal, list, tuple[X, ...], dict[str, X], "
        "unions, dataclasses, or Json for a value somebody else defines",
    )


def _choice(values: tuple[Any, ...], members: type[enum.Enum] | None, where: str) -> Choice:
    if not values or any(type(v) not in (str, int, float, bool, type(None)) for v in values):
        name = members.__name__ if members else "Literal"
        raise ConfigError(
            f"{name} holds values that JSON cannot",
            where=where,
            hint="the values must be text, numbers, booleans or None",
        )
    return Choice(values, members)


def _option(hint: Any, limits: Range | None, length: Length | None, where: str) -> Shape:
    if hint is type(None):
        return Scalar(type(None))
    if get_origin(hint) is Annotated:
        return _annotated(hint, where)[0]
    return _plain(hint, limits, length, where)


def spell(shape: Shape) -> str:
    """A shape in words, for error messages: ``int from 1 to 4096``, ``list of Layer``."""
    match shape:
        case Scalar(kind, limits, length):
            name = "null" if kind is type(None) else kind.__name__
            if limits:
                return f"{name} from {limits.minimum:g} to {limits.maximum:g}"
            if length:
                return f"{name} of {length.minimum} to {length.maximum} characters"
            return name
        case Choice(values):
            return "one of " + ", ".join(repr(v) for v in values)
        case Sequence(item, kind, length):
            bounds = f" ({length.minimum} to {length.maximum} items)" if length else ""
            return f"{kind.__name__} of {spell(item)}{bounds}"
        case Mapping(value):
            return f"dict of str to {spell(value)}"
        case Either(options):
            return " or ".join(spell(option) for option in options)
        case Record():
            return spell_hint(shape.hint)
        case AnyJson():
            return "a JSON value"
