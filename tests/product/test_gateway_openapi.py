"""The OpenAPI document, and whatever can be made of it sent to a real server: it answers, keeps to
what the document says, and never fails by itself.

Statuses from 500 up are right where somebody else failed, and only these, by their codes: a
provider (502, 503, 504, whichever fits), and what this machine lacks at present (503). That is
their meaning in HTTP: the request was fine, and the same one may succeed elsewhere or later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import content_type_conformance
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.fakes.upstream import FakeUpstream
from tests.product.counting import grows_less_than
from tests.product.server import Server, serving

OF_OTHERS = {
    "provider_failed": {502},
    "provider_unreachable": {502},
    "provider_timeout": {504},
    "provider_refused": {502, 503},
    "provider_bad_reply": {502},
    "provider_busy": {503},
    "circuit_open": {503},
    "stream_interrupted": {502},
    "all_providers_failed": {502, 503, 504},
    "unparsable_output": {502},
    "timed_out": {504},
    "unavailable": {503},
    "missing_dependency": {503},
    "overloaded": {503},
}
CHECKS = [content_type_conformance, response_schema_conformance]
FAST = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    providers = f"""
providers:
  good: {{type: openai_compatible, base_url: "{upstream.url}/v1", model: fake-1}}
  bad: {{type: openai_compatible, base_url: "{upstream.url}/html/v1", model: fake-2}}
"""
    with serving(tmp_path_factory.mktemp("server"), providers) as running:
        yield running


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(server.url + "/openapi.json").raise_for_status().json()
    return found


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def test_it_is_a_document(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert set(document) == {"openapi", "info", "servers", "security", "paths", "components"}
    assert {"title", "version"} <= set(document["info"])
    ids = [each["operationId"] for each in operations(document)]
    assert len(set(ids)) == len(ids)
    for path, methods in document["paths"].items():
        named = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for operation in methods.values():
            told = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert told == named, path
            assert operation["responses"]["200"]["description"]


def test_every_schema_in_it_is_one_and_every_reference_leads_somewhere(
    document: dict[str, Any],
) -> None:
    found = 0
    for schema in schemas_in(document):
        found += 1
        jsonschema.Draft202012Validator.check_schema(schema)
    assert found > 100
    for reference in references_in(document):
        at: Any = document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


def test_it_has_what_the_caller_may_call_and_nothing_else(
    server: Server, document: dict[str, Any]
) -> None:
    listed = httpx.get(server.url + "/blocks").json()["blocks"]
    names = {path.removeprefix("/blocks/") for path in document["paths"] if "/blocks/" in path}
    assert names == {each["name"] for each in listed}
    assert "shell.run" not in names
    assert {
        "/health",
        "/providers",
        "/ask",
        "/v1/chat/completions",
        "/v1/messages",
        "/api/chat",
    } < {*document["paths"]}


def schemas_in(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "schema":
                yield each
            yield from schemas_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from schemas_in(each)


def references_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref" and isinstance(each, str):
                yield each
            yield from references_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from references_in(each)


def try_all(server: Server, document: dict[str, Any], wish: settings) -> dict[str, int]:
    """Every operation with what fits its schema and with what does not; how often each status
    came."""
    schema = schemathesis.openapi.from_dict(document)
    statuses: dict[str, int] = {}
    with httpx.Client(base_url=server.url, timeout=30) as http:
        for made in schema.get_all_operations():
            operation = made.ok()
            try_one(http, operation, GenerationMode.POSITIVE, wish, statuses)
            with suppress(Unsatisfiable):  # where everything fits
                try_one(http, operation, GenerationMode.NEGATIVE, wish, statuses)
    return statuses


def try_one(
    http: httpx.Client,
    operation: Any,
    mode: GenerationMode,
    wish: settings,
    statuses: dict[str, int],
) -> None:
    @seed(5)
    @wish
    @given(case=operation.as_strategy(generation_mode=mode))
    def once(case: Any) -> None:
        response = case.call(base_url=str(http.base_url))
        status = str(response.status_code)
        statuses[status] = statuses.get(status, 0) + 1
        if response.status_code >= 500:
            error = response.json()["error"]
            code = error["code"] if isinstance(error, dict) else ""
            assert response.status_code in OF_OTHERS.get(code, ()), (case, response.text)
        else:
            case.validate_response(response, checks=CHECKS)

    once()


@pytest.mark.timeout(180)
def test_nothing_that_the_document_allows_or_forbids_breaks_it(
    server: Server, document: dict[str, Any]
) -> None:
    """It takes as long as a thousand requests, made up anew each, take."""
    with grows_less_than(server, 200_000):
        statuses = try_all(server, document, FAST)
    assert sum(statuses.values()) > 400
    assert statuses["200"] > 40
    assert statuses["400"] > 40


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_nor_does_more_of_it(server: Server, document: dict[str, Any]) -> None:
    """It takes ten minutes: thirty thousand requests, made up anew each."""
    try_all(server, document, settings(FAST, max_examples=200, derandomize=False))
