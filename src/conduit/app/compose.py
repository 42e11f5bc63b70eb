"""Joining the rooms into one application."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

import conduit
from conduit.agents.ask import ask_blocks
from conduit.agents.chat_service import chat_block
from conduit.agents.consistency.blocks import consistency_blocks
from conduit.agents.conversations import conversation_blocks
from conduit.agents.documents import Documentation, documentation_blocks
from conduit.agents.handle import handle_block
from conduit.agents.help import help_block
from conduit.agents.memory.blocks import memory_blocks
from conduit.agents.memory.memory import Memory
from conduit.agents.memory.summaries import Summaries
from conduit.agents.memory.transfer import transfer_blocks
from conduit.agents.model_rights import ModelRights
from conduit.agents.offline import OfflineAgent
from conduit.agents.planning.blocks import planner_blocks
from conduit.agents.planning.reason import Planner
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
from conduit.app.live_side import LiveToken, live_blocks, live_sets, snapshots
from conduit.app.model_side import ModelSide, closing_at_the_end, open_models
from conduit.app.registered_tools import registered_tools
from conduit.app.settings import Settings
from conduit.app.system import system_blocks
from conduit.app.token_block import token_block
from conduit.app.token_scope import CatalogScopes
from conduit.app.tool_blocks import tool_blocks
from conduit.app.tool_states import ToolStateKeeper
from conduit.app.whereabouts import CALLERS_CHOICE, whereabouts_blocks
from conduit.audio.blocks import audio_blocks
from conduit.audio.ears_blocks import ears_blocks
from conduit.blocks import Catalog, Gate
from conduit.blocks.utility.catalogued import utility_blocks
from conduit.corpora.blocks import corpora_blocks
from conduit.models.caching import lexical
from conduit.models.registry import ProviderRegistry
from conduit.playing.blocks import link_blocks
from conduit.playing.link import LinkSession
from conduit.playing.served import ServedLink
from conduit.rhythm.blocks import groove_blocks
from conduit.rhythm.config_blocks import Configs, config_blocks
from conduit.rhythm.explain.blocks import explain_blocks
from conduit.rhythm.midi2_block import midi2_block
from conduit.rhythm.session_blocks import session_blocks
from conduit.rhythm.sit_block import sit_block
from conduit.rhythm.stored_blocks import stored_groove_blocks
from conduit.rhythm.vary.blocks import vary_blocks
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.conversations import Conversations
from conduit.store.corpora import Corpora
from conduit.store.database import Database
from conduit.store.files import DiskFiles
from conduit.store.grooves import Grooves
from conduit.store.runs import Runs
from conduit.store.sandbox import Sandbox
from conduit.store.segments import Segments
from conduit.store.settings_file import read_settings
from conduit.store.tool_states import ToolStates
from conduit.surfaces import studio
from conduit.surfaces.ableton.amxd.blocks import EPOCH, device_blocks
from conduit.surfaces.ableton.socket import LiveSocket
from conduit.surfaces.http.limits import EDGE
from conduit.surfaces.http.live_door import LiveDoor
from conduit.surfaces.http.server import http_surface
from conduit.surfaces.mcp.http import McpOverHttp
from conduit.surfaces.mcp.touched import Touched
from conduit.telemetry.ids import new_id
from conduit.telemetry.logs import CallLog
from conduit.tools.code.blocks import code_blocks
from conduit.tools.code.choosing import Chosen
from conduit.tools.maths.blocks import math_blocks
from conduit.tools.maths.workshop import Workshop
from conduit.tools.mcp.servers import Servers, server_blocks
from conduit.tools.mcp.settings import read_servers
from conduit.tools.midi.blocks import midi_blocks
from conduit.tools.web.blocks import web_blocks
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
            conversations=snapshots(database),
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
                    callers_choice=("web.page", *CALLERS_CHOICE),
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

        memory = Memory(notes, Summaries(notes, gate, is_model, time.time))
        reach = Reach(gate, models.door.standing)
        voting = Voting(models.gateway.price_of)
        agent_runs = AgentRuns(runs, loop, conversations.appending, new_id, reach, voting)
        out, examples = _sandbox(settings.out), Sandbox(_folder_of("configs"), "examples")
        configs = Configs(_sandbox(settings.configs), examples, out)
        saved = (*config_blocks(configs), *session_blocks(configs, out, files))
        sets = live_sets(database)
        known = AllNoted(ears, sets)
        asking = ask_blocks(loop, agent_runs, conversations, prompts, memory, sets=known)
        ask = (*asking, *run_blocks(agent_runs), *memory_blocks(memory, prompts))
        consistent = consistency_blocks(gate, models.gateway.price_of)
        chosen = Chosen(hidden=[settings.home])
        system = system_blocks(
            settings, access, models.opened, database, studio.is_built, time.monotonic, chosen
        )
        documents = documentation_blocks(Documentation(_folder_of("docs")))
        tools = (help_block(), handle_block(gate, loop))
        music = (*vary_blocks(files, ProcessCrew()), *explain_blocks(files), *audio_blocks(files))
        machine = (*utility_blocks(access.allowed), access_block(access, gate, rights))
        workshop = stack.enter_context(closing(Workshop()))
        for each in (*code_blocks(chosen), *math_blocks(workshop), *midi_blocks()):
            catalog.add(each)
        web = web_blocks(searcher, access.allowed.hosts)
        for each in (*web, *tool_blocks(gate, keeper)):
            catalog.add(each)
        for each in registered_tools(gate, settings, access, database):
            catalog.add(each)
        for each in whereabouts_blocks(gate, settings, access, database):
            catalog.add(each)
        for each in (*ears.blocks(gate, allowed_folder), *live_blocks(gate, sets, files)):
            catalog.add(each)
        link = ServedLink(lambda bpm: LinkSession.open(bpm, time.monotonic, transport=True))
        stack.callback(link.close)
        for each in link_blocks(link):
            catalog.add(each)
        device = device_blocks(files, _folder_of("device"), settings.environ.get(EPOCH))
        for each in device:
            catalog.add(each)
        scopes = models.tokens.scopes = CatalogScopes(gate)
        catalog.add(token_block(models.tokens, scopes, access.caller))
        planner = Planner(gate, rights.of)
        plans = planner_blocks(gate, runs, planner, new_id, reach)
        for each in (chat_block(gate), *plans, *conversation_blocks(conversations, notes)):
            catalog.add(each)
        for each in transfer_blocks(conversations, notes):
            catalog.add(each)
        corpora = corpora_blocks(
            Corpora(database, new_id),
            Segments(database),
            files,
            gate,
            lexical.embed_all,
            is_model,
        )
        for each in corpora:
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
            *machine,
        ):
            catalog.add(each)
        if serving:
            servers.discover_later()
            stack.push_async_callback(stopped, going_on(gate, agent_runs))
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


def _folder_of(name: str) -> Path:
    """What comes along: inside the installed package, or beside it in a checkout."""
    package = Path(conduit.__file__).parent
    installed = package / name
    return installed if installed.is_dir() else package.parents[1] / name
