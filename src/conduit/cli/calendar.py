"""``conduit calendar``: calendars you added, and what happens in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.cli.printing import out, print_error, print_json, print_table
from conduit.cli.running import AsJson, call, run
from conduit.contracts.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(no_args_is_help=True, help="Calendars you added, and what is in them.")

_LARGEST = 4 << 20


@commands.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    source: Annotated[str, typer.Argument(help="An .ics file, or the address of one.")],
    timezone: Annotated[str, typer.Option(help="What times without a zone mean.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add a calendar: an iCalendar file, or the address of one (which is kept as a secret).

    Example: `conduit calendar add work calendar.ics`
    """
    try:
        given = _source(source)
    except InvalidInput as error:
        print_error(error, as_json=as_json)
        raise typer.Exit(1) from None

    async def work(app: App) -> None:
        data = {"name": name, "timezone": timezone, **given}
        found: Any = await call(app, "calendar.add", data)
        if as_json:
            print_json(found)
            return
        out.print(f"Added [bold]{escape(found.calendar.name)}[/] with {found.events} events.")
        for fault in found.faults:
            out.print(f"[yellow]{escape(fault)}[/]")

    run(work, as_json=as_json, detect=False)


@commands.command()
def sources(as_json: AsJson = False) -> None:
    """List the calendars that you added.

    Example: `conduit calendar sources`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "calendar.sources", {})
        if as_json:
            print_json(found)
        elif not found.calendars:
            out.print("No calendar is added yet. `conduit calendar add` adds one.")
        else:
            rows = [
                (each.name, f"at {each.where}" if each.where else "a file", each.timezone)
                for each in found.calendars
            ]
            print_table(("calendar", "where", "time zone"), rows)

    run(work, as_json=as_json, detect=False)


@commands.command("list")
def list_events(
    start: Annotated[str, typer.Option(help="A day or time; now unless given.")] = "",
    days: Annotated[int, typer.Option(min=1, max=62, help="How many days.")] = 7,
    title: Annotated[str, typer.Option(help="Only with these words in the title.")] = "",
    as_json: AsJson = False,
) -> None:
    """List what happens.

    Example: `conduit calendar list --start 2026-03-27 --days 1`
    """
    _events("calendar.list", {"start": start, "days": days, "title": title}, as_json)


@commands.command("next")
def next_event(
    title: Annotated[str, typer.Argument(help="Words of its title; none: the next one.")] = "",
    after: Annotated[str, typer.Option(help="Count from this time, not from now.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say what comes next.

    Example: `conduit calendar next`
    """
    _events("calendar.next", {"title": title, "after": after}, as_json)


@commands.command()
def remove(name: Annotated[str, typer.Argument(help="Its name.")], as_json: AsJson = False) -> None:
    """Forget a calendar.

    Example: `conduit calendar remove work`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "calendar.remove", {"name": name})
        if as_json:
            print_json(found)
        else:
            out.print(f"{escape(found.removed)} is forgotten.")

    run(work, as_json=as_json, detect=False)


def _source(source: str) -> dict[str, str]:
    """What to add: an address as it is, a file by its text. Raises ``InvalidInput``."""
    if "://" in source:
        return {"url": source}
    try:
        with Path(source).expanduser().open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise InvalidInput(
            f"it cannot be read: {error.strerror}", where=source[:200], hint="name an .ics file"
        ) from None
    if len(data) > _LARGEST:
        raise TooLarge(f"the file exceeds {_LARGEST} bytes", where=source[:200])
    return {"text": data.decode("utf-8", "replace")}


def _events(block: str, data: dict[str, Any], as_json: bool) -> None:
    async def work(app: App) -> None:
        found: Any = await call(app, block, data)
        if as_json:
            print_json(found)
            return
        if not found.events:
            out.print("Nothing.")
        else:
            rows = [
                (_time(each), each.title, each.location, each.calendar) for each in found.events
            ]
            print_table(("when", "what", "where", "calendar"), rows)
        for fault in found.faults:
            out.print(f"[yellow]{escape(fault)}[/]")

    run(work, as_json=as_json, detect=False)


def _time(event: Any) -> str:
    return str(event.start[:10] if event.all_day else event.start[:16].replace("T", " "))
