"""A tool of a server as a block: a name that fits, an input that is its schema, a permission.

All of them are guarded: what a server says about itself is its own word, so nobody but the person
at the machine may call one until they say so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from conduit.blocks import Block, Effects
from conduit.blocks.foreign import Foreign, check, foreign_type
from conduit.blocks.function import FunctionBlock, block
from conduit.contracts.errors import Conflict
from conduit.contracts.json import JsonObject
from conduit.tools.mcp.answer import ToolAnswer, ToolDefinition
from conduit.tools.mcp.words import plain

Call = Callable[[ToolDefinition, JsonObject], Awaitable[ToolAnswer]]

_LONGEST_NAME: Final = 64
_LONGEST_SUMMARY: Final = 400
_DIGEST: Final = 6
_WORDS: Final = frozenset({"description", "title", "$comment"})
_LONGEST_WORDS: Final = 1000


def tool_blocks(
    server: str, tools: Iterable[ToolDefinition], call: Call
) -> dict[str, tuple[ToolDefinition, Block[Any, Any]]]:
    """A block for each tool, by its name: ``mcp.SERVER.TOOL``."""
    made: dict[str, tuple[ToolDefinition, Block[Any, Any]]] = {}
    for tool in tools:
        name = block_name(server, tool.name, made)
        made[name] = tool, _block(server, name, tool, call)
    return made


def block_name(server: str, tool: str, taken: Iterable[str] = ()) -> str:
    """A legal name, as near to the tool's own as may be. One that had to be shortened, or that
    another tool has already, ends in a digest of the tool's own name."""
    plain = re.sub(r"[^a-z0-9]+", "_", tool.lower()).strip("_") or "tool"
    plain = plain if plain[0].isalpha() else f"tool_{plain}"
    name = f"mcp.{server}.{plain}"
    if len(name) <= _LONGEST_NAME and name not in taken:
        return name
    digest = hashlib.sha256(tool.encode(errors="replace")).hexdigest()[:_DIGEST]
    return f"{name[: _LONGEST_NAME - _DIGEST - 1].rstrip('_')}_{digest}"


def _block(server: str, name: str, tool: ToolDefinition, call: Call) -> Block[Any, Any]:
    said = plain(tool.description, _LONGEST_SUMMARY)
    effects = Effects.NETWORK if tool.read_only else Effects.NETWORK | Effects.WRITES_STATE

    # The model that reads it is told whose words these are.
    summary = f"[MCP server {server}] {said or repr(tool.name[:80])}"

    @block(name, summary=summary, guarded=True, effects=effects)
    async def work(data: Foreign) -> ToolAnswer:
        answer = await call(tool, data.values)
        return _held_to_its_word(tool, answer)

    made: FunctionBlock[Any, Any] = work
    made.input_type = foreign_type(_class_name(name), _object_schema(_plain(tool.input_schema)))
    return made


def _plain(schema: Any) -> Any:
    """A schema whose words are plain text: what nobody sees, a model reads all the same."""
    if isinstance(schema, dict):
        return {
            name: plain(value, _LONGEST_WORDS)
            if name in _WORDS and isinstance(value, str)
            else _plain(value)
            for name, value in schema.items()
        }
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema


def _object_schema(schema: JsonObject) -> JsonObject:
    return schema if schema.get("type") == "object" else {**schema, "type": "object"}


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[._]", name))


def _held_to_its_word(tool: ToolDefinition, answer: ToolAnswer) -> ToolAnswer:
    """An answer that is not what the tool's own schema promises is a failure."""
    if not answer.success or tool.output_schema is None:
        return answer
    checked = check(tool.output_schema, answer.structured)
    if not checked.count:
        return answer
    said = "; ".join(map(str, checked.faults[:5]))
    return replace(answer, success=False, reason=f"its answer is not what its schema says: {said}")


def require_same(known: ToolDefinition, now: Iterable[ToolDefinition], where: str) -> None:
    """Raise ``Conflict`` when a tool is not any more what it was when somebody allowed it."""
    if known not in tuple(now):
        raise Conflict(
            f"the tool {known.name[:80]!r} has changed since Conduit was started",
            where=where,
            hint="start Conduit again to see what it says now",
        )
