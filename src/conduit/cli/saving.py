"""Files that blocks made, copied to where a person looks for them."""

from __future__ import annotations

import contextlib
import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.printing import out, print_groove, print_json
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import NotFound, StoreError
from conduit.contracts.files import FileRef
from conduit.store.files import write_atomically

if TYPE_CHECKING:
    from conduit.agents.events import ToolUse
    from conduit.app import App

OUTPUT_HELP: Final = "The MIDI file to write; into this folder, unless given."


def print_saved(paths: list[Path]) -> None:
    """Where files landed; a path stays in one piece, to be copied."""
    for path in paths:
        out.print(f"[bold green]saved[/] {escape(str(path))}", soft_wrap=True)


def save_files(app: App, use: ToolUse, folder: Path) -> list[Path]:
    """Where a tool saved its files; those that it only stored are copied into a folder."""
    if use.saved:
        return [Path(path) for path in use.saved]
    written = []
    for ref in use.files:
        with contextlib.suppress(NotFound):  # a tool of somebody else may name what is not there
            path = folder / (Path(ref.name).name or ref.id)
            written.append(write_file(app, ref.id, path, replace=False))
    return written


def tell_groove(app: App, made: Any, output: Path | None, *said: str, as_json: bool) -> None:
    """Copy the MIDI file of a groove that a block made, draw its grid, and say what it is."""
    written = write_output(app, made.midi, output)
    shown = loads(dumps(made))
    if as_json:
        print_json({**shown, "files": [str(written)]})
        return
    print_groove(shown)
    for line in said:
        out.print(line)
    print_saved([written])


def write_file(app: App, file_id: str, path: Path, *, replace: bool = True) -> Path:
    """Copy a stored file to a path, all of it or nothing; returns where it landed.

    Without ``replace`` a file that is there already stays, and a number is added to the name,
    unless it holds the same bytes. Raises ``StoreError``.
    """
    _, data = app.files.get(LOCAL_OWNER.org_id, file_id)
    try:
        if not replace:
            path = _free(path, data)
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritten(path, error) from None
    write_out(path, data)
    return path


def write_out(path: Path, data: bytes) -> None:
    """Write to where a person said, through links. A pipe or a device is written to: what is
    renamed over ``/dev/stdout`` or ``/dev/null`` would be there in its place, for everybody.
    Raises ``StoreError``."""
    try:
        place = path.resolve()
        if place.is_dir():
            raise StoreError(f"{path} is a folder", hint="name a file in it")
        if place.exists() and not place.is_file():
            with place.open("wb") as file:
                file.write(data)
        else:
            write_atomically(place, data)
    except (OSError, RuntimeError) as error:  # links in a circle are the second
        raise _unwritten(path, error) from None


def _unwritten(path: Path, error: Exception) -> StoreError:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return StoreError(f"{path} could not be written: {why}", hint="choose another place")


def write_output(app: App, made: FileRef, output: Path | None) -> Path:
    """Copy what a block made to where somebody said; else under its own name into this folder,
    where nothing is replaced."""
    if output is not None:
        return write_file(app, made.id, output)
    return write_file(app, made.id, Path(Path(made.name).name or made.id), replace=False)


def _free(path: Path, data: bytes) -> Path:
    """The first of ``name``, ``name-2``, ``name-3`` … that is free or holds ``data``."""
    for number in count(2):
        if not os.path.lexists(path) or (path.is_file() and path.read_bytes() == data):
            break
        stem = path.stem if number == 2 else path.stem.rpartition("-")[0]
        path = path.with_name(f"{stem}-{number}{path.suffix}")
    return path
