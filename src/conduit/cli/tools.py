"""``conduit tools``: what state the tools are in, and changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from conduit.cli.printing import out, print_json, print_table
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="The tool, like web_search or web.search.")]
User = Annotated[str, typer.Option(help="For this user alone, by subject.")]


@commands.callback(invoke_without_command=True)
def tools(context: typer.Context, as_json: AsJson = False) -> None:
    """Tools: which are on, which rest after failures, and what is left of them today.

    Example: `conduit tools disable web_search`
    """
    if context.invoked_subcommand is None:
        _show("tools.list", {}, as_json)


@commands.command("list")
def list_tools(as_json: AsJson = False) -> None:
    """List every tool and the state it is in.

    Example: `conduit tools list`
    """
    _show("tools.list", {}, as_json)


@commands.command("enable")
def enable(name: Name, user: User = "", as_json: AsJson = False) -> None:
    """Switch a tool on, for everybody or one user.

    Example: `conduit tools enable web_search`
    """
    _show("tools.enable", {"name": name, "user": user}, as_json)


@commands.command("disable")
def disable(name: Name, user: User = "", as_json: AsJson = False) -> None:
    """Switch a tool off, for everybody or one user. Running servers refuse it within a second.

    Example: `conduit tools disable load_web_page --user key:laptop`
    """
    _show("tools.disable", {"name": name, "user": user}, as_json)


@commands.command("reset")
def reset(name: Name, as_json: AsJson = False) -> None:
    """Count the calls of today anew. Circuits belong to a process: those of a running server are
    closed at `POST /tools/NAME/reset`.

    Example: `conduit tools reset web_search`
    """
    _show("tools.reset", {"name": name}, as_json)


@commands.command("limit")
def limit(
    name: Name,
    per_day: Annotated[
        int, typer.Option("--per-day", min=-1, help="Calls a day (UTC); -1: no limit.")
    ],
    user: User = "",
    as_json: AsJson = False,
) -> None:
    """Limit how often a tool may be called in a day.

    Example: `conduit tools limit web_search --per-day 80`
    """
    most = None if per_day < 0 else per_day
    _show("tools.limit", {"name": name, "per_day": most, "user": user}, as_json)


def _show(block: str, data: dict[str, Any], as_json: bool) -> None:
    async def work(app: App) -> None:
        found: Any = await call(app, block, data)
        if as_json:
            print_json(found)
            return
        rows = [
            (each.tool, "on" if each.on else "off", _circuit(each), _left(each), each.summary)
            for each in found.tools
        ]
        print_table(("tool", "state", "circuit", "left today", "what it does"), rows)
        for each in found.tools:
            if each.why:
                out.print(f"{each.tool}: {each.why}", soft_wrap=True, markup=False)

    run(work, as_json=as_json, detect=False)


def _circuit(tool: Any) -> str:
    if tool.circuit == "closed" and tool.failures:
        return f"closed, {tool.failures} failed"
    return str(tool.circuit).replace("_", " ")


def _left(tool: Any) -> str:
    return "no limit" if tool.per_day is None else f"{tool.remaining} of {tool.per_day}"
