"""Servers that want a login: a person lets Conduit in once, and what it was given is used, renewed,
kept apart and shown to nobody else."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from conduit.contracts.errors import ConfigError, Forbidden, Unauthenticated, Unavailable
from conduit.tools.mcp.connection import Connection
from conduit.tools.mcp.login import _came_with, log_in, log_out
from conduit.tools.mcp.settings import OAuthSettings, ServerSettings, read_servers
from conduit.tools.mcp.tokens import TokenFile
from conduit.tools.mcp.web import _Reachable
from tests.product.waiting import settled

GUARDED = Path(__file__).with_name("guarded.py")


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, str(GUARDED)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"

        def listens() -> bool:
            try:
                return httpx.get(f"{address}/log").status_code == 200
            except httpx.TransportError:
                return False

        settled(listens)
        yield address
        process.kill()


def came(root: str, kind: str) -> list[Any]:
    return [each for each in httpx.get(f"{root}/log").json() if kind in each]


def at(root: str, folder: Path, **oauth: Any) -> ServerSettings:
    return ServerSettings(
        "web",
        url=f"{root}/mcp",
        timeout_s=20,
        oauth=OAuthSettings(**oauth),
        tokens=folder / "mcp-tokens" / "web.json",
    )


def browse(url: str) -> None:
    """What a browser does when its person agrees."""
    threading.Thread(target=httpx.get, args=(url,), kwargs={"follow_redirects": True}).start()


async def used(server: ServerSettings, environ: dict[str, str] | None = None) -> str:
    connection = Connection(server, environ or {})
    try:
        await connection.tools()
        return (await connection.call("add", {"a": 41})).text
    finally:
        await connection.close()


async def test_a_person_lets_conduit_in_once(root: str, tmp_path: Path) -> None:
    server = at(root, tmp_path)
    for without in (server, replace(server, oauth=None)):
        with pytest.raises(Unauthenticated, match="wants somebody to log in") as asked:
            await used(without)
        assert asked.value.hint == "conduit mcp login web"
    assert [each.name for each in await log_in(server, {}, browse)] == ["add"]
    assert server.tokens is not None
    assert stat.S_IMODE(server.tokens.stat().st_mode) == 0o600
    before = len(came(root, "authorize"))
    assert await used(replace(server, oauth=None)) == "42"  # what is kept is used in any case
    assert len(came(root, "authorize")) == before
    assert log_out(server)
    assert not log_out(server)
    with pytest.raises(Unauthenticated):
        await used(server)


async def test_who_does_not_agree_is_obeyed(root: str, tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated, match="access_denied"):
        await log_in(at(root, tmp_path, scopes=("never",)), {}, browse)
    assert not (tmp_path / "mcp-tokens").exists()


async def test_what_is_kept_is_for_one_address_only(root: str, tmp_path: Path) -> None:
    server = at(root, tmp_path)
    await log_in(server, {}, browse)
    assert server.tokens is not None
    assert TokenFile(server.tokens, f"{root}/mcp").read().tokens is not None
    assert TokenFile(server.tokens, "http://127.0.0.1:1/mcp").read().tokens is None
    server.tokens.write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        await used(server)


async def test_a_token_that_has_ended_is_renewed_without_anybody(root: str, tmp_path: Path) -> None:
    server = at(root, tmp_path)
    await log_in(server, {}, browse)
    assert server.tokens is not None
    file = TokenFile(server.tokens, server.url)
    kept = file.read()
    assert kept.tokens is not None
    file.write(kept.model_copy(update={"expires_at": 1.0}))
    asked = len(came(root, "authorize"))
    assert await used(server) == "42"
    assert len(came(root, "authorize")) == asked
    assert came(root, "token")[-1]["token"]["grant_type"] == "refresh_token"
    renewed = file.read()
    assert renewed.tokens is not None
    assert renewed.tokens.access_token != kept.tokens.access_token


async def test_a_client_comes_in_as_itself(root: str, tmp_path: Path) -> None:
    given = {"client_id": "me", "client_secret": "${SECRET}", "as_itself": True}
    server = at(root, tmp_path, issuer=root, **given)
    assert await used(server, {"SECRET": "hunter22"}) == "42"
    assert server.tokens is not None
    assert "hunter22" not in server.tokens.read_text()
    elsewhere = at(root, tmp_path / "other", issuer="https://login.example.com", **given)
    shown = len(came(root, "token"))
    with pytest.raises(Unauthenticated, match="issuer"):
        await used(elsewhere, {"SECRET": "hunter22"})
    assert len(came(root, "token")) == shown


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://login.example.com/token", ["10.0.0.5"]),
        ("https://login.example.com/token", ["93.184.216.34", "127.0.0.1"]),
        ("https://169.254.169.254/latest/meta-data", []),
        ("https://localhost/x", []),
        ("http://login.example.com/token", ["93.184.216.34"]),
    ],
)
async def test_a_server_leads_nobody_into_a_network(url: str, addresses: list[str]) -> None:
    asked: list[httpx2.Request] = []

    async def inner(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200)

    async def look_up(host: str) -> list[str]:
        return addresses

    mine = httpx2.URL("https://notes.example.com/mcp")
    transport = _Reachable(httpx2.MockTransport(inner), mine, look_up)
    with pytest.raises((Forbidden, Unavailable)):
        await transport.handle_async_request(httpx2.Request("GET", url))
    assert asked == []
    await transport.handle_async_request(httpx2.Request("GET", mine))
    assert len(asked) == 1


async def test_a_public_name_is_asked_at_the_address_that_was_judged() -> None:
    asked: list[httpx2.Request] = []

    async def inner(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200)

    async def look_up(host: str) -> list[str]:
        return ["93.184.216.34"]

    mine = httpx2.URL("https://notes.example.com/mcp")
    transport = _Reachable(httpx2.MockTransport(inner), mine, look_up)
    there = httpx2.Request("POST", "https://login.example.com/token", data={"a": "b"})
    await transport.handle_async_request(there)
    (sent,) = asked
    assert sent.url == "https://93.184.216.34/token"
    assert sent.headers["host"] == "login.example.com"
    assert sent.extensions["sni_hostname"] == "login.example.com"
    assert await sent.aread() == b"a=b"


@pytest.mark.parametrize(
    ("head", "came_with"),
    [
        (b"GET /callback?code=1&state=2 HTTP/1.1", {"code": "1", "state": "2"}),
        (b"GET /callback?error=no HTTP/1.1", {"error": "no"}),
        (b"GET /favicon.ico HTTP/1.1", {}),
        (b"GET /callback HTTP/1.1", {}),
        (b"POST /callback?code=1 HTTP/1.1", {}),
        (b"\xff\xfe", {}),
        (b"GET /callback?" + b"a=1&" * 100 + b"code=1 HTTP/1.1", {}),
    ],
)
def test_what_comes_back_from_a_browser(head: bytes, came_with: dict[str, str]) -> None:
    assert _came_with(head + b"\r\n\r\n") == came_with


@pytest.mark.parametrize(
    "text",
    [
        "servers: {a: {command: x, oauth: {}}}",
        "servers: {a: {url: 'https://b/', oauth: {as_itself: true}}}",
        "servers: {a: {url: 'https://b/', oauth: {client_url: 'http://c/d'}}}",
        "servers: {a: {url: 'https://b/', oauth: {colour: red}}}",
    ],
)
def test_a_login_that_is_set_up_wrongly_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "mcp.yaml").write_text(text)
    with pytest.raises(ConfigError):
        read_servers(tmp_path)
