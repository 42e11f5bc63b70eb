"""Telling clients what has changed: tools, prompts, resources, and resources they asked about.

In 2026-07-28 a client listens (``subscriptions/listen``); in 2025-11-25 a session is told, of
single resources those that it subscribed to. Somebody looks once a second, on behalf of each caller
that is listening, and only where there may be something: at the tools, which are all in memory, and
at the rest when something was written in the organisation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError

from conduit.blocks import Block, Gate
from conduit.contracts.call import Principal
from conduit.contracts.errors import ConduitError
from conduit.surfaces.mcp.behalf import Behalf, behalf_of
from conduit.surfaces.mcp.caller import WhoCalls
from conduit.surfaces.mcp.prompts import Prompts
from conduit.surfaces.mcp.resources import Resources
from conduit.surfaces.mcp.tools import ToolShelf
from conduit.surfaces.mcp.touched import Touched

Context = ServerRequestContext[Any, Any]

EVERY_S: Final = 1.0
_MOST_LISTENERS: Final = 1000
_MOST_URIS: Final = 100
_LONGEST_URI: Final = 2000
_MOST_RESOURCES: Final = 1000
"""What is beyond them in the list is not looked at."""
_SEND_S: Final = 1.0


@dataclass(slots=True)
class _Seen:
    """What was there when somebody looked last."""

    tools: tuple[Block[Any, Any], ...]
    times: int
    prompts: tuple[str, ...]
    resources: dict[str, str | None]


@dataclass(slots=True)
class _Session:
    """A session of the older revision, and the resources it asked about."""

    session: ServerSession
    uris: set[str] = field(default_factory=set)


class _Watch:
    """What one caller is told: the listeners there are, and who looks for them."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self.listen = ListenHandler(self.bus, max_buffered_events=100)
        self.sessions: dict[int, _Session] = {}
        self.listening = 0
        self.looking: asyncio.Task[None] | None = None

    @property
    def wanted(self) -> int:
        return self.listening + len(self.sessions)

    async def tell(self, events: Sequence[ServerEvent]) -> None:
        for event in events:
            await self.bus.publish(event)
        await asyncio.gather(*(_told(each, events) for each in self.sessions.values()))


class Changes:
    """Runs ``subscriptions/listen``, ``resources/subscribe`` and ``resources/unsubscribe``."""

    def __init__(
        self,
        gate: Gate,
        who: WhoCalls,
        shelf: ToolShelf,
        resources: Resources,
        prompts: Prompts,
        touched: Touched | None,
        every_s: float = EVERY_S,
    ) -> None:
        self._gate = gate
        self._who = who
        self._shelf = shelf
        self._resources = resources
        self._prompts = prompts
        self._touched = touched
        self._every_s = every_s
        self._watches: dict[Principal, _Watch] = {}

    async def listen(
        self, context: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        uris = params.notifications.resource_subscriptions or ()
        _require_few(uris)
        behalf = behalf_of(self._gate, self._who, context)
        watch = await self._watched(behalf)
        watch.listening += 1
        try:
            return await watch.listen(context, params)
        finally:
            watch.listening -= 1

    async def initialized(self, context: Context, params: types.NotificationParams) -> None:
        """A session of the older revision has begun: it is told until it ends, if there is room."""
        with suppress(MCPError):
            await self._kept(context)

    async def subscribe(
        self, context: Context, params: types.SubscribeRequestParams
    ) -> types.EmptyResult:
        """Raises ``MCPError`` for a resource that no source has."""
        uri = str(params.uri)
        if self._resources.source_of(uri) is None:
            raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri[:_LONGEST_URI]})
        kept = await self._kept(context)
        _require_few((*kept.uris, uri))
        kept.uris.add(uri)
        return types.EmptyResult()

    async def unsubscribe(
        self, context: Context, params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        (await self._kept(context)).uris.discard(str(params.uri))
        return types.EmptyResult()

    async def _kept(self, context: Context) -> _Session:
        session = context.session
        connection = session._connection  # there is no other way to hear of its end
        watch = await self._watched(behalf_of(self._gate, self._who, context))
        if id(connection) not in watch.sessions:
            watch.sessions[id(connection)] = _Session(session)
            connection.exit_stack.callback(watch.sessions.pop, id(connection), None)
        return watch.sessions[id(connection)]

    async def _watched(self, behalf: Behalf) -> _Watch:
        principal = behalf.caller.principal
        if sum(each.wanted for each in self._watches.values()) > _MOST_LISTENERS:
            raise MCPError(types.INTERNAL_ERROR, "Too many are listening")
        watch = self._watches.setdefault(principal, _Watch())
        if watch.looking is None:
            first = asyncio.Event()
            watch.looking = asyncio.create_task(self._look(behalf, watch, first), name="mcp watch")
            await first.wait()  # what changes from now on is a change
        return watch

    async def _look(self, behalf: Behalf, watch: _Watch, first: asyncio.Event) -> None:
        seen: _Seen | None = None
        try:
            while seen is None or watch.wanted:
                with suppress(ConduitError):  # the database may be away: nothing is known then
                    now = await self._seen(behalf, seen)
                    if seen is not None:
                        await watch.tell(_events(seen, now))
                    seen = now
                first.set()
                await asyncio.sleep(self._every_s)
        finally:
            first.set()
            watch.looking = None
            self._watches.pop(behalf.caller.principal, None)

    async def _seen(self, behalf: Behalf, before: _Seen | None) -> _Seen:
        tools = tuple(self._shelf.of(behalf.caller.principal))
        times = self._touched.times(behalf.org_id) if self._touched is not None else 0
        if before is not None and before.times == times:
            return _Seen(tools, times, before.prompts, before.resources)
        prompts: tuple[str, ...] = ()
        with suppress(ConduitError):  # not everybody may see them
            prompts = tuple(await self._prompts.names(behalf))
        return _Seen(tools, times, prompts, await self._listed(behalf))

    async def _listed(self, behalf: Behalf) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for source in self._resources.sources:
            after, more = "", True
            with suppress(ConduitError):  # not everybody may see them
                while more and len(found) < _MOST_RESOURCES:
                    page, more = await source.page(behalf, after, 200)
                    found.update({str(each.uri): each.title for each in page})
                    after = page[-1].name if page else ""
        return found


def _require_few(uris: Sequence[str]) -> None:
    if len(uris) > _MOST_URIS or any(len(each) > _LONGEST_URI for each in uris):
        raise MCPError(types.INVALID_PARAMS, f"{_MOST_URIS} resources at most can be subscribed to")


def _events(before: _Seen, now: _Seen) -> list[ServerEvent]:
    events: list[ServerEvent] = []
    same = len(before.tools) == len(now.tools) and all(
        one is other for one, other in zip(before.tools, now.tools, strict=True)
    )
    if not same:
        events.append(ToolsListChanged())
    if before.prompts != now.prompts:
        events.append(PromptsListChanged())
    if before.resources != now.resources:
        events.append(ResourcesListChanged())
    changed = before.resources.items() ^ now.resources.items()
    events += [ResourceUpdated(uri) for uri in sorted({uri for uri, _ in changed})]
    return events


async def _told(kept: _Session, events: Sequence[ServerEvent]) -> None:
    """A client that does not read is not waited for."""
    send: dict[type, Callable[[], Awaitable[None]]] = {
        ToolsListChanged: kept.session.send_tool_list_changed,
        PromptsListChanged: kept.session.send_prompt_list_changed,
        ResourcesListChanged: kept.session.send_resource_list_changed,
    }
    with suppress(TimeoutError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with asyncio.timeout(_SEND_S):
            for event in events:
                if not isinstance(event, ResourceUpdated):
                    await send[type(event)]()
                elif event.uri in kept.uris:
                    await kept.session.send_resource_updated(event.uri)
