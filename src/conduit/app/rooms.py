"""The rooms whose blocks are made when one of them is looked for.

What a room takes is imported by the method that opens it, and not above: a command that calls one
block loads one room, and a server answers before it has loaded all (docs/decisions/0042).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import conduit
from conduit.app import starting
from conduit.app.access import Access
from conduit.app.beside import stopped
from conduit.app.model_side import ModelSide
from conduit.app.registered_tools import RegisteredTools
from conduit.app.settings import Settings
from conduit.blocks import Block, Catalog, Gate
from conduit.store.database import Database
from conduit.store.files import DiskFiles
from conduit.store.runs import Runs
from conduit.store.sandbox import Sandbox
from conduit.telemetry.ids import new_id

if TYPE_CHECKING:
    from conduit.agents.ears.blocks import Ears
    from conduit.agents.model_rights import ModelRights
    from conduit.agents.system_prompts import SystemPrompts
    from conduit.app.agent_side import AgentSide
    from conduit.app.tool_states import ToolStateKeeper
    from conduit.playing.served import ServedLink
    from conduit.rhythm.config_blocks import Configs
    from conduit.store.grooves import Grooves
    from conduit.tools.code.choosing import Chosen
    from conduit.tools.web.search.searcher import Searcher

log = logging.getLogger("conduit.app.rooms")

AGENTS: Final = (
    "agent",
    "conversations",
    "docs",
    "ears",
    "help",
    "live",
    "llm",
    "planner",
    "prompts",
    "runs",
)
"""The families of the agents' blocks."""
_SOON_S: Final = 0.25

Blocks = tuple[Block[Any, Any], ...]
Make = Callable[[], Blocks]


class Rooms:
    """What several rooms share is made once, by whichever is opened first."""

    def __init__(
        self,
        settings: Settings,
        access: Access,
        database: Database,
        files: DiskFiles,
        models: ModelSide,
        gate: Gate,
        prompts: SystemPrompts,
        rights: ModelRights,
        runs: Runs,
        registered: RegisteredTools,
        keeper: ToolStateKeeper,
        searcher: Searcher,
        link: ServedLink,
    ) -> None:
        self._settings = settings
        self._access = access
        self._database = database
        self._files = files
        self._models = models
        self._gate = gate
        self._prompts = prompts
        self._rights = rights
        self._runs = runs
        self._registered = registered
        self._keeper = keeper
        self._searcher = searcher
        self._link = link
        self._closing = contextlib.ExitStack()
        self._opening: asyncio.Task[None] | None = None

    def put_into(self, catalog: Catalog) -> None:
        """Register all of them, those first that are asked for first."""
        rooms: tuple[tuple[Make, tuple[str, ...]], ...] = (
            (lambda: self._agents.blocks, AGENTS),
            (self._music, ("groove", "configs")),
            (self._sounds, ("audio",)),
            (self._preset_grooves, ("presets",)),
            (self._tools, ("tools", "function")),
            (self._whereabouts, ("places", "calendar", "commute")),
            (self._corpora, ("corpora", "analytics")),
            (self._machine, ("files", "http", "shell", "sql")),
            (self._web, ("web",)),
            (self._code, ("code",)),
            (self._mathematics, ("math",)),
            (self._words_of_midi, ("flex",)),
            (self._following, ("link",)),
            (self._device, ("device",)),
        )
        for make, families in rooms:
            catalog.add_later(partial(_opened, make), *families)

    def open_all(self) -> None:
        """Open the others one after the other, beside serving, and go on with runs that were left.
        Whoever waited for the server to be there is answered first."""
        self._opening = asyncio.create_task(self._open_all())

    async def _open_all(self) -> None:
        try:
            await asyncio.sleep(_SOON_S)
            more = True
            while more:  # in a thread, for those who ask meanwhile
                more = await asyncio.to_thread(self._gate.catalog.make_next)
        except Exception:  # it is tried again, and said, when one of its blocks is called
            log.exception("a room cannot be opened")
        finally:
            starting.begun()
        self._agents.go_on()

    async def close(self) -> None:
        """Close those that were opened."""
        if self._opening is not None:
            self._opening.cancel()
            await stopped([self._opening])
        if "_agents" in self.__dict__:
            await self._agents.close()
        self._closing.close()

    @cached_property
    def _agents(self) -> AgentSide:
        from conduit.app.agent_side import AgentSide

        return AgentSide(
            self._gate,
            self._access,
            self._models,
            self._database,
            self._files,
            self._runs,
            self._prompts,
            self._rights,
            self._ears,
            self._configs,
            self._allowed_folder,
            folder_of("docs"),
        )

    @cached_property
    def _ears(self) -> Ears:
        from conduit.app.ears_side import open_ears

        return open_ears(self._database, self._files)

    @cached_property
    def _grooves(self) -> Grooves:
        from conduit.store.grooves import Grooves

        return Grooves(self._database)

    @cached_property
    def _configs(self) -> Configs:
        from conduit.rhythm.config_blocks import Configs

        examples = Sandbox(folder_of("configs"), "examples")
        return Configs(_sandbox(self._settings.configs), examples, _sandbox(self._settings.out))

    @cached_property
    def sandbox(self) -> Chosen:
        """Where code of others runs."""
        from conduit.tools.code.choosing import Chosen

        return Chosen(hidden=[self._settings.home])

    def _allowed_folder(self, root: str) -> Sandbox:
        return Sandbox(self._access.allowed.folder(root), root)

    def _music(self) -> Blocks:
        from conduit.app.crew import ProcessCrew
        from conduit.app.ears_side import Loops
        from conduit.rhythm.blocks import groove_blocks
        from conduit.rhythm.config_blocks import config_blocks
        from conduit.rhythm.explain.blocks import explain_blocks
        from conduit.rhythm.midi2_block import midi2_block
        from conduit.rhythm.morph.blocks import morph_block
        from conduit.rhythm.session_blocks import session_blocks
        from conduit.rhythm.sit_block import sit_block
        from conduit.rhythm.stored_blocks import stored_groove_blocks
        from conduit.rhythm.vary.blocks import vary_blocks

        files, grooves, configs = self._files, self._grooves, self._configs
        return (
            *groove_blocks(files, grooves),
            *stored_groove_blocks(files, grooves),
            midi2_block(files, grooves),
            sit_block(files, grooves, Loops(self._ears, files)),
            morph_block(self._gate, files, grooves, configs, ProcessCrew()),
            *vary_blocks(files, ProcessCrew()),
            *explain_blocks(files),
            *config_blocks(configs, grooves),
            *session_blocks(configs, _sandbox(self._settings.out), files),
        )

    def _sounds(self) -> Blocks:
        from conduit.audio.blocks import audio_blocks
        from conduit.audio.ears_blocks import ears_blocks

        return *audio_blocks(self._files), *ears_blocks(self._files, self._allowed_folder)

    def _preset_grooves(self) -> Blocks:
        from conduit.agents.preset_grooves import preset_groove_blocks

        return preset_groove_blocks(self._models.presets, self._gate)

    def _tools(self) -> Blocks:
        from conduit.app.tool_blocks import tool_blocks

        return *tool_blocks(self._gate, self._keeper), *self._registered.blocks(self._gate)

    def _whereabouts(self) -> Blocks:
        from conduit.app.whereabouts import whereabouts_blocks

        return whereabouts_blocks(self._gate, self._settings, self._access, self._database)

    def _corpora(self) -> Blocks:
        from conduit.corpora.blocks import corpora_blocks
        from conduit.models.caching import lexical
        from conduit.store.corpora import Corpora
        from conduit.store.segments import Segments

        return corpora_blocks(
            Corpora(self._database, new_id),
            Segments(self._database),
            self._files,
            self._gate,
            lexical.embed_all,
            self._models.is_model,
        )

    def _machine(self) -> Blocks:
        from conduit.blocks.utility.catalogued import utility_blocks

        return utility_blocks(self._access.allowed)

    def _web(self) -> Blocks:
        from conduit.tools.web.blocks import web_blocks

        return web_blocks(self._searcher, self._access.allowed.hosts)

    def _code(self) -> Blocks:
        from conduit.tools.code.blocks import code_blocks

        return code_blocks(self.sandbox)

    def _mathematics(self) -> Blocks:
        from conduit.tools.maths.blocks import math_blocks
        from conduit.tools.maths.workshop import Workshop

        return math_blocks(self._closing.enter_context(contextlib.closing(Workshop())))

    def _words_of_midi(self) -> Blocks:
        from conduit.tools.midi.blocks import midi_blocks

        return midi_blocks()

    def _following(self) -> Blocks:
        from conduit.playing.blocks import link_blocks

        return link_blocks(self._link)

    def _device(self) -> Blocks:
        from conduit.surfaces.ableton.amxd.blocks import EPOCH, device_blocks

        epoch = self._settings.environ.get(EPOCH)
        return device_blocks(self._files, folder_of("device"), epoch)


def _opened(make: Make) -> Blocks:
    with starting.loading():
        return make()


def _sandbox(folder: str) -> Sandbox:
    """A folder that tools may use. The path counts from where Conduit was started."""
    return Sandbox(Path(folder).expanduser(), folder)


def folder_of(name: str) -> Path:
    """What comes along: inside the installed package, or beside it in a checkout."""
    package = Path(conduit.__file__).parent
    installed = package / name
    return installed if installed.is_dir() else package.parents[1] / name
