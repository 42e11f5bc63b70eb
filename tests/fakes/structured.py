"""Structured output at the fake upstream: is the request as published, and what answers it.

The rules are those of the providers' references: OpenAI's strict mode takes objects whose
properties are all required and nothing besides, in a part of JSON Schema; Anthropic's structured
outputs take fewer keywords still; Ollama takes any schema as ``format``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, SchemaError

_BOUNDS = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems",
    "maxItems",
}  # fmt: skip
_KEYWORDS = {
    "type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const",
    "$ref", "$defs", "description", "title", "pattern", "format",
}  # fmt: skip
_DEEPEST = 4


def asked_schema(body: dict[str, Any]) -> dict[str, Any] | None:
    """The schema that a request in any dialect asks the answer to have."""
    if "response_format" in body:
        return body["response_format"].get("json_schema", {}).get("schema")
    shape = body.get("output_config", {}).get("format", {}).get("schema") or body.get("format")
    return shape if isinstance(shape, dict) else None


def fault_of(path: str, body: dict[str, Any]) -> str:
    """Why a provider would refuse a request's wish for a shape; empty when it would not."""
    if path.endswith("/chat/completions"):
        return _openai_fault(body.get("response_format"))
    if path.endswith("/messages") and "output_config" in body:
        shape = body["output_config"].get("format")
        if set(shape) != {"type", "schema"} or shape["type"] != "json_schema":
            return "output_config.format: expected type json_schema and a schema"
        return _schema_fault(shape["schema"], _KEYWORDS)
    if path.endswith("/api/chat") and body.get("format", "json") != "json":
        return _no_schema(body["format"])
    return ""


def _openai_fault(shape: Any) -> str:
    if shape in (None, {"type": "text"}, {"type": "json_object"}):
        return ""
    inner = shape.get("json_schema")
    if shape.get("type") != "json_schema" or set(shape) != {"type", "json_schema"}:
        return "response_format: expected type json_schema"
    if set(inner) != {"name", "schema", "strict"} or inner["strict"] not in (True, False):
        return "response_format.json_schema: expected name, schema and strict"
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", inner["name"]):
        return "response_format.json_schema.name: not a name"
    if not inner["strict"]:
        return _no_schema(inner["schema"])
    return _schema_fault(inner["schema"], _KEYWORDS | _BOUNDS)


def _schema_fault(schema: Any, keywords: set[str]) -> str:
    if fault := _no_schema(schema):
        return fault
    if schema.get("type") != "object":
        return "schema: the root must be an object"
    for node in _nodes(schema):
        if odd := set(node) - keywords:
            return f"schema: {sorted(odd)} not permitted"
        if node.get("type") == "object":
            if node.get("additionalProperties") is not False:
                return "schema: additionalProperties must be false"
            if sorted(node.get("required", [])) != sorted(node.get("properties", {})):
                return "schema: required must name every property"
    return ""


def _no_schema(schema: Any) -> str:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"schema: {error.message}"
    return "" if isinstance(schema, dict) else "schema: expected an object"


def _nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    inner += schema.get("anyOf", [])
    inner += [schema["items"]] if "items" in schema else []
    for node in inner:
        yield from _nodes(node)


def example_of(schema: dict[str, Any]) -> Any:
    """A value that the schema admits, the same each time."""
    value = _example(schema, schema, "value", 0)
    Draft202012Validator(schema).validate(value)
    return value


def _example(node: dict[str, Any], root: dict[str, Any], name: str, depth: int) -> Any:
    if "$ref" in node:
        found = root
        for part in node["$ref"].removeprefix("#").strip("/").split("/"):
            found = found[part] if part else found
        return _example(found, root, name, depth + 1)
    if "anyOf" in node:
        options = [o for o in node["anyOf"] if (o.get("type") == "null") is (depth > _DEEPEST)]
        return _example((options or node["anyOf"])[0], root, name, depth)
    if "const" in node or "enum" in node:
        return node["const"] if "const" in node else node["enum"][0]
    match node.get("type"):
        case "object":
            fields = node.get("properties", {}).items()
            return {key: _example(inner, root, key, depth + 1) for key, inner in fields}
        case "array":
            count = max(node.get("minItems", 0), 0 if depth > _DEEPEST else 1)
            return [_example(node["items"], root, name, depth + 1) for _ in range(count)]
        case "integer" | "number":
            least = node.get("minimum", 1)
            return min(max(1, least), node.get("maximum", max(1, least)))
        case "boolean":
            return True
        case "null":
            return None
    return f"some {name}"
