"""``conduit commute``: how long a way takes, and when to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.cli.printing import out, print_json
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(no_args_is_help=True, help="How long a way takes, and when to leave.")

Start = Annotated[str, typer.Option("--from", help="Where from.")]
Mode = Annotated[str, typer.Option(help="driving, cycling, walking or transit.")]
By = Annotated[str, typer.Option("--by", help="When to be there, like 9:30.")]
To = Annotated[str, typer.Argument(help="Where to: a name, an address, or a meeting.")]


@commands.command()
def time(
    to: To,
    start: Start = "home",
    mode: Mode = "driving",
    by: By = "",
    at: Annotated[str, typer.Option("--at", help="When to leave; neither: now.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say how long it takes.

    Example: `conduit commute time office --by 9:30`
    """
    wish = {"destination": to, "origin": start, "mode": mode, "arrive_by": by, "depart_at": at}

    async def work(app: App) -> None:
        found: Any = await call(app, "commute.time", wish)
        if as_json:
            print_json(found)
        elif found.status == "question":
            out.print(escape(found.question))
        else:
            out.print(f"[bold]{found.minutes} minutes[/] [dim]{escape(found.basis)}[/]")
            out.print(f"leave {_clock(found.depart_at)}, arrive {_clock(found.arrive_at)}")

    run(work, as_json=as_json, detect=False)


@commands.command()
def save(
    to: Annotated[str, typer.Argument(help="Where to: a saved place.")],
    minutes: Annotated[int, typer.Argument(min=1, max=1440, help="How many minutes.")],
    start: Start = "home",
    mode: Mode = "driving",
    as_json: AsJson = False,
) -> None:
    """Keep how long a way takes, as you know it. It holds in both directions.

    Example: `conduit commute save office 35`
    """
    wish = {"destination": to, "origin": start, "mode": mode, "minutes": minutes}

    async def work(app: App) -> None:
        found: Any = await call(app, "commute.save", wish)
        if as_json:
            print_json(found)
        else:
            ends = f"{escape(found.origin)} to {escape(found.destination)}"
            out.print(f"{found.minutes} minutes from {ends}, {found.mode}.")

    run(work, as_json=as_json, detect=False)


@commands.command()
def leave(
    meeting: Annotated[str, typer.Argument(help="Words of its title; none: the next one.")] = "",
    to: Annotated[str, typer.Option("--to", help="Where to, if not where the meeting is.")] = "",
    by: By = "",
    day: Annotated[str, typer.Option("--day", help="today, tomorrow, or a date.")] = "",
    start: Start = "home",
    mode: Mode = "driving",
    buffer: Annotated[int, typer.Option(min=0, max=240, help="Minutes to be there before.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Say when to leave for the next meeting, step by step; or ask the one question in the way.

    Example: `conduit commute leave`
    """
    wish = {
        "meeting": meeting,
        "destination": to,
        "arrive_by": by,
        "day": day,
        "origin": start,
        "mode": mode,
        "buffer_minutes": buffer,
    }

    async def work(app: App) -> None:
        found: Any = await call(app, "commute.leave", wish)
        if as_json:
            print_json(found)
            return
        for step in found.steps:
            out.print(f"[dim]{step.block}[/] {escape(step.said)}")
        if found.status == "question":
            out.print(f"[bold]{escape(found.question)}[/]")
            return
        late = " [yellow]which has passed[/]" if found.late else ""
        out.print(f"[bold]Leave at {_clock(found.leave_at)}[/]{late}")

    run(work, as_json=as_json, detect=False)


def _clock(moment: str) -> str:
    return moment[:16].replace("T", " ")
