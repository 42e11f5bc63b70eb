"""OpenAPI documents: what is read, and what is refused."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import decode
from conduit.blocks.foreign import foreign_type
from conduit.blocks.function import check_name
from conduit.blocks.utility.url import read_url
from conduit.contracts.errors import ConduitError, InvalidInput, TooLarge
from conduit.tools.openapi.document import Document, Operation
from conduit.tools.openapi.reading import read_document

DOCUMENTS = sorted((Path(__file__).parent / "documents").glob("*.yaml"))
BASE = read_url("https://api.example.org/v1")


def operations(content: Any, api: str = "x") -> list[Operation]:
    text = content if isinstance(content, str) else json.dumps(content)
    return list(Document.of(read_document(text), BASE).operations(api))


def document(paths: Any, **more: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": paths} | more


def refused(content: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        operations(content)
    return str(caught.value)


def many(count: int) -> str:
    pet = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    of_pet = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}
    paths = {
        f"/things{at}/{{id}}": {"post": {"operationId": f"doThing{at}", "requestBody": of_pet}}
        for at in range(count)
    }
    return json.dumps(document(paths, components={"schemas": {"Pet": pet}}))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_published_documents_become_operations_with_legal_and_stable_names(path: Path) -> None:
    found = operations(path.read_text())
    assert found
    assert found == operations(path.read_text())
    names = [f"api.x.{each.name}" for each in found]
    assert len(set(names)) == len(names)
    for name in names:
        check_name(name)


def test_yaml_is_read_as_json_is() -> None:
    text = "a: true\nb: 'true'\nc: 12\nd: 1.5\ne: no\nf: ~\ng: 2026-01-31\nh: |\n  12\n"
    assert read_document(text) == {
        "a": True,
        "b": "true",
        "c": 12,
        "d": 1.5,
        "e": "no",
        "f": None,
        "g": "2026-01-31",
        "h": "12\n",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [1]\nb: *x\n", "alias"),
        ("a: 1\na: 2\n", "occurs twice"),
        ("[" * 2000 + "]" * 2000, "nest"),
        ("- " * 500 + "1", "nests"),
        ("? [1]\n: 2\n", "key is not text"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("just words", "not a mapping"),
        ("{", "neither JSON nor YAML"),
        ("a: !!python/object/apply:os.system [id]\n", "no OpenAPI 3"),
        ('{"swagger": "2.0"}', "Swagger 2"),
        ('{"openapi": "4.0.0"}', "no OpenAPI 3"),
    ],
)
def test_hostile_text_is_refused(text: str, said: str) -> None:
    assert said in refused(text)


def test_sizes_have_bounds() -> None:
    with pytest.raises(TooLarge):
        read_document('{"a": "' + "x" * (8 << 20) + '"}')
    with pytest.raises(TooLarge):
        read_document("[" + "1," * 3_000_000 + "1]")
    with pytest.raises(TooLarge, match="10000 operations"):
        operations(many(10_001))


def test_ten_thousand_operations_take_a_hundred_times_as_long_as_a_hundred() -> None:
    """Within a factor of ten: something quadratic would be off by another hundred."""

    def seconds(count: int) -> float:
        text = many(count)
        started = time.process_time()
        assert len(operations(text)) == count
        return time.process_time() - started

    small = min(seconds(100) for _ in range(3))
    assert seconds(10_000) < max(1000 * small, 1.0)


def test_schemas_that_contain_themselves_become_definitions() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
    content = document(
        {"/n": {"post": {"requestBody": body}}}, components={"schemas": {"Node": node}}
    )
    schema = operations(content)[0].schema
    assert schema["properties"]["body"] == {"$ref": "#/$defs/Node"}
    kind = foreign_type("Node", schema)
    decode(kind, {"body": {"next": {"next": {}}}})
    with pytest.raises(InvalidInput, match=r"body\.next\.next: expected object"):
        decode(kind, {"body": {"next": {"next": 1}}})


def test_a_web_of_references_stays_small() -> None:
    """Each of thirty schemas holds the next one twice: written in place, that would be 2**30."""
    schemas: dict[str, Any] = {
        f"S{at}": {
            "type": "object",
            "properties": {
                side: {"$ref": f"#/components/schemas/S{at + 1}"} for side in ("left", "right")
            },
        }
        for at in range(30)
    }
    schemas["S30"] = {"type": "string"}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    content = document({"/n": {"post": {"requestBody": body}}}, components={"schemas": schemas})
    assert len(json.dumps(operations(content)[0].schema)) < 100_000


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("https://evil.example/pet.json", "leads out of the document"),
        ("file:///etc/passwd", "leads out of the document"),
        ("other.yaml#/Pet", "leads out of the document"),
        ("#/components/schemas/Missing", "leads nowhere"),
        ("#anchor", "leads nowhere"),
        ("#/components/schemas/Circle", "on and on"),
    ],
)
def test_references_out_of_the_document_are_refused(reference: str, said: str) -> None:
    body = {"content": {"application/json": {"schema": {"$ref": reference}}}}
    circle = {"Circle": {"$ref": "#/components/schemas/Circle"}}
    content = document({"/n": {"post": {"requestBody": body}}}, components={"schemas": circle})
    assert said in refused(content)


@pytest.mark.parametrize(
    "path",
    [
        "/../admin",
        "//evil.example/x",
        "/a/%2e%2e/b",
        "/a%2fb",
        "no-slash",
        "/a?b=c",
        "/a\r\nb",
        "/\\x",
    ],
)
def test_paths_that_mean_another_place_are_refused(path: str) -> None:
    refused(document({path: {"get": {}}}))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example",
        "https://user:word@a.example",
        "http://0x7f.1/",
        "https://a.example/../x/",
        "https://{host}/",
        "https://a.example/?key=1",
    ],
)
def test_servers_that_cannot_be_meant_are_refused(url: str) -> None:
    refused(document({"/a": {"get": {}}}, servers=[{"url": url}]))


def test_variables_of_a_server_are_its_documents_choice() -> None:
    server = {"url": "https://{region}.example.org/v2", "variables": {"region": {"default": "eu"}}}
    found = operations(document({"/a": {"get": {}}}, servers=[server]))[0]
    assert found.server == "https://eu.example.org/v2"
    assert found.schema["properties"] == {}


def test_parameters_of_one_name_have_fields_of_their_own() -> None:
    parameters = [
        {"name": "id", "in": place, "required": place == "path", "schema": {"type": "integer"}}
        for place in ("path", "query", "header")
    ]
    parameters.append({"name": "Authorization", "in": "header", "schema": {"type": "string"}})
    parameters.append({"name": "page[size]", "in": "query", "schema": {"type": "integer"}})
    found = operations(document({"/a/{id}": {"get": {"parameters": parameters}}}))[0]
    assert list(found.schema["properties"]) == ["id", "id_query", "id_header", "page_size"]
    assert found.schema["required"] == ["id"]


def test_schemas_of_3_0_are_brought_into_json_schema() -> None:
    old = {"type": "integer", "nullable": True, "minimum": 1, "exclusiveMinimum": True, "xml": {}}
    parameter = {"name": "n", "in": "query", "schema": old}
    found = operations(document({"/a": {"get": {"parameters": [parameter]}}}))[0]
    assert found.schema["properties"]["n"] == {"type": ["integer", "null"], "exclusiveMinimum": 1}


def test_the_closest_servers_hold_and_relative_ones_count_from_the_document() -> None:
    paths = {
        "/root": {"get": {}},
        "/item": {"servers": [{"url": "../v2/"}], "get": {}},
        "/own": {"servers": [{"url": "/v2"}], "get": {"servers": [{"url": "https://b.example"}]}},
    }
    given_document = {**document(paths), "servers": [{"url": "v1"}]}
    base = read_url("https://a.example/docs/openapi.json")
    found = [each.server for each in Document.of(given_document, base).operations("x")]
    assert found == ["https://a.example/docs/v1", "https://a.example/v2/", "https://b.example/"]
    assert {each.server for each in Document.of(given_document).operations("x")} == {
        "",
        "https://b.example/",
    }


def test_an_operation_that_needs_no_key_says_so() -> None:
    paths = {"/a": {"get": {"security": []}, "post": {"security": [{"k": []}]}, "put": {}}}
    given_document = {**document(paths), "security": [{"k": []}]}
    assert {each.method: each.is_open for each in operations(given_document)} == {
        "GET": True,
        "POST": False,
        "PUT": False,
    }


def test_null_beside_a_reference_is_allowed() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/x-a", "nullable": True}}}
    content = {"application/json": {"schema": schema}}
    given_document = document({"/a": {"post": {"requestBody": {"content": content}}}})
    given_document["x-a"] = {"type": "string"}
    (found,) = operations(given_document)
    made = found.schema["properties"]["body"]["properties"]["a"]
    assert made == {"anyOf": [{"type": "string"}, {"type": "null"}]}


WORDS = st.sampled_from(
    "openapi 3.0.3 3.1.0 info title paths /a /b/{id} get post parameters name in query path schema "
    "type object array string properties items $ref #/paths #/components/schemas/A components "
    "schemas A requestBody content application/json multipart/form-data required servers url "
    "https://a.example {x} variables default allOf anyOf enum style explode operationId".split()
)
PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=30,
)


@given(PARTS, PARTS, PARTS)
def test_whatever_comes_is_registered_or_refused(paths: Any, item: Any, schemas: Any) -> None:
    content = document(
        paths if not isinstance(item, dict) else {"/a/{id}": item},
        components={"schemas": schemas},
        servers=[{"url": "https://a.example"}],
    )
    try:
        found = operations(content)
    except ConduitError:
        return
    for each in found:
        check_name(f"api.x.{each.name}")
        kind = foreign_type("Arguments", each.schema)
        try:
            decode(kind, {"id": "1", "body": {}})
        except InvalidInput:
            continue


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert isinstance(read_document(text), dict)
