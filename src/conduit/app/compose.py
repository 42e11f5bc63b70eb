"""Joining the rooms into one application."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from conduit.agents.model_rights import ModelRights
from conduit.agents.offline import OfflineAgent
from conduit.agents.system_prompts import BUILT_IN, SystemPrompts
from conduit.app.access import Access, read_access
from conduit.app.access_block import access_block
from conduit.app.beside import stopped
from conduit.app.live_token import LiveToken, tokens_of_devices
from conduit.app.model_side import ModelSide, closing_at_the_end, open_models
from conduit.app.registered_tools import RegisteredTools
from conduit.app.retention import forgetting
from conduit.app.rooms import Rooms
from conduit.app.settings import Settings
from conduit.app.system import system_blocks
from conduit.app.token_block import token_block
from conduit.app.token_scope import CatalogScopes
from conduit.app.tool_states import CALLERS_CHOICE, ToolStateKeeper
from conduit.blocks import Catalog, Gate
from conduit.models.registry import ProviderRegistry
from conduit.playing.link import LinkSession
from conduit.playing.served import ServedLink
from conduit.store.database import Database
from conduit.store.files import DiskFiles
from conduit.store.runs import Runs
from conduit.store.settings_file import read_settings
from conduit.store.tool_states import ToolStates
from conduit.surfaces import studio
from conduit.surfaces.ableton.socket import LiveSocket
from conduit.surfaces.http.limits import EDGE
from conduit.surfaces.http.live_door import LiveDoor
from conduit.surfaces.http.server import http_surface
from conduit.surfaces.mcp.http import McpOverHttp
from conduit.surfaces.mcp.touched import Touched
from conduit.telemetry.ids import new_id
from conduit.telemetry.logs import CallLog
from conduit.tools.mcp.servers import Servers, server_blocks
from conduit.tools.mcp.settings import read_servers
from conduit.tools.web.search.searcher import Searcher
from conduit.tools.web.search.settings import SETTINGS as TOOLS_FILE
from conduit.tools.web.search.settings import search_settings

if TYPE_CHECKING:
    from conduit.agents.live.snapshots import Snapshots


@dataclass(frozen=True, slots=True)
class App:
    """All rooms, joined."""

    settings: Settings
    access: Access
    gate: Gate
    models: ModelSide
    files: DiskFiles
    database: Database
    prompts: SystemPrompts
    rights: ModelRights
    servers: Servers
    touched: Touched
    link: ServedLink
    rooms: Rooms

    @property
    def registry(self) -> ProviderRegistry:
        return self.models.registry

    def asgi(self) -> ASGIApp:
        """The HTTP surface with the web page."""
        return http_surface(
            self.gate,
            self.files,
            studio.asgi_app(),
            new_id,
            caller=self.access.caller,
            door=self.models.door,
            live=LiveDoor(LiveToken(self.settings).made(), self.access.caller),
            socket=LiveSocket(self.gate, EDGE),
            mcp=McpOverHttp(
                self.gate,
                self.files,
                self.prompts,
                approve=self.access.approve,
                touched=self.touched,
            ),
        )


@asynccontextmanager
async def open_app(
    settings: Settings, *, detect: bool = True, serving: bool = False, tolerant: bool = False
) -> AsyncIterator[App]:
    """Open everything and close it afterwards. ``detect`` looks for providers on this machine,
    ``serving`` is for a process that stays, ``tolerant`` for one that needs no providers: it goes
    on without a ``providers.yaml`` that is wrong.

    Raises ``ConfigError`` and ``StoreError``.
    """
    access = read_access(settings)
    database = Database(settings.db_uri)
    prompts = SystemPrompts((settings.home / "prompts", BUILT_IN))

    def kept_conversations() -> Snapshots:
        from conduit.app.live_side import snapshots  # the agents, for who keeps such a preset

        return snapshots(database, prompts)

    async with (
        closing_at_the_end(database),
        AsyncExitStack() as stack,
        open_models(
            settings,
            database,
            prompts,
            access.caller,
            detect=detect,
            serving=serving,
            tolerant=tolerant,
            conversations=kept_conversations,
            secrets=lambda: tokens_of_devices(settings),
        ) as models,
    ):
        models.registry.add(OfflineAgent(), last_resort=True)
        files = DiskFiles(settings.home / "files")
        catalog = Catalog(models.blocks)
        searcher = Searcher(
            search_settings(read_settings(settings.home / TOOLS_FILE), settings.environ)
        )
        keeper = stack.enter_context(
            closing(
                ToolStateKeeper(
                    ToolStates(database),
                    unready={"web.search": searcher.why_not},
                    callers_choice=CALLERS_CHOICE,
                )
            )
        )
        touched = Touched(catalog)
        interceptors = (CallLog(), keeper, touched)
        gate = Gate(catalog, new_id=new_id, interceptors=interceptors, usable=keeper.usable)
        servers = Servers(read_servers(settings.home), settings.environ, catalog.add)
        stack.push_async_callback(servers.close)
        for each in server_blocks(servers):
            catalog.add(each)
        rights = ModelRights(gate, access.models)
        runs = stack.enter_context(closing(Runs(database, time.time)))
        registered = gate.catalog.annex = RegisteredTools(settings, access, database)
        link = ServedLink(lambda bpm: LinkSession.open(bpm, time.monotonic, transport=True))
        stack.callback(link.close)
        rooms = Rooms(
            settings,
            access,
            database,
            files,
            models,
            gate,
            prompts,
            rights,
            runs,
            registered,
            keeper,
            searcher,
            link,
        )
        rooms.put_into(catalog)
        if (settings.home / TOOLS_FILE).exists():  # what is wrong with it is said at once
            catalog.get("places.list")
            catalog.get("tools.list")
        for each in system_blocks(
            settings,
            access,
            models.opened,
            database,
            studio.is_built,
            time.monotonic,
            lambda: rooms.sandbox,
        ):
            catalog.add(each)
        catalog.add(access_block(access, gate, rights))
        scopes = models.tokens.scopes = CatalogScopes(gate)
        catalog.add(token_block(models.tokens, scopes, access.caller))
        if serving:
            servers.discover_later()
            old = forgetting(settings, runs, models.metering.ledger)
            stack.push_async_callback(stopped, old)
        try:
            yield App(
                settings,
                access,
                gate,
                models,
                files,
                database,
                prompts,
                rights,
                servers,
                touched,
                link,
                rooms,
            )
        finally:  # while the models are still there
            await rooms.close()
