"""``conduit mcp``: Conduit as an MCP server on standard input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from conduit.cli.running import run
from conduit.contracts.call import LOCAL_OWNER

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(invoke_without_command=True)


@commands.callback(invoke_without_command=True)
def mcp(context: typer.Context) -> None:
    """Serve the Model Context Protocol on standard input and output.

    For clients that start their servers themselves. A model drives such a client, so it may call
    what models may: see `conduit access`. Over HTTP it is `/mcp` of `conduit up`.

    Example: `conduit mcp < /dev/null`
    """
    if context.invoked_subcommand is None:
        _serve()


@commands.command("serve")
def serve() -> None:
    """The same as `conduit mcp` alone.

    Example: `conduit mcp serve < /dev/null`
    """
    _serve()


def _serve() -> None:
    async def work(app: App) -> None:
        from conduit.surfaces.mcp.stdio import serve_pipes  # two thirds of a second

        await serve_pipes(app.gate, app.files, app.prompts, app.rights.of(LOCAL_OWNER))

    run(work, as_json=False, serving=True)
