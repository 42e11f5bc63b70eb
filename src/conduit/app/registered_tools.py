"""OpenAPI documents as tools: their settings, their store, and their blocks beside the catalog."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from conduit.app.access import Access
from conduit.app.key_record import organisation
from conduit.app.settings import Settings
from conduit.blocks import Block, Gate
from conduit.store.database import Database
from conduit.telemetry.ids import new_id

if TYPE_CHECKING:
    from conduit.store.operations import Operations
    from conduit.tools.openapi.calling import Caller
    from conduit.tools.openapi.shelves import Shelves


class RegisteredTools:
    """What is registered, as the annex of a catalog. Its room is loaded when somebody looks."""

    def __init__(self, settings: Settings, access: Access, database: Database) -> None:
        self._settings = settings
        self._access = access
        self._database = database

    @property
    def generation(self) -> int:
        return self._shelves.generation

    def shelf(self, org_id: str) -> Mapping[str, Block[Any, Any]]:
        return self._shelves.shelf(org_id)

    def blocks(self, gate: Gate) -> tuple[Block[Any, Any], ...]:
        """``tools.register`` and its like, and ``function.invoke``. Raises ``ConfigError`` for a
        ``tools.yaml`` that is wrong."""
        from conduit.tools.openapi.blocks import invoke_block, register_blocks

        return (
            *register_blocks(self._operations, self._shelves, self._caller, new_id),
            invoke_block(gate, self._operations),
        )

    @cached_property
    def _operations(self) -> Operations:
        from conduit.store.operations import Operations

        return Operations(self._database, new_id)

    @cached_property
    def _caller(self) -> Caller:
        from conduit.tools.openapi.calling import Caller
        from conduit.tools.openapi.settings import read_apis

        apis = read_apis(self._settings.home, self._settings.environ, organisation)
        return Caller(apis, self._access.allowed.hosts)

    @cached_property
    def _shelves(self) -> Shelves:
        from conduit.tools.openapi.shelves import Shelves

        return Shelves(self._operations, self._caller, time.monotonic)
