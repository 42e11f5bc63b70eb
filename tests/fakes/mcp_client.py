"""Our client as the official conformance suite starts it: an address as its last argument, the
scenario and what belongs to it in the environment. The person at its browser agrees to all.

    python -m tests.fakes.mcp_client http://127.0.0.1:PORT/mcp
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from mcp.shared.auth import AuthorizationCodeResult

from conduit.contracts.errors import ConduitError
from conduit.tools.mcp.connection import Connection
from conduit.tools.mcp.settings import OAuthSettings, ServerSettings

SCENARIO = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
ARGUMENTS: dict[str, Any] = {
    "string": "text",
    "integer": 2,
    "number": 2,
    "boolean": True,
    "array": [],
    "object": {},
}


class Agrees:
    """Somebody who is sent to a page, and comes back at once."""

    callback = "http://127.0.0.1:3000/callback"

    def __init__(self) -> None:
        self._came: dict[str, str] = {}

    async def ask(self, url: str) -> None:
        async with httpx.AsyncClient() as client:
            sent_back = (await client.get(url)).headers["location"]
        found = parse_qs(urlsplit(sent_back).query)
        self._came = {name: values[0] for name, values in found.items()}

    async def answer(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(
            code=self._came["code"], state=self._came.get("state"), iss=self._came.get("iss")
        )


def settings(url: str, folder: Path) -> ServerSettings:
    given = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    oauth = None
    if SCENARIO.startswith("auth/"):
        oauth = OAuthSettings(
            client_id=given.get("client_id", ""),
            client_secret=given.get("client_secret", ""),
            issuer=given.get("issuer", ""),
            as_itself="client-credentials" in SCENARIO,
            client_url="https://conformance-test.local/client-metadata.json"
            if SCENARIO == "auth/basic-cimd"
            else "",
        )
    tokens = folder / "tokens" / "peer.json"
    return ServerSettings("peer", url=url, timeout_s=60, start_s=120, oauth=oauth, tokens=tokens)


def example(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        name: ARGUMENTS.get(each.get("type", "string"), "text")
        for name, each in schema.get("properties", {}).items()
    }


async def main(url: str) -> None:
    given = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    with tempfile.TemporaryDirectory() as folder:
        connection = Connection(settings(url, Path(folder)), {}, consent=Agrees())
        try:
            tools = await connection.tools()
            calls = [(each["name"], each["arguments"]) for each in given.get("toolCalls", [])]
            echoed = {"schema": tools[0].input_schema}
            calls = calls or [
                (t.name, echoed if t.name == "json_schema_echo" else example(t.input_schema))
                for t in tools
            ]
            for name, arguments in calls:
                try:
                    print(name, await connection.call(name, arguments))
                except ConduitError as error:
                    print(name, "failed:", error)
        finally:
            await connection.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[-1]))
    except ConduitError as error:
        sys.exit(str(error))
