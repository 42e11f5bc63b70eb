"""A server made with the SDK: over pipes, or with ``--http`` over HTTP at a port it prints."""

from __future__ import annotations

import os
import socket
import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("honest")


@server.tool()
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@server.tool(name="Shout-It!")
def shout(text: str) -> str:
    """Say it loud."""
    return text.upper()


@server.tool()
def environment(name: str) -> str:
    """What a variable is here."""
    return os.environ.get(name, "nothing")


@server.tool()
def stop() -> str:
    """End at once, in the middle of the call."""
    os._exit(3)


@server.tool()
def large(size: int) -> str:
    """So many letters."""
    return "x" * size


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("it is broken")


if "--http" in sys.argv:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    print(port, flush=True)
    server.run("streamable-http", port=port)
else:
    server.run("stdio")
