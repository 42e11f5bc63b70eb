"""``/mcp`` as an ASGI application: who may have how many sessions, and whose they are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from conduit.blocks import Gate
from conduit.store.files import DiskFiles
from conduit.surfaces.mcp.http import McpOverHttp
from tests.surfaces.mcp.few_blocks import ANYBODY, Texts

OTHER = replace(ANYBODY, subject="other")
NARROWER = replace(ANYBODY, permissions=frozenset({"number.*"}))
WHO = {"anybody": ANYBODY, "other": OTHER, "narrower": NARROWER}
HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
BEGIN = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "by hand", "version": "1"},
}


@pytest.fixture
def states() -> list[dict[str, Any]]:
    """The state of each request, as a session that goes on holds it."""
    return []


@pytest.fixture
async def client(
    gate: Gate, files: DiskFiles, states: list[dict[str, Any]]
) -> AsyncIterator[httpx.AsyncClient]:
    mcp = McpOverHttp(gate, files, Texts(), most_sessions=4, most_each=2)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        who = dict(scope["headers"])[b"who"].decode()
        state = {"principal": WHO[who], "correlation_id": "correlation-1"}
        states.append(state)
        await mcp({**scope, "state": state}, receive, send)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made
    assert mcp._running is not None
    mcp._running.cancel()


async def post(client: httpx.AsyncClient, who: str, method: str, **headers: str) -> httpx.Response:
    params = {"params": BEGIN} if method == "initialize" else {}
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, **params}
    return await client.post(
        "/mcp", content=json.dumps(asked), headers={**HEADERS, "who": who, **headers}
    )


async def test_nobody_takes_the_places_of_others(client: httpx.AsyncClient) -> None:
    opened = [await post(client, "anybody", "initialize") for _ in range(3)]
    assert [each.status_code for each in opened] == [200, 200, 503]
    assert "2026-07-28" in opened[2].json()["error"]["message"]
    assert (await post(client, "other", "initialize")).status_code == 200
    mine = {"mcp-session-id": opened[0].headers["mcp-session-id"]}
    assert (await post(client, "anybody", "ping", **mine)).status_code == 200


async def test_a_session_is_for_the_same_rights(client: httpx.AsyncClient) -> None:
    opened = await post(client, "anybody", "initialize")
    session = {"mcp-session-id": opened.headers["mcp-session-id"]}
    for who in ("other", "narrower"):
        assert (await post(client, who, "ping", **session)).status_code == 404


async def test_a_session_holds_no_list_that_it_was_given(
    client: httpx.AsyncClient, states: list[dict[str, Any]]
) -> None:
    opened = await post(client, "anybody", "initialize")
    session = {"mcp-session-id": opened.headers["mcp-session-id"]}
    listed = await post(client, "anybody", "tools/list", **session)
    assert "inputSchema" in listed.text
    assert states[-1].keys() >= {"principal"}
    assert max(len(str(value)) for value in states[-1].values()) < len(listed.content) / 4


async def test_spaces_after_a_value_are_none_of_it(client: httpx.AsyncClient) -> None:
    said = await post(client, "anybody", "initialize", **{"content-type": "application/json "})
    assert said.status_code == 200
