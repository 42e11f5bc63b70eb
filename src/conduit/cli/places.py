"""``conduit places``: the places you go to, and what words mean by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.cli.printing import out, print_json, print_table
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="Its name, or another of its names.")]


@commands.callback(invoke_without_command=True)
def places(context: typer.Context, as_json: AsJson = False) -> None:
    """Places: the ones you saved, and finding which one words mean.

    Example: `conduit places save office "1 King Street West, Toronto"`
    """
    if context.invoked_subcommand is None:
        list_places(as_json)


@commands.command("list")
def list_places(as_json: AsJson = False) -> None:
    """List the places that you saved.

    Example: `conduit places list`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "places.list", {})
        if as_json:
            print_json(found)
        elif not found.places:
            out.print("No places are saved yet. `conduit places save` keeps one.")
        else:
            rows = [
                (each.title, each.address, ", ".join(each.aliases), _where(each))
                for each in found.places
            ]
            print_table(("place", "address", "other names", "coordinates"), rows)

    run(work, as_json=as_json, detect=False)


@commands.command()
def save(
    name: Annotated[str, typer.Argument(help="What it is called, like office.")],
    address: Annotated[str, typer.Argument(help="Street and number, city.")] = "",
    alias: Annotated[list[str] | None, typer.Option(help="Another name; repeatable.")] = None,
    latitude: Annotated[float | None, typer.Option(help="Degrees north.")] = None,
    longitude: Annotated[float | None, typer.Option(help="Degrees east.")] = None,
    as_json: AsJson = False,
) -> None:
    """Save a place. What is left out stays as it was.

    Example: `conduit places save office "1 King Street West, Toronto" --alias hq`
    """
    data = {
        "name": name,
        "address": address,
        "aliases": alias or [],
        "latitude": latitude,
        "longitude": longitude,
    }
    _one("places.save", data, "Saved", as_json)


@commands.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a place.

    Example: `conduit places show office`
    """
    _one("places.show", {"name": name}, "", as_json)


@commands.command()
def delete(name: Name, as_json: AsJson = False) -> None:
    """Forget a place, and how long the ways to it take.

    Example: `conduit places delete gym`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "places.delete", {"name": name})
        if as_json:
            print_json(found)
        else:
            out.print(f"{escape(found.deleted)} is forgotten.")

    run(work, as_json=as_json, detect=False)


@commands.command()
def resolve(
    text: Annotated[str, typer.Argument(help="A name, an address, or a meeting's title.")],
    as_json: AsJson = False,
) -> None:
    """Find which place words mean.

    Example: `conduit places resolve "1 King St W"`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "places.resolve", {"text": text})
        if as_json:
            print_json(found)
        elif found.place is None:
            out.print(escape(found.question))
        else:
            out.print(f"{_told(found.place)} [dim]by its {escape(found.how)}[/]")

    run(work, as_json=as_json, detect=False)


def _one(block: str, data: dict[str, Any], verb: str, as_json: bool) -> None:
    async def work(app: App) -> None:
        found: Any = await call(app, block, data)
        if as_json:
            print_json(found)
            return
        out.print(f"{verb} {_told(found)}".strip())
        if found.aliases:
            out.print(f"[dim]also called {escape(', '.join(found.aliases))}[/]")
        if where := _where(found):
            out.print(f"[dim]at {where}, as {escape(found.located_by)} said[/]")

    run(work, as_json=as_json, detect=False)


def _told(place: Any) -> str:
    address = f" ({escape(place.address)})" if place.address else ""
    return f"[bold]{escape(place.title)}[/]{address}"


def _where(place: Any) -> str:
    return "" if place.latitude is None else f"{place.latitude:.5f}, {place.longitude:.5f}"
