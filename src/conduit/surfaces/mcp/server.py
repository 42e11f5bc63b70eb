"""The server of the Model Context Protocol, whatever carries its messages.

The SDK speaks the protocol: 2026-07-28, where every request stands alone, and 2025-11-25, with its
handshake and sessions. What a request means is here, and every call goes through the gate.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions

import conduit
from conduit.blocks import Gate
from conduit.blocks.foreign import schema_of
from conduit.contracts.errors import NotFound
from conduit.contracts.files import FileStore
from conduit.contracts.json import JsonObject
from conduit.surfaces.mcp.approvals import Approvals
from conduit.surfaces.mcp.asking import sealed
from conduit.surfaces.mcp.caller import WhoCalls
from conduit.surfaces.mcp.calls import ToolCalls
from conduit.surfaces.mcp.changes import Changes
from conduit.surfaces.mcp.completion import Completions
from conduit.surfaces.mcp.listing import ToolList
from conduit.surfaces.mcp.prompts import Prompts, PromptTexts
from conduit.surfaces.mcp.resources import Resources
from conduit.surfaces.mcp.sources import FileSource, GrooveSource, Source
from conduit.surfaces.mcp.telling import LogLevels
from conduit.surfaces.mcp.tools import ToolShelf
from conduit.surfaces.mcp.touched import Touched

_MINUTE_MS: Final = 60_000
_INSTRUCTIONS: Final = (
    "Conduit's blocks as tools. Drum grooves are rendered with groove_render; what was rendered is "
    "a resource, groove://ID. A tool that fails says in `hint` what to do."
)


class _Server(Server[Any]):
    """Says to sessions of the older revision that they are told of changes."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        told = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
        return super().create_initialization_options(
            notification_options or told, experimental_capabilities, extensions
        )


def mcp_server(
    gate: Gate,
    files: FileStore,
    prompts: PromptTexts,
    who: WhoCalls,
    *,
    approve: Collection[str] = (),
    sources: Sequence[Source] = (),
    touched: Touched | None = None,
) -> Server[Any]:
    """``who`` says on whose behalf each message was sent, ``approve`` names blocks that a person
    has to agree to, ``sources`` are more resources than grooves and files, ``touched`` knows where
    something was written."""
    shelf = ToolShelf(gate)
    tools = ToolList(shelf, who)
    resources = Resources(gate, who, (GrooveSource(files), FileSource(files), *sources))
    texts = Prompts(gate, prompts, who, resources)
    levels = LogLevels()
    changes = Changes(gate, who, shelf, resources, texts, touched)

    def input_schema(name: str) -> JsonObject | None:
        """What headers with arguments are compared with. Only other programs' tools ask for any."""
        try:
            return schema_of(gate.catalog.get(gate.catalog.block_of_tool(name)).input_type)
        except NotFound:
            return None

    server: Server[Any] = _Server(
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
        on_list_tools=tools.listed,
        on_call_tool=ToolCalls(gate, files, who, Approvals(approve), levels),
        on_list_resources=resources.listed,
        on_list_resource_templates=resources.templates,
        on_read_resource=resources.read,
        on_list_prompts=texts.listed,
        on_get_prompt=texts.get,
        on_completion=Completions(gate, who, resources, texts),
        on_subscriptions_listen=changes.listen,
        on_subscribe_resource=changes.subscribe,
        on_unsubscribe_resource=changes.unsubscribe,
    )
    server.add_notification_handler(
        "notifications/initialized", types.NotificationParams, changes.initialized
    )
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, levels.set_level)
    server.middleware.clear()  # spans for a tracer that is never there: Conduit has its own
    server.middleware += [sealed(who), tools]
    return server
