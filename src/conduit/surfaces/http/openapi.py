"""What can be asked for over HTTP, as an OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.1).

Blocks bring their schemas with them. The addresses of models belong to other people's published
APIs: of those it says what Conduit itself looks at, and lets the rest pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from conduit.blocks.catalog import BlockInfo
from conduit.contracts.json import JsonObject
from conduit.surfaces.http.model_schemas import MODEL_ADDRESSES, ModelAddress

VERSION: Final = "3.1.0"
_SCHEMAS: Final = "#/components/schemas/"
_REFERENCE: Final = "#/$defs/"
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_METRICS: Final = ("text/plain", "application/openmetrics-text")
_FAILED: Final[JsonObject] = {"default": {"$ref": "#/components/responses/Failed"}}
_ERROR: Final[JsonObject] = {
    "type": "object",
    "description": "What happened, and what to do",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string", "description": "stable, for programs"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
            },
            "required": ["code", "message", "hint"],
        }
    },
    "required": ["error"],
}
_BLOCKS: Final[JsonObject] = {
    "type": "object",
    "properties": {"blocks": {"type": "array", "items": {"type": "object"}}},
    "required": ["blocks"],
}


class Address(Protocol):
    """An address that is a block by another name."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def block(self) -> str: ...

    @property
    def summary(self) -> str: ...


def openapi_document(
    infos: Iterable[BlockInfo], addresses: Iterable[Address], version: str
) -> JsonObject:
    """The document. ``infos`` are the blocks that the caller may call; an address whose block is
    not among them is left out."""
    by_name = {each.name: each for each in infos}
    components: dict[str, JsonObject] = {"Error": _ERROR}
    written = {name: _Written.of(info, components) for name, info in by_name.items()}
    paths: dict[str, dict[str, JsonObject]] = {}
    for address in addresses:
        if address.block in written:
            operation = _of_address(address, written[address.block])
            paths.setdefault(address.path, {})[address.method.lower()] = operation
    if "agent.ask" in written:
        paths["/ask"] = {"post": _of_ask(written["agent.ask"])}
    paths["/blocks"] = {
        "get": _plain("listBlocks", "Every block that the caller may call", _BLOCKS)
    }
    for name, block in written.items():
        paths[f"/blocks/{name}"] = {"post": _of_block(block)}
    paths["/files/{id}"] = {"get": _of_file()}
    if "system.metrics" in written:
        paths["/metrics"] = {"get": _of_metrics(written["system.metrics"])}
    for model in MODEL_ADDRESSES:
        paths.setdefault(model.path, {})[model.method.lower()] = _of_model(model)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Conduit",
            "version": version,
            "description": "Every block, and every model behind one address.",
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {
                "Failed": {
                    "description": "What went wrong, and what to do",
                    "content": {_JSON: {"schema": {"$ref": f"{_SCHEMAS}Error"}}},
                }
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


@dataclass(frozen=True, slots=True)
class _Written:
    """A block whose schemas refer to components."""

    info: BlockInfo
    given: JsonObject
    made: JsonObject

    @classmethod
    def of(cls, info: BlockInfo, components: dict[str, JsonObject]) -> _Written:
        given = _lifted(info.input_schema, f"{info.name}.input", components)
        return cls(info, given, _lifted(info.output_schema, f"{info.name}.output", components))


def _lifted(schema: JsonObject, owner: str, components: dict[str, JsonObject]) -> JsonObject:
    """A schema whose own definitions have become components: a reference in an OpenAPI document
    counts from the document."""
    definitions = schema.get("$defs", {})

    def named(reference: str) -> str:
        return f"{_SCHEMAS}{owner}.{reference.removeprefix(_REFERENCE)}"

    for name, each in definitions.items():
        components[f"{owner}.{name}"] = _referring(each, named)
    rest = {key: value for key, value in schema.items() if key != "$defs"}
    lifted: JsonObject = _referring(rest, named)
    return lifted


def _referring(value: Any, named: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: named(each) if key == "$ref" and isinstance(each, str) else _referring(each, named)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_referring(each, named) for each in value]
    return value


def _of_block(block: _Written) -> JsonObject:
    events = "what it makes on the way as `event`, then what it gives as `output`"
    return {
        "operationId": f"blocks.{block.info.name}",
        "summary": block.info.summary,
        "description": f"With `Accept: {_EVENTS}`: {events}.",
        "tags": [block.info.name.partition(".")[0]],
        "requestBody": _body(block.given),
        "responses": {"200": _answer(block.made, events=True)} | _FAILED,
    }


def _of_address(address: Address, block: _Written) -> JsonObject:
    named = re.findall(r"\{(\w+)\}", address.path)
    fields: JsonObject = block.given.get("properties", {})
    required = block.given.get("required", [])
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": fields[name]} for name in named
    ]
    streams = block.info.streams and address.method != "GET"
    operation: JsonObject = {
        "operationId": f"{address.method.lower()} {address.path}",
        "summary": address.summary,
        "tags": ["control"],
        "responses": {"200": _answer(block.made, events=streams)} | _FAILED,
    }
    if address.method == "GET":
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in fields.items()
            if name not in named
        ]
    else:
        rest = {name: schema for name, schema in fields.items() if name not in named}
        body = block.given | {
            "properties": rest,
            "required": [name for name in required if name not in named],
        }
        operation["requestBody"] = _body(body, required=bool(rest))
    return operation | ({"parameters": parameters} if parameters else {})


def _of_ask(block: _Written) -> JsonObject:
    return {
        "operationId": "ask",
        "summary": f"Answer a prompt; as a stream with `Accept: {_EVENTS}`",
        "tags": ["control"],
        "requestBody": _body(block.given),
        "responses": {"200": _answer(block.made, events=True)} | _FAILED,
    }


def _of_file() -> JsonObject:
    return {
        "operationId": "downloadFile",
        "summary": "Download a file that a block wrote",
        "tags": ["control"],
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "responses": {"200": {"description": "The file", "content": {"*/*": {}}}} | _FAILED,
    }


def _of_metrics(block: _Written) -> JsonObject:
    content = {kind: {"schema": {"type": "string"}} for kind in _METRICS}
    return {
        "operationId": "metrics",
        "summary": block.info.summary,
        "tags": ["control"],
        "responses": {"200": {"description": "For Prometheus", "content": content}} | _FAILED,
    }


def _of_model(address: ModelAddress) -> JsonObject:
    content = {_JSON: {"schema": {"type": "object"}}}
    if address.stream_type:
        content[address.stream_type] = {"schema": {"type": "string"}}
    operation: JsonObject = {
        "operationId": f"{address.method.lower()} {address.path}",
        "summary": address.summary,
        "tags": ["models"],
        "responses": {
            "200": {"description": "The answer, as its published API has it", "content": content},
            "default": {
                "description": "What went wrong, as its published API says it",
                "content": {_JSON: {"schema": {"type": "object"}}},
            },
        },
    }
    if address.schema is not None:
        operation["requestBody"] = _body(address.schema)
    if "{model}" in address.path:
        operation["parameters"] = [
            {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    return operation


def _plain(operation: str, summary: str, schema: JsonObject) -> JsonObject:
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["control"],
        "responses": {"200": _answer(schema)} | _FAILED,
    }


def _body(schema: JsonObject, *, required: bool = True) -> JsonObject:
    return {"required": required, "content": {_JSON: {"schema": schema}}}


def _answer(schema: JsonObject, *, events: bool = False) -> JsonObject:
    content: JsonObject = {_JSON: {"schema": schema}}
    if events:
        content[_EVENTS] = {"schema": {"type": "string"}}
    return {"description": "What it gives", "content": content}
