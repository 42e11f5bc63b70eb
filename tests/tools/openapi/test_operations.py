"""Registered operations: what is sent, to whom, and who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Catalog, Gate
from conduit.blocks.utility.addresses import Reach
from conduit.blocks.utility.url import read_url
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.contracts.errors import (
    ConfigError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unavailable,
)
from conduit.store.database import Database
from conduit.store.operations import Operations
from conduit.telemetry.ids import new_id
from conduit.tools.openapi.blocks import invoke_block, register_blocks
from conduit.tools.openapi.calling import Caller, request_of
from conduit.tools.openapi.document import Body, Document, Operation, Parameter
from conduit.tools.openapi.settings import Apis, ApiSettings, Auth, Shown, read_apis
from conduit.tools.openapi.shelves import Shelves
from conduit.tools.openapi.values import in_path, in_query

BASE = read_url("https://api.example.org/v1")
OTHER_ORG = "01900000-0000-7000-8000-00000000000b"
ALL = frozenset({"**"})
ONE, OTHER = Principal("one", permissions=ALL), Principal("two", OTHER_ORG, permissions=ALL)
LIMITED = Principal("limited", permissions=frozenset({"*"}))


def document(path: str = "/pets", server: str = "https://api.example.org") -> str:
    operation = {"operationId": "listPets", "parameters": [{"name": "n", "in": "query"}]}
    content = {
        "openapi": "3.1.0",
        "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": server}],
        "paths": {path: {"get": operation}},
    }
    return json.dumps(content)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/conduit.db")
    yield opened
    opened.close()


def opened_gate(database: Database, apis: Apis | None = None) -> Gate:
    """A gate with the registry beside it, as a process of its own has it."""
    caller = Caller(apis or Apis(), Reach())
    operations = Operations(database, new_id)
    shelves = Shelves(operations, caller, lambda: 0.0)
    gate = Gate(Catalog(register_blocks(operations, shelves, caller, new_id)), new_id=new_id)
    gate.catalog.add(invoke_block(gate, operations))
    gate.catalog.annex = shelves
    return gate


async def test_what_one_organisation_registers_is_nothing_to_another(database: Database) -> None:
    gate = opened_gate(database)
    made = await gate.acall("tools.register", {"document": document(), "name": "pets"}, ONE)
    name = made.operations[0].name
    assert name in [each.name for each in gate.catalog.of(DEFAULT_ORG)]
    assert name not in [each.name for each in gate.catalog.of(OTHER_ORG)]
    assert (await gate.acall("tools.registered", {}, OTHER)).tools == ()
    for call in (
        (name, {}),
        ("function.invoke", {"id": name}),
        ("function.invoke", {"id": made.toolId}),
        ("tools.unregister", {"toolId": made.toolId}),
    ):
        with pytest.raises(NotFound) as caught:
            await gate.acall(*call, OTHER)
        assert "did you mean" not in caught.value.hint
    again = await gate.acall(
        "tools.register", {"document": document("/own"), "name": "pets"}, OTHER
    )
    assert again.toolId != made.toolId
    assert len(gate.catalog.of(OTHER_ORG)) == len(gate.catalog.of(DEFAULT_ORG))


async def test_operations_are_guarded_and_registering_is(database: Database) -> None:
    gate = opened_gate(database)
    with pytest.raises(Forbidden):
        await gate.acall("tools.register", {"document": document()}, LIMITED)
    made = await gate.acall("tools.register", {"document": document()}, ONE)
    with pytest.raises(Forbidden):
        await gate.acall(made.operations[0].name, {}, LIMITED)
    with pytest.raises(Forbidden):
        await gate.acall("function.invoke", {"id": made.toolId}, LIMITED)


async def test_another_process_finds_what_was_registered(database: Database) -> None:
    made = await opened_gate(database).acall("tools.register", {"document": document()}, ONE)
    other = opened_gate(database)
    info = other.catalog.of(DEFAULT_ORG).info(made.operations[0].name)
    assert info.input_schema["properties"] == {"n": {}}
    assert info.guarded
    assert info.effects == ["reads", "network"]


async def test_a_name_is_taken_once_unless_it_is_to_be_replaced(database: Database) -> None:
    gate = opened_gate(database)
    wish = {"document": document(), "name": "pets"}
    first = await gate.acall("tools.register", wish, ONE)
    assert (await gate.acall("tools.register", wish, ONE)).toolId == first.toolId
    with pytest.raises(Conflict):
        await gate.acall("tools.register", wish | {"document": document("/x")}, ONE)
    new = wish | {"document": document("/x"), "replace": True}
    second = await gate.acall("tools.register", new, ONE)
    assert second.toolId != first.toolId
    assert [t.toolId for t in (await gate.acall("tools.registered", {}, ONE)).tools] == [
        second.toolId
    ]


@pytest.mark.parametrize(
    "server",
    ["http://127.0.0.1/", "http://169.254.169.254/latest", "http://[::1]/", "http://localhost"],
)
async def test_servers_within_ones_own_network_are_refused(database: Database, server: str) -> None:
    gate = opened_gate(database)
    with pytest.raises(Forbidden):
        await gate.acall("tools.register", {"document": document(server=server)}, ONE)
    with pytest.raises(Forbidden):
        await gate.acall("tools.register", {"url": server}, ONE)
    assert (await gate.acall("tools.registered", {}, ONE)).tools == ()


async def test_a_server_without_an_address_needs_the_operators(database: Database) -> None:
    wish = {"document": document(server="/v1"), "name": "pets"}
    with pytest.raises(InvalidInput, match="no server"):
        await opened_gate(database).acall("tools.register", wish, ONE)
    apis = Apis({"pets": ApiSettings(base=BASE)})
    made = await opened_gate(database, apis).acall("tools.register", wish, ONE)
    assert made.status == "registered"


def parameter(place: Any, style: str = "form", explode: bool = False, name: str = "p") -> Parameter:
    return Parameter("p", name, place, style, explode)


@pytest.mark.parametrize(
    ("style", "explode", "value", "made"),
    [  # the table "Style Examples" of the OpenAPI Specification
        ("simple", False, ["blue", "black"], "blue,black"),
        ("simple", True, {"R": 100, "G": 200}, "R=100,G=200"),
        ("simple", False, {"R": 100, "G": 200}, "R,100,G,200"),
        ("label", False, "blue", ".blue"),
        ("label", True, ["blue", "black"], ".blue.black"),
        ("matrix", False, ["blue", "black"], ";p=blue,black"),
        ("matrix", True, ["blue", "black"], ";p=blue;p=black"),
        ("matrix", True, {"R": 100, "G": 200}, ";R=100;G=200"),
    ],
)
def test_values_in_a_path(style: str, explode: bool, value: Any, made: str) -> None:
    assert in_path(parameter("path", style, explode), value) == made


@pytest.mark.parametrize(
    ("style", "explode", "value", "made"),
    [
        ("form", True, ["blue", "black"], "p=blue&p=black"),
        ("form", False, ["blue", "black"], "p=blue,black"),
        ("form", True, {"R": 100, "G": 200}, "R=100&G=200"),
        ("form", False, {"R": 100, "G": 200}, "p=R,100,G,200"),
        ("spaceDelimited", False, ["blue", "black"], "p=blue%20black"),
        ("pipeDelimited", False, ["blue", "black"], "p=blue%7Cblack"),
        ("deepObject", True, {"R": 100, "G": 200}, "p%5BR%5D=100&p%5BG%5D=200"),
        (
            "deepObject",
            True,
            {"a": {"b": [1, {"c": "d"}]}},
            "p%5Ba%5D%5Bb%5D%5B0%5D=1&p%5Ba%5D%5Bb%5D%5B1%5D%5Bc%5D=d",
        ),
        ("deepObject", True, ["x", "y"], "p%5B0%5D=x&p%5B1%5D=y"),
        ("form", True, "a&b=c#d e", "p=a%26b%3Dc%23d%20e"),
        ("form", True, True, "p=true"),
    ],
)
def test_values_in_a_query(style: str, explode: bool, value: Any, made: str) -> None:
    pairs = in_query(parameter("query", style, explode), value)
    assert "&".join(f"{name}={text}" for name, text in pairs) == made


OPERATION = Operation(
    "get_thing",
    "GET",
    "https://api.example.org/v1",
    "/things/{p}/parts",
    "",
    (parameter("path", "simple"), Parameter("q", "q", "query", "form", True)),
    None,
    {},
)


@given(st.text(), st.text())
def test_no_value_leads_elsewhere(step: str, query: str) -> None:
    try:
        url, _, _ = request_of(OPERATION, {"p": step, "q": query}, BASE, Shown(), "b")
    except InvalidInput:
        return
    assert url.origin == BASE.origin
    head, middle, tail = url.path.partition("/v1/things/")
    assert head == ""
    assert tail.count("/") == 1
    assert tail.endswith("/parts")
    assert url.query.startswith("q=")
    assert not set(url.query) & set("&#\r\n ")
    assert middle


def test_a_multipart_body_holds_texts() -> None:
    operation = Operation(
        "up", "POST", "", "/up", "", (), Body("body", "multipart/form-data", "multipart"), {}
    )
    values = {"body": {"title": "a", "tags": {"x": 1}}}
    _, headers, body = request_of(operation, values, BASE, Shown(), "BOUND")
    assert ("Content-Type", "multipart/form-data; boundary=BOUND") in headers
    assert body is not None
    assert b'name="title"\r\n\r\na\r\n--BOUND' in body
    assert b'{"x":1}' in body


def test_fields_of_a_form_have_the_styles_and_files_of_the_document() -> None:
    file = {"type": "array", "items": {"$ref": "#/components/schemas/File"}}
    bodies = {
        "/form": ("application/x-www-form-urlencoded", {"items": {"style": "deepObject"}}),
        "/multi": ("multipart/form-data", {}),
    }
    schema = {"type": "object", "properties": {"items": {}, "data": file}}
    content: dict[str, Any] = {
        "openapi": "3.0.3",
        "components": {"schemas": {"File": {"type": "string", "format": "binary"}}},
        "paths": {
            path: {
                "post": {"requestBody": {"content": {kind: {"schema": schema, "encoding": how}}}}
            }
            for path, (kind, how) in bodies.items()
        },
    }
    form, multi = Document.of(content).operations("x")
    values = {"body": {"items": [{"price": 5}], "data": ["a b"]}}
    _, _, body = request_of(form, values, BASE, Shown(), "B")
    assert body == b"items%5B0%5D%5Bprice%5D=5&data=a+b"
    _, _, body = request_of(multi, values, BASE, Shown(), "B")
    assert body is not None
    assert (
        b'name="data"; filename="data"\r\nContent-Type: application/octet-stream\r\n\r\na b' in body
    )
    assert b'name="items"\r\nContent-Type: application/json' in body


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked for, in the way that the path says."""

    def do_GET(self) -> None:
        told = self.headers.get("Authorization", "")
        kind, body = "application/json", json.dumps({"got": told})
        match self.path:
            case "/null":
                body = "null"
            case "/escaped":  # as some servers write a slash, and as anybody may write a letter
                body = body.replace("/", "\\/").replace("s", "\\u0073")
            case "/address":
                body = json.dumps({"at": f"/?key={quote(told[7:], safe='').lower()}"})
            case "/elsewhere":
                self.send_response(307)
                self.send_header("Location", f"http://localhost:{self.server.server_port}/json")
                self.end_headers()
                return
            case "/bytes":
                kind, body = "image/png", "\x89PNG\x00"
        data = body.encode("latin-1")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


async def test_answers_of_every_kind_come_back_without_the_secret(database: Database) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        base = read_url(f"http://127.0.0.1:{server.server_port}")
        settings = ApiSettings(Auth("bearer", "", 's3cret/s"ss'), base)
        reach = Reach(private=("127.0.0.1", "localhost"))
        caller = Caller(Apis({"pets": settings}), reach)
        found = {}
        for path in ("/null", "/escaped", "/address", "/elsewhere", "/bytes", "/json"):
            operation = Operation("x", "GET", "", path, "", (), None, {})
            reply = await caller.call(DEFAULT_ORG, "pets", operation, {}, "api.pets.x")
            found[path] = reply.body
        public = Operation("x", "GET", "", "/json", "", (), None, {}, is_open=True)
        reply = await caller.call(DEFAULT_ORG, "pets", public, {}, "api.pets.x")
        found["public"] = reply.body
        server.shutdown()
    assert found == {
        "/null": None,
        "/escaped": {"got": "Bearer [secret]"},
        "/address": {"at": "/?key=[secret]"},
        "/elsewhere": {"got": ""},
        "/bytes": None,
        "public": {"got": ""},
        "/json": {"got": "Bearer [secret]"},
    }


def test_the_secret_goes_only_where_the_operator_said() -> None:
    auth = Auth("header", "X-Key", "${KEY}")
    settings = ApiSettings(auth=auth, hosts=("api.example.org",))
    environ = {"KEY": "a-secret"}
    assert settings.shown(BASE, environ, "").headers == (("X-Key", "a-secret"),)
    for elsewhere in (
        "https://evil.example/",
        "http://api.example.org/",
        "https://api.example.org:8443/",
    ):
        assert settings.shown(read_url(elsewhere), environ, "") == Shown()
    with pytest.raises(Unavailable, match="KEY"):
        settings.shown(BASE, {}, "")
    apis = Apis({"pets": settings})
    assert apis.of(OTHER_ORG, "pets") == ApiSettings()
    assert "a-secret" not in repr(settings.shown(BASE, environ, ""))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("apis: {pets: {auth: {type: bearer, value: plain-secret}}}", "where the secret may go"),
        ("apis: {pets: {auth: {type: magic, value: plain-secret}, hosts: [a.b]}}", "'magic'"),
        ("apis: {pets: {base_url: 'https://me:plain-secret@a.b'}}", "user name or password"),
        ("apis: {Pets: {}}", "cannot be the name"),
        ("apis: {pets: {hots: [a.b]}}", "no such field"),
        ("apis: {pets: {auth: {type: header, value: plain-secret}, hosts: [a.b]}}", "no header"),
    ],
)
def test_wrong_settings_are_said_without_the_secret(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "tools.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_apis(tmp_path, {}, lambda given: given or DEFAULT_ORG)
    assert said in str(caught.value)
    assert "plain-secret" not in str(caught.value)
