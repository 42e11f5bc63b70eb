"""Whether a schema is one that OpenAI's strict mode takes.

Source: "Supported schemas" of OpenAI's guide to structured outputs. A schema outside of that part
of JSON Schema is refused in strict mode, and without it is a wish that its model mostly fulfils.
"""

from __future__ import annotations

from typing import Any

from conduit.contracts.json import JsonObject

_KEYWORDS = frozenset(
    "type properties required additionalProperties items anyOf enum const $ref $defs definitions "
    "description title pattern format minLength maxLength minimum maximum exclusiveMinimum "
    "exclusiveMaximum multipleOf minItems maxItems".split()
)


def is_strict(schema: JsonObject) -> bool:
    """The root is an object; every object names all of its properties as required and allows no
    others; and nothing else is said than strict mode knows. Takes time linear in the schema."""
    if schema.get("type") != "object":
        return False
    waiting: list[Any] = [schema]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict) or not node.keys() <= _KEYWORDS:
            return False
        properties = node.get("properties", {})
        if not isinstance(properties, dict):
            return False
        if "object" in _types(node) and not _closed(node, properties):
            return False
        waiting += properties.values()
        for name in ("$defs", "definitions"):
            named = node.get(name, {})
            if not isinstance(named, dict):
                return False
            waiting += named.values()
        options = node.get("anyOf", [])
        if not isinstance(options, list):
            return False
        waiting += options
        if "items" in node:
            waiting.append(node["items"])
    return True


def _types(node: JsonObject) -> list[Any]:
    types = node.get("type", "object" if "properties" in node else [])
    return types if isinstance(types, list) else [types]


def _closed(node: JsonObject, properties: JsonObject) -> bool:
    required = node.get("required", [])
    return (
        node.get("additionalProperties") is False
        and isinstance(required, list)
        and all(isinstance(name, str) for name in required)
        and set(required) == properties.keys()
    )
