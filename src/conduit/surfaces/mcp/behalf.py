"""Calls of blocks on behalf of whoever sent a message, and errors as the protocol has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from conduit.blocks import Gate
from conduit.contracts.errors import ConduitError
from conduit.surfaces.mcp.caller import Caller, WhoCalls


@dataclass(frozen=True, slots=True)
class Behalf:
    """Who asks, and the gate that says what they may."""

    gate: Gate
    caller: Caller

    @property
    def org_id(self) -> str:
        return self.caller.principal.org_id

    async def call(self, block: str, data: object) -> Any:
        """Raises what the gate and the block raise."""
        return await self.gate.acall(
            block, data, self.caller.principal, correlation_id=self.caller.correlation_id
        )

    async def by_hand(self, block: str, data: object) -> Any:
        """The same for what the person at the client has said themselves."""
        return await self.gate.acall(
            block, data, self.caller.person, correlation_id=self.caller.correlation_id
        )


def behalf_of(gate: Gate, who: WhoCalls, context: ServerRequestContext[Any, Any]) -> Behalf:
    """Raises ``MCPError``."""
    try:
        return Behalf(gate, who(context))
    except ConduitError as error:
        raise refused(error) from error


def refused(error: ConduitError) -> MCPError:
    """An error where there is no result that could carry it."""
    message = f"{error.message} (hint: {error.hint})" if error.hint else error.message
    return MCPError(types.INVALID_PARAMS, message, {"code": error.code})
