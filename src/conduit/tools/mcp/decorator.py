"""``@mcp_tool``: the tools of a server as blocks of a Python program.

::

    @mcp_tool(
        server_command="npx",
        server_args=["-y", "perplexity-mcp"],
        env={"PERPLEXITY_API_KEY": "${PERPLEXITY_API_KEY}"},
    )
    class PerplexityTools:
        pass  # found out from the server

    answer = PerplexityTools("search", query="four on the floor")
    step = PerplexityTools.block("search")  # for a pipeline, or a catalog
"""

from __future__ import annotations

import atexit
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from conduit.blocks import Block, decode
from conduit.contracts.errors import ConfigError, NotFound
from conduit.contracts.json import JsonObject
from conduit.tools.mcp.answer import ToolAnswer, ToolDefinition
from conduit.tools.mcp.elsewhere import THERE
from conduit.tools.mcp.settings import ServerSettings
from conduit.tools.mcp.tool_block import tool_blocks

if TYPE_CHECKING:
    from conduit.tools.mcp.connection import Connection

_CLOSE_S: Final = 10.0


class McpTools:
    """A server's tools. It is started with the first look at them, and ends with the program, or
    with ``close``."""

    def __init__(self, server: ServerSettings, environ: Mapping[str, str]) -> None:
        self._server = server
        self._environ = environ
        self._connection: Connection | None = None
        self._found: dict[str, Block[Any, Any]] = {}

    @property
    def blocks(self) -> dict[str, Block[Any, Any]]:
        """Every tool as a block, by the tool's own name. Raises ``Unavailable``, ``TimedOut`` and
        ``ConfigError``."""
        if not self._found:
            tools = THERE.run_blocking(self._opened().tools(), self._server.start_s * 2)
            made = tool_blocks(self._server.name, tools, self._call)
            self._found = {tool.name: each for tool, each in made.values()}
        return dict(self._found)

    def block(self, tool: str) -> Block[Any, Any]:
        """One of them. Raises ``NotFound``, and what ``blocks`` raises."""
        found = self.blocks
        if tool not in found:
            raise NotFound(
                f"the MCP server has no tool {tool[:80]!r}",
                where=self._server.name,
                hint=f"it has {', '.join(found)[:400] or 'none'}",
            )
        return found[tool]

    def __call__(self, tool: str, **arguments: Any) -> ToolAnswer:
        """Call a tool by its own name. Raises ``InvalidInput`` for arguments that do not fit its
        schema, and what the server fails with."""
        block = self.block(tool)
        answer: ToolAnswer = block(decode(block.input_type, arguments, where=tool))
        return answer

    def close(self) -> None:
        """End the server."""
        if self._connection is not None:
            THERE.run_blocking(self._connection.close(), _CLOSE_S)

    async def _call(self, tool: ToolDefinition, arguments: JsonObject) -> ToolAnswer:
        return await THERE.run(self._opened().call(tool.name, arguments))

    def _opened(self) -> Connection:
        if self._connection is None:
            from conduit.tools.mcp.connection import Connection  # two thirds of a second

            self._connection = Connection(self._server, self._environ)
            atexit.register(self.close)
        return self._connection


def mcp_tool(
    server_command: str | Sequence[str],
    server_args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    *,
    timeout_s: float = 60.0,
    environ: Mapping[str, str] | None = None,
) -> Callable[[type], McpTools]:
    """Put it on an empty class, whose name becomes that of the server. ``env`` is what its process
    gets beside the least it needs; ``${VARIABLES}`` are looked up in ``environ``, the environment
    of this process unless given.

    Raises ``ConfigError``.
    """
    command = (server_command,) if isinstance(server_command, str) else tuple(server_command)
    command = (*command, *server_args)
    if not command or not all(isinstance(each, str) and each for each in command):
        raise ConfigError(
            "there is no command to start the server with",
            where="mcp_tool",
            hint='server_command="npx", server_args=["-y", "some-mcp-server"]',
        )

    def wrap(cls: type) -> McpTools:
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower().removesuffix("_tools")
        name = re.sub(r"[^a-z0-9_]", "", plain).lstrip("_0123456789")[:32] or "server"
        settings = ServerSettings(name, command, dict(env or {}), timeout_s=timeout_s)
        return McpTools(settings, os.environ if environ is None else environ)

    return wrap
