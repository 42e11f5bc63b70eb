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
a dataclass            ``Record``
``Json``               ``AnyJson``
=====================  ==========================================

``Annotated[X, Range(1, 8), "what it is"]`` adds bounds and a description.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from conduit.contracts.errors import ConfigError
from conduit.contracts.json import JsonMark


@dataclass(frozen=True, slots=True)
class Range:
    """Inclusive bounds of a number."""

    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Length:
    """Inclusive bounds on the number of characters or items."""

    minimum: int
    maximum: int


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
    """A dataclass. Its fields are looked up by ``fields_of`` so that types may refer to themselves."""

    cls: type


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
def fields_of(cls: type) -> tuple[Field, ...]:
    """The fields of a dataclass, in order. Raises ``ConfigError`` for a type outside the set."""
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigError(
            f"type hints cannot be resolved: {error}",
            where=cls.__qualname__,
            hint="define the types a block uses at module level",
        ) from None
    found = []
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        where = f"{cls.__qualname__}.{field.name}"
        shape, doc = _annotated(hints[field.name], where)
        required = field.default is dataclasses.MISSING
        if required and field.default_factory is not dataclasses.MISSING:
            required = False
        found.append(Field(field.name, shape, doc, required, field.default))
    return tuple(found)


def shape_of(hint: Any, where: str = "type") -> Shape:
    """The shape of a type hint. Raises ``ConfigError`` naming ``where`` for anything outside the set."""
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
    limits = next((n for n in notes if isinstance(n, Range)), None)
    length = next((n for n in notes if isinstance(n, Length)), None)
    return _plain(base, limits, length, where), _description(notes)


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
        return Choice(tuple(member.value for member in hint), hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return Record(hint)
    return _composed(hint, limits, length, where)


def _composed(hint: Any, limits: Range | None, length: Length | None, where: str) -> Shape:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return Choice(args)
    if origin is list and args:
        return Sequence(_annotated(args[0], f"{where}[]")[0], list, length)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return Sequence(_annotated(args[0], f"{where}[]")[0], tuple, length)
    if origin is dict and args and args[0] is str:
        return Mapping(_annotated(args[1], f"{where}{{}}")[0])
    if origin in (Union, types.UnionType):
        return Either(tuple(_option(arg, limits, length, where) for arg in args))
    raise ConfigError(
        f"{_spell(hint)} is not a type a block can use",
        where=where,
        hint="use bool, int, float, str, Enum, Literal, list, tuple[X, ...], dict[str, X], "
        "unions, dataclasses, or Json for a value somebody else defines",
    )


def _option(hint: Any, limits: Range | None, length: Length | None, where: str) -> Shape:
    if hint is type(None):
        return Scalar(type(None))
    if get_origin(hint) is Annotated:
        return _annotated(hint, where)[0]
    return _plain(hint, limits, length, where)


def _spell(hint: Any) -> str:
    return getattr(hint, "__name__", None) or str(hint).replace("typing.", "")


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
        case Record(cls):
            return cls.__name__
        case AnyJson():
            return "a JSON value"
