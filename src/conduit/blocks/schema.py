"""JSON Schema (draft 2020-12) of any dataclass a block uses.

Records are written in place, because many model servers do not follow references. Only a type that
contains itself becomes a ``$defs`` entry, or every type where writing in place would never end.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from functools import cache
from typing import Any

from conduit.blocks.foreign import schema_of
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
    shape_of,
    spell,
    summary_of,
)
from conduit.contracts.json import JsonObject

_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}

_LARGEST_IN_PLACE = 1000
"""Records. Fifty levels with two fields each would be 2**50."""


def json_schema(hint: Any) -> JsonObject:
    """The schema of a dataclass, of a generic one with its arguments, or of a union of them.

    Cached: treat the result as read-only.
    """
    foreign = schema_of(hint)  # not cached: such a type is made and forgotten at run time
    return _schema_of(hint) if foreign is None else foreign


@cache
def _schema_of(hint: Any) -> JsonObject:
    shape = shape_of(hint)
    roots = records_in(shape)
    recursive = {c for c in roots.union(*map(_inside, roots)) if c in _inside(c)}
    if not recursive and sum(_size(root, {}) for root in roots) > _LARGEST_IN_PLACE:
        recursive = set().union(*map(_inside, roots))
    writer = _SchemaWriter(recursive)
    # In place even when recursive: a tool's schema is an object.
    schema = writer.record(shape) if isinstance(shape, Record) else writer.of(shape)
    if writer.defs:
        schema = {**schema, "$defs": writer.defs}
    return schema


def _size(hint: Any, known: dict[Any, int]) -> int:
    """How many records are written when each is written in place."""
    if hint not in known:
        inner = [c for field in fields_of(hint) for c in records_in(field.shape)]
        known[hint] = 1 + sum(_size(c, known) for c in inner)
    return known[hint]


class _SchemaWriter:
    """``recursive`` are the records that are written once, as ``$defs``."""

    def __init__(self, recursive: set[Any]) -> None:
        self.recursive = recursive
        self.defs: JsonObject = {}
        self.names: dict[Any, str] = {}

    def reference(self, record: Record) -> JsonObject:
        if record.hint not in self.names:
            name = re.sub(r"\W+", "_", spell(record)).strip("_")
            alike = sum(re.sub(r"_\d+$", "", other) == name for other in self.names.values())
            self.names[record.hint] = f"{name}_{alike + 1}" if alike else name
            self.defs[self.names[record.hint]] = self.record(record)
        return {"$ref": f"#/$defs/{self.names[record.hint]}"}

    def record(self, record: Record) -> JsonObject:
        fields = fields_of(record.hint)
        schema: JsonObject = {
            "type": "object",
            "properties": {field.name: self.field(field) for field in fields},
            "required": [field.name for field in fields if field.required],
            "additionalProperties": False,
        }
        if doc := summary_of(record.cls):
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
            case Record():
                recursive = shape.hint in self.recursive
                return self.reference(shape) if recursive else self.record(shape)
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


@cache
def _inside(hint: Any) -> set[Any]:
    """Every record reachable from the fields of one: itself only when it is recursive."""
    found: set[Any] = set()
    todo = [hint]
    while todo:
        for field in fields_of(todo.pop()):
            new = records_in(field.shape) - found
            found |= new
            todo += new
    return found
