"""A connection to one server: opened when it is needed, anew when it broke, and not for ever.

Everything here runs in the loop of ``elsewhere``.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal

import mcp_types as types
from mcp import Client
from mcp.client.auth import OAuthFlowError
from mcp.shared.exceptions import MCPError
from pydantic import TypeAdapter

import conduit
from conduit.blocks import dumps
from conduit.contracts.errors import ConduitError, TimedOut, TooLarge, Unauthenticated, Unavailable
from conduit.contracts.json import JsonObject
from conduit.tools.mcp.answer import ToolAnswer, ToolDefinition
from conduit.tools.mcp.oauth import Consent, auth_for, has_to_log_in
from conduit.tools.mcp.pipes import Pipes
from conduit.tools.mcp.settings import ServerSettings, filled, variables_of
from conduit.tools.mcp.web import web_streams
from conduit.tools.mcp.words import plain, without

State = Literal["stopped", "starting", "ready", "broken", "given up"]

MOST_TRIES: Final = 5
"""Starts that fail one after the other, before it is given up until somebody restarts it."""
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_MOST_TOOLS: Final = 500
_MOST_PAGES: Final = 100
_LARGEST_DEFINITION: Final = 64 << 10
_LARGEST_DEFINITIONS: Final = 1 << 20
_MOST_LOOKED_AT: Final = 8 << 20
_LARGEST_ANSWER: Final = 1 << 20
_LONGEST_WORDS: Final = 400
_NOT_READ_S: Final = 1.0
_A_PERSON_S: Final = 300.0
_RESULT: Final[TypeAdapter[types.CallToolResult | types.InputRequiredResult]] = TypeAdapter(
    types.InputRequiredResult | types.CallToolResult
)


@dataclass(slots=True)
class _Open:
    """A connection that is open. ``ended`` is set when the other side has gone."""

    client: Client
    ended: asyncio.Event
    tools: tuple[ToolDefinition, ...]
    pipes: Pipes | None = None


class Connection:
    """Not more than one is open at a time; calls may be under way together."""

    def __init__(
        self,
        server: ServerSettings,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
        consent: Consent | None = None,
    ) -> None:
        """``consent`` is a person who may be asked to let Conduit in."""
        self.server = server
        self.state: State = "stopped"
        self.fault = ""
        self.starts = 0
        self._environ = environ
        self._clock = clock
        self._consent = consent
        self._lock = asyncio.Lock()
        self._open: _Open | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._failures = 0
        self._not_before = 0.0

    async def tools(self) -> tuple[ToolDefinition, ...]:
        """What it offers. Raises ``Unavailable``, ``TimedOut`` and ``ConfigError``."""
        return (await self._ready()).tools

    async def call(self, tool: str, arguments: JsonObject) -> ToolAnswer:
        """Raises ``Unavailable``, ``TimedOut``, ``TooLarge`` and ``ConfigError``."""
        link = await self._ready()
        try:
            async with asyncio.timeout(self.server.timeout_s + _NOT_READ_S):
                result = await link.client.session.send_request(
                    types.CallToolRequest(
                        params=types.CallToolRequestParams(name=tool, arguments=arguments)
                    ),
                    _RESULT,
                    request_read_timeout_seconds=self.server.timeout_s,
                )
        except MCPError as error:
            raise self._refused(link, error) from None
        except TimeoutError:  # the SDK waits without end for what it sends to be read
            self._died()
            link.ended.set()
            raise self._too_slow() from None
        except Exception as error:  # whatever the SDK makes of an answer that is no answer
            raise self._unfit(type(error).__name__) from None
        self._failures = 0
        if isinstance(result, types.InputRequiredResult):
            raise Unavailable(
                f"the MCP server {self.server.name} wants more than was asked: "
                f"{', '.join(result.input_requests or {})[:_LONGEST_WORDS]}",
                where=f"mcp.{self.server.name}",
                hint="give it in the arguments; nobody answers questions here",
            )
        return self._answer(result)

    async def restart(self) -> tuple[ToolDefinition, ...]:
        """Close it, forget its failures, and open it anew."""
        await self.close()
        self._failures, self._not_before = 0, 0.0
        return await self.tools()

    async def close(self) -> None:
        async with self._lock:
            if self._task is not None:
                self._stop.set()
                await asyncio.gather(self._task, return_exceptions=True)
            self._task = self._open = None
            self.state = "stopped"

    async def _ready(self) -> _Open:
        async with self._lock:
            if self._open is not None and not self._open.ended.is_set():
                return self._open
            if self._task is not None:  # it broke: let it finish closing
                self._stop.set()
                await asyncio.gather(self._task, return_exceptions=True)
                self._task = self._open = None
            self._require_try()
            return await self._opened()

    def _require_try(self) -> None:
        """Raise ``Unavailable`` when it is too early for another start, or too late for any."""
        name = self.server.name
        if self._failures >= MOST_TRIES:
            self.state = "given up"
            raise Unavailable(
                f"the MCP server {name} failed {self._failures} times: {self.fault}",
                where=f"mcp.{name}",
                hint=f"repair it, then call mcp.restart with server {name!r}",
            )
        wait = self._not_before - self._clock()
        if wait > 0:
            raise Unavailable(
                f"the MCP server {name} is down: {self.fault}",
                where=f"mcp.{name}",
                hint=f"it is tried again in {wait:.1f} s",
            )

    async def _opened(self) -> _Open:
        self.state = "starting"
        self.starts += 1
        self._stop = asyncio.Event()
        opened: asyncio.Future[_Open] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(opened))
        try:
            patience = _A_PERSON_S if self._consent is not None else 0.0
            async with asyncio.timeout(self.server.start_s + patience):
                self._open = await opened
        except TimeoutError:
            self._task.cancel()
            await self._failed(f"it did not answer within {self.server.start_s:g} s")
            raise TimedOut(
                f"the MCP server {self.server.name} did not answer within "
                f"{self.server.start_s:g} s",
                where=f"mcp.{self.server.name}",
                hint="start_s in mcp.yaml gives it more",
            ) from None
        except ConduitError as error:
            await self._failed(error.message)
            raise
        except asyncio.CancelledError:
            self._task.cancel()
            await self._failed("its start was broken off")
            raise
        self.state = "ready"
        return self._open

    def _died(self) -> None:
        """It ended in a call. Once, that is taken for an accident; again, for a habit."""
        if self._failures:
            self._wait()
        self._failures += 1

    def _wait(self) -> None:
        wait = min(_FIRST_WAIT_S * 2**self._failures, _LONGEST_WAIT_S)
        self._not_before = self._clock() + wait

    def _said(self, text: str) -> str:
        """What it said in an error, without the secrets that it was given."""
        secrets = [
            self._environ[name]
            for given in (*self.server.env.values(), *self.server.headers.values())
            for name in variables_of(given)
            if name in self._environ
        ]
        return plain(without(secrets, text), _LONGEST_WORDS)

    async def _failed(self, why: str) -> None:
        self.state, self.fault = "broken", why[:_LONGEST_WORDS]
        self._wait()
        self._failures += 1
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._task = self._open = None

    async def _hold(self, opened: asyncio.Future[_Open]) -> None:
        """Keep it open, in one task from beginning to end as the SDK wants it."""
        pipes: Pipes | None = None
        statuses: deque[int] = deque(maxlen=1)
        try:
            env = filled(self.server.env, self._environ, f"mcp.{self.server.name}")
            headers = filled(self.server.headers, self._environ, f"mcp.{self.server.name}")
            ended = asyncio.Event()
            streams: AbstractAsyncContextManager[Any]
            if self.server.url:
                auth = auth_for(self.server, self._environ, self._consent)
                streams = web_streams(
                    self.server.url, headers, self.server.timeout_s, auth, statuses.append
                )
            else:
                pipes = Pipes(self.server.command, env)
                ended, streams = pipes.ended, pipes.open()
            client = Client(
                streams,
                read_timeout_seconds=self.server.start_s / 3,
                client_info=types.Implementation(name="conduit", version=conduit.__version__),
                cache=None,
            )
            async with client:
                tools = await _listed(client)
                opened.set_result(_Open(client, ended, tools, pipes))
                await self._stop.wait()
        except Exception as error:
            if not opened.done():
                opened.set_exception(self._not_opened(error, pipes, 401 in statuses))

    def _not_opened(
        self, error: BaseException, pipes: Pipes | None, kept_out: bool
    ) -> ConduitError:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, ConduitError):
            return error
        why = error.error.message if isinstance(error, MCPError) else type(error).__name__
        if isinstance(error, OAuthFlowError):
            return Unauthenticated(
                f"the MCP server {self.server.name} lets nobody in: {self._said(str(error))}",
                where=f"mcp.{self.server.name}",
                hint="look at its oauth in mcp.yaml, or tell whoever runs it",
            )
        if kept_out:
            return has_to_log_in(self.server.name)
        words = (pipes.fault or pipes.last_words) if pipes is not None else ""
        return Unavailable(
            f"the MCP server {self.server.name} could not be used: {self._said(why)}"
            + (f"; it said: {words[:_LONGEST_WORDS]}" if words else ""),
            where=f"mcp.{self.server.name}",
            hint=f"is {self.server.place} an MCP server?",
        )

    def _refused(self, link: _Open, error: MCPError) -> ConduitError:
        """A call without an answer. What may have been done is not done again by itself."""
        name, code = self.server.name, error.error.code
        if code == types.REQUEST_TIMEOUT:
            return self._too_slow()
        if code == types.CONNECTION_CLOSED or link.ended.is_set():
            self.state = "broken"
            self.fault = link.pipes.fault if link.pipes is not None else ""
            self.fault = self.fault or "it ended during a call"
            self._died()
            link.ended.set()
            return Unavailable(
                f"the MCP server {name} is gone: {self.fault}",
                where=f"mcp.{name}",
                hint="call again: it is started anew; what it was doing may have been done",
            )
        if self.server.url:  # a session that is over, or a server that was started anew
            link.ended.set()
        return Unavailable(
            f"the MCP server {name} refused: {self._said(error.error.message)}",
            where=f"mcp.{name}",
        )

    def _too_slow(self) -> TimedOut:
        return TimedOut(
            f"the MCP server {self.server.name} did not answer within {self.server.timeout_s:g} s",
            where=f"mcp.{self.server.name}",
            hint="timeout_s in mcp.yaml gives it more",
        )

    def _unfit(self, what: str) -> Unavailable:
        return Unavailable(
            f"what the MCP server {self.server.name} sent is not its protocol ({what})",
            where=f"mcp.{self.server.name}",
            hint="tell whoever made it",
        )

    def _answer(self, result: types.CallToolResult) -> ToolAnswer:
        texts = [each.text for each in result.content if isinstance(each, types.TextContent)]
        text = "\n".join(texts)
        answer = ToolAnswer(
            success=not result.is_error,
            text="" if result.is_error else text,
            structured=result.structured_content,
            others=[
                each.model_dump(mode="json", by_alias=True, exclude_none=True)
                for each in result.content
                if not isinstance(each, types.TextContent)
            ],
            reason=(text or "it says that it failed") if result.is_error else "",
        )
        if (size := len(dumps(answer))) > _LARGEST_ANSWER:
            raise TooLarge(
                f"the answer has {size} bytes, and {_LARGEST_ANSWER} are taken",
                where=f"mcp.{self.server.name}",
                hint="ask for less",
            )
        return answer


async def _listed(client: Client) -> tuple[ToolDefinition, ...]:
    """All its tools, page by page, up to a number and a size: models read them. One whose
    description is too large is left out."""
    found: dict[str, ToolDefinition] = {}
    cursor: str | None = None
    room, looked_at = _LARGEST_DEFINITIONS, 0
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            size = len(tool.model_dump_json())
            looked_at += size
            if len(found) < _MOST_TOOLS and size <= min(_LARGEST_DEFINITION, room):
                room -= size
                found.setdefault(tool.name, _definition(tool))
        if not page.next_cursor or page.next_cursor == cursor or len(found) == _MOST_TOOLS:
            break
        if looked_at > _MOST_LOOKED_AT:
            break
        cursor = page.next_cursor
    return tuple(found.values())


def _definition(tool: types.Tool) -> ToolDefinition:
    hints = tool.annotations
    return ToolDefinition(
        name=tool.name,
        description=tool.description or tool.title or "",
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        read_only=bool(hints and hints.read_only_hint),
    )
