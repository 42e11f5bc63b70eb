"""Tokens over the wire: a key exchanged for one that ends soon, and what it opens."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.product.answers import refused
from tests.product.server import COMMAND, Server, serving
from tests.product.waiting import settled

STYLES = {"name": "groove.styles", "arguments": {}}


def post(client: httpx.Client, path: str, body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def add_key(server: Server, name: str, *more: str) -> str:
    done = subprocess.run(
        [*COMMAND, "keys", "add", name, *more],
        env=server.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    with serving(tmp_path_factory.mktemp("keyed")) as running:
        key = add_key(running, "bridge", "--permissions", "groove.*", "--permissions", "models.*")
        settled(lambda: httpx.get(running.url + "/v1/models").status_code == 401)
        yield running, key


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_without_keys_the_bridge_of_this_machine_gets_a_token(http: httpx.Client) -> None:
    reply = post(http, "/auth/token", {})
    assert set(reply) == {"access_token", "token_type", "expires_in", "scope"}
    assert (reply["token_type"], reply["expires_in"]) == ("Bearer", 900)
    made = http.post(
        "/planner/execute", json={"steps": [STYLES]}, headers=bearer(reply["access_token"])
    )
    assert made.json()["status"] == "success"


def test_a_token_opens_what_its_key_does(keyed: tuple[Server, str]) -> None:
    server, key = keyed
    with httpx.Client(base_url=server.url, timeout=20) as client:
        refused(client.post("/auth/token"), 401, "unauthenticated")
        answer = client.post("/auth/token", headers=bearer(key))
        assert answer.headers["cache-control"] == "no-store"
        token = answer.json()["access_token"]
        assert answer.json()["scope"] == "groove.* models.*"
        assert client.get("/v1/models", headers=bearer(token)).status_code == 200
        assert client.post("/blocks/groove.styles", headers=bearer(token)).status_code == 200
        refused(client.post("/blocks/help.text", headers=bearer(token)), 403, "forbidden")
        refused(client.post("/auth/token", headers=bearer(token)), 401, "unauthenticated")
        changed = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
        refused(client.post("/blocks/groove.styles", headers=bearer(changed)), 401,
                "unauthenticated")  # fmt: skip
        assert client.get("/v1/models", headers=bearer(changed)).status_code == 401
        assert key not in server.log
        assert token not in server.log


def test_the_form_of_oauth(keyed: tuple[Server, str]) -> None:
    server, key = keyed
    form = {"grant_type": "client_credentials", "scope": "groove.styles", "other": "ignored"}
    with httpx.Client(base_url=server.url, timeout=20) as client:
        ways = (
            {"data": form | {"client_id": "bridge", "client_secret": key}},
            {"data": form, "auth": ("bridge", key)},
            {"data": form, "headers": bearer(key)},
        )
        for way in ways:
            reply = client.post("/auth/token", **way).json()  # type: ignore[arg-type]  # of each
            assert reply["scope"] == "groove.styles"
            token = bearer(reply["access_token"])
            assert client.post("/blocks/groove.styles", headers=token).status_code == 200
            refused(client.post("/blocks/groove.render", headers=token), 403, "forbidden")
        faults: tuple[tuple[dict[str, Any], int, str], ...] = (
            ({"data": {"grant_type": "password"}}, 400, "unsupported_grant_type"),
            ({"data": form}, 401, "invalid_client"),
            ({"data": form, "auth": ("other", key)}, 401, "invalid_client"),
            ({"data": form | {"scope": "shell.run"}, "headers": bearer(key)}, 400, "invalid_scope"),
            ({"content": "grant_type=client_credentials&grant_type=x"}, 400, "invalid_request"),
            ({"content": "a=%ff"}, 400, "invalid_request"),
            ({"content": "&".join(f"a{n}=1" for n in range(50))}, 400, "invalid_request"),
            ({"content": "a" * 20_000}, 400, "invalid_request"),
        )
        kind = {"content-type": "application/x-www-form-urlencoded"}
        for sent, status, code in faults:
            headers = kind | sent.get("headers", {})
            answer = client.post("/auth/token", **{**sent, "headers": headers})
            assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
            said = answer.json()["error_description"]
            assert said.isascii()
            assert '"' not in said
        broken = kind | {"authorization": "Basic " + base64.b64encode(b"nocolon").decode()}
        assert client.post("/auth/token", data=form, headers=broken).status_code == 401


def test_a_key_that_is_taken_away_takes_its_tokens_along(keyed: tuple[Server, str]) -> None:
    server, _ = keyed
    key = add_key(server, "short-lived")
    with httpx.Client(base_url=server.url, timeout=20) as client:
        settled(lambda: client.post("/auth/token", headers=bearer(key)).status_code == 200)
        token = client.post("/auth/token", headers=bearer(key)).json()["access_token"]
        assert client.post("/blocks/groove.styles", headers=bearer(token)).status_code == 200
        remove = [*COMMAND, "keys", "remove", "short-lived"]
        subprocess.run(remove, env=server.environ, check=True, timeout=30, capture_output=True)
        styles = "/blocks/groove.styles"
        settled(lambda: client.post(styles, headers=bearer(token)).status_code == 401)
