"""A block as a tool of the Model Context Protocol: what it takes, gives and does to the world.

Field by field it is ``Tool`` of the revisions 2025-11-25 and 2026-07-28
(modelcontextprotocol.io/specification). A result is an object in the older one, so a block whose
output may be nothing at all publishes no schema for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import mcp_types as types

from conduit.blocks import Block, Effects, Gate
from conduit.blocks.catalog import tool_name
from conduit.blocks.schema import json_schema
from conduit.blocks.shape import Either, Record
from conduit.contracts.call import Principal
from conduit.contracts.json import JsonObject

_WRITES: Final = Effects.WRITES_FILES | Effects.WRITES_STATE | Effects.RUNS_COMMANDS
_REACHES_OUT: Final = Effects.NETWORK | Effects.RUNS_COMMANDS


class ToolShelf:
    """The blocks of a gate as tools. Each is described once, as long as its block is the same."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._made: dict[str, tuple[Block[Any, Any], types.Tool]] = {}

    def of(self, principal: Principal) -> Iterator[types.Tool]:
        """The tools that this principal may call, in the order of their blocks' names."""
        for each in self._gate.catalog.of(principal.org_id):
            if self._gate.offers(principal, each):
                yield self.tool(each)

    def tool(self, block: Block[Any, Any]) -> types.Tool:
        known = self._made.get(block.name)
        if known is None or known[0] is not block:
            known = self._made[block.name] = block, _described(block)
        return known[1]


def output_schema(block: Block[Any, Any]) -> JsonObject | None:
    """The schema of what a call gives; None where that need not be an object."""
    shape = block.output_edge.shape
    if isinstance(shape, Either) and not all(isinstance(each, Record) for each in shape.options):
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
