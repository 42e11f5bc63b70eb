"""The Model Context Protocol of the product: over HTTP and over pipes, by the official client, and
by clients that keep to nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters

from tests.product.server import COMMAND, Server, serving
from tests.product.waiting import settled

VERSIONS = {"legacy": "2025-11-25", "auto": "2026-07-28"}
NEW = "2026-07-28"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("mcp")) as server:
        yield server


def pipes(home: Path) -> StdioServerParameters:
    env = {**os.environ, "CONDUIT_HOME": str(home), "CONDUIT_DB_URI": f"sqlite:///{home}/c.db"}
    return StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "mcp"], env=env, cwd=home)


async def play(client: Client) -> None:
    """Render a groove, and read it back."""
    result = await client.call_tool("groove_render", {"style": "dub", "bars": 4})
    assert not result.is_error
    uri = f"groove://{result.structured_content['groove_id']}"
    listed = (await client.list_resources()).resources
    assert uri in {each.uri for each in listed}
    midi, request = (await client.read_resource(uri)).contents
    assert midi.mime_type == "audio/midi"
    assert json.loads(request.text)["style"] == "dub"  # type: ignore[union-attr]  # it is text
    refused = await client.call_tool("shell_run", {"shell_command": "id"})
    assert refused.is_error
    assert refused.structured_content["error"]["code"] == "forbidden"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_over_http(server: Server, mode: str) -> None:
    async with Client(f"{server.url}/mcp", mode=mode) as client:
        assert client.protocol_version == VERSIONS[mode]
        await play(client)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_over_pipes(tmp_path: Path, mode: str) -> None:
    async with Client(pipes(tmp_path), mode=mode) as client:
        assert client.protocol_version == VERSIONS[mode]
        await play(client)


def test_nothing_but_the_protocol_comes_out_of_the_pipe(tmp_path: Path) -> None:
    parameters = pipes(tmp_path)
    begin = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
    begin["clientInfo"] = {"name": "by hand", "version": "1"}
    lines = [
        "this is no JSON",
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": begin}),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "no/such"}),
    ]
    with subprocess.Popen(
        [parameters.command, *parameters.args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=parameters.env,
        cwd=tmp_path,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write("\n".join(lines) + "\n")
        process.stdin.flush()
        said: dict[int, Any] = {}
        while 2 not in said:
            each = json.loads(process.stdout.readline())
            said[each.get("id")] = each
        process.stdin.close()
        assert process.stdout.read() == ""
        assert "Traceback" not in process.stderr.read()
    assert "result" in said[1]
    assert said[2]["error"]["code"] == -32601
    assert process.returncode == 0


def post(server: Server, content: bytes, **headers: str) -> httpx.Response:
    usual = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
    }
    return httpx.post(f"{server.url}/mcp", content=content, headers={**usual, **headers})


def modern(method: str, **params: Any) -> bytes:
    meta = {
        "io.modelcontextprotocol/protocolVersion": NEW,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    asked = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {**params, "_meta": meta}}
    return json.dumps(asked).encode()


def routed(method: str, name: str = "") -> dict[str, str]:
    named = {"mcp-name": name} if name else {}
    return {"mcp-protocol-version": NEW, "mcp-method": method, **named}


def test_a_request_stands_alone(server: Server) -> None:
    said = post(server, modern("tools/list"), **routed("tools/list"))
    assert said.status_code == 200
    assert "mcp-session-id" not in said.headers
    result = said.json()["result"]
    assert result["ttlMs"] > 0
    assert result["cacheScope"] == "private"


@pytest.mark.parametrize("version", ["", NEW])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
        (b'{"id":1}', -32600),
    ],
)
def test_what_is_no_message_is_refused(
    server: Server, version: str, body: bytes, code: int
) -> None:
    headers = {"mcp-protocol-version": version} if version else {}
    said = post(server, body, **headers)
    assert said.status_code == 400
    # The revision 2025-11-25 leaves the code of an invalid message to the server.
    assert said.json()["error"]["code"] in ({code} if version else {code, -32602})


def test_an_unknown_method_is_said(server: Server) -> None:
    said = post(server, modern("no/such"), **routed("no/such"))
    assert said.status_code == 404
    assert said.json()["error"]["code"] == -32601


def test_a_header_that_says_another_thing_is_refused(server: Server) -> None:
    said = post(server, modern("tools/list"), **routed("prompts/list"))
    assert said.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example.com"},
        {"origin": "https://evil.example.com"},
        {"origin": "null"},
        {"host": "evil.example.com", "origin": "http://evil.example.com"},
    ],
)
def test_pages_of_others_do_not_get_in(server: Server, headers: dict[str, str]) -> None:
    """Also not by DNS rebinding, where both names are theirs."""
    said = post(server, modern("tools/list"), **routed("tools/list"), **headers)
    assert said.status_code == 403
    assert "tools" not in said.text


def test_too_much_is_refused(server: Server) -> None:
    said = post(server, b'"' + b"x" * (9 << 20), **routed("tools/list"))
    assert said.status_code == 413


def test_a_session_nobody_opened_is_not_opened(server: Server) -> None:
    chosen = "0123456789abcdef0123456789abcdef"
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    said = post(server, body, **{"mcp-session-id": chosen})
    assert said.status_code == 404


def test_servers_of_the_file_and_sessions_of_a_key(tmp_path: Path) -> None:
    """A session is no secret that is worth stealing: without the key it opens nothing. What other
    servers offer is there for whom it was allowed to."""
    honest = Path(__file__).parents[1] / "tools" / "mcp" / "honest.py"
    command = {"command": sys.executable, "args": [str(honest)]}
    home = tmp_path / "home"
    home.mkdir()
    (home / "mcp.yaml").write_text(json.dumps({"servers": {"honest": command}}))
    (home / "access.yaml").write_text("remote: [mcp.honest.add]\n")
    with serving(tmp_path) as server:
        made = subprocess.run(
            [*COMMAND, "keys", "add", "one", "--json"],
            capture_output=True,
            text=True,
            env=server.environ,
            cwd=server.home,
            check=True,
        )
        begin = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "by hand", "version": "1"},
        }
        opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": begin}
        mine = {"authorization": f"Bearer {json.loads(made.stdout)['key']}"}
        wrong = {"authorization": "Bearer ck-wrong"}
        models = f"{server.url}/v1/models"
        settled(lambda: httpx.get(models, headers=wrong).status_code == 401)  # it knows the key
        opened = post(server, json.dumps(opening).encode(), **mine)
        session = {"mcp-session-id": opened.headers["mcp-session-id"]}
        ping = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "ping"}).encode()
        assert post(server, ping, **session, **mine).status_code == 200
        assert post(server, ping, **session).status_code == 404
        assert post(server, ping, **session, **wrong).status_code == 401

        async def found() -> Any:
            async with Client(f"{server.url}/mcp", cache=None) as client:
                for _ in range(300):
                    listed = await client.call_tool("mcp_servers", {})
                    if listed.structured_content["servers"][0]["state"] == "ready":
                        break
                    await asyncio.sleep(0.1)
                return (
                    await client.call_tool("mcp_honest_add", {"a": 41}),
                    await client.call_tool("mcp_honest_stop", {}),
                )

        added, refused = asyncio.run(found())
        assert added.structured_content["structured"] == {"result": 42}
        assert refused.structured_content["error"]["code"] == "forbidden"
