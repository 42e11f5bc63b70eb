"""The protocol over the pipes of this process: a client starts ``conduit mcp`` and talks to it."""

from __future__ import annotations

from collections.abc import Collection

from mcp.server.stdio import stdio_server

from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.files import FileStore
from conduit.surfaces.mcp.caller import always
from conduit.surfaces.mcp.prompts import PromptTexts
from conduit.surfaces.mcp.server import mcp_server
from conduit.surfaces.mcp.touched import Touched


async def serve_pipes(
    gate: Gate,
    files: FileStore,
    prompts: PromptTexts,
    principal: Principal,
    *,
    person: Principal,
    approve: Collection[str] = (),
    touched: Touched | None = None,
) -> None:
    """Serve until the client closes our input. While this runs, whatever else is printed goes to
    standard error: standard output belongs to the protocol. ``principal`` is the model that drives
    the client, ``person`` whoever it asks."""
    server = mcp_server(
        gate, files, prompts, always(principal, person), approve=approve, touched=touched
    )
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
