"""The servers of ``mcp.yaml``, their tools as blocks, and how they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from conduit.blocks import Block, Effects, Length, NoOp, block
from conduit.contracts.errors import ConduitError, ConfigError, Conflict, NotFound
from conduit.contracts.json import JsonObject
from conduit.tools.mcp.answer import ToolAnswer, ToolDefinition
from conduit.tools.mcp.elsewhere import THERE
from conduit.tools.mcp.settings import ServerSettings
from conduit.tools.mcp.tool_block import require_same, tool_blocks

if TYPE_CHECKING:
    from conduit.tools.mcp.connection import Connection

LogIn = Callable[
    [ServerSettings, Mapping[str, str], Callable[[str], None]],
    Awaitable[tuple[ToolDefinition, ...]],
]

log = logging.getLogger("conduit.mcp")


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """A server: ``state`` is stopped, starting, ready, broken or given up; ``fault`` is why it is
    not ready."""

    name: str
    place: str
    state: str
    fault: str
    starts: int
    blocks: list[str]


@dataclass(frozen=True, slots=True)
class ServerList:
    """All servers of mcp.yaml."""

    servers: list[ServerStatus]


@dataclass(frozen=True, slots=True)
class WhichServer:
    """One server."""

    server: Annotated[str, Length(1, 32), "its name in mcp.yaml"]


class Servers:
    """``add`` puts a block where it can be called."""

    def __init__(
        self,
        servers: Sequence[ServerSettings],
        environ: Mapping[str, str],
        add: Callable[[Block[Any, Any]], None],
    ) -> None:
        self._settings = {each.name: each for each in servers}
        self._environ = environ
        self._add = add
        self._connections: dict[str, Connection] = {}
        self._blocks: dict[str, dict[str, ToolDefinition]] = {name: {} for name in self._settings}
        self._discovering: asyncio.Task[None] | None = None

    def discover_later(self) -> None:
        """Start all of them in the background, and offer what they have as it comes."""
        if self._settings and self._discovering is None:
            self._discovering = asyncio.create_task(self.discover(), name="mcp discovery")

    async def discover(self) -> None:
        """Start all of them. One that fails is only told: the others are there."""
        await asyncio.gather(*map(self._discover, self._settings))

    async def discover_for(self, names: Iterable[str]) -> None:
        """Start those whose blocks are named, like ``mcp.search.query`` or ``mcp.search.*``, and no
        others. One that fails is only told."""
        await asyncio.gather(*map(self._discover, sorted(self._meant(names))))

    async def require(self, block: str) -> None:
        """Start the server whose block this is, where it is one's. Raises what keeps it from
        starting."""
        for name in self._meant([block]):
            await self._offered(name)

    def _meant(self, names: Iterable[str]) -> set[str]:
        parts = [each.split(".") for each in names if each.startswith("mcp.")]
        if any(each[1:] == ["*"] for each in parts):
            return set(self._settings)
        return {each[1] for each in parts if len(each) > 2 and each[1] in self._settings}

    async def log_in(self, name: str, show: Callable[[str], None]) -> ServerStatus:
        """Have a person let Conduit in. ``show`` brings them to a page. Raises ``NotFound``,
        ``ConfigError`` for a server that has no address, and what the server fails with."""
        settings = self._at_address(name)
        log_in = await asyncio.to_thread(_log_in)
        self._offer(name, await log_in(settings, self._environ, show))
        return self._status(name)

    async def log_out(self, name: str) -> bool:
        """Forget what it let Conduit in with, and say whether there was anything. Raises
        ``NotFound``, ``ConfigError`` and ``StoreError``."""
        settings = self._at_address(name)
        log_out = await asyncio.to_thread(_log_out)
        return await asyncio.to_thread(log_out, settings)

    def _at_address(self, name: str) -> ServerSettings:
        settings = self._known(name)
        if not settings.url:
            raise ConfigError(
                f"the MCP server {name} is a command: there is nowhere to log in",
                where=f"mcp.{name}",
                hint="a command gets its secrets in env",
            )
        return settings

    def _known(self, name: str) -> ServerSettings:
        if name not in self._settings:
            known = ", ".join(self._settings) or "none yet"
            raise NotFound(f"there is no MCP server {name[:80]!r}", hint=f"there are: {known}")
        return self._settings[name]

    async def close(self) -> None:
        """End every server that was started."""
        if self._discovering is not None:
            self._discovering.cancel()
            await asyncio.gather(self._discovering, return_exceptions=True)
        await asyncio.gather(
            *(THERE.run(each.close()) for each in self._connections.values()),
            return_exceptions=True,
        )

    async def status(self) -> ServerList:
        return ServerList([self._status(name) for name in self._settings])

    async def restart(self, name: str) -> ServerStatus:
        """Raises ``NotFound``, and what keeps it from starting."""
        self._known(name)
        connection = await self._connection(name)
        self._offer(name, await THERE.run(connection.restart()))
        return self._status(name)

    async def _discover(self, name: str) -> None:
        try:
            await self._offered(name)
        except ConduitError as error:
            log.warning("the MCP server %s is not there: %s", name, error.message)

    async def _offered(self, name: str) -> None:
        connection = await self._connection(name)
        self._offer(name, await THERE.run(connection.tools()))

    async def _connection(self, name: str) -> Connection:
        """The SDK takes two thirds of a second to load, so it is loaded in a thread."""
        if name not in self._connections:
            made = await asyncio.to_thread(_connection_class)
            self._connections.setdefault(name, made(self._settings[name], self._environ))
        return self._connections[name]

    def _offer(self, name: str, tools: Sequence[ToolDefinition]) -> None:
        """Blocks for the tools that are wanted and not there yet. What is there stays what it is: a
        tool that calls itself something else now is refused when it is called."""
        wanted = self._settings[name].tools
        known = self._blocks[name]
        seen = {tool.name for tool in known.values()}
        fresh = [
            each for each in tools if each.name not in seen and (not wanted or each.name in wanted)
        ]

        async def call(tool: ToolDefinition, arguments: JsonObject) -> ToolAnswer:
            return await self._call(name, tool, arguments)

        for title, (tool, made) in tool_blocks(name, fresh, call).items():
            try:
                self._add(made)
            except Conflict as error:
                log.warning("a tool of the MCP server %s has no place: %s", name, error.message)
                continue
            known[title] = tool

    async def _call(self, name: str, tool: ToolDefinition, arguments: JsonObject) -> ToolAnswer:
        connection = await self._connection(name)
        require_same(tool, await THERE.run(connection.tools()), f"mcp.{name}")
        return await THERE.run(connection.call(tool.name, arguments))

    def _status(self, name: str) -> ServerStatus:
        settings, connection = self._settings[name], self._connections.get(name)
        return ServerStatus(
            name=name,
            place=settings.place,
            state=connection.state if connection else "stopped",
            fault=connection.fault if connection and connection.state != "ready" else "",
            starts=connection.starts if connection else 0,
            blocks=sorted(self._blocks[name]),
        )


def _connection_class() -> type[Connection]:
    from conduit.tools.mcp.connection import Connection

    return Connection


def _log_in() -> LogIn:
    from conduit.tools.mcp.login import log_in

    return log_in


def _log_out() -> Callable[[ServerSettings], bool]:
    from conduit.tools.mcp.login import log_out

    return log_out


def server_blocks(servers: Servers) -> tuple[Block[Any, Any], ...]:
    """``mcp.servers`` and ``mcp.restart``."""

    @block("mcp.servers", summary="List the MCP servers and how they are", effects=Effects.READS)
    async def list_servers(_: NoOp) -> ServerList:
        return await servers.status()

    @block(
        "mcp.restart",
        summary="Start an MCP server anew",
        guarded=True,
        effects=Effects.RUNS_COMMANDS | Effects.NETWORK,
    )
    async def restart(which: WhichServer) -> ServerStatus:
        return await servers.restart(which.server)

    return (list_servers, restart)
