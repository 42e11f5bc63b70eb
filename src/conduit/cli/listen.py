"""``conduit listen``: a MIDI file in, sound out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.analyze import heard
from conduit.cli.printing import out, print_json, working
from conduit.cli.reading import read_bytes
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import print_saved, write_file
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import InvalidInput

if TYPE_CHECKING:
    from conduit.app import App

_MIDI_TYPE = "audio/midi"


def listen(
    file: Annotated[Path, typer.Argument(help="A standard MIDI file.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The WAV file; as the MIDI file, unless given."
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Only so much of its beginning, 600 at most.")
    ] = None,
    session: Annotated[
        str, typer.Option(help="Keep what it sounds like with this conversation.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Render a MIDI file to a WAV file, with a small drum synthesiser of Conduit's own.

    Example: `conduit listen warehouse.mid`
    """

    async def work(app: App) -> None:
        if output is not None and output.suffix.lower() != ".wav":
            raise InvalidInput(f"{output} does not end in .wav", hint="only WAV files are written")
        ref = app.files.put(LOCAL_OWNER.org_id, file.name, _MIDI_TYPE, _midi(file))
        request = {"file_id": ref.id, "seconds": seconds}
        with working(f"rendering {file.name}", quiet=as_json):
            made: Any = await call(app, "audio.render", request)
            if session:
                await heard(app, {"file_id": made.wav.id}, session, made.wav.name)
        target = Path(f"{file.stem}.wav") if output is None else output
        written = write_file(app, made.wav.id, target, replace=output is not None)
        if as_json:
            print_json({**loads(dumps(made)), "files": [str(written)]})
            return
        out.print(f"{escape(file.name)}: {made.notes} notes, {made.seconds:.1f} s of sound")
        print_saved([written])

    run(work, as_json=as_json, detect=False)


def _midi(path: Path) -> bytes:
    """The bytes of a file that is small enough to be read."""
    from conduit.midi.smf import MAX_FILE_BYTES  # brings NumPy along

    missing = "`conduit render` and `conduit ask` make one"
    return read_bytes(path, MAX_FILE_BYTES, what="a MIDI file", missing=missing)
