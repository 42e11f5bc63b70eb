"""A JSON Schema as rows of a table: one for each field, nested ones by their path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from conduit.contracts.json import JsonObject
from reference_pages.markdown import code, table

Row = tuple[str, str, str, str]


def taken(schema: JsonObject) -> str:
    """A table of what a caller gives, with the defaults."""
    return table(("Field", "Type", "Default", "Meaning"), rows(schema))


def given(schema: JsonObject) -> str:
    """A table of what a caller gets."""
    head = ("Field", "Type", "Meaning")
    return table(head, ((name, kind, says) for name, kind, _, says in rows(schema)))


def rows(schema: JsonObject, path: str = "") -> Iterator[Row]:
    """Path, type, default and meaning of every field, in the order of the dataclass."""
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        here = f"{path}{name}"
        default = code(json.dumps(field["default"])) if "default" in field else "empty"
        says = field.get("description", "")
        yield code(here), kind(field), "required" if name in required else default, says
        yield from _inside(field, here)


def _inside(field: JsonObject, path: str) -> Iterator[Row]:
    if "properties" in field:
        yield from rows(field, f"{path}.")
    if isinstance(items := field.get("items"), dict):
        yield from _inside(items, f"{path}[]")
    if isinstance(values := field.get("additionalProperties"), dict):
        yield from _inside(values, f"{path}.*")
    for option in field.get("anyOf", []):
        yield from _inside(option, path)


def kind(field: JsonObject) -> str:
    """The type in words: ``integer 1 to 4096``, ``array of number``, ``"a" or "b"``."""
    if "enum" in field:
        return " or ".join(code(json.dumps(value)) for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(kind(option) for option in field["anyOf"])
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    name = str(field.get("type", "any JSON"))
    if name == "array":
        return f"array of {kind(field['items'])}{_bounds(field, 'Items', ' items')}"
    if name == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {kind(field['additionalProperties'])}"
    if name == "string":
        return name + _bounds(field, "Length", " characters")
    return name + _bounds(field, "imum", "")


def _bounds(field: JsonObject, what: str, unit: str) -> str:
    low, high = field.get(f"min{what}"), field.get(f"max{what}")
    return "" if low is None else f", {_number(low)} to {_number(high)}{unit}"


def _number(value: Any) -> str:
    return f"{value:,.0f}".replace(",", " ") if float(value).is_integer() else str(value)
