"""``conduit device``: the device for Max for Live, built, taken apart, put together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.printing import out, print_json
from conduit.cli.reading import read_bytes
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import print_saved, write_file
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import Conflict, InvalidInput, NotFound, StoreError

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(no_args_is_help=True)

_AMXD_TYPE = "application/x-amxd"
_MOST_FILES = 4_097


@commands.callback()
def device() -> None:
    """The device that brings Conduit into Ableton Live, and any other `.amxd` file."""


@commands.command("build")
def build(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The .amxd file.")
    ] = Path("Conduit.amxd"),
    unfrozen: Annotated[
        bool, typer.Option("--unfrozen", help="Lay the scripts beside it, to be changed in Max.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build the device for Max for Live. Drop the file on a MIDI track.

    Example: `conduit device build`
    """

    async def work(app: App) -> None:
        _check_ending(output)
        made: Any = await call(app, "device.build", {"frozen": not unfrozen})
        device, *loose = made.files
        for ref in loose:
            _check_same(output.parent / ref.name, app.files.get(LOCAL_OWNER.org_id, ref.id)[1])
        written = [write_file(app, device.id, output)]
        written += [write_file(app, ref.id, output.parent / ref.name) for ref in loose]
        if as_json:
            print_json({**loads(dumps(made)), "files": [str(path) for path in written]})
            return
        print_saved(written)

    run(work, as_json=as_json, detect=False)


@commands.command("unpack")
def unpack(
    file: Annotated[Path, typer.Argument(help="A .amxd file, frozen or not.")],
    folder: Annotated[
        Path, typer.Option("-d", "--dir", metavar="DIR", help="A folder that is empty, or new.")
    ],
    as_json: AsJson = False,
) -> None:
    """Take any device apart: its patcher, its scripts, its pictures and sounds.

    Example: `conduit device unpack Conduit.amxd -d conduit-device`
    """

    async def work(app: App) -> None:
        _check_empty(folder)
        data = _contents(file)
        ref = app.files.put(LOCAL_OWNER.org_id, file.name, _AMXD_TYPE, data)
        made: Any = await call(app, "device.unpack", {"file_id": ref.id})
        written = [write_file(app, piece.file_id, folder / piece.name) for piece in made.pieces]
        if as_json:
            print_json({**loads(dumps(made)), "files": [str(path) for path in written]})
            return
        state = "frozen" if made.frozen else "unfrozen"
        out.print(f"{escape(file.name)}: {escape(made.kind)}, {state}")
        print_saved(written)

    run(work, as_json=as_json, detect=False)


@commands.command("pack")
def pack(
    folder: Annotated[Path, typer.Argument(help="A folder that `unpack` made.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The .amxd file.")
    ] = Path("device.amxd"),
    as_json: AsJson = False,
) -> None:
    """Put a device together again. What was not changed has the same bytes as before.

    Example: `conduit device pack conduit-device -o Changed.amxd`
    """

    async def work(app: App) -> None:
        _check_ending(output)
        pieces = []
        for path in _files_of(folder):
            ref = app.files.put(
                LOCAL_OWNER.org_id, path.name, "application/octet-stream", _contents(path)
            )
            pieces.append({"name": path.name, "file_id": ref.id})
        made: Any = await call(app, "device.pack", {"pieces": pieces, "name": output.name})
        written = write_file(app, made.id, output)
        if as_json:
            print_json({**loads(dumps(made)), "files": [str(written)]})
            return
        print_saved([written])

    run(work, as_json=as_json, detect=False)


def _check_ending(path: Path) -> None:
    if path.suffix.lower() != ".amxd":
        raise InvalidInput(f"{path} does not end in .amxd", hint="Live knows devices by it")


def _check_same(script: Path, data: bytes) -> None:
    """Nobody's changes to a script are written over."""
    if script.exists() and _contents(script) != data:
        raise Conflict(
            f"{script} was changed, and would be written over",
            hint="move it away, or choose another folder with -o",
        )


def _check_empty(folder: Path) -> None:
    try:
        full = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise _unreadable(folder, error) from None
    if full:
        raise Conflict(f"{folder} is there already, with something in it", hint="name a new folder")


def _files_of(folder: Path) -> list[Path]:
    """What lies in a folder, without links and hidden files, which no device has."""
    try:
        found = sorted(
            path
            for path in folder.iterdir()
            if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
        )
    except FileNotFoundError:
        raise NotFound(
            f"there is no folder {str(folder)!r:.200}", hint="`conduit device unpack` makes one"
        ) from None
    except NotADirectoryError:
        raise InvalidInput(
            f"{str(folder)!r:.200} is no folder", hint="`conduit device unpack` makes one"
        ) from None
    except OSError as error:
        raise _unreadable(folder, error) from None
    if not found or len(found) > _MOST_FILES:
        raise InvalidInput(
            f"{folder} has {len(found)} files", hint=f"1 to {_MOST_FILES}, as `unpack` makes them"
        )
    return found


def _contents(path: Path) -> bytes:
    """The bytes of a file that is small enough to be a device, or a part of one."""
    from conduit.surfaces.ableton.amxd.layout import MAX_BYTES

    missing = "`conduit device build` makes one"
    return read_bytes(path, MAX_BYTES, what="a device", missing=missing)


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(f"cannot read {str(path)!r:.200}: {error}", hint="check its permissions")
