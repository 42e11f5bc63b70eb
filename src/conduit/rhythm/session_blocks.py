"""The blocks that render to files: a config, a wish or a phrase becomes MIDI and JSON in ``out/``.

The JSON beside a MIDI file is the config that was played, so any render can be made again, or be
copied to ``configs/``. Nothing that is there already is overwritten: a number is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.contracts.errors import Conflict, InvalidInput, NotFound, TooLarge
from conduit.contracts.files import FileRef, FileStore, Folder
from conduit.rhythm.blocks import LANE_BARS, MAX_BLOCK_CELLS, MIDI_TYPE
from conduit.rhythm.check import cells_of
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.config_blocks import Configs, without_ending
from conduit.rhythm.engine import play
from conduit.rhythm.groove import GrooveRequest, config_of, file_name, slug
from conduit.rhythm.load import load_config
from conduit.rhythm.notation import Lane
from conduit.rhythm.phrases import PhraseRequest, phrase_config
from conduit.rhythm.written import as_file, written

_LARGEST_OWN: Final = 64 * 1024 * 1024
"""Bytes of a file in ``out/`` that are compared with what is to be written."""
_MOST_TRIES: Final = 1000


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What to render: a saved config or an example (``config``), or a wish (``groove``)."""

    config: Annotated[str, Length(0, 480), "name of a config or of an example"] = ""
    groove: Annotated[GrooveRequest | None, "instead: what to play, as for groove.render"] = None
    bars: Annotated[int | None, Range(1, 4096), "null: as it is there"] = None
    bpm: Annotated[float | None, Range(20, 300), "null: as it is there"] = None
    swing: Annotated[float | None, Range(50, 75), "percent; null: as it is there"] = None
    seed: Annotated[int | None, Range(0, 2**53 - 1), "null: as it is there"] = None
    name: Annotated[str, Length(0, 400), "name of the files; empty: that of the config"] = ""


@dataclass(frozen=True, slots=True)
class RenderedSession:
    """A render that was saved. ``saved`` are the paths of the MIDI file and of its config."""

    name: Annotated[str, "by which it can be rendered again, or copied to a config"]
    title: str
    bpm: float
    bars: int
    steps_per_bar: int
    seed: int
    swing: Annotated[float, "percent"]
    listen: Annotated[str, "what to listen for"]
    lanes: Annotated[tuple[Lane, ...], "the step grid, of the first 8 bars at most"]
    midi: Annotated[FileRef, "the same file by its content"]
    saved: tuple[str, ...]


def session_blocks(configs: Configs, out: Folder, files: FileStore) -> tuple[Block[Any, Any], ...]:
    """``groove.render_session`` and ``groove.render_phrase``."""

    @block(
        "groove.render_session",
        summary="Render a saved config, an example or a wish to MIDI and JSON files in out/",
        effects=Effects.WRITES_FILES,
    )
    def render_session(request: SessionRequest) -> RenderedSession:
        if (request.groove is None) == (not request.config):
            raise InvalidInput(
                "either the name of a config or a groove is needed, and not both",
                where="config",
                hint='like "config": "late_night", or "groove": {"style": "dub"}',
            )
        wanted = {
            "bars": request.bars,
            "bpm": request.bpm,
            "swing": request.swing,
            "seed": request.seed,
        }
        if request.groove:
            config = load_config(config_of(request.groove), wanted)
            name = request.name or without_midi(file_name(request.groove))
        else:
            config = configs.load(request.config, wanted)
            name = request.name or without_ending(request.config)
        return _rendered(config, name, out, files)

    @block(
        "groove.render_phrase",
        summary="Render a fill, build, breakdown or drop to MIDI and JSON files in out/",
        effects=Effects.WRITES_FILES,
    )
    def render_phrase(request: PhraseRequest) -> RenderedSession:
        config = phrase_config(request)
        name = request.name or f"{slug(config.title)}-{config.bars}-bars"
        return _rendered(load_config(config), name, out, files)

    return render_session, render_phrase


def without_midi(file: str) -> str:
    """``late_night.mid`` as ``late_night``."""
    return file[: -len(".mid")] if file.lower().endswith(".mid") else file


def _rendered(config: EngineConfig, name: str, out: Folder, files: FileStore) -> RenderedSession:
    name = without_midi(without_ending(name))
    out.path_of(f"{name}.json")  # a name that cannot be is refused before any work is done
    if cells_of(config) > MAX_BLOCK_CELLS:
        raise TooLarge(
            f"{cells_of(config)} cells (bars × steps × layers), at most {MAX_BLOCK_CELLS} are "
            "rendered in one call",
            where="bars",
            hint="ask for fewer bars",
        )
    session = play(config)
    midi = session.midi_bytes()
    contents = {".mid": midi, ".json": as_file(written(config), f"{name}.json")}
    stem, saved = _saved(out, name, contents)
    org = current_call().principal.org_id
    return RenderedSession(
        name=stem,
        title=config.title or name,
        bpm=session.bpm,
        bars=session.bars,
        steps_per_bar=config.steps_per_bar,
        seed=config.seed,
        swing=config.swing,
        listen=config.listen,
        lanes=session.grid(0, LANE_BARS),
        midi=files.put(org, saved[0].rpartition("/")[2], MIDI_TYPE, midi),
        saved=saved,
    )


def _saved(out: Folder, name: str, contents: Mapping[str, bytes]) -> tuple[str, tuple[str, ...]]:
    """Write all under the first of ``name``, ``name-2``, ``name-3`` … where nothing else is.
    Returns that name, and the paths."""
    for number in range(1, _MOST_TRIES + 1):
        stem = name if number == 1 else f"{name}-{number}"
        if all(_fits(out, stem + ending, data) for ending, data in contents.items()):
            paths = tuple(_put(out, stem + ending, data) for ending, data in contents.items())
            return stem, paths
    raise Conflict(f"{_MOST_TRIES} files are called {name[:80]!r}", hint="choose another name")


def _fits(out: Folder, file: str, data: bytes) -> bool:
    """Whether the name is free, or holds just that."""
    try:
        return out.read(file, largest=_LARGEST_OWN) == data
    except NotFound:
        return True
    except TooLarge:
        return False


def _put(out: Folder, file: str, data: bytes) -> str:
    """Two renders of one name at one moment: the later one is told, and asks again."""
    try:
        return out.write(file, data, replace=False)
    except Conflict:
        if _fits(out, file, data):
            return out.path_of(file)
        raise
