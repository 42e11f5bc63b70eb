"""OpenAPI documents as tools: their settings, their store, and their blocks beside the catalog."""

from __future__ import annotations

import time
from typing import Any

from conduit.app.access import Access
from conduit.app.key_record import organisation
from conduit.app.settings import Settings
from conduit.blocks import Block, Gate
from conduit.store.database import Database
from conduit.store.operations import Operations
from conduit.telemetry.ids import new_id
from conduit.tools.openapi.blocks import invoke_block, register_blocks
from conduit.tools.openapi.calling import Caller
from conduit.tools.openapi.settings import read_apis
from conduit.tools.openapi.shelves import Shelves


def registered_tools(
    gate: Gate, settings: Settings, access: Access, database: Database
) -> tuple[Block[Any, Any], ...]:
    """``tools.register`` and its like; what is registered stands beside the gate's catalog from
    here on. Raises ``ConfigError`` for a ``tools.yaml`` that is wrong."""
    apis = read_apis(settings.home, settings.environ, organisation)
    caller = Caller(apis, access.allowed.hosts)
    operations = Operations(database, new_id)
    shelves = gate.catalog.annex = Shelves(operations, caller, time.monotonic)
    return (
        *register_blocks(operations, shelves, caller, new_id),
        invoke_block(gate, operations),
    )
