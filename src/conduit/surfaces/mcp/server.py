"""The server of the Model Context Protocol, whatever carries its messages.

The SDK speaks the protocol: 2026-07-28, where every request stands alone, and 2025-11-25, with its
handshake and sessions. What a request means is here, and every call goes through the gate.
"""

from __future__ import annotations

from typing import Any, Final

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

import conduit
from conduit.blocks import Gate
from conduit.contracts.errors import ConduitError
from conduit.contracts.files import FileStore
from conduit.surfaces.mcp.caller import WhoCalls
from conduit.surfaces.mcp.calls import ToolCalls
from conduit.surfaces.mcp.pages import page_of
from conduit.surfaces.mcp.prompts import Prompts, PromptTexts
from conduit.surfaces.mcp.resources import Resources, refused
from conduit.surfaces.mcp.tools import ToolShelf

_PAGE: Final = 50
_MINUTE_MS: Final = 60_000
_INSTRUCTIONS: Final = (
    "Conduit's blocks as tools. Drum grooves are rendered with groove_render; what was rendered is "
    "a resource, groove://ID. A tool that fails says in `hint` what to do."
)


def mcp_server(gate: Gate, files: FileStore, prompts: PromptTexts, who: WhoCalls) -> Server[Any]:
    """``who`` says on whose behalf each message was sent."""
    shelf = ToolShelf(gate)
    resources = Resources(gate, files, who)
    texts = Prompts(gate, prompts, who)

    async def list_tools(
        context: ServerRequestContext[Any, Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        try:
            principal = who(context).principal
        except ConduitError as error:
            raise refused(error) from error
        cursor = params.cursor if params else None
        tools, after = page_of(shelf.of(principal), _name, cursor, _PAGE)
        return types.ListToolsResult(tools=tools, next_cursor=after)

    def input_schema(name: str) -> None:
        """No tool asks for arguments in headers, so there is nothing to compare them with."""

    server: Server[Any] = Server(
        "conduit",
        version=conduit.__version__,
        title="Conduit",
        instructions=_INSTRUCTIONS,
        cache_hints={
            "tools/list": CacheHint(_MINUTE_MS),
            "prompts/list": CacheHint(_MINUTE_MS),
            "resources/templates/list": CacheHint(60 * _MINUTE_MS, "public"),
            "server/discover": CacheHint(60 * _MINUTE_MS, "public"),
        },
        get_tool_input_schema=input_schema,
        on_list_tools=list_tools,
        on_call_tool=ToolCalls(gate, who),
        on_list_resources=resources.listed,
        on_list_resource_templates=resources.templates,
        on_read_resource=resources.read,
        on_list_prompts=texts.listed,
        on_get_prompt=texts.get,
    )
    server.middleware.clear()  # spans for a tracer that is never there: Conduit has its own
    return server


def _name(tool: types.Tool) -> str:
    return tool.name
