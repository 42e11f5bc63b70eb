"""JSON Schema (draft 2020-12) of any dataclass a block uses.

Records are written in place, because many model servers do not follow references. Only a type that
contains itself becomes a ``$defs`` entry, or every type where writing in place would never end.
"""

from __future__ import annotations

import dataclasses
import enum
from functools import cache
from typing import Any

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
    records_in,
    summary_of,
)
from conduit.contracts.json import JsonObject

_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}

_LARGEST_IN_PLACE = 1000
"""Records. Fifty levels with two fields each would be 2**50."""


def json_schema(cls: type) -> JsonObject:
    """The schema of a dataclass. Cached: treat the result as read-only."""
    return _schema_of(cls)


@cache
def _schema_of(cls: type) -> JsonObject:
    recursive = {c for c in _reachable(cls) if c in _inside(c)}
    if not recursive and _size(cls, {}) > _LARGEST_IN_PLACE:
        recursive = _inside(cls)
    writer = _SchemaWriter(recursive)
    schema = writer.record(cls)  # in place even when recursive: a tool's schema is an object
    if writer.defs:
        schema = {**schema, "$defs": writer.defs}
    return schema


def _size(cls: type, known: dict[type, int]) -> int:
    """How many records are written when each is written in place."""
    if cls not in known:
        inner = [c for field in fields_of(cls) for c in records_in(field.shape)]
        known[cls] = 1 + sum(_size(c, known) for c in inner)
    return known[cls]


class _SchemaWriter:
    """``recursive`` are the records that are written once, as ``$defs``."""

    def __init__(self, recursive: set[type]) -> None:
        self.recursive = recursive
        self.defs: JsonObject = {}
        self.names: dict[type, str] = {}

    def reference(self, cls: type) -> JsonObject:
        if cls not in self.names:
            alike = sum(other.__name__ == cls.__name__ for other in self.names)
            self.names[cls] = f"{cls.__name__}_{alike + 1}" if alike else cls.__name__
            self.defs[self.names[cls]] = self.record(cls)
        return {"$ref": f"#/$defs/{self.names[cls]}"}

    def record(self, cls: type) -> JsonObject:
        fields = fields_of(cls)
        schema: JsonObject = {
            "type": "object",
            "properties": {field.name: self.field(field) for field in fields},
            "required": [field.name for field in fields if field.required],
            "additionalProperties": False,
        }
        if doc := summary_of(cls):
            schema = {"description": doc, **schema}
        return schema

    def field(self, field: Field) -> JsonObject:
        schema = self.of(field.shape)
        if field.doc:
            schema = {**schema, "description": field.doc}
        if field.default is not dataclasses.MISSING and _plain(field.default):
            schema = {**schema, "default": _value(field.default)}
        return schema

    def of(self, shape: Shape) -> JsonObject:
        match shape:
            case Scalar():
                return _scalar(shape)
            case Choice(values):
                return _choice(values)
            case Sequence(item, _, length):
                sized = {"minItems": length.minimum, "maxItems": length.maximum} if length else {}
                return {"type": "array", "items": self.of(item), **sized}
            case Mapping(value):
                return {"type": "object", "additionalProperties": self.of(value)}
            case Either(options):
                return {"anyOf": [self.of(option) for option in options]}
            case Record(cls):
                return self.reference(cls) if cls in self.recursive else self.record(cls)
            case AnyJson():
                return {}


def _scalar(shape: Scalar) -> JsonObject:
    schema: JsonObject = {"type": _NAMES[shape.kind]}
    if shape.range:
        schema |= {"minimum": shape.range.minimum, "maximum": shape.range.maximum}
    if shape.length:
        schema |= {"minLength": shape.length.minimum, "maxLength": shape.length.maximum}
    return schema


def _choice(values: tuple[Any, ...]) -> JsonObject:
    kinds = {_NAMES[type(value)] for value in values}
    kind = {"type": kinds.pop()} if len(kinds) == 1 else {}
    return {**kind, "enum": list(values)}


def _plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str | enum.Enum)


def _value(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _inside(cls: type) -> set[type]:
    """Every record reachable from the fields of ``cls``: itself only when it is recursive."""
    found: set[type] = set()
    todo = [cls]
    while todo:
        for field in fields_of(todo.pop()):
            new = records_in(field.shape) - found
            found |= new
            todo += new
    return found


def _reachable(cls: type) -> set[type]:
    return _inside(cls) | {cls}
