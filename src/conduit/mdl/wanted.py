"""The schema a provider is given, in the subset of OpenAI's strict mode.

Source of the rules: https://platform.openai.com/docs/guides/structured-outputs (supported schemas).
Every property is required, so a field with a default may be null instead of absent only where its
type says so; an object allows no further properties, so ``dict[str, X]`` is written as a list of
``{"key", "value"}`` pairs; there is no ``minLength``, ``maxLength`` or ``default``, so these are
said in the description; and nothing may stand beside a ``$ref``.

At most 10 levels may be nested, so a record that is deep, used twice or part of itself is written
once, as a ``$defs`` entry. Its other limits (5,000 properties, 1,000 enum values, 120,000
characters of names) cannot be met by writing differently.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections import Counter
from typing import Any, get_origin

from conduit.blocks.shape import (
    Choice,
    Either,
    Field,
    Length,
    Mapping,
    Record,
    Scalar,
    Sequence,
    Shape,
    fields_of,
    summary_of,
)
from conduit.contracts.chat import OutputSchema
from conduit.contracts.json import JsonObject
from conduit.mdl.definition import inner_records

_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
_DEEPEST_IN_PLACE = 4
"""Levels of records; lists, pairs and unions between them nest too."""


def output_schema(hint: Any) -> OutputSchema:
    """What to ask a provider for, so that its answer is a ``hint``."""
    names = record_names(hint)
    writer = _Writer(names, _written_once(hint))
    schema = writer.record(hint, 0)
    if writer.defs:
        schema = {**schema, "$defs": writer.defs}
    return OutputSchema(names[hint][:64], schema)


def class_of(hint: Any) -> type:
    """The class of a record's hint: ``Page`` of ``Page[Item]``."""
    origin: type = get_origin(hint) or hint
    return origin


def reachable(hint: Any) -> Counter[Any]:
    """Every record of a structure, the outer first, with the number of places that name it."""
    found = Counter([hint])
    todo = [hint]
    while todo:
        for field in fields_of(todo.pop(0)):
            for inner in inner_records(field.shape):
                if inner not in found:
                    todo.append(inner)
                found[inner] += 1
    return found


def record_names(hint: Any) -> dict[Any, str]:
    """A name of its own for each record, of the characters a schema's name may have."""
    names: dict[Any, str] = {}
    taken: set[str] = set()
    for record in reachable(hint):
        plain = re.sub("[^A-Za-z0-9_]+", "_", getattr(record, "__name__", str(record))).strip("_")
        if args := getattr(record, "__args__", ()):
            words = (getattr(arg, "__name__", str(arg)) for arg in args)
            plain += "_" + re.sub("[^A-Za-z0-9_]+", "_", "_".join(words)).strip("_")
        name, number = plain or "Output", 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name)
        names[record] = name
    return names


def _written_once(hint: Any) -> set[Any]:
    """The records that become ``$defs``."""
    uses = reachable(hint)
    levels = {hint: 0}
    todo = [hint]
    while todo:
        outer = todo.pop(0)
        for field in fields_of(outer):
            for inner in inner_records(field.shape):
                if inner not in levels:
                    levels[inner] = levels[outer] + 1
                    todo.append(inner)
    deep = max(levels.values()) > _DEEPEST_IN_PLACE
    return {record for record, count in uses.items() if count > 1 or (deep and record != hint)}


class _Writer:
    def __init__(self, names: dict[Any, str], once: set[Any]) -> None:
        self.names = names
        self.once = once
        self.defs: JsonObject = {}

    def record(self, hint: Any, level: int) -> JsonObject:
        fields = fields_of(hint)
        schema: JsonObject = {
            "type": "object",
            "properties": {field.name: self.field(field, level) for field in fields},
            "required": [field.name for field in fields],
            "additionalProperties": False,
        }
        doc = summary_of(class_of(hint))
        return {"description": doc, **schema} if doc else schema

    def field(self, field: Field, level: int) -> JsonObject:
        schema = self.of(field.shape, level)
        said = [field.doc, said_of_length(field.shape), said_of_default(field)]
        return described(schema, "; ".join(part for part in said if part))

    def reference(self, hint: Any) -> JsonObject:
        name = self.names[hint]
        if name not in self.defs:
            self.defs[name] = {}  # so that a record within itself ends here
            self.defs[name] = self.record(hint, 1)
        return {"$ref": f"#/$defs/{name}"}

    def of(self, shape: Shape, level: int) -> JsonObject:
        match shape:
            case Scalar(kind, limits):
                bounds = {"minimum": limits.minimum, "maximum": limits.maximum} if limits else {}
                return {"type": _NAMES[kind], **bounds}
            case Choice(values):
                return _choice(values)
            case Sequence(item, _, length):
                sized = {"minItems": length.minimum, "maxItems": length.maximum} if length else {}
                return {"type": "array", "items": self.of(item, level), **sized}
            case Mapping(value):
                return {"type": "array", "items": _pair(self.of(value, level))}
            case Either(options):
                return {"anyOf": [self.of(option, level) for option in options]}
            case Record():
                hint = shape.hint
                return self.reference(hint) if hint in self.once else self.record(hint, level + 1)
        raise AssertionError(shape)  # Json was refused when the structure was defined


def _pair(value: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "properties": {"key": {"type": "string"}, "value": value},
        "required": ["key", "value"],
        "additionalProperties": False,
    }


def _choice(values: tuple[Any, ...]) -> JsonObject:
    kinds = sorted({_NAMES[type(value)] for value in values})
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": list(values)}


def described(schema: JsonObject, text: str) -> JsonObject:
    """A schema with more said about it; a reference, beside which nothing may stand, is wrapped."""
    if not text:
        return schema
    if "$ref" in schema:
        return {"anyOf": [schema], "description": text}
    before = schema.get("description")
    return {**schema, "description": f"{before}; {text}" if before else text}


def said_of_length(shape: Shape) -> str:
    """The bounds on a text in words; empty when it has none."""
    match shape:
        case Scalar(_, _, Length(minimum, maximum)):
            return f"{minimum} to {maximum} characters"
        case Either(options):
            return next(filter(None, map(said_of_length, options)), "")
        case Sequence(item) | Mapping(item):
            inner = said_of_length(item)
            return f"each {inner}" if inner else ""
    return ""


def said_of_default(field: Field) -> str:
    """The default in words, where it is a plain value that says something."""
    value = field.default
    if isinstance(value, enum.Enum):
        value = value.value
    if value is dataclasses.MISSING or not isinstance(value, bool | int | float | str):
        return ""
    return f"default {value!r}" if value != "" else ""
