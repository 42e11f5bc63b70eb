"""Run-time checks of typed values, compiled once per dataclass.

For every shape a predicate is generated as Python source (the way ``dataclasses`` itself writes
``__init__``), so that checking a flat dataclass costs a fraction of a microsecond. Only when it
says no does the slow path walk the value again to say which field broke, what was expected and
what came.

How deep a check looks is chosen by :class:`Checks`.
"""

from __future__ import annotations

import enum
import itertools
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from conduit.blocks.shape import (
    AnyJson,
    Choice,
    Either,
    Mapping,
    Range,
    Record,
    Scalar,
    Sequence,
    Shape,
    fields_of,
    shape_of,
    spell,
)

Predicate = Callable[[Any], bool]


class Checks(enum.Enum):
    """How deep a check looks. What it does look at, it judges the same."""

    FULL = "full"
    """Every field, item and nested dataclass: linear in the size of the value."""
    SAMPLED = "sampled"
    """Every field, but at most 17 items of a list (spread evenly, and the last one) and the first
    16 of a dict."""
    SHALLOW = "shallow"
    """The dataclass's own fields; of nested dataclasses only the class, of containers only the kind
    and the length."""


_SAMPLE = 16

_FINITE = Range(-sys.float_info.max, sys.float_info.max)
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Breach:
    """The first field of a value that breaks its type."""

    path: str
    expected: str
    got: str


def find_breach(hint: Any, value: object) -> Breach | None:
    """Check ``value``, and all that is nested in it, against a type; None when it fits.

    ``hint`` is a dataclass, a generic one with its arguments, or a union of them.
    """
    shape = shape_of(hint)
    try:
        return None if predicate_of(hint)(value) else _explain(shape, value, "")
    except RecursionError:
        return Breach("", spell(shape), "a value that contains itself, or is nested too deep")


@cache
def predicate_of(hint: Any, checks: Checks = Checks.FULL) -> Predicate:
    """The compiled check of a dataclass, a generic one with its arguments, or a union of them."""
    shape = shape_of(hint)
    if not isinstance(shape, Record):
        return predicate_for(shape, checks)
    writer = _Writer(checks)
    lines = [f"def fits(v, C={writer.bind(shape.cls)}):"]
    lines += [" if not isinstance(v, C): return False", " try:"]
    for field in fields_of(hint):
        lines += [
            f"  x = v.{field.name}",
            f"  if not {writer.expression(field.shape, 'x')}: return False",
        ]
    lines += ["  return True", " except AttributeError: return False"]  # a field was deleted
    exec("\n".join(lines), writer.names)
    predicate: Predicate = writer.names["fits"]
    return predicate


class _Writer:
    """Writes check expressions and keeps the objects they refer to by name."""

    def __init__(self, checks: Checks = Checks.FULL, *, nested: bool = True) -> None:
        """``nested``: the expression is about a field, not about a value on an edge."""
        self.names: dict[str, Any] = {}
        self.checks = checks
        self.shallow = nested and checks is Checks.SHALLOW

    def bind(self, thing: object) -> str:
        name = f"_o{len(self.names)}"
        self.names[name] = thing
        return name

    def expression(self, shape: Shape, x: str) -> str:
        match shape:
            case Scalar():
                return _scalar_expression(shape, x)
            case Choice(values, None):
                kinds = self.bind(frozenset(map(type, values)))
                pairs = self.bind(frozenset((type(v), v) for v in values))  # 1 is not True
                return f"(type({x}) in {kinds} and (type({x}), {x}) in {pairs})"
            case Choice(_, members):
                return f"isinstance({x}, {self.bind(members)})"
            case Sequence(item, kind, length):
                each = "" if self.shallow else f" and {self.bind(_each(item, self.checks))}({x})"
                bounds = f" and {length.minimum} <= len({x}) <= {length.maximum}" if length else ""
                return f"(isinstance({x}, {kind.__name__}){bounds}{each})"
            case Mapping(value):
                if self.shallow:
                    return f"isinstance({x}, dict)"
                each = self.bind(_each_value(value, self.checks))
                return f"(isinstance({x}, dict) and {each}({x}))"
            case Either(options):
                return "(" + " or ".join(self.expression(o, x) for o in options) + ")"
            case Record(cls):
                if self.shallow:
                    return f"isinstance({x}, {self.bind(cls)})"
                return f"{self.late(shape.hint)}({x})"
            case AnyJson():
                return f"{self.bind(is_json)}({x})"

    def late(self, hint: Any) -> str:
        """The name of another dataclass's predicate. It is compiled on its first use and then takes
        its own place, so that dataclasses may contain themselves."""
        name = self.bind(None)

        def first_use(value: Any) -> bool:
            self.names[name] = predicate_of(hint, self.checks)
            return predicate_of(hint, self.checks)(value)

        self.names[name] = first_use
        return name


def _scalar_expression(shape: Scalar, x: str) -> str:
    kind = shape.kind
    if kind is type(None):
        return f"({x} is None)"
    if kind is bool:
        return f"({x} is True or {x} is False)"
    if kind is str:
        bounds = shape.length
        sized = f" and {bounds.minimum} <= len({x}) <= {bounds.maximum}" if bounds else ""
        return f"((type({x}) is str or isinstance({x}, str)){sized})"
    accepted = "int" if kind is int else "(float, int)"
    exact = f"type({x}) is {kind.__name__}"
    limits = shape.range or (_FINITE if kind is float else None)  # NaN is in no range
    ranged = f" and {limits.minimum!r} <= {x} <= {limits.maximum!r}" if limits else ""
    return f"(({exact} or (isinstance({x}, {accepted}) and not isinstance({x}, bool))){ranged})"


def predicate_for(shape: Shape, checks: Checks = Checks.FULL) -> Predicate:
    """The compiled check of any shape, an item of a list for example."""
    writer = _Writer(checks, nested=False)
    body = writer.expression(shape, "x")
    exec(f"def fits(x): return {body}", writer.names)
    predicate: Predicate = writer.names["fits"]
    return predicate


def _each(item: Shape, checks: Checks) -> Predicate:
    fits = _loop("for x in values", "", item, checks)
    if checks is Checks.SAMPLED:
        return lambda values: fits(_spread(values))
    return fits


def _spread(values: Any) -> Any:
    if len(values) <= _SAMPLE:
        return values
    return (*values[:: -(-len(values) // _SAMPLE)], values[-1])


def _each_value(item: Shape, checks: Checks) -> Predicate:
    fits = _loop("for key, x in values", "isinstance(key, str) and ", item, checks)
    most = _SAMPLE if checks is Checks.SAMPLED else None
    return lambda values: fits(itertools.islice(values.items(), most))


def _loop(head: str, test: str, item: Shape, checks: Checks) -> Predicate:
    """One function around a whole list: a call for each item would cost more than its check."""
    writer = _Writer(checks, nested=False)
    lines = [
        "def fits(values):",
        f" {head}:",
        f"  if not ({test}{writer.expression(item, 'x')}): return False",
        " return True",
    ]
    exec("\n".join(lines), writer.names)
    predicate: Predicate = writer.names["fits"]
    return predicate


def is_json(value: object) -> bool:
    """Whether a value is made of plain JSON types only; JSON has no NaN and no infinity."""
    match value:
        case None | bool() | int() | str():
            return True
        case float():
            return math.isfinite(value)
        case list() | tuple():
            return all(map(is_json, value))
        case dict():
            return all(isinstance(k, str) and is_json(v) for k, v in value.items())
    return False


def _explain(shape: Shape, value: Any, path: str) -> Breach | None:
    """Find the first breach by walking shape and value together."""
    match shape:
        case Record(cls) if isinstance(value, cls):
            return _explain_fields(shape.hint, value, path)
        case Sequence(item, kind, length) if isinstance(value, kind) and _sized(length, value):
            values: Any = value
            return _explain_items(item, enumerate(values), path)
        case Mapping(inner) if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    return Breach(path, "keys that are str", describe(key))
            return _explain_items(inner, iter(value.items()), path)
        case Either(options):
            return _explain_either(options, value, path)
    if predicate_for(shape)(value):
        return None
    return Breach(path, spell(shape), describe(value, shape))


def _explain_items(item: Shape, items: Iterator[tuple[Any, Any]], path: str) -> Breach | None:
    fits = predicate_for(item)
    for key, value in items:
        if not fits(value):
            return _explain(item, value, f"{path}[{key!r:.40}]")
    return None


def _explain_fields(hint: Any, value: Any, path: str) -> Breach | None:
    for field in fields_of(hint):
        inner = f"{path}.{field.name}" if path else field.name
        held = getattr(value, field.name, _MISSING)
        if held is _MISSING:
            return Breach(inner, spell(field.shape), "nothing: the field is not set")
        if breach := _explain(field.shape, held, inner):
            return breach
    return None


def _explain_either(options: tuple[Shape, ...], value: Any, path: str) -> Breach | None:
    """When the value is of one option's own class, the fault lies inside it: say where."""
    if predicate_for(Either(options))(value):
        return None
    for option in options:
        if isinstance(option, Record) and isinstance(value, option.cls):
            return _explain(option, value, path)
    return Breach(path, spell(Either(options)), describe(value, Either(options)))


def _sized(length: Any, value: Any) -> bool:
    return length is None or length.minimum <= len(value) <= length.maximum


def describe(value: object, expected: Shape | None = None) -> str:
    """A value as an error message may show it: its type, and the value itself when it is small."""
    if value is None:
        return "null"
    if isinstance(value, int) and value.bit_length() > 128:
        return f"int of {value.bit_length()} bits"
    if isinstance(value, bool | int | float):
        return f"{type(value).__name__} {value!r:.40}"
    if isinstance(value, str):
        limit = isinstance(expected, Scalar) and expected.length
        return f"{len(value)} characters" if limit and len(value) > 40 else f"str {value[:40]!r}"
    if isinstance(value, list | tuple | dict):
        return f"{type(value).__name__} of {len(value)} items"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    if name in {each.cls.__name__ for each in _options(expected) if isinstance(each, Record)}:
        return f"another {name}: the class was defined a second time"
    return name


def _options(shape: Shape | None) -> tuple[Shape | None, ...]:
    return shape.options if isinstance(shape, Either) else (shape,)


__all__ = [
    "Breach",
    "Checks",
    "Range",
    "describe",
    "find_breach",
    "is_json",
    "predicate_for",
    "predicate_of",
]
