"""The structure in words a model knows: short type declarations in the manner of TypeScript.

They take a third of the tokens of the same JSON Schema, and descriptions stand beside the fields
they are about.
"""

from __future__ import annotations

import json
from typing import Any

from conduit.blocks.shape import (
    Choice,
    Either,
    Field,
    Length,
    Mapping,
    Range,
    Record,
    Scalar,
    Sequence,
    Shape,
    fields_of,
    summary_of,
)
from conduit.mdl.definition import is_null
from conduit.mdl.wanted import class_of, reachable, record_names, said_of_default, said_of_length

_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def prompt_of(hint: Any) -> str:
    """What to say in a system prompt, so that the answer is a ``hint``."""
    names = record_names(hint)
    types = "\n\n".join(_declaration(record, names) for record in reachable(hint))
    return (
        f"Answer with one JSON object of type {names[hint]}, and nothing else: no explanation, "
        f"no code fence.\n\n{types}\n"
    )


def _declaration(hint: Any, names: dict[Any, str]) -> str:
    doc = summary_of(class_of(hint))
    lines = [f"// {doc}"] if doc else []
    lines.append(f"type {names[hint]} = {{")
    for field in fields_of(hint):
        optional = "" if field.required else "?"
        said = _said(field)
        comment = f"  // {said}" if said else ""
        lines.append(f"  {field.name}{optional}: {_type(field.shape, names)};{comment}")
    return "\n".join([*lines, "}"])


def _said(field: Field) -> str:
    bounds = _bounds(field.shape), said_of_length(field.shape), said_of_default(field)
    return "; ".join(part for part in (" ".join(field.doc.split()), *bounds) if part)


def _bounds(shape: Shape) -> str:
    """The bounds of a number or a list in words."""
    match shape:
        case Scalar(_, Range(minimum, maximum)):
            return f"{minimum:g} to {maximum:g}"
        case Sequence(_, _, Length(minimum, maximum)):
            return f"{minimum} to {maximum} items"
        case Either(options):
            return next(filter(None, map(_bounds, options)), "")
        case Sequence(item) | Mapping(item):
            inner = _bounds(item)
            return f"each {inner}" if inner else ""
    return ""


def _type(shape: Shape, names: dict[Any, str]) -> str:
    match shape:
        case Scalar(kind):
            return _NAMES[kind]
        case Choice(values):
            return " | ".join(json.dumps(value, ensure_ascii=False) for value in values)
        case Sequence(item):
            inner = _type(item, names)
            return f"({inner})[]" if " | " in inner else f"{inner}[]"
        case Mapping(value):
            return f"{{ [key: string]: {_type(value, names)} }}"
        case Either(options):
            ordered = sorted(options, key=is_null)
            return " | ".join(_type(option, names) for option in ordered)
        case Record():
            return names[shape.hint]
    raise AssertionError(shape)  # Json was refused when the structure was defined
