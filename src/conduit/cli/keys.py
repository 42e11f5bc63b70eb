"""``conduit keys``: keys for clients of the gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conduit.cli.printing import err, out, print_json, print_table
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(invoke_without_command=True)

_DAY = "%Y-%m-%d"


@commands.callback(invoke_without_command=True)
def keys(context: typer.Context, as_json: AsJson = False) -> None:
    """Keys for clients of the gateway. As soon as there is one, every client needs one.

    Example: `conduit keys add laptop --models "gpt-*" --expires 30d`
    """
    if context.invoked_subcommand is None:
        _list("keys.list", {}, as_json)


@commands.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys. What opens anything is not shown: it is kept nowhere.

    Example: `conduit keys list`
    """
    _list("keys.list", {}, as_json)


@commands.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What it is called here.")],
    org: Annotated[str, typer.Option(help="Organisation, by UUID or name.")] = "",
    models: Annotated[
        list[str] | None, typer.Option(help="A model it may ask for, like gpt-*. Repeatable.")
    ] = None,
    permissions: Annotated[
        list[str] | None, typer.Option(help="A block it may call, like models.*. Repeatable.")
    ] = None,
    expires: Annotated[str, typer.Option(help="How long it lasts, like 30d.")] = "",
    rpm: Annotated[float, typer.Option(help="Requests a minute; 0: no limit.")] = 0.0,
    tpm: Annotated[float, typer.Option(help="Tokens a minute; 0: no limit.")] = 0.0,
    budget: Annotated[int, typer.Option(help="Micro-dollars a month; 0: no limit.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is shown this once.

    Example: `conduit keys add laptop --expires 30d --rpm 60`
    """
    data: dict[str, Any] = {
        "name": name,
        "org": org,
        "models": models or [],
        "permissions": permissions or ["*"],
        "expires": expires,
        "requests_per_minute": rpm,
        "tokens_per_minute": tpm,
        "budget_micro": budget,
    }

    async def work(app: App) -> None:
        made: Any = await call(app, "keys.add", data)
        if as_json:
            print_json(made)
            return
        out.print(made.key)
        err.print("[dim]Copy it now: it is not shown again.[/]")

    run(work, as_json=as_json, detect=False)


@commands.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="Name or id of the key.")], as_json: AsJson = False
) -> None:
    """Take a key away. Running servers refuse it within a second.

    Example: `conduit keys remove laptop`
    """
    _list("keys.remove", {"name": name}, as_json)


def _list(block: str, data: dict[str, str], as_json: bool) -> None:
    async def work(app: App) -> None:
        found: Any = await call(app, block, data)
        if as_json:
            print_json(found)
        elif not found.keys:
            out.print("There are no keys, so nobody needs one: `conduit keys add NAME` makes one.")
        else:
            rows = [
                (
                    each.name,
                    each.id,
                    ", ".join(each.models) or "all",
                    _limits(each),
                    _day(each.created),
                    "never" if each.expires is None else _day(each.expires),
                )
                for each in found.keys
            ]
            print_table(("key", "id", "models", "limits", "created", "expires"), rows)

    run(work, as_json=as_json, detect=False)


def _limits(key: Any) -> str:
    said = [
        f"{key.requests_per_minute:g} requests a minute" if key.requests_per_minute else "",
        f"{key.tokens_per_minute:g} tokens a minute" if key.tokens_per_minute else "",
        f"{key.budget_micro / 1_000_000:g} dollars a month" if key.budget_micro else "",
    ]
    return ", ".join(filter(None, said)) or "none"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_DAY)
