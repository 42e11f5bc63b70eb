"""Corpora over HTTP, at the published addresses: kept, found and compared, through kills."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from conduit.surfaces.http.routes import BLOCK_ROUTES
from tests.fakes.upstream import Answer, FakeUpstream
from tests.product.answers import refused
from tests.product.server import COMMAND, Server, serving
from tests.product.waiting import settled

TEXT = "# Kick\n\nThe kick is on every beat.\n\n# Hat\n\nThe hat is closed."
CHANGED = f"{TEXT[:-7]}open now.\n\nA clap joins it."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    settings = f"""
providers:
  good: {{type: openai_compatible, base_url: "{upstream.url}/v1", model: fake-1}}
"""
    with serving(tmp_path_factory.mktemp("corpora"), settings) as running:
        yield running


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def put(web: httpx.Client, corpus: str, baseline: str, content: str) -> dict[str, Any]:
    reply = web.post(
        f"/corpora/{corpus}/baselines", json={"baselineId": baseline, "content": content}
    )
    assert reply.status_code == 200, reply.text
    stored: dict[str, Any] = reply.json()
    return stored


def test_the_published_requests_get_the_published_replies(web: httpx.Client) -> None:
    """As appendix A of the proposal has them, word for word."""
    stored = web.post(
        "/corpora/fc-main/baselines",
        json={"baselineId": "BA-2025-08", "content": "Baseline text..."},
    ).json()
    assert (stored["status"], stored["baselineId"]) == ("stored", "BA-2025-08")
    recorded = web.post(
        "/corpus/reflections", json={"corpusId": "fc-main", "reflection": "Summary or insight"}
    ).json()
    assert recorded["status"] == "recorded"
    read = web.get("/corpora/fc-main/baselines/BA-2025-08").json()
    assert (read["content"], read["version"]) == ("Baseline text...", 1)
    listed = web.get("/corpus/reflections", params={"corpusId": "fc-main"}).json()
    assert listed["reflections"][0]["reflection"] == "Summary or insight"
    assert "fc-main" in [each["corpusId"] for each in web.get("/corpora").json()["corpora"]]


def test_every_address_answers(web: httpx.Client, upstream: FakeUpstream) -> None:
    made = web.post("/corpora", json={"corpusId": "all"}).json()
    assert (made["corpusId"], made["baselines"]) == ("all", 0)
    for content in (TEXT, CHANGED):
        put(web, "all", "notes", content)
    put(web, "all", "more", "The kick is on every beat.")
    at = "/corpora/all"
    versions = web.get(f"{at}/baselines/notes/versions").json()["versions"]
    assert [each["version"] for each in versions] == [1, 2]
    first = web.get(f"{at}/baselines/notes", params={"version": 1}).json()
    assert first["content"] == TEXT
    assert len(web.get(f"{at}/baselines").json()["baselines"]) == 2
    assert len(web.get(f"{at}/baselines/notes/history").json()["steps"]) == 1
    drift = web.get(f"{at}/drift", params={"baselineId": "notes"}).json()
    assert {each["kind"] for each in drift["changes"]} == {"changed", "added"}
    patterns = web.get(f"{at}/patterns").json()
    assert patterns["passages"][0]["text"] == "The kick is on every beat."
    assert web.post(f"{at}/index", json={}).json()["passages"] == 3
    found = web.get(f"{at}/search", params={"query": "clap", "k": 1}).json()
    same = web.post(f"{at}/search", json={"query": "clap", "k": 1}).json()
    assert found == same
    (passage,) = found["passages"]
    assert CHANGED[passage["start"] : passage["end"]] == passage["text"]
    upstream.answers.append(Answer("A clap does [1], not a cow [77]."))
    answer = web.post(f"{at}/ask", json={"question": "who joins?"}).json()
    assert (answer["by"], answer["text"]) == ("model", "A clap does [1], not a cow.")
    assert (answer["provider"], answer["unknown"]) == ("good", [77])
    upstream.answers.append(Answer("Kicks and hats [1]."))
    summary = web.get(f"{at}/summary").json()
    assert (summary["by"], summary["summary"]) == ("model", "Kicks and hats [1].")
    plain = web.get(f"{at}/summary", params={"by": "extractive", "sentences": 2}).json()
    assert (plain["by"], len(plain["citations"])) == ("extractive", 2)
    assert web.delete(at).json() == {"status": "deleted", "corpusId": "all"}
    refused(web.get(at), 404, "not_found")


def test_an_embedding_model_of_a_provider_embeds(web: httpx.Client, upstream: FakeUpstream) -> None:
    web.post("/corpora", json={"corpusId": "far", "embeddingModel": "good/fake-embed"})
    put(web, "far", "notes", TEXT)
    found = web.get("/corpora/far/search", params={"query": "hat", "mode": "vector"}).json()
    assert (found["embeddingModel"], found["note"]) == ("good/fake-embed", "")
    assert len(found["passages"]) == 2
    asked = [r for r in upstream.requests if r.path.endswith("/embeddings")]
    assert asked
    changed = web.patch("/corpora/far", json={"embeddingModel": "nobody/knows-it"}).json()
    assert changed["embeddingModel"] == "nobody/knows-it"
    without = web.get("/corpora/far/search", params={"query": "hat"}).json()
    assert without["embeddingModel"] == "offline/lexical"
    assert "nobody/knows-it" in without["note"]


def test_documented_addresses_are_those_that_answer(web: httpx.Client) -> None:
    paths = web.get("/openapi.json").json()["paths"]
    ours = [each for each in BLOCK_ROUTES if each.path.startswith("/corp")]
    assert len(ours) == 19
    for each in ours:
        operation = paths[each.path][each.method.lower()]
        named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert named == {part[1:-1] for part in each.path.split("/") if part.startswith("{")}


@pytest.mark.parametrize(
    "content",
    ["x" * 1_000_000, "שלום\u202e", "👩‍👩‍👧‍👦" * 10_000, "", " \n" * 10_000, "...." * 10_000],
    ids=["one letter", "right to left", "emoji", "empty", "blanks", "stops"],
)
def test_any_text_is_kept_found_and_studied(web: httpx.Client, content: str) -> None:
    put(web, "hostile", "odd", content)
    assert web.get("/corpora/hostile/baselines/odd").json()["content"] == content
    for path in ("search?query=x", "patterns", "summary?by=extractive"):
        assert web.get(f"/corpora/hostile/{path}").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/corpora/a%20b/baselines", b'{"baselineId": "b", "content": ""}', "invalid_input"),
        ("/corpora/c/baselines", b'{"baselineId": "../b", "content": ""}', "invalid_input"),
        ("/corpora/c/baselines", b'{"baselineId": "b", "content": "a\\u0000"}', "invalid_input"),
        ("/corpora/c/baselines", b'{"baselineId": "b", "content": "\\ud800"}', "malformed_json"),
        ("/corpora/c/baselines", b'{"baselineId": "b"}', "invalid_input"),
        ("/corpora/c/baselines", b'{"baselineId": "b", "text": "x"}', "invalid_input"),
        ("/corpora/c/baselines", b"[" * 100_000, "malformed_json"),
        ("/corpus/reflections", b'{"corpusId": "c"}', "invalid_input"),
        ("/corpora/none/search", b'{"query": "x", "k": 101}', "invalid_input"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_hint(
    web: httpx.Client, path: str, body: bytes, code: str
) -> None:
    refused(web.post(path, content=body), 400, code)


def test_a_body_beyond_all_bounds_is_refused(web: httpx.Client) -> None:
    body = b'{"baselineId": "b", "content": "%s"}' % (b"x" * 9_000_000)
    assert web.post("/corpora/c/baselines", content=body).status_code == 413


def key_of(server: Server, org: str) -> str:
    """A key as an operator makes it."""
    done = subprocess.run(
        [*COMMAND, "keys", "add", org, "--org", org, "--json"],
        env=server.environ,
        cwd=server.home,
        capture_output=True,
        check=True,
    )
    key: str = json.loads(done.stdout)["key"]
    return key


def test_keys_of_two_organisations_see_two_corpora(server: Server, web: httpx.Client) -> None:
    acme = key_of(server, "acme")
    put(web, "shared-name", "ours", "Of the machine.")
    headers = {"authorization": f"Bearer {acme}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as other:
        wrong = {"authorization": "Bearer ck-wrong"}
        settled(lambda: web.get("/corpora", headers=wrong).status_code == 401)  # it knows of keys
        settled(lambda: other.get("/corpora").status_code == 200)
        assert other.get("/corpora").json() == {"corpora": []}
        refused(other.get("/corpora/shared-name"), 404, "not_found")
        refused(other.get("/corpora/shared-name/search?query=machine"), 404, "not_found")
        put(other, "shared-name", "theirs", "Of acme.")
        found = other.get("/corpora/shared-name/search?query=machine").json()
        assert [each["text"] for each in found["passages"]] == ["Of acme."]
    listed = web.get("/corpora/shared-name/baselines").json()["baselines"]
    assert [each["baselineId"] for each in listed] == ["ours"]


def test_writers_at_once_each_get_a_version(server: Server, web: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda n: put(web, "busy", "one", f"text {n}")["version"], range(24)))
    assert sorted(given) == list(range(1, 25))


def test_a_server_that_is_killed_finds_all_that_it_said_it_stored(tmp_path: Path) -> None:
    """Killed between storing and indexing, and again while it indexes."""
    text = "\n\n".join(f"# {n}\n\n{'some words of it ' * 30}zither{n}" for n in range(2000))
    with serving(tmp_path) as server:
        with httpx.Client(base_url=server.url, timeout=60) as web:
            put(web, "c", "b", text)
        server.kill()
        server.start()
        with suppress(httpx.TimeoutException):  # it is at work: 2000 passages take longer
            httpx.post(f"{server.url}/corpora/c/index", json={}, timeout=0.3)
        server.kill()
        server.start()
        with httpx.Client(base_url=server.url, timeout=60) as web:
            for number in (0, 1999):
                found = web.get(f"/corpora/c/search?query=zither{number}&mode=lexical&k=1").json()
                assert found["passages"][0]["text"].endswith(f"zither{number}")
