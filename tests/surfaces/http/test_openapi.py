"""The OpenAPI document of blocks whose schemas are not as simple as most."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jsonschema
import pytest

from conduit.blocks import Catalog, block
from conduit.surfaces.http.openapi import openapi_document
from conduit.surfaces.http.routes import BlockRoute


@dataclass(frozen=True)
class Tree:
    """A name, and what is below it."""

    name: str
    below: tuple[Tree, ...] = ()


@dataclass(frozen=True)
class Count:
    nodes: int


@block("tree.count", summary="Count the nodes of a tree")
def count(tree: Tree) -> Count:
    return Count(1 + len(tree.below))


INFO = Catalog([count]).info("tree.count")
ROUTE = BlockRoute("PUT", "/trees/{name}", "tree.count", "Count one of them")
UNKNOWN = BlockRoute("GET", "/secrets", "secrets.list", "What this caller may not call")


def test_a_schema_that_contains_itself_becomes_a_component() -> None:
    document = openapi_document([INFO], [], "1")
    body = document["paths"]["/blocks/tree.count"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert "$defs" not in str(document)
    reference = schema["properties"]["below"]["items"]["$ref"]
    assert reference.startswith("#/components/schemas/tree.count.input.")
    whole = schema | {"components": document["components"]}
    jsonschema.validate({"name": "a", "below": [{"name": "b", "below": []}]}, whole)
    assert not jsonschema.Draft202012Validator(whole).is_valid({"name": "a", "below": [{}]})


def test_what_is_in_the_path_is_not_in_the_body() -> None:
    operation = openapi_document([INFO], [ROUTE], "1")["paths"]["/trees/{name}"]["put"]
    (parameter,) = operation["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("name", "path", True)
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"below"}
    assert schema["required"] == []


def test_what_the_caller_may_not_call_is_not_told() -> None:
    paths = openapi_document([INFO], [ROUTE, UNKNOWN], "1")["paths"]
    assert "/secrets" not in paths
    assert "/ask" not in paths
    assert "/v1/chat/completions" in paths


@pytest.mark.parametrize("streams", [False, True])
def test_an_address_streams_when_its_block_does(streams: bool) -> None:
    told = openapi_document([replace(INFO, streams=streams)], [ROUTE], "1")
    content = told["paths"]["/trees/{name}"]["put"]["responses"]["200"]["content"]
    assert ("text/event-stream" in content) is streams
