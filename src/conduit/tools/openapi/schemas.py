"""A schema of an OpenAPI document as a JSON Schema that stands alone, for a model to read.

Schemas of OpenAPI 3.0 are brought into draft 2020-12 (``nullable``, ``exclusiveMinimum: true``).
References are written in place, because many model servers follow none; only what contains itself,
or is large and comes again, becomes an entry of ``$defs``. What one operation takes has a bound:
beyond it anything is accepted, and the operation's own server says what is wrong. ``not`` is left
out: what is not written of it would exclude more.
"""

from __future__ import annotations

import re
from typing import Any, Final

from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject
from conduit.tools.openapi.references import References, reference_of

MOST_VALUES: Final = 2_000
"""Schemas and choices that the input of one operation may consist of."""
_DEEPEST: Final = 40
_IN_PLACE_AGAIN: Final = 20
_LONGEST_DESCRIPTION: Final = 300
_MOST_CHOICES: Final = 400
_LONGEST_PATTERN: Final = 200

_TYPES: Final = frozenset(("object", "array", "string", "integer", "number", "boolean", "null"))
_COUNTS: Final = frozenset(
    ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
)
_NUMBERS: Final = frozenset(
    ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
)
_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")


class SchemaWriter:
    """Writes the schemas of one operation; ``defs`` is filled meanwhile."""

    def __init__(self, references: References) -> None:
        self.defs: JsonObject = {}
        self._references = references
        self._left = MOST_VALUES
        self._writing: list[str] = []
        self._in_itself: set[str] = set()
        self._written: dict[str, tuple[Any, int]] = {}
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def of(self, schema: Any, where: str, depth: int = 0) -> Any:
        """The schema, written anew. Raises ``InvalidInput`` for what is no schema."""
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise InvalidInput(
                "a schema is expected here", where=where[:200], hint="it is a mapping"
            )
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return {}
        if (reference := reference_of(schema)) is not None:
            made = self._referred(reference, where, depth)
            if schema.get("nullable") is True:  # said beside it, though 3.0 says nothing may be
                made = {"anyOf": [made, {"type": "null"}]}
            if isinstance(text := schema.get("description"), str) and isinstance(made, dict):
                made = {**made, "description": _short(text)}
            return made
        return self._schema(schema, where, depth)

    def _referred(self, reference: str, where: str, depth: int) -> Any:
        if reference in self._writing:
            self._in_itself.add(reference)
            return {"$ref": f"#/$defs/{self._name(reference)}"}
        if reference in self._written:
            made, size = self._written[reference]
            if size <= _IN_PLACE_AGAIN:
                self._left -= size
                return made
            if made != {"$ref": f"#/$defs/{self._name(reference)}"}:
                self.defs[self._name(reference)] = made
            return {"$ref": f"#/$defs/{self._name(reference)}"}
        target = self._references.target(reference)
        if reference_of(target) is not None:
            self._references.resolved(target)  # refuses a circle
        self._writing.append(reference)
        before = self._left
        made = self.of(target, where, depth + 1)
        self._writing.pop()
        size = before - self._left
        if reference in self._in_itself:
            self.defs[self._name(reference)] = made
            made = {"$ref": f"#/$defs/{self._name(reference)}"}
        if self._left > 0 and depth < _DEEPEST // 2:  # whole, and not cut off
            self._written[reference] = made, size
        return made

    def _name(self, reference: str) -> str:
        if reference not in self._names:
            base = _UNSAFE.sub("_", reference.rpartition("/")[2])[:60] or "schema"
            name = base
            while name in self._taken:
                number = self._next[base] = self._next.get(base, 1) + 1
                name = f"{base}_{number}"
            self._taken.add(name)
            self._names[reference] = name
        return self._names[reference]

    def _schema(self, schema: JsonObject, where: str, depth: int) -> JsonObject:
        made: JsonObject = {}
        types = _types(schema)
        if types:
            made["type"] = types[0] if len(types) == 1 else types
        if isinstance(text := schema.get("description"), str) and text.strip():
            made["description"] = _short(text)
        self._plain(schema, made)
        self._choices(schema, made)
        self._inside(schema, made, where, depth)
        if schema.get("nullable") is True and not types and made:
            return {"anyOf": [made, {"type": "null"}]}
        return made

    def _plain(self, schema: JsonObject, made: JsonObject) -> None:
        for name in _COUNTS & schema.keys():
            if type(schema[name]) is int and schema[name] >= 0:
                made[name] = schema[name]
        for name in _NUMBERS & schema.keys():
            if type(schema[name]) in (int, float):
                made[name] = schema[name]
        for side in ("Minimum", "Maximum"):  # OpenAPI 3.0: a flag beside the bound
            if schema.get(f"exclusive{side}") is True and side.lower() in made:
                made[f"exclusive{side}"] = made.pop(side.lower())
        for name, longest in (("format", 60), ("pattern", _LONGEST_PATTERN)):
            if isinstance(text := schema.get(name), str) and len(text) <= longest:
                made[name] = text
        if isinstance(schema.get("default"), bool | int | float) or (
            isinstance(schema.get("default"), str) and len(schema["default"]) <= 200
        ):
            made["default"] = schema["default"]

    def _choices(self, schema: JsonObject, made: JsonObject) -> None:
        for name, found in (("enum", schema.get("enum")), ("const", [schema.get("const")])):
            if name not in schema or not isinstance(found, list):
                continue
            plain = all(each is None or isinstance(each, str | int | float) for each in found)
            if not found or not plain or len(found) > min(_MOST_CHOICES, self._left):
                continue  # whoever answers says what may stand there
            self._left -= len(found)
            more = [None] if schema.get("nullable") is True and None not in found else []
            made[name] = found[0] if name == "const" else [*found, *more]

    def _inside(self, schema: JsonObject, made: JsonObject, where: str, depth: int) -> None:
        def write(value: Any, name: str) -> Any:
            return self.of(value, f"{where}.{name}", depth + 1)

        properties = schema.get("properties")
        if isinstance(properties, dict):
            made["properties"] = {
                name: write(value, name) for name, value in properties.items() if self._left > 0
            }
        required = schema.get("required")
        if isinstance(required, list):
            ours = {
                name: None
                for name in required
                if isinstance(name, str) and not self._read_only(properties, name)
            }
            if ours:
                made["required"] = list(ours)
        if isinstance(rest := schema.get("additionalProperties"), dict | bool):
            made["additionalProperties"] = write(rest, "*")
        if isinstance(items := schema.get("items"), dict | bool):
            made["items"] = write(items, "[]")
        for name in _LISTS:
            if isinstance(found := schema.get(name), list) and found:
                made[name] = [write(each, f"{name}[{at}]") for at, each in enumerate(found)]
        if self._left <= 0 and "additionalProperties" in made and "properties" in made:
            del made["additionalProperties"]  # those that were left out are fine

    def _read_only(self, properties: Any, name: str) -> bool:
        """Whether it is the server that fills a property in."""
        if not isinstance(properties, dict) or not isinstance(properties.get(name), dict):
            return False
        return properties[name].get("readOnly") is True


def _types(schema: JsonObject) -> list[str]:
    said = schema.get("type")
    names = said if isinstance(said, list) else [said]
    types = [each for each in names if isinstance(each, str) and each in _TYPES]
    if types and schema.get("nullable") is True and "null" not in types:
        types.append("null")
    return list(dict.fromkeys(types))


def _short(text: str) -> str:
    line = " ".join(text[: 4 * _LONGEST_DESCRIPTION].split())
    short = len(line) <= _LONGEST_DESCRIPTION and len(text) <= 4 * _LONGEST_DESCRIPTION
    return line if short else f"{line[: _LONGEST_DESCRIPTION - 1]}…"
