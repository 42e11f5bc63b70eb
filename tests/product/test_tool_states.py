"""Tools switched over HTTP and by the command, in processes of their own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from mcp import Client

from conduit.surfaces.grpc.generated.conduit.v1 import blocks_pb2
from conduit.surfaces.grpc.generated.conduit.v1.blocks_pb2_grpc import BlockServiceStub
from tests.product.server import COMMAND, Server, serving
from tests.product.waiting import settled


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tools")
    (folder / "home").mkdir()
    (folder / "home" / "access.yaml").write_text("remote: [tools.enable, tools.disable]\n")
    with serving(folder) as running:
        yield running


def command(server: Server, *words: str) -> Any:
    done = subprocess.run(
        [*COMMAND, "tools", *words, "--json"],
        env=server.environ,
        cwd=server.home,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return json.loads(done.stdout)


def styles(server: Server) -> httpx.Response:
    return httpx.post(f"{server.url}/blocks/groove.styles", json={})


def test_over_http(server: Server) -> None:
    off = httpx.post(f"{server.url}/tools/groove_styles/disable", json={})
    assert [each["on"] for each in off.json()["tools"]] == [False]
    refused = styles(server)
    assert refused.status_code == 403
    assert "switched off" in refused.json()["error"]["message"]
    listed = httpx.get(f"{server.url}/tools").json()["tools"]
    assert [each["name"] for each in listed if "switched off" in each["why"]] == ["groove.styles"]
    httpx.post(f"{server.url}/tools/groove_styles/enable", json={})
    assert styles(server).status_code == 200
    refused = httpx.post(f"{server.url}/tools/groove_styles/reset", json={})
    assert refused.status_code == 403, "access.yaml does not name it"
    assert httpx.post(f"{server.url}/tools/no.such/disable", json={}).status_code == 404


# Two processes more, hence some seconds where the machine is slow.
def test_a_command_is_heeded_by_a_running_server(server: Server) -> None:
    assert styles(server).status_code == 200
    command(server, "disable", "groove_styles")
    settled(lambda: styles(server).status_code == 403)
    command(server, "enable", "groove_styles")
    settled(lambda: styles(server).status_code == 200)


def test_ones_own_switch_needs_no_permission(server: Server) -> None:
    address = f"{server.url}/tools/help.text/mine"
    assert httpx.post(address, json={"on": False}).status_code == 200
    assert httpx.post(f"{server.url}/blocks/help.text", json={}).status_code == 403
    assert httpx.post(address, json={"on": True}).status_code == 200
    assert httpx.post(f"{server.url}/blocks/help.text", json={}).status_code == 200


def test_what_is_switched_off_is_in_no_list(server: Server) -> None:
    planned = {"objective": "call help.text and then groove.styles"}

    async def over_mcp() -> set[str]:
        async with Client(f"{server.url}/mcp") as client:
            return {tool.title or "" for tool in (await client.list_tools()).tools}

    def lists() -> list[bool]:
        """Whether help.text is in each."""
        with grpc.insecure_channel(server.grpc) as channel:
            listed = BlockServiceStub(channel).List(blocks_pb2.ListRequest(prefix="help.")).blocks
        said = {"messages": [{"role": "user", "content": "hi"}], "functions": ["help.text"]}
        return [
            "help.text" in [each["name"] for each in over_http("/blocks")["blocks"]],
            "/blocks/help.text" in over_http("/openapi.json")["paths"],
            "help.text" in [each.name for each in listed],
            "help.text" in asyncio.run(over_mcp()),
            httpx.post(f"{server.url}/chat", json=said, timeout=20).status_code == 200,
            httpx.post(f"{server.url}/planner/reason", json=planned).status_code == 200,
        ]

    def over_http(path: str) -> Any:
        return httpx.get(f"{server.url}{path}", timeout=20).json()

    assert lists() == [True] * 6
    httpx.post(f"{server.url}/tools/help.text/mine", json={"on": False})
    try:
        assert lists() == [False] * 6
    finally:
        httpx.post(f"{server.url}/tools/help.text/mine", json={"on": True})
