"""Calling a block as a tool: through the gate, with progress on the way, and an answer that a model
can act on when it fails."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from conduit.agents.events import AskReply
from conduit.blocks import Block, Gate, decode
from conduit.contracts.errors import ConduitError, NotFound, TooLarge
from conduit.contracts.files import FileStore
from conduit.surfaces.mcp.approvals import Approvals
from conduit.surfaces.mcp.asking import Unanswered
from conduit.surfaces.mcp.behalf import Behalf
from conduit.surfaces.mcp.caller import WhoCalls
from conduit.surfaces.mcp.content import failed, result_of
from conduit.surfaces.mcp.telling import LogLevels, Telling

Context = ServerRequestContext[Any, Any]
Params = types.CallToolRequestParams

_MOST_OUTPUTS: Final = 1000


class ToolCalls:
    """Runs ``tools/call``."""

    def __init__(
        self, gate: Gate, files: FileStore, who: WhoCalls, approvals: Approvals, levels: LogLevels
    ) -> None:
        self._gate = gate
        self._files = files
        self._who = who
        self._approvals = approvals
        self._levels = levels

    async def __call__(
        self, context: Context, params: Params
    ) -> types.CallToolResult | types.InputRequiredResult:
        """What the block gave, or, marked as an error, why it did not; or what a person is to be
        asked first. Raises ``MCPError`` for a tool that is not there."""
        try:
            behalf = Behalf(self._gate, self._who(context))
            catalog = self._gate.catalog.of(behalf.org_id)
            block = catalog.get(catalog.block_of_tool(params.name))
        except NotFound as error:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name[:80]}") from error
        except ConduitError as error:
            return failed(error)
        try:
            made = await self._settled(context, params, block, behalf)
            return await result_of(block, made, self._files, behalf.org_id)
        except Unanswered as question:
            return question.result
        except ConduitError as error:
            return failed(error)

    async def _settled(
        self, context: Context, params: Params, block: Block[Any, Any], behalf: Behalf
    ) -> Any:
        if AskReply not in block.output_classes:
            return await self._made(context, params, block, behalf)
        if run_id := self._approvals.begun(params):
            return await self._approvals.resumed(context, params, behalf, run_id)
        reply = await self._made(context, params, block, behalf)
        return await self._approvals.settled(context, params, behalf, reply)

    async def _made(
        self, context: Context, params: Params, block: Block[Any, Any], behalf: Behalf
    ) -> Any:
        data: Any = params.arguments or {}
        if self._gate.may(behalf.caller.principal, block):  # or else the gate says why not
            data = decode(block.input_type, data, lenient=True, where=block.name)
            if self._approvals.needed(block):
                await self._approvals.require(context, params, block, data)
        if not block.streams:
            return await behalf.call(block.name, data)
        items = self._gate.stream(
            block.name,
            data,
            behalf.caller.principal,
            correlation_id=behalf.caller.correlation_id,
        )
        telling = Telling(context, block.name, logged=self._levels.wanted(context))
        return await _followed(telling, block, items)


async def _followed(
    telling: Telling, block: Block[Any, Any], items: AsyncGenerator[Any, None]
) -> Any:
    """The output of a stream; what comes before it is told."""
    outputs: list[Any] = []
    async with aclosing(items):
        async for item in items:
            if not isinstance(item, block.output_classes):
                await telling.event(item)
                continue
            outputs.append(item)
            if len(outputs) > _MOST_OUTPUTS:
                raise TooLarge(
                    f"there are more than {_MOST_OUTPUTS} outputs",
                    where=block.name,
                    hint="ask for fewer",
                )
    if block.many:
        return {"outputs": outputs}
    return outputs[-1] if outputs else None
