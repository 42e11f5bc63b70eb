"""Joining the rooms into one application."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from conduit.agents.ask import ask_blocks
from conduit.agents.chat_service import chat_block
from conduit.agents.consistency.blocks import consistency_blocks
from conduit.agents.conversations import conversation_blocks
from conduit.agents.documents import Documentation, documentation_blocks
from conduit.agents.handle import handle_block
from conduit.agents.help import help_block
from conduit.agents.last_groove import remembering
from conduit.agents.memory.blocks import memory_blocks
from conduit.agents.memory.memory import Memory
from conduit.agents.memory.summaries import Summaries
from conduit.agents.memory.transfer import transfer_blocks
from conduit.agents.model_rights import ModelRights
from conduit.agents.offline import OfflineAgent
from conduit.agents.planning.blocks import planner_blocks
from conduit.agents.planning.reason import Planner
from conduit.agents.preset_grooves import preset_groove_blocks
from conduit.agents.reach import Reach
from conduit.agents.runs.agent_runs import AgentRuns
from conduit.agents.runs.blocks import run_blocks
from conduit.agents.system_prompts import BUILT_IN, SystemPrompts
from conduit.agents.tool_loop import ToolLoop
from conduit.agents.voting import Voting
from conduit.app.access import Access, read_access
from conduit.app.access_block import access_block
from conduit.app.crew import ProcessCrew
from conduit.app.ears_side import AllNoted, Loops, open_ears
from conduit.app.going_on import going_on, stopped
from conduit.app.live_side import LiveToken, live_blocks, live_sets, snapshots, tokens_of_devices
from conduit.app.model_side import ModelSide, closing_at_the_end, open_models
from conduit.app.registered_tools import RegisteredTools
from conduit.app.retention import forgetting
from conduit.app.rooms import Rooms, folder_of
from conduit.app.settings import Settings
from conduit.app.system import system_blocks
from conduit.app.token_block import token_block
from conduit.app.token_scope import CatalogScopes
from conduit.app.tool_states import CALLERS_CHOICE, ToolStateKeeper
from conduit.audio.blocks import audio_blocks
from conduit.audio.ears_blocks import ears_blocks
from conduit.blocks import Catalog, Gate
from conduit.models.registry import ProviderRegistry
from conduit.playing.link import LinkSession
from conduit.playing.served import ServedLink
from conduit.rhythm.blocks import groove_blocks
from conduit.rhythm.config_blocks import Configs, config_blocks
from conduit.rhythm.explain.blocks import explain_blocks
from conduit.rhythm.midi2_block import midi2_block
from conduit.rhythm.morph.blocks import morph_block
from conduit.rhythm.session_blocks import session_blocks
from conduit.rhythm.sit_block import sit_block
from conduit.rhythm.stored_blocks import stored_groove_blocks
from conduit.rhythm.vary.blocks import vary_blocks
from conduit.store.conversation_grooves import ConversationGrooves
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.store.files import DiskFiles
from conduit.store.grooves import Grooves
from conduit.store.runs import Runs
from conduit.store.sandbox import Sandbox
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
            conversations=snapshots(database, prompts),
            secrets=lambda: tokens_of_devices(settings),
        ) as models,
    ):
        models.registry.add(OfflineAgent(), last_resort=True)
        files = DiskFiles(settings.home / "files")
        grooves = Grooves(database)
        catalog = Catalog((*groove_blocks(files, grooves), *stored_groove_blocks(files, grooves)))
        catalog.add(midi2_block(files, grooves))
        ears = open_ears(database, files)
        catalog.add(sit_block(files, grooves, Loops(ears, files)))

        def allowed_folder(root: str) -> Sandbox:
            return Sandbox(access.allowed.folder(root), root)

        for each in ears_blocks(files, allowed_folder):
            catalog.add(each)
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
        loop = ToolLoop(gate, rights=rights, prices=models.gateway.price_of, approve=access.approve)
        runs = stack.enter_context(closing(Runs(database, time.time)))
        conversations = Conversations(database, new_id)
        notes = ConversationNotes(database, new_id)

        def is_model(provider: str) -> bool:
            return not models.registry.is_last_resort(provider)

        last_grooves = ConversationGrooves(database)
        memory = Memory(notes, Summaries(notes, gate, is_model, time.time), last_grooves)
        reach = Reach(gate, models.door.standing)
        voting = Voting(models.gateway.price_of)
        out, examples = _sandbox(settings.out), Sandbox(folder_of("configs"), "examples")
        configs = Configs(_sandbox(settings.configs), examples, out)
        remember = remembering(conversations.appending, last_grooves, configs)
        agent_runs = AgentRuns(runs, loop, remember, new_id, reach, voting)
        saved = (*config_blocks(configs), *session_blocks(configs, out, files))
        sets = live_sets(database)
        known = AllNoted(ears, sets)
        asking = ask_blocks(loop, agent_runs, conversations, prompts, memory, sets=known)
        ask = (*asking, *run_blocks(agent_runs), *memory_blocks(memory, prompts))
        consistent = consistency_blocks(gate, models.gateway.price_of)
        registered = gate.catalog.annex = RegisteredTools(settings, access, database)
        link = ServedLink(lambda bpm: LinkSession.open(bpm, time.monotonic, transport=True))
        stack.callback(link.close)
        rooms = Rooms(
            settings, access, database, files, gate, is_model, registered, keeper, searcher, link
        )
        stack.callback(rooms.close)
        rooms.put_into(catalog)
        if (settings.home / TOOLS_FILE).exists():  # what is wrong with it is said at once
            catalog.get("places.list")
            catalog.get("tools.list")
        system = system_blocks(
            settings,
            access,
            models.opened,
            database,
            studio.is_built,
            time.monotonic,
            lambda: rooms.sandbox,
        )
        documents = documentation_blocks(Documentation(folder_of("docs")))
        tools = (help_block(), handle_block(gate, loop))
        music = (*vary_blocks(files, ProcessCrew()), *explain_blocks(files), *audio_blocks(files))
        catalog.add(access_block(access, gate, rights))
        for each in (*ears.blocks(gate, allowed_folder), *live_blocks(gate, sets, files)):
            catalog.add(each)
        morphs = (morph_block(gate, files, grooves, configs, ProcessCrew()),)
        for each in (*morphs, *preset_groove_blocks(models.presets, gate)):
            catalog.add(each)
        scopes = models.tokens.scopes = CatalogScopes(gate)
        catalog.add(token_block(models.tokens, scopes, access.caller))
        planner = Planner(gate, rights.of)
        plans = planner_blocks(gate, runs, planner, new_id, reach)
        for each in (chat_block(gate), *plans, *conversation_blocks(conversations, notes)):
            catalog.add(each)
        for each in transfer_blocks(conversations, notes):
            catalog.add(each)
        for each in (
            *consistent,
            *models.blocks,
            *music,
            *saved,
            *ask,
            *documents,
            *tools,
            *system,
        ):
            catalog.add(each)
        if serving:
            servers.discover_later()
            old = forgetting(settings, runs, models.metering.ledger)
            stack.push_async_callback(stopped, (*going_on(gate, agent_runs), *old))
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
            )
        finally:  # while the models are still there
            await memory.summaries.close()


def _sandbox(folder: str) -> Sandbox:
    """A folder that tools may use. The path counts from where Conduit was started."""
    return Sandbox(Path(folder).expanduser(), folder)
