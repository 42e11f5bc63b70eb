"""A published OpenAPI document, registered and called over the wire, by a person and by a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import petstore
from tests.fakes.petstore import Petstore
from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.server import Server, serving

DOCUMENT = Path(__file__).parents[1] / "tools/openapi/documents/petstore.yaml"
"""Swagger's Petstore (Apache License 2.0), from the collection @readme/oas-examples."""
SECRET = "very-secret-token-1234567"
BELLA = {"id": 7, "name": "Bella", "photoUrls": [], "status": "available"}

PROVIDERS = """\
providers:
  upstream:
    type: openai
    base_url: {url}/v1
    api_key: sk-test-0000000000000000
    model: fake-1
"""


@pytest.fixture(scope="module")
def pets() -> Iterator[Petstore]:
    with petstore.running() as store:
        yield store


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream.in_thread() as running:
        yield running


def settle_in(home: Path, pets: Petstore) -> None:
    """What an operator writes: who may, where it may lead, and the secret's place."""
    home.mkdir(parents=True, exist_ok=True)
    host = pets.url.split("/")[2]
    (home / "access.yaml").write_text(
        "remote: [tools.register, tools.unregister, api.*]\n"
        "models: [api.petstore.get_pet_by_id, api.petstore.delete_pet]\n"
        f'hosts: ["*", {{host: "{host}", private: true}}]\n'
    )
    (home / "tools.yaml").write_text(
        "apis:\n  petstore:\n"
        f"    base_url: {pets.url}\n"
        '    auth: {type: bearer, value: "${PETSTORE_TOKEN}"}\n'
    )


@pytest.fixture(scope="module")
def server(
    pets: Petstore, upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("registered")
    settle_in(folder / "home", pets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETSTORE_TOKEN", SECRET)
        with serving(folder, PROVIDERS.format(url=upstream.url)) as running:
            yield running


def register(server: Server, **query: str) -> httpx.Response:
    files = {"openapi_file": ("petstore.yaml", DOCUMENT.read_bytes(), "application/yaml")}
    return httpx.post(f"{server.url}/tools/register", params=query, files=files)


@pytest.fixture
def tool(server: Server) -> str:
    made = register(server, corpusId="fc-main", name="petstore")
    assert made.status_code == 200, made.text
    return str(made.json()["toolId"])


def invoke(server: Server, id: str, arguments: Any, **more: str) -> httpx.Response:
    body = {"arguments": arguments, **more}
    return httpx.post(f"{server.url}/functions/{id}/invoke", json=body)


def test_a_published_document_becomes_one_block_for_each_operation(server: Server) -> None:
    made = register(server, corpusId="fc-main", name="petstore").json()
    assert made["status"] == "registered"
    assert made["toolId"].startswith("tool-")
    names = [each["name"] for each in made["operations"]]
    assert len(names) == 20
    assert "api.petstore.get_pet_by_id" in names
    again = register(server, corpusId="fc-main", name="petstore").json()
    assert again["toolId"] == made["toolId"]
    listed = httpx.get(f"{server.url}/tools/registered").json()["tools"]
    assert [(each["name"], each["corpusId"]) for each in listed] == [("petstore", "fc-main")]


def test_operations_are_called_by_tool_and_by_name(
    server: Server, tool: str, pets: Petstore
) -> None:
    added = invoke(server, tool, {"body": BELLA}, operation="add_pet")
    assert added.json()["status"] == "success", added.text
    assert pets.pets[7] == BELLA
    assert pets.requests[-1].headers["authorization"] == f"Bearer {SECRET}"
    found = invoke(server, "api.petstore.get_pet_by_id", {"petId": 7}).json()
    assert found["status"] == "success"
    assert found["returnValue"]["body"] == BELLA
    many = invoke(server, "api.petstore.find_pets_by_status", {"status": ["available", "sold"]})
    assert many.json()["returnValue"]["body"] == [BELLA]
    assert pets.requests[-1].query == {"status": ["available", "sold"]}
    direct = httpx.post(f"{server.url}/blocks/api.petstore.get_pet_by_id", json={"petId": 7})
    assert direct.json()["body"] == BELLA


def test_an_error_of_the_operations_server_is_told_with_what_it_said(
    server: Server, tool: str
) -> None:
    gone = invoke(server, "api.petstore.get_pet_by_id", {"petId": 404}).json()
    assert gone["status"] == "failed"
    assert gone["returnValue"]["status"] == 404
    assert gone["returnValue"]["body"] == {"message": "Pet not found"}


def test_wrong_arguments_are_refused_before_anything_is_sent(
    server: Server, tool: str, pets: Petstore
) -> None:
    before = len(pets.requests)
    bad = invoke(server, "api.petstore.add_pet", {"body": {"photoUrls": [], "status": "ill"}})
    assert bad.status_code == 400
    message = bad.json()["error"]["message"]
    assert "body.name: is missing" in message
    assert "body.status: expected one of" in message
    climbing = ["..", "a/b", "%2e%2e", "a\\b", "a\r\nx: y", "@evil", "//evil.example/"]
    for step in climbing:
        reply = invoke(server, "api.petstore.get_user_by_name", {"username": step})
        if reply.status_code == 200:
            assert step == "@evil"
            assert pets.requests.pop().path == "/v2/user/%40evil"
        else:
            assert reply.json()["error"]["code"] == "invalid_input", step
    assert len(pets.requests) == before


def test_any_permitted_block_is_a_function_and_no_other(server: Server) -> None:
    styles = invoke(server, "groove.styles", {}).json()
    assert styles["status"] == "success"
    assert styles["returnValue"]
    refused = invoke(server, "shell.run", {"shell_command": "id"})
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "forbidden"
    assert invoke(server, "no.such", {}).status_code == 404


def test_a_tool_with_several_operations_wants_one_chosen(server: Server, tool: str) -> None:
    unclear = invoke(server, tool, {})
    assert unclear.status_code == 404
    assert "20 operations" in unclear.json()["error"]["message"]
    wrong = invoke(server, tool, {}, operation="get_pet_by_ix").json()["error"]
    assert "get_pet_by_id" in wrong["hint"]


def test_the_secret_stays_here_even_when_the_server_repeats_it(
    server: Server, tool: str, pets: Petstore
) -> None:
    repeated = invoke(server, "api.petstore.get_pet_by_id", {"petId": 55})
    assert repeated.json()["returnValue"]["body"]["headers"]["authorization"] == "Bearer [secret]"
    told = [
        httpx.get(f"{server.url}/blocks").text,
        httpx.get(f"{server.url}/openapi.json").text,
        httpx.get(f"{server.url}/tools/registered").text,
        repeated.text,
        server.log,
    ]
    assert not any(SECRET in each for each in told)


def test_a_redirect_leads_to_no_other_private_place(
    server: Server, tool: str, pets: Petstore
) -> None:
    pets.redirect = "http://127.0.0.1:9/metadata"
    reply = invoke(server, "api.petstore.get_pet_by_id", {"petId": 302})
    assert reply.status_code == 403
    assert "loopback" in reply.json()["error"]["message"]


def test_models_see_the_schema_and_call_what_they_may(
    server: Server, tool: str, pets: Petstore, upstream: FakeUpstream
) -> None:
    pets.pets[7] = BELLA
    upstream.answers.extend(
        [
            Answer(tools=(ToolUse("api_petstore_get_pet_by_id", {"petId": 7}),)),
            Answer(tools=(ToolUse("api_petstore_add_pet", {"body": BELLA | {"id": 8}}),)),
            Answer("Bella is available."),
        ]
    )
    reply = httpx.post(f"{server.url}/ask", json={"prompt": "Is pet 7 there?"}, timeout=30).json()
    first, second = reply["tool_calls"]
    assert first["ok"], first
    assert first["result"]["body"] == BELLA
    assert not second["ok"]
    assert second["error"]["code"] in ("forbidden", "not_found")
    assert 8 not in pets.pets
    sent = [each for each in upstream.requests if each.body and each.body.get("tools")]
    tools = {each["function"]["name"]: each["function"] for each in sent[-1].body["tools"]}
    shown = tools["api_petstore_get_pet_by_id"]["parameters"]["properties"]["petId"]
    assert shown["type"] == "integer"
    assert "api_petstore_add_pet" not in tools
    assert SECRET not in json.dumps([each.body for each in upstream.requests])


def test_what_is_registered_outlives_the_process(server: Server, tool: str) -> None:
    server.kill()
    server.start()
    found = invoke(server, "api.petstore.get_pet_by_id", {"petId": 7})
    assert found.status_code == 200, found.text


def test_what_is_taken_away_is_gone(server: Server, tool: str) -> None:
    gone = httpx.delete(f"{server.url}/tools/registered/{tool}").json()
    assert gone == {"toolId": tool, "operations": 20, "status": "unregistered"}
    assert invoke(server, "api.petstore.get_pet_by_id", {"petId": 7}).status_code == 404
    assert invoke(server, tool, {}).status_code == 404


@pytest.mark.parametrize(
    ("files", "data", "status", "said"),
    [
        ({}, {"x": "1"}, 400, "no field 'x'"),
        ({"openapi_file": ("x", b"\xff\xfe")}, {}, 400, "not UTF-8"),
        ({"openapi_file": ("x", b"a: [")}, {}, 400, "neither JSON nor YAML"),
        ({"openapi_file": ("x", b"{}")}, {"name": "x" * 9000}, 400, "cannot be read"),
        ({"openapi_file": ("x", b"{}")}, {"name": "Bad Name"}, 400, "no OpenAPI 3"),
    ],
)
def test_a_bad_form_is_refused(
    server: Server, files: Any, data: Any, status: int, said: str
) -> None:
    files = files or {"nothing": (None, "1")}
    reply = httpx.post(f"{server.url}/tools/register", files=files, data=data)
    assert (reply.status_code, said in reply.text or "nothing" in reply.text) == (status, True)


def test_nobody_registers_unless_allowed(tmp_path: Path) -> None:
    with serving(tmp_path) as closed:
        assert register(closed).status_code == 403
