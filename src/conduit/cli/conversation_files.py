"""``conduit conversations export`` and ``import``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import loads
from conduit.cli.conversation_notes import SessionArgument
from conduit.cli.printing import out, print_json
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import print_saved, write_out
from conduit.contracts.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    from conduit.app import App

_LARGEST = 128 * 1024 * 1024
"""Bytes of a file that is read; one that was exported is smaller."""


class Format(StrEnum):
    """What a conversation is written as."""

    json = "json"
    md = "md"


def export(
    session: SessionArgument,
    format: Annotated[
        Format, typer.Option(help="json can be imported again, md is for reading.")
    ] = Format.json,
    file: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Where to; standard output if not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a conversation down: everything that was said, pinned facts, the summary.

    Example: `conduit conversations export cli --format md -o talk.md`
    """

    async def work(app: App) -> None:
        asked = {"session": session, "format": format.value}
        found: Any = await call(app, "conversations.export", asked)
        if file is None:
            if as_json:
                print_json(found)
            else:
                sys.stdout.write(found.text)
            return
        write_out(file, found.text.encode())
        if as_json:
            print_json({"file": str(file)})
        else:
            print_saved([file])

    run(work, as_json=as_json, detect=False)


def take_in(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote as JSON.")],
    name: Annotated[str, typer.Option("--as", help="Its name here; else the one it had.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take in a conversation that was exported as JSON.

    It is then yours to go on with. Its summary is made anew; what is pinned in it stays pinned.
    """

    async def work(app: App) -> None:
        document = _read(file)
        asked = {"session": name, "document": document}
        found: Any = await call(app, "conversations.import", asked)
        if as_json:
            print_json(found)
        else:
            out.print(f"{found.messages} messages are in {escape(found.session)} now.")

    run(work, as_json=as_json, detect=False)


def _read(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except OSError as error:
        raise InvalidInput(
            f"{file} cannot be read: {error.strerror}", hint="name a file that `export` wrote"
        ) from None
    if len(data) > _LARGEST:
        raise TooLarge(f"it is larger than {_LARGEST} bytes", where=str(file))
    return loads(data)
