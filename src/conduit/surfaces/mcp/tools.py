"""A block as a tool of the Model Context Protocol: what it takes, gives and does to the world.

Field by field it is ``Tool`` of the revisions 2025-11-25 and 2026-07-28
(modelcontextprotocol.io/specification). A result is an object in the older one, so a block whose
output may be nothing at all publishes no schema for it.
"""

from __future__ import annotations

import logging
from typing import Any, Final

import mcp_types as types
from mcp_types import methods
from pydantic import ValidationError

from conduit.blocks import Block, Effects, Gate, dumps
from conduit.blocks.catalog import tool_name
from conduit.blocks.schema import json_schema
from conduit.blocks.shape import Either, Record
from conduit.contracts.call import Principal
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject

log = logging.getLogger("conduit.mcp")

_MOST_WRITTEN: Final = 20_000
"""An organisation may have thousands of blocks of its own; beyond this all are written anew."""
_AN_ENVELOPE: Final[JsonObject] = {
    "ttlMs": 0,
    "cacheScope": "private",
    "resultType": "complete",
}
_WRITES: Final = Effects.WRITES_FILES | Effects.WRITES_STATE | Effects.RUNS_COMMANDS
_REACHES_OUT: Final = Effects.NETWORK | Effects.RUNS_COMMANDS


class ToolShelf:
    """The blocks of a gate as tools. Each is written once in each revision, as long as its block is
    the same: writing all of them for one request takes longer than all the rest of it."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._written: dict[tuple[str, str], tuple[Block[Any, Any], bytes]] = {}

    def of(self, principal: Principal) -> list[Block[Any, Any]]:
        """What this principal may call, in the order of the names."""
        catalog = self._gate.catalog.of(principal.org_id)
        return [each for each in catalog if self._gate.offers(principal, each)]

    def written(self, block: Block[Any, Any], version: str) -> bytes:
        """A tool as JSON, as a revision has it; empty for one that it cannot say."""
        known = self._written.get((block.name, version))
        if known is None or known[0] is not block:
            if len(self._written) >= _MOST_WRITTEN:
                self._written.clear()
            known = self._written[block.name, version] = block, _written(block, version)
        return known[1]


def _written(block: Block[Any, Any], version: str) -> bytes:
    """Held to the revision by the SDK, which knows what each has. A tool of another program may
    have a schema that no client would take: then it is left out, and all others are there."""
    try:
        tool = _described(block).model_dump(by_alias=True, mode="json", exclude_none=True)
        held = methods.serialize_server_result(
            "tools/list", version, {**_AN_ENVELOPE, "tools": [tool]}
        )
        return dumps(held["tools"][0])
    except (ValidationError, KeyError, InvalidInput) as error:
        log.warning("%s is no tool in %s: %s", block.name, version, type(error).__name__)
        return b""


def gives_object(block: Block[Any, Any]) -> bool:
    """Whether what a call gives is an object in any case."""
    shape = block.output_edge.shape
    return not isinstance(shape, Either) or all(isinstance(e, Record) for e in shape.options)


def output_schema(block: Block[Any, Any]) -> JsonObject | None:
    """The schema of what a call gives; None where that need not be an object."""
    if not gives_object(block):
        return None
    schema: JsonObject = {"type": "object", **json_schema(block.output_type)}
    if not block.many:
        return schema
    definitions = {"$defs": schema.pop("$defs")} if "$defs" in schema else {}
    return {
        "type": "object",
        "properties": {"outputs": {"type": "array", "items": schema}},
        "required": ["outputs"],
        **definitions,
    }


def _described(block: Block[Any, Any]) -> types.Tool:
    return types.Tool(
        name=tool_name(block.name),
        title=block.name,
        description=block.summary,
        input_schema={"type": "object", **json_schema(block.input_type)},
        output_schema=output_schema(block),
        annotations=_annotations(block.effects),
    )


def _annotations(effects: Effects) -> types.ToolAnnotations:
    """What a client may go by when it asks a person first. Nothing that writes promises to take
    nothing away, or to do the same when done twice."""
    writes = bool(effects & _WRITES)
    return types.ToolAnnotations(
        read_only_hint=not writes,
        destructive_hint=writes,
        idempotent_hint=not writes,
        open_world_hint=bool(effects & _REACHES_OUT),
    )
