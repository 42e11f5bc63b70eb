"""``conduit mcp``: Conduit as an MCP server on standard input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.cli.printing import err, out, print_json, print_table
from conduit.cli.running import AsJson, call, run
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

        app.rooms.open_all()
        await serve_pipes(
            app.gate,
            app.files,
            app.prompts,
            app.rights.of(LOCAL_OWNER),
            person=LOCAL_OWNER,
            approve=app.access.approve,
            touched=app.touched,
        )

    run(work, as_json=False, serving=True)


@commands.command("servers")
def servers(as_json: AsJson = False) -> None:
    """Start the servers of mcp.yaml, and say how they are and what they offer.

    Example: `conduit mcp servers`
    """

    async def work(app: App) -> None:
        await app.servers.discover()
        found: Any = await call(app, "mcp.servers", {})
        if as_json:
            print_json(found)
            return
        print_table(
            ("server", "state", "blocks", "where"),
            [
                (each.name, each.state, ", ".join(each.blocks) or each.fault, each.place)
                for each in found.servers
            ],
        )
        if not found.servers:
            out.print("None yet: name them in mcp.yaml, see docs/guides/mcp.md.")

    run(work, as_json=as_json, detect=False)


Server = Annotated[str, typer.Argument(help="Its name in mcp.yaml.")]


@commands.command("login")
def login(name: Server) -> None:
    """Let Conduit in at a server that wants somebody to log in.

    Opens its page in a browser, and keeps what it gives in CONDUIT_HOME/mcp-tokens. A running
    Conduit uses it from the next start of the server: `mcp.restart`.

    Example: `conduit mcp login tickets`
    """

    def show(url: str) -> None:
        import webbrowser

        err.print(f"Log in at {escape(url)}", soft_wrap=True)
        webbrowser.open(url)

    async def work(app: App) -> None:
        status = await app.servers.log_in(name, show)
        out.print(f"{name} let Conduit in: {', '.join(status.blocks) or 'it has no tools'}.")

    run(work, as_json=False, detect=False)


@commands.command("logout")
def logout(name: Server) -> None:
    """Forget what a server let Conduit in with.

    Example: `conduit mcp logout tickets`
    """

    async def work(app: App) -> None:
        forgotten = await app.servers.log_out(name)
        out.print(f"{name} is forgotten." if forgotten else f"Nothing was kept for {name}.")

    run(work, as_json=False, detect=False)
