"""``conduit analyze``: a file of sound in, figures out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.analyze_stream import Listening, analyze_stream
from conduit.cli.printing import out, print_json, print_table, working
from conduit.cli.reading import read_bytes
from conduit.cli.running import AsJson, call, run
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.files import FileRef

if TYPE_CHECKING:
    from conduit.app import App

_ALL = 10_000


def analyze(
    file: Annotated[
        Path, typer.Argument(help="A WAV, AIFF or FLAC file; - is a WAV file on standard input.")
    ],
    start: Annotated[float, typer.Option(help="From so many seconds on.")] = 0.0,
    seconds: Annotated[
        float | None, typer.Option(help="Only so much of it; of -, the newest 8.")
    ] = None,
    lowest_bpm: Annotated[float, typer.Option(help="No tempo below this one.")] = 90.0,
    highest_bpm: Annotated[float, typer.Option(help="No tempo above this one.")] = 180.0,
    session: Annotated[str, typer.Option(help="Keep it with this conversation.")] = "",
    every: Annotated[float, typer.Option(help="Of -: a line each so many seconds.")] = 2.0,
    raw: Annotated[bool, typer.Option("--raw", help="Of -: samples without a header.")] = False,
    rate: Annotated[int, typer.Option(help="Of --raw: samples a second.")] = 44_100,
    channels: Annotated[int, typer.Option(help="Of --raw.")] = 2,
    form: Annotated[str, typer.Option("--format", help="Of --raw: u8 s16 s24 s32 f32.")] = "s16",
    name: Annotated[str, typer.Option(help="Of -: what to call it.")] = "standard input",
    as_json: AsJson = False,
) -> None:
    """Listen to a sound: tempo, onsets, key, loudness, spectrum and swing, and how sure each is.

    The file is kept in Conduit's store, and its id is printed with the rest. With --session the
    conversation knows it: `conduit ask "make the hats sit like this loop" --session mine`.

    Example: `conduit analyze loop.wav --json`, `arecord -f cd | conduit analyze - --session mine`
    """
    if str(file) == "-":
        bare = (rate, channels, form) if raw else None
        kept = 8.0 if seconds is None else seconds
        tempos = (lowest_bpm, highest_bpm)
        analyze_stream(Listening(every, kept, tempos, session, name, bare), as_json=as_json)
        return

    async def work(app: App) -> None:
        ref = kept_sound(app, file)
        request = {
            "file_id": ref.id,
            "start": start,
            "seconds": seconds,
            "lowest_bpm": lowest_bpm,
            "highest_bpm": highest_bpm,
            "onsets": _ALL if as_json else 0,
        }
        with working(f"listening to {file.name}", quiet=as_json):
            found = await heard(app, request, session, ref.name)
        if as_json:
            print_json({"file_id": ref.id, **loads(dumps(found))})
            return
        out.print(f"{escape(file.name)}: {escape(found.said)}")
        print_table(("figure", "value", "sure"), _rows(found))
        for fault in found.faults:
            out.print(f"[yellow]note[/] {escape(fault)}")
        out.print(f"id {ref.id}")

    run(work, as_json=as_json, detect=False)


async def heard(app: App, request: Mapping[str, object], session: str, name: str) -> Any:
    """The analysis of a stored sound, which is kept with a conversation where there is one."""
    if not session:
        return await call(app, "audio.analyze", request)
    kept: Any = await call(app, "ears.hear", {**request, "session": session, "name": name[:200]})
    return kept.analysis


def kept_sound(app: App, path: Path) -> FileRef:
    """A file of sound, put into the store. Raises ``NotFound``, ``TooLarge`` and ``StoreError``."""
    from conduit.audio.ears_blocks import media_type_of  # brings NumPy along

    return app.files.put(LOCAL_OWNER.org_id, path.name, media_type_of(path.name), _bytes(path))


def _rows(found: Any) -> list[tuple[str, ...]]:
    tempo, key, loud = found.tempo, found.key, found.loudness
    spectrum, feel, onsets = found.spectrum, found.feel, found.onsets
    others = f" (or {', '.join(f'{each:g}' for each in tempo.others)})" if tempo.others else ""
    rows: list[tuple[str, object, str, float]] = [
        ("tempo", tempo.bpm, f"{{:.2f}} BPM{others}", tempo.confidence),
        ("first beat", tempo.first_beat_s, "{:.3f} s", tempo.beat_confidence),
        ("onsets", onsets.count, "{}", onsets.confidence),
        ("swing", feel.swing, "{:.1f} %", feel.swing_confidence),
        ("off the grid", feel.spread_ms, "{:.1f} ms", tempo.confidence),
        ("key", key.name, f"{{}} (then {key.second})", key.confidence),
        ("loudness", loud.integrated_lufs, "{:.1f} LUFS", loud.confidence),
        ("true peak", loud.true_peak_dbtp, "{:.1f} dBTP", loud.confidence),
        ("brightness", spectrum.centroid_hz, "{:.0f} Hz", spectrum.confidence),
        ("85 % below", spectrum.rolloff_hz, "{:.0f} Hz", spectrum.confidence),
        ("flatness", spectrum.flatness, "{:.3f}", spectrum.confidence),
    ]
    rows += [(each.name, each.share, "{:.1%}", spectrum.confidence) for each in spectrum.bands]
    return [
        (name, "–" if value is None else text.format(value), f"{sure:.2f}")
        for name, value, text, sure in rows
    ]


def _bytes(path: Path) -> bytes:
    """The bytes of a file that is small enough to be read."""
    from conduit.audio.reading import MAX_SOUND_BYTES  # brings NumPy along

    missing = "give the path of a WAV, AIFF or FLAC file"
    return read_bytes(path, MAX_SOUND_BYTES, what="a sound file", missing=missing)
