"""``conduit access``: who may run commands, read files, reach hosts and databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from conduit.cli.printing import out, print_json, print_table
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import print_saved

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(invoke_without_command=True)


@commands.callback(invoke_without_command=True)
def access(context: typer.Context, as_json: AsJson = False) -> None:
    """See who may run commands, read files, reach hosts and databases, and how to allow it.

    You may, at this terminal. Language models and callers over HTTP may not, until a file that
    `conduit access init` writes for you to edit says so.

    Example: `conduit access`
    """
    if context.invoked_subcommand is not None:
        return

    async def work(app: App) -> None:
        found: Any = await call(app, "system.access", {})
        if as_json:
            print_json(found)
        else:
            _print(found)

    run(work, as_json=as_json, detect=False)


@commands.command("init")
def init(as_json: AsJson = False) -> None:
    """Write an `access.yaml` that allows nothing yet, with what it could say as comments.

    Example: `conduit access init`, then open the file that it names
    """

    async def work(app: App) -> None:
        from conduit.app.access import write_example

        write_example(app.access.file)
        if as_json:
            print_json({"file": str(app.access.file)})
        else:
            print_saved([app.access.file])

    run(work, as_json=as_json, detect=False)


def _print(found: Any) -> None:
    rows = [
        (each.name, _yes(each.models), _yes(each.remote), _yes(each.remote_models), each.summary)
        for each in found.blocks
    ]
    print_table(("guarded block", "models", "HTTP", "models over HTTP", "what it does"), rows)
    out.print()
    allowed: list[tuple[str, str, str, str]] = [
        *(("folder", each.name, each.path, _way(each.write)) for each in found.roots),
        *(
            ("host", each.host, "", "public and private" if each.private else "public")
            for each in found.hosts
        ),
        *(("database", each.name, each.address, _state(each)) for each in found.databases),
    ]
    print_table(("allowed", "name", "where", "how"), allowed)
    out.print()
    if found.found:
        how = f"This is what {found.file} says; `conduit up` reads it when it starts."
    else:
        how = f"To allow more, run `conduit access init` and edit {found.file}."
    out.print(f"You, at this terminal, may call all of them. {escape(how)}", soft_wrap=True)


def _yes(may: bool) -> str:
    return "yes" if may else "no"


def _way(write: bool) -> str:
    return "read and write" if write else "read"


def _state(database: Any) -> str:
    return f"{database.missing} is not set" if database.missing else _way(database.write)
