"""What identifies a mapping: enough to refuse a checkpoint that belongs to another one."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from conduit.blocks.shape import (
    Either,
    Mapping,
    Record,
    Sequence,
    Shape,
    fields_of,
    shape_of,
    spell,
)


def layout_of(hint: Any) -> str:
    """A digest of a type: its own fields, and those of every dataclass inside it."""
    lines: dict[Record, str] = {}
    outermost = shape_of(hint)
    todo = _records(outermost)
    while todo:
        record = todo.pop()
        if record in lines:
            continue
        fields = fields_of(record.hint)
        said = ", ".join(f"{f.name}: {spell(f.shape)}" for f in fields)
        lines[record] = f"{record.cls.__qualname__}({said})"
        for field in fields:
            todo += _records(field.shape)
    return digest("\n".join([spell(outermost), *lines.values()]).encode())


def _records(shape: Shape) -> list[Record]:
    match shape:
        case Record():
            return [shape]
        case Sequence(item) | Mapping(item):
            return _records(item)
        case Either(options):
            return [record for option in options for record in _records(option)]
    return []


def digest_of_row(row: Any) -> str:
    """A digest of a row as its source gave it; of its class only when it is not plain data."""
    if isinstance(row, bytes):
        return digest(row)
    try:
        return digest(orjson.dumps(row, default=repr))
    except TypeError:  # integers beyond 64 bits, lone surrogates, data that contains itself
        return digest(type(row).__qualname__.encode())


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
