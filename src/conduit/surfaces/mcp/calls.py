"""Calling a block as a tool: through the gate, with progress on the way, and an answer that a model
can act on when it fails."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from conduit.blocks import Block, Gate, dumps, loads
from conduit.contracts.errors import ConduitError, InvalidInput, NotFound, TooLarge
from conduit.contracts.files import FileRef
from conduit.contracts.outcome import ErrorInfo
from conduit.surfaces.mcp.caller import Caller, WhoCalls
from conduit.surfaces.mcp.resources import file_uri
from conduit.surfaces.mcp.tools import output_schema

Context = ServerRequestContext[Any, Any]

_LARGEST_RESULT: Final = 1 << 20
"""Bytes of JSON. Whoever asked is a model: what is longer belongs into a file."""
_LONGEST_MESSAGE: Final = 400
_BETWEEN_MESSAGES_S: Final = 0.05
"""A model that streams says something hundreds of times a second."""
_MOST_LINKS: Final = 50
_DEEPEST: Final = 8
_MOST_OUTPUTS: Final = 1000
_FIELDS: Final = "the tool's inputSchema has its fields, their types and bounds"
_TRY: Final = "`conduit doctor` says what works on this machine and what does not"


class ToolCalls:
    """Runs ``tools/call``."""

    def __init__(self, gate: Gate, who: WhoCalls) -> None:
        self._gate = gate
        self._who = who

    async def __call__(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """What the block gave, or, marked as an error, why it did not. Raises ``MCPError`` for a
        tool that is not there."""
        try:
            caller = self._who(context)
            catalog = self._gate.catalog.of(caller.principal.org_id)
            block = catalog.get(catalog.block_of_tool(params.name))
        except NotFound as error:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name[:80]}") from error
        except ConduitError as error:
            return failed(error)
        try:
            made = await self._made(context, block, params.arguments or {}, caller)
            return _answer(block, made)
        except ConduitError as error:
            return failed(error)

    async def _made(
        self, context: Context, block: Block[Any, Any], arguments: dict[str, Any], caller: Caller
    ) -> Any:
        if not block.streams:
            return await self._gate.acall(
                block.name,
                arguments,
                caller.principal,
                correlation_id=caller.correlation_id,
                lenient=True,
            )
        items = self._gate.stream(
            block.name, arguments, caller.principal, correlation_id=caller.correlation_id
        )
        return await _followed(context, block, items)


async def _followed(
    context: Context, block: Block[Any, Any], items: AsyncGenerator[Any, None]
) -> Any:
    """The output of a stream; what comes before it is told as progress, not too often."""
    outputs: list[Any] = []
    clock = asyncio.get_running_loop().time
    told_at = -1.0
    events = 0
    async with aclosing(items):
        async for item in items:
            events += 1
            if isinstance(item, block.output_classes):
                outputs.append(item)
                if len(outputs) > _MOST_OUTPUTS:
                    raise TooLarge(
                        f"there are more than {_MOST_OUTPUTS} outputs",
                        where=block.name,
                        hint="ask for fewer",
                    )
            elif clock() - told_at >= _BETWEEN_MESSAGES_S:
                await context.session.report_progress(events, message=_message(item))
                told_at = clock()
    if block.many:
        return {"outputs": outputs}
    return outputs[-1] if outputs else None


def _message(event: Any) -> str:
    """An event in a line: its kind, and what it says."""
    said = dumps(event).decode()
    text = f"{type(event).__name__} {said}"
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"


def _answer(block: Block[Any, Any], made: Any) -> types.CallToolResult:
    text = dumps(made)
    if len(text) > _LARGEST_RESULT:
        raise TooLarge(
            f"the result has {len(text)} bytes, and {_LARGEST_RESULT} can be told",
            where=block.name,
            hint="ask for less of it",
        )
    content: list[types.ContentBlock] = [types.TextContent(text=text.decode())]
    content += [_link(each) for each in _files_in(made)]
    structured = loads(text) if output_schema(block) is not None else None
    return types.CallToolResult(content=content, structured_content=structured)


def failed(error: ConduitError) -> types.CallToolResult:
    """An error for a model to read: what happened, and what to do about it."""
    info = ErrorInfo.of(error)
    if not info.hint:
        info = dataclasses.replace(info, hint=_FIELDS if isinstance(error, InvalidInput) else _TRY)
    told: dict[str, Any] = {"error": dataclasses.asdict(info)}
    return types.CallToolResult(
        content=[types.TextContent(text=dumps(told).decode())],
        structured_content=told,
        is_error=True,
    )


def _link(file: FileRef) -> types.ResourceLink:
    return types.ResourceLink(
        name=file.name, uri=file_uri(file.id), mime_type=file.media_type, size=file.size
    )


def _files_in(made: Any) -> list[FileRef]:
    """The files that a result names, each once."""
    found: dict[str, FileRef] = {}
    for file in _references(made, 0):
        found.setdefault(file.id, file)
        if len(found) == _MOST_LINKS:
            break
    return list(found.values())


def _references(value: Any, depth: int) -> Iterator[FileRef]:
    if isinstance(value, FileRef):
        yield value
    elif depth < _DEEPEST:
        inner: Any = ()
        if dataclasses.is_dataclass(value):
            inner = [getattr(value, field.name) for field in dataclasses.fields(value)]
        elif isinstance(value, list | tuple):
            inner = value
        for each in inner:
            yield from _references(each, depth + 1)
