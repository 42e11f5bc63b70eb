"""System prompts as prompts: a client that has no instructions of its own may take ours."""

from __future__ import annotations

from typing import Any, Final, Protocol

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from conduit.blocks import Gate
from conduit.contracts.errors import ConduitError, NotFound
from conduit.surfaces.mcp.caller import WhoCalls
from conduit.surfaces.mcp.pages import page_of
from conduit.surfaces.mcp.resources import refused

Context = ServerRequestContext[Any, Any]

_PAGE: Final = 50
_LONGEST_REQUEST: Final = 100_000


class PromptTexts(Protocol):
    """Who knows system prompts by name."""

    def text(self, name: str) -> str:
        """Raises ``NotFound`` and ``ConfigError``."""
        ...


class Prompts:
    """Runs ``prompts/list`` and ``prompts/get``."""

    def __init__(self, gate: Gate, prompts: PromptTexts, who: WhoCalls) -> None:
        self._gate = gate
        self._prompts = prompts
        self._who = who

    async def listed(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        names, after = page_of(
            await self._names(context), str, params.cursor if params else None, _PAGE
        )
        return types.ListPromptsResult(
            prompts=[
                types.Prompt(
                    name=name,
                    description=f"Conduit's system prompt {name!r}, before what is asked for",
                    arguments=[
                        types.PromptArgument(name="request", description="what is asked for")
                    ],
                )
                for name in names
            ],
            next_cursor=after,
        )

    async def get(
        self, context: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        request = (params.arguments or {}).get("request", "")
        if len(request) > _LONGEST_REQUEST:
            raise MCPError(types.INVALID_PARAMS, f"request: {_LONGEST_REQUEST} characters at most")
        try:
            if params.name not in await self._names(context):
                raise NotFound(f"there is no system prompt {params.name[:80]!r}")
            text = self._prompts.text(params.name)
        except ConduitError as error:
            raise refused(error) from error
        return types.GetPromptResult(
            messages=[
                types.PromptMessage(role="user", content=types.TextContent(text=each))
                for each in (text, request)
                if each
            ]
        )

    async def _names(self, context: Context) -> list[str]:
        """Through the gate, which says whether this caller may see them."""
        caller = self._who(context)
        try:
            found = await self._gate.acall(
                "prompts.list", {}, caller.principal, correlation_id=caller.correlation_id
            )
        except ConduitError as error:
            raise refused(error) from error
        names: list[str] = found.names
        return names
