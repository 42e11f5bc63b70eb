"""Inputs whose shape somebody else owns: a JSON Schema, and a value that it describes.

A block for another program's operation takes what that program's own schema says. Its input class
is made at run time and is a dataclass like any other: ``json_schema`` gives the schema as it is,
``decode`` checks data against it, and names every fault by its path.

What is checked is what can be checked in time that is linear in the data: types, ``enum``,
``const``, bounds, lengths, ``required``, properties, items, ``allOf``, ``anyOf``, ``not`` and
references into ``$defs``. ``oneOf`` is taken as ``anyOf``. ``pattern`` and ``format`` are only
shown: a pattern can be made to take for ever, and its owner checks it once more anyway. Schema:
json-schema.org/draft/2020-12.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from conduit.blocks.check import describe, is_json
from conduit.contracts.json import JsonObject

Convert = Callable[[type, Any], Any]
"""The same value as another type where that loses nothing, or else as it came."""

_MOST_FAULTS: Final = 20
_MOST_STEPS: Final = 200_000
"""Schemas that are looked at for one value: one may refer to itself without end."""
_DEEPEST: Final = 100
_TOO_INVOLVED: Final = "too involved to be checked: nested too deep, or too many choices"
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_BOUNDS: Final[tuple[tuple[str, Callable[[Any, Any], bool], str], ...]] = (
    ("minimum", operator.ge, "at least"),
    ("maximum", operator.le, "at most"),
    ("exclusiveMinimum", operator.gt, "more than"),
    ("exclusiveMaximum", operator.lt, "less than"),
)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A value that a foreign schema describes. Each schema has a subclass of its own."""

    values: JsonObject
    foreign_schema: ClassVar[JsonObject] = {}


def foreign_type(name: str, schema: JsonObject) -> type[Foreign]:
    """The input class of one schema, which describes an object. Not to be changed afterwards."""
    made: type[Foreign] = type(name, (Foreign,), {"__slots__": (), "foreign_schema": schema})
    return made


def schema_of(hint: Any) -> JsonObject | None:
    """The foreign schema of a type, if it has one."""
    if isinstance(hint, type) and issubclass(hint, Foreign) and hint is not Foreign:
        return hint.foreign_schema
    return None


@dataclass(slots=True)
class Fault:
    """What is wrong with a value, and where: ``body.tags[2]``."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path or 'input'}: {self.text}"


@dataclass(slots=True)
class Checked:
    """``value`` is what to go on with when there is no fault."""

    value: Any
    faults: list[Fault] = field(default_factory=list)
    count: int = 0
    hint: str = ""


def check(schema: JsonObject, data: Any, convert: Convert | None = None) -> Checked:
    """Check plain data against a schema. ``convert`` makes it lenient: text that means a number is
    taken for it where a number is wanted."""
    checker = _Checker(schema.get("$defs", {}), convert)
    value = checker.of(schema, data, "", 0)
    if checker.steps > _MOST_STEPS and not checker.count:  # what it gave up on decided something
        checker.say("", _TOO_INVOLVED)
    return Checked(value, checker.faults, checker.count, checker.hint)


class _Checker:
    def __init__(self, defs: JsonObject, convert: Convert | None, steps: int = 0) -> None:
        self.defs = defs
        self.convert = convert
        self.steps = steps
        self.faults: list[Fault] = []
        self.count = 0
        self.hint = ""

    def say(self, path: str, text: str) -> None:
        self.count += 1
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(path, text))

    def of(self, schema: Any, data: Any, path: str, depth: int) -> Any:
        self.steps += 1
        if self.steps > _MOST_STEPS or depth > _DEEPEST:
            self.say(path, _TOO_INVOLVED)
            return data
        if schema is True or not isinstance(schema, dict):
            if schema is False:
                self.say(path, "nothing is allowed here")
            elif not is_json(data):
                self.say(path, f"expected a JSON value, got {describe(data)}")
            return data
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix("#/$defs/")
            data = self.of(self.defs.get(name, True), data, path, depth + 1)
        if (kinds := _kinds(schema)) and not any(_is_kind(kind, data) for kind in kinds):
            data = self.converted(kinds, data)
            if not any(_is_kind(kind, data) for kind in kinds):
                self.say(path, f"expected {' or '.join(kinds)}, got {describe(data)}")
                return data
        if "enum" in schema or "const" in schema:
            self.choice(schema.get("enum", [schema.get("const")]), data, path)
        data = self.combined(schema, data, path, depth)
        match data:
            case dict():
                return self.mapping(schema, data, path, depth)
            case list() | tuple():
                return self.sequence(schema, data, path, depth)
            case str():
                self.length(schema, len(data), path, "Length", "characters")
            case bool() | None:
                pass
            case int() | float():
                self.number(schema, data, path)
            case _:
                self.say(path, f"expected a JSON value, got {describe(data)}")
        return data

    def converted(self, kinds: tuple[str, ...], data: Any) -> Any:
        for kind in kinds:
            for each in {"integer": (int,), "number": (float,), "boolean": (bool,)}.get(kind, ()):
                made = self.convert(each, data) if self.convert else data
                if _is_kind(kind, made):
                    return made
        if isinstance(data, float) and data.is_integer() and abs(data) <= 2**53:
            return int(data) if "integer" in kinds else data
        return data

    def choice(self, values: Any, data: Any, path: str) -> None:
        values = values if isinstance(values, list) else []
        self.steps += len(values) // 8
        if not any(_same(value, data) for value in values):
            shown = ", ".join(repr(value)[:40] for value in values[:20])
            self.say(path, f"expected one of {shown}, got {describe(data)}")

    def combined(self, schema: JsonObject, data: Any, path: str, depth: int) -> Any:
        for each in _list(schema.get("allOf")):
            data = self.of(each, data, path, depth + 1)
        for name in ("anyOf", "oneOf"):
            if options := _list(schema.get(name)):
                data = self.either(options, data, path, depth)
        if "not" in schema and not self.attempt(schema["not"], data, path, depth).count:
            self.say(path, "it is what the schema excludes")
        return data

    def either(self, options: list[Any], data: Any, path: str, depth: int) -> Any:
        tries = []
        for option in options:
            attempt = self.attempt(option, data, path, depth)
            if not attempt.count:
                return attempt.value
            tries.append((option, attempt))
        meant = [t for t in tries if not (isinstance(t[0], dict) and t[0].get("type") == "null")]
        if len(meant) == 1 and data is not None:  # its faults say more than "none of them"
            for fault in meant[0][1].faults:
                self.say(fault.path, fault.text)
        else:
            nearest = min(tries, key=lambda each: each[1].count)[1]
            said = f"; of the nearest: {nearest.faults[0]}" if nearest.faults else ""
            self.say(path, f"fits none of {len(options)} choices, got {describe(data)}{said}"[:400])
        return data

    def attempt(self, schema: Any, data: Any, path: str, depth: int) -> Checked:
        inner = _Checker(self.defs, self.convert, self.steps)
        value = inner.of(schema, data, path, depth + 1)
        self.steps = inner.steps
        return Checked(value, inner.faults, inner.count, inner.hint)

    def mapping(self, schema: JsonObject, data: Any, path: str, depth: int) -> JsonObject:
        known = schema.get("properties")
        known = known if isinstance(known, dict) else {}
        rest = schema.get("additionalProperties", True)
        required = _list(schema.get("required"))
        self.steps += len(required) // 8
        for name in required:
            if isinstance(name, str) and name not in data:
                self.say(_joined(path, name), "is missing")
        self.length(schema, len(data), path, "Properties", "properties")
        made = {}
        for name, value in data.items():
            if not isinstance(name, str):
                self.say(path, f"expected keys that are text, got {describe(name)}")
            elif name in known:
                made[name] = self.of(known[name], value, _joined(path, name), depth + 1)
            elif rest is False:
                self.unknown(name, known, path)
            else:
                made[name] = self.of(rest, value, _joined(path, name), depth + 1)
        return made

    def unknown(self, name: str, known: JsonObject, path: str) -> None:
        self.say(_joined(path, name[:80]), "unknown field")
        if not self.hint:
            names = list(known)[:200]
            close = difflib.get_close_matches(name[:80], names, 1)
            listed = ", ".join(names[:40]) or "none"
            self.hint = f"did you mean {close[0]!r}?" if close else f"known fields: {listed}"

    def sequence(self, schema: JsonObject, data: Any, path: str, depth: int) -> list[Any]:
        self.length(schema, len(data), path, "Items", "items")
        first = _list(schema.get("prefixItems"))
        items = schema.get("items", True)
        return [
            self.of(first[at] if at < len(first) else items, value, f"{path}[{at}]", depth + 1)
            for at, value in enumerate(data)
        ]

    def length(self, schema: JsonObject, size: int, path: str, bound: str, unit: str) -> None:
        low, high = _number(schema.get(f"min{bound}")), _number(schema.get(f"max{bound}"))
        if (low is not None and size < low) or (high is not None and size > high):
            least = "" if low is None else f"at least {low:g} "
            most = "" if high is None else f"at most {high:g} "
            self.say(path, f"expected {least}{most}{unit}, got {size}")

    def number(self, schema: JsonObject, data: float, path: str) -> None:
        if not math.isfinite(data):
            self.say(path, "expected a finite number")
        for name, fits, words in _BOUNDS:
            bound = _number(schema.get(name))
            if bound is not None and not fits(data, bound):
                self.say(path, f"expected {words} {bound:g}, got {describe(data)}")
        step = _number(schema.get("multipleOf"))
        if step and isinstance(step, int) and isinstance(data, int) and data % step:
            self.say(path, f"expected a multiple of {step}, got {describe(data)}")


def _kinds(schema: JsonObject) -> tuple[str, ...]:
    said = schema.get("type")
    names = said if isinstance(said, list) else [said]
    return tuple(name for name in names if isinstance(name, str) and name in _KINDS)


def _is_kind(kind: str, data: Any) -> bool:
    if isinstance(data, bool):
        return kind == "boolean"
    return isinstance(data, _KINDS[kind])


def _same(value: Any, data: Any) -> bool:
    """Equal as JSON: ``1`` and ``1.0`` are, ``1`` and ``true`` are not."""
    return (type(value) is bool) is (type(data) is bool) and bool(value == data)


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return value if usable and abs(value) < 1e300 else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
