"""``conduit gateway``: the configuration, what a file would change, and who would answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.cli.models import tokens
from conduit.cli.printing import CIRCUITS, out, print_json, print_table
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(no_args_is_help=True)

File = Annotated[
    Path, typer.Argument(help="A providers.yaml.", exists=True, dir_okay=False, readable=True)
]


@commands.callback()
def gateway() -> None:
    """See and check `providers.yaml`: providers, groups, aliases, limits, caches; and ask why.

    Example: `conduit gateway show`
    """


@commands.command("show")
def show(as_json: AsJson = False) -> None:
    """Show the configuration that is in force, without keys, and what is left out here.

    Example: `conduit gateway show`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "gateway.config", {})
        if as_json:
            print_json(found)
        else:
            _print(found)

    run(work, as_json=as_json, detect=False)


@commands.command("check")
def check(file: File, as_json: AsJson = False) -> None:
    """Say where a file is wrong, without putting it in force.

    Example: `conduit gateway check providers.yaml`
    """
    _compare(file, as_json, f"{file} is valid.")


@commands.command("diff")
def diff(file: File, as_json: AsJson = False) -> None:
    """Say what a file would change.

    Example: `conduit gateway diff providers.yaml`
    """
    _compare(file, as_json, "It would change nothing.")


@commands.command("reload")
def reload(as_json: AsJson = False) -> None:
    """Check the `providers.yaml` of this machine. A running server takes it by itself in 2 seconds.

    Example: `conduit gateway reload`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "gateway.reload", {})
        if as_json:
            print_json(found)
        else:
            _changes(found, "It is valid. A running server has taken it, or does in 2 seconds.")

    run(work, as_json=as_json, detect=False)


@commands.command("route")
def route(
    prompt: Annotated[str, typer.Argument(help="A question. It is not asked.")],
    model: Annotated[str, typer.Option(help="A group, an alias, a model; auto if empty.")] = "",
    as_json: AsJson = False,
) -> None:
    """Tell who would answer a question, in which order, and why.

    Example: `conduit gateway route "Plan the migration" --model smart`
    """

    async def work(app: App) -> None:
        question = {"prompt": prompt, "model": model}
        found: Any = await call(app, "models.explain_route", question)
        if as_json:
            print_json(found)
        else:
            _print_route(found)

    run(work, as_json=as_json)


def _compare(file: Path, as_json: bool, otherwise: str) -> None:
    async def work(app: App) -> None:
        text = read_text(file)
        found: Any = await call(app, "gateway.check", {"text": text})
        if as_json:
            print_json(found)
        else:
            _changes(found, otherwise)

    run(work, as_json=as_json, detect=False)


def read_text(file: Path) -> str:
    """A text file that somebody named. Raises ``InvalidInput``."""
    from conduit.contracts.errors import InvalidInput
    from conduit.store.settings_file import MAX_BYTES

    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError):
        raise InvalidInput(
            f"{file} could not be read as a text", hint="name a file in UTF-8"
        ) from None
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{file} exceeds {MAX_BYTES} bytes", hint="is it the right file?")
    return text


def _changes(found: Any, otherwise: str) -> None:
    out.print(escape(found.text or otherwise), soft_wrap=True)


def _print(found: Any) -> None:
    status = found.status
    if found.text:
        out.print(escape(found.text.rstrip()), soft_wrap=True)
    elif status.fault is not None:
        out.print(f"Nothing is in force, because {escape(status.file)} is wrong.", soft_wrap=True)
    else:
        out.print(f"Nothing is configured in {escape(status.file)}.", soft_wrap=True)
    for each in found.left_out:
        out.print(escape(f"left out: {each.name}: {each.reason}"), soft_wrap=True)
    for each in found.targets_left_out:
        out.print(escape(f"left out of {each.group}: {each.target}: {each.reason}"), soft_wrap=True)


def _print_route(found: Any) -> None:
    out.print(escape(f"{found.name}, by {found.strategy}"))
    rows = [
        (
            f"{place} {each.provider}",
            each.model,
            each.tier,
            CIRCUITS[each.circuit],
            "" if each.latency_ms is None else f"{each.latency_ms:.0f} ms",
            str(each.in_flight or ""),
            tokens(each.context),
        )
        for place, each in enumerate(found.steps, 1)
    ]
    columns = ("provider", "model", "tier", "circuit", "latency", "in flight", "context")
    print_table(columns, rows)
    if found.agree is not None:
        stronger = ", ".join(each.provider for each in found.steps if each.stronger)
        asked = f"The first is asked up to {found.samples} times"
        more = f"; if less than {found.agree:.0%} agree: {stronger}" if stronger else ""
        out.print(escape(f"{asked}{more}"), soft_wrap=True)
    if found.deadline_s is not None:
        out.print(f"All of them together have {found.deadline_s:g} s.")
    if found.score is not None:
        out.print()
        out.print(escape(f"The question looks {found.score:.2f} hard (0 to 1): {found.tier}"))
        terms = [
            (
                each.name,
                f"{each.value:.2f}",
                f"× {each.weight:g}",
                f"= {each.contribution:.2f}",
                each.why,
            )
            for each in found.terms
        ]
        print_table(("sign", "value", "weight", "adds", "why"), terms)
