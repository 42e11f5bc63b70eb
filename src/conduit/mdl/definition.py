"""What a structure may be made of: what a model can be told, and an answer be told apart by.

The kernel's closed set of types, less three things. ``Json`` is ``Any`` in disguise: a model is not
told what to write, and strict schemas cannot say it. ``None`` on its own says nothing. And the
branches of a union must differ in something that every answer shows, or a reader would guess.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import combinations
from typing import Any, get_origin

from conduit.blocks.shape import (
    AnyJson,
    Choice,
    Either,
    Field,
    Mapping,
    Record,
    Scalar,
    Sequence,
    Shape,
    fields_of,
    spell,
)
from conduit.contracts.errors import ConfigError

_KINDS = {bool: "boolean", int: "number", float: "number", str: "text", type(None): "null"}


def require_definable(hint: Any) -> None:
    """Raise ``ConfigError`` with the path of the first field that no model could be asked for."""
    root = get_origin(hint) or hint
    if not (isinstance(root, type) and dataclasses.is_dataclass(root)):
        raise ConfigError(
            f"{getattr(hint, '__name__', hint)!s:.80} is not a dataclass",
            where="Mdl",
            hint="a structure is a dataclass; put a list or a union in a field of one",
        )
    for record, path in _records(hint, root.__name__):
        for field in _fields(record, path):
            _require_tellable(field.shape, f"{path}.{field.name}")
    _require_end(hint, root.__name__)


def _records(hint: Any, name: str) -> Iterator[tuple[Any, str]]:
    """Every record that can be reached, each once, with a path that leads to it."""
    seen = {hint}
    todo = [(hint, name)]
    while todo:
        record, path = todo.pop()
        yield record, path
        for field in _fields(record, path):
            for inner in inner_records(field.shape):
                if inner not in seen:
                    seen.add(inner)
                    todo.append((inner, f"{path}.{field.name}"))


def _fields(hint: Any, path: str) -> tuple[Field, ...]:
    try:
        return fields_of(hint)
    except ConfigError as error:
        own = error.where.rpartition(".")[2]
        raise ConfigError(error.message, where=f"{path}.{own}", hint=error.hint) from None


def inner_records(shape: Shape) -> list[Any]:
    """The hints of the records that a shape names, in order."""
    match shape:
        case Record():
            return [shape.hint]
        case Sequence(item) | Mapping(item):
            return inner_records(item)
        case Either(options):
            return [hint for option in options for hint in inner_records(option)]
    return []


def _require_tellable(shape: Shape, path: str) -> None:
    match shape:
        case AnyJson():
            raise ConfigError(
                "Json is Any in disguise: a model would not know what to write",
                where=path,
                hint="say what is in it: a dataclass, or dict[str, X]",
            )
        case Scalar(kind) if kind is type(None):
            raise _bare_none(path)
        case Choice(values) if set(values) == {None}:
            raise _bare_none(path)
        case Sequence(item):
            _require_tellable(item, f"{path}[]")
        case Mapping(item):
            _require_tellable(item, f"{path}{{}}")
        case Either(options):
            for option in options:
                if not is_null(option):
                    _require_tellable(option, path)
            for one, other in combinations(options, 2):
                _require_difference(one, other, path)


def _bare_none(path: str) -> ConfigError:
    return ConfigError(
        "None alone says nothing", where=path, hint="write `X | None`, or leave the field out"
    )


def is_null(shape: Shape) -> bool:
    return isinstance(shape, Scalar) and shape.kind is type(None)


def _require_difference(one: Shape, other: Shape, path: str) -> None:
    if isinstance(one, Record) and isinstance(other, Record):
        if not _told_apart(one, other):
            raise ConfigError(
                f"nothing tells {spell(one)} from {spell(other)}",
                where=path,
                hint="give each a field of its own that is required, or a Literal with a value of "
                'its own: kind: Literal["circle"]',
            )
        return
    shared = _containers(one) & _containers(other)
    if shared:
        raise ConfigError(
            f"a union of {spell(one)} and {spell(other)}: both are written as {shared.pop()}",
            where=path,
            hint="put each in a dataclass with a field that tells which it is",
        )


def _containers(shape: Shape) -> set[str]:
    match shape:
        case Record() | Mapping():
            return {"an object"}
        case Sequence():
            return {"a list"}
    return set()


def _told_apart(one: Record, other: Record) -> bool:
    """Whether no object can be both: a field only one requires, or one with other values."""
    mine = {field.name: field for field in fields_of(one.hint)}
    yours = {field.name: field for field in fields_of(other.hint)}
    if any(field.required and name not in yours for name, field in mine.items()):
        return True
    if any(field.required and name not in mine for name, field in yours.items()):
        return True
    return any(_disjoint(mine[name], yours[name]) for name in mine if name in yours)


def _disjoint(one: Field, other: Field) -> bool:
    """Whether two fields of one name never hold the same value, as far as they are there."""
    if isinstance(one.shape, Choice) and isinstance(other.shape, Choice):
        return not set(one.shape.values) & set(other.shape.values)
    return (one.required or other.required) and not _kinds(one.shape) & _kinds(other.shape)


def _kinds(shape: Shape) -> set[str]:
    """What JSON a shape is written as."""
    match shape:
        case Scalar(kind):
            return {_KINDS[kind]}
        case Choice(values):
            return {_KINDS[type(value)] for value in values}
        case Either(options):
            return set().union(*map(_kinds, options))
    return _containers(shape)


def _require_end(hint: Any, name: str) -> None:
    """Refuse a type that no finite value has, such as one that must hold another of itself."""
    records = dict(_records(hint, name))
    finite: set[Any] = set()
    while True:
        ended = {
            record
            for record in records.keys() - finite
            if all(not f.required or _ends(f.shape, finite) for f in fields_of(record))
        }
        if not ended:
            break
        finite |= ended
    for record, path in records.items():
        if record not in finite:
            raise ConfigError(
                f"{getattr(record, '__name__', record)} contains itself without end",
                where=path,
                hint="let the inner one be `X | None`, or a list of X",
            )


def _ends(shape: Shape, finite: set[Any]) -> bool:
    match shape:
        case Record():
            return shape.hint in finite
        case Sequence(item, _, length):
            return not (length and length.minimum) or _ends(item, finite)
        case Either(options):
            return any(_ends(option, finite) for option in options)
    return True
