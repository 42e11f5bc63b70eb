"""The set-up, usage and metrics over HTTP; and whoever shows a key is its holder there too."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.upstream import FakeUpstream
from tests.product.answers import refused
from tests.product.server import COMMAND, Server, serving
from tests.product.waiting import settled

MAY = ("--permissions", "models.*", "--permissions", "usage.read")
OPENMETRICS = "application/openmetrics-text"


@pytest.fixture(scope="module")
def providers(upstream: FakeUpstream) -> str:
    return f"""\
providers:
  good:
    type: openai_compatible
    base_url: {upstream.url}/v1
    model: fake-1
    api_key: sk-good-key-1
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, providers: str) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("setup"), providers) as running:
        yield running


def ask(
    http: httpx.Client, headers: dict[str, str] | None = None, model: str = "good"
) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return http.post("/v1/chat/completions", json=body, headers=headers)


def test_the_configuration_is_shown_checked_replaced_and_read_again(
    http: httpx.Client, server: Server, providers: str
) -> None:
    shown = http.get("/gateway/config").json()
    assert "api_key: needed" in shown["text"]
    assert "sk-good" not in str(shown)
    longer = shown["text"] + "groups: {fast: {targets: [good]}}\n"
    assert http.post("/gateway/check", json={"text": longer}).json()["text"] == "+ group fast"
    wrong = refused(http.post("/gateway/check", json={"text": "providers: 5"}), 400, "bad_config")
    assert "providers" in wrong["message"]
    old = {"text": longer, "instead_of": "0" * 64}
    refused(http.put("/gateway/config", json=old), 409, "conflict")
    put = http.put("/gateway/config", json={"text": longer}).json()
    assert put["text"] == "+ group fast"
    assert "sk-good-key-1" in (server.home / "providers.yaml").read_text()
    assert ask(http, model="fast").status_code == 200
    (server.home / "providers.yaml").write_text(providers)
    assert http.post("/gateway/reload").json()["text"] == "- group fast"
    assert ask(http, model="fast").status_code == 404


def test_presets_are_kept_shared_applied_and_undone(
    http: httpx.Client, server: Server, providers: str
) -> None:
    saved = http.post("/presets", json={"name": "studio", "about": "all of it"})
    assert saved.json()["name"] == "studio"
    refused(http.post("/presets", json={"name": "studio"}), 409, "conflict")
    assert [each["name"] for each in http.get("/presets").json()["presets"]] == ["studio"]
    exported = http.get("/presets/studio/export", params={"format": "JSON"}).json()
    assert exported["text"].startswith("{")
    assert "sk-good" not in exported["text"]
    taken = http.post("/presets/import", json={"text": exported["text"], "name": "theirs"})
    assert taken.json()["name"] == "theirs"

    put = {"text": providers + "aliases: {gpt-4: good}\n"}
    http.put("/gateway/config", json=put).raise_for_status()
    assert http.get("/presets/theirs").json()["changes"]["changes"][0]["part"] == "alias"
    refused(http.post("/presets/theirs/apply", json={"trusted": True}), 403, "forbidden")
    applied = http.post("/presets/theirs/apply").json()
    assert applied["changes"]["changes"][0]["kind"] == "removed"
    undone = http.post("/presets/undo").json()
    assert undone["changes"]["changes"][0]["kind"] == "added"
    left = http.delete("/presets/theirs").json()
    assert [each["name"] for each in left["presets"]] == ["studio"]
    refused(http.get("/presets/theirs"), 404, "not_found")
    refused(http.delete("/presets/theirs"), 404, "not_found")
    refused(http.post("/presets/studio"), 405, "method_not_allowed")
    http.put("/gateway/config", json={"text": providers}).raise_for_status()


def test_usage_is_summed_up_and_listed(tmp_path: Path, providers: str) -> None:
    with serving(tmp_path, providers) as server:
        with httpx.Client(base_url=server.url) as http:
            for _ in range(3):
                ask(http).raise_for_status()
        restart(server)
        with httpx.Client(base_url=server.url) as http:
            listed(http)


def listed(http: httpx.Client) -> None:
    by_day = http.get("/usage", params={"by": "day", "since": "2020-01-01"}).json()
    assert by_day["by"] == "day"
    assert by_day["total"]["requests"] == 3
    first = http.get("/usage/recent", params={"limit": "2"}).json()["records"]
    assert len(first) == 2
    page = {"limit": 1000, "before": first[-1]["id"]}
    rest = http.get("/usage/recent", params=page).json()["records"]
    assert len(rest) == 1
    refused(http.get("/usage/recent", params={"limit": "2.5"}), 400, "invalid_input")
    refused(http.get("/usage/recent", params={"limit": "many"}), 400, "invalid_input")
    refused(http.get("/usage", params={"by": "moon"}), 400, "invalid_input")
    refused(http.get("/usage", params={"since": "soon"}), 400, "invalid_input")
    refused(http.get("/usage", params={"sinse": "2020-01-01"}), 400, "invalid_input")


def restart(server: Server) -> None:
    """Which delivers at once what was used; a server that runs does so every minute."""
    server.stop()
    server.start()


def test_who_would_answer(http: httpx.Client) -> None:
    found = http.get("/gateway/route", params={"prompt": "hi", "model": "good"}).json()
    assert [(each["provider"], each["model"]) for each in found["steps"]] == [("good", "fake-1")]
    assert found["steps"][0]["circuit"] == "closed"
    assert http.get("/gateway/route").json()["name"] == "auto"


def test_metrics_in_both_formats(http: httpx.Client) -> None:
    ask(http).raise_for_status()
    plain = http.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    families = {each.name for each in text_string_to_metric_families(plain.text)}
    assert "conduit_gateway_requests" in families
    told = http.get("/metrics", headers={"accept": f"{OPENMETRICS}; version=1.0.0, */*;q=0.1"})
    assert told.headers["content-type"].startswith(OPENMETRICS)
    assert families == {e.name for e in openmetrics.text_string_to_metric_families(told.text)}
    assert http.head("/metrics").status_code == 200
    refused(http.post("/metrics"), 405, "method_not_allowed")


def keys(server: Server, *words: str) -> str:
    """What ``conduit keys`` prints, at the machine."""
    database = f"sqlite:///{server.home.parent / 'conduit.db'}"
    environ = {**os.environ, "CONDUIT_HOME": str(server.home), "CONDUIT_DB_URI": database}
    command = [*COMMAND, "keys", *words]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_who_shows_a_key_is_its_holder(tmp_path: Path, providers: str) -> None:
    with serving(tmp_path, providers) as server:
        with httpx.Client(base_url=server.url) as http:
            assert http.get("/presets", headers=shows("none is needed")).status_code == 200
            acme = shows(keys(server, "add", "laptop", "--org", "acme", *MAY))
            other = shows(keys(server, "add", "desk", "--org", "desk"))
            settled(lambda: ask(http).status_code == 401)
            ask(http, acme).raise_for_status()
        restart(server)
        with httpx.Client(base_url=server.url) as http:
            assert used(http, acme) == 1
            assert used(http, other) == 0
            assert used(http, {}) == 0, "the machine's own organisation"

            assert http.get("/gateway/route", headers=acme).status_code == 200
            said = refused(http.get("/presets", headers=acme), 403, "forbidden")
            assert "presets.list" in said["hint"]
            refused(http.get("/metrics", headers=acme), 403, "forbidden")
            refused(http.post("/blocks/keys.list", json={}, headers=acme), 403, "forbidden")
            offered = http.get("/blocks", headers=acme).json()["blocks"]
            rooms = {each["name"].partition(".")[0] for each in offered}
            assert rooms == {"auth", "models", "usage"}

            wrong = http.get("/usage", headers=shows(f"ck-{'a' * 46}"))
            refused(wrong, 401, "unauthenticated")
            assert wrong.headers["www-authenticate"] == "Bearer"
            of_another = http.get("/usage", headers={"x-api-key": "sk-of-another"})
            refused(of_another, 401, "unauthenticated")
            assert http.get("/presets").status_code == 200, "as whoever is at the machine"


def shows(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def used(http: httpx.Client, headers: dict[str, str]) -> int:
    return int(http.get("/usage", headers=headers).json()["total"]["requests"])
