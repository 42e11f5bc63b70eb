"""``conduit presets``: whole set-ups, to come back to and to share without secrets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.gateway import read_text
from conduit.cli.morph import Amount, Bars, Output, Steps, print_morph
from conduit.cli.printing import out, print_groove, print_json, print_table
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import print_saved, write_out

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="Name of the preset.")]
Replace = Annotated[bool, typer.Option("--replace", help="Take the place of one of that name.")]


@commands.callback(invoke_without_command=True)
def presets(context: typer.Context, as_json: AsJson = False) -> None:
    """Save, apply and share whole set-ups: providers, routing, caches and system prompts.

    Example: `conduit presets save studio`, then `conduit presets apply studio`
    """
    if context.invoked_subcommand is None:
        _list("presets.list", {}, as_json)


@commands.command("list")
def list_presets(as_json: AsJson = False) -> None:
    """List the presets.

    Example: `conduit presets list --json`
    """
    _list("presets.list", {}, as_json)


@commands.command("save")
def save(
    name: Name,
    about: Annotated[str, typer.Option(help="What it is for.")] = "",
    replace: Replace = False,
    session: Annotated[
        str,
        typer.Option(
            help="Keep with it how this conversation is answered, its set and its groove."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Save the set-up as it is now, without keys.

    Example: `conduit presets save studio --about "local models first"`
    """
    data = {"name": name, "about": about, "replace": replace, "session": session}
    _tell("presets.save", data, as_json, f"saved the preset {name}")


@commands.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a preset, what it would change here, and which keys are missing.

    Example: `conduit presets show studio`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "presets.show", {"name": name})
        if as_json:
            print_json(found)
            return
        out.print(escape(found.text.rstrip()), soft_wrap=True)
        out.print()
        _print_changes(found.changes, found.needed)
        for each in found.sent_elsewhere:
            out.print(
                escape(f"{each} would get a key of this machine at a new address"), soft_wrap=True
            )

    run(work, as_json=as_json, detect=False)


@commands.command("apply")
def apply(
    name: Name,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Send keys to addresses they were not sent to yet.")
    ] = False,
    session: Annotated[
        str, typer.Option(help="Put what it holds of a conversation into this one.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Put a preset in force. `conduit presets undo` goes back.

    Example: `conduit presets apply studio`
    """
    data = {"name": name, "trusted": trusted, "session": session}
    _applied("presets.apply", data, as_json)


@commands.command("undo")
def undo(as_json: AsJson = False) -> None:
    """Go back to the set-up before the last preset was applied.

    Example: `conduit presets undo`
    """
    _applied("presets.undo", {}, as_json)


@commands.command("groove")
def groove(name: Name, as_json: AsJson = False) -> None:
    """Show the groove that a preset holds.

    Example: `conduit presets groove studio`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "presets.groove", {"name": name})
        if as_json:
            print_json(found)
            return
        print_groove(loads(dumps(found)))
        out.print(f"{escape(found.title)}: {found.bars} bars at {found.bpm:g} BPM", soft_wrap=True)

    run(work, as_json=as_json, detect=False)


@commands.command("morph")
def morph(
    one: Name,
    two: Annotated[str, typer.Argument(help="Name of another preset.")],
    amount: Amount = 0.5,
    steps: Steps = None,
    bars: Bars = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Morph the groove of one preset into that of another.

    Example: `conduit presets morph studio club --amount 0.4`
    """

    async def work(app: App) -> None:
        asked = {"one": one, "two": two, "amount": amount, "steps": steps, "bars": bars}
        print_morph(app, await call(app, "presets.morph", asked), output, as_json)

    run(work, as_json=as_json, detect=False)


@commands.command("remove")
def remove(name: Name, as_json: AsJson = False) -> None:
    """Delete a preset.

    Example: `conduit presets remove studio`
    """
    _list("presets.remove", {"name": name}, as_json)


@commands.command("export")
def export(
    name: Name,
    to: Annotated[Path | None, typer.Option("--to", help="File to write.")] = None,
    format: Annotated[Literal["yaml", "json"], typer.Option(help="How to write it.")] = "yaml",
) -> None:
    """Write a preset as a file to share. There is no key in it.

    Example: `conduit presets export studio --to studio.yaml`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "presets.export", {"name": name, "format": format})
        if to is None:
            sys.stdout.write(found.text)
            return
        write_out(to, found.text.encode())
        print_saved([to])

    run(work, as_json=False, detect=False)


@commands.command("import")
def import_preset(
    file: Annotated[
        Path, typer.Argument(help="A preset.", exists=True, dir_okay=False, readable=True)
    ],
    name: Annotated[str, typer.Option(help="Its name here; its own if empty.")] = "",
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """Keep a preset that comes from elsewhere. Nothing is applied.

    Example: `conduit presets import studio.yaml`, then `conduit presets show studio`
    """

    async def work(app: App) -> None:
        data = {"text": read_text(file), "name": name, "replace": replace}
        found: Any = await call(app, "presets.import", data)
        if as_json:
            print_json(found)
        else:
            out.print(escape(f"kept the preset {found.name}; `conduit presets show` looks into it"))

    run(work, as_json=as_json, detect=False)


def _tell(block: str, data: dict[str, Any], as_json: bool, said: str) -> None:
    async def work(app: App) -> None:
        found = await call(app, block, data)
        if as_json:
            print_json(found)
        else:
            out.print(escape(said), soft_wrap=True)

    run(work, as_json=as_json, detect=False)


def _list(block: str, data: dict[str, Any], as_json: bool) -> None:
    async def work(app: App) -> None:
        found: Any = await call(app, block, data)
        if as_json:
            print_json(found)
        elif not found.presets:
            out.print("There are no presets yet: `conduit presets save NAME` makes one.")
        else:
            rows = [
                (
                    each.name,
                    each.fault or ", ".join(each.providers),
                    ", ".join(each.conversation),
                    each.made,
                    each.about,
                )
                for each in found.presets
            ]
            print_table(("preset", "providers", "of a conversation", "made", "about"), rows)

    run(work, as_json=as_json, detect=False)


def _applied(block: str, data: dict[str, Any], as_json: bool) -> None:
    async def work(app: App) -> None:
        found: Any = await call(app, block, data)
        if as_json:
            print_json(found)
            return
        _print_changes(found.changes, found.needed)
        if found.prompts:
            out.print(escape(f"system prompts: {', '.join(found.prompts)}"), soft_wrap=True)

    run(work, as_json=as_json, detect=False)


def _print_changes(changes: Any, needed: Any) -> None:
    out.print(escape(changes.text() or "No provider, group or setting changes."), soft_wrap=True)
    for each in needed:
        how = f"set {each.variable}" if each.variable else "put it into providers.yaml"
        out.print(escape(f"needed: the key of {each.provider}: {how}"), soft_wrap=True)
