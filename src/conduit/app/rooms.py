"""The rooms whose blocks are made when one of them is looked for.

What a room takes is imported by the method that opens it, and not above: a command that calls one
block loads one room, and a server answers before it has loaded all (docs/decisions/0042).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import conduit
from conduit.app.access import Access
from conduit.app.registered_tools import RegisteredTools
from conduit.app.settings import Settings
from conduit.blocks import Block, Catalog, Gate
from conduit.contracts.files import FileStore
from conduit.store.database import Database
from conduit.telemetry.ids import new_id

if TYPE_CHECKING:
    from conduit.app.tool_states import ToolStateKeeper
    from conduit.playing.served import ServedLink
    from conduit.tools.code.choosing import Chosen
    from conduit.tools.web.search.searcher import Searcher

Blocks = tuple[Block[Any, Any], ...]


class Rooms:
    """What several rooms share is made once, by whichever is opened first."""

    def __init__(
        self,
        settings: Settings,
        access: Access,
        database: Database,
        files: FileStore,
        gate: Gate,
        is_model: Callable[[str], bool],
        registered: RegisteredTools,
        keeper: ToolStateKeeper,
        searcher: Searcher,
        link: ServedLink,
    ) -> None:
        """``is_model`` tells a provider that is a model from the offline agent."""
        self._settings = settings
        self._access = access
        self._database = database
        self._files = files
        self._gate = gate
        self._is_model = is_model
        self._registered = registered
        self._keeper = keeper
        self._searcher = searcher
        self._link = link
        self._closing = contextlib.ExitStack()

    def put_into(self, catalog: Catalog) -> None:
        """Register all of them."""
        catalog.add_later(self._tools, "tools", "function")
        catalog.add_later(self._whereabouts, "places", "calendar", "commute")
        catalog.add_later(self._corpora, "corpora", "analytics")
        catalog.add_later(self._machine, "files", "http", "shell", "sql")
        catalog.add_later(self._web, "web")
        catalog.add_later(self._code, "code")
        catalog.add_later(self._mathematics, "math")
        catalog.add_later(self._words_of_midi, "flex")
        catalog.add_later(self._following, "link")
        catalog.add_later(self._device, "device")

    def close(self) -> None:
        """Close those that were opened."""
        self._closing.close()

    @cached_property
    def sandbox(self) -> Chosen:
        """Where code of others runs."""
        from conduit.tools.code.choosing import Chosen

        return Chosen(hidden=[self._settings.home])

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
            self._is_model,
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


def folder_of(name: str) -> Path:
    """What comes along: inside the installed package, or beside it in a checkout."""
    package = Path(conduit.__file__).parent
    installed = package / name
    return installed if installed.is_dir() else package.parents[1] / name
