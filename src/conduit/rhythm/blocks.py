"""The blocks of this room: render a groove, read its notes, name the styles."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Annotated, Any, Protocol

from conduit.blocks import Block, Effects, Length, NoOp, Range, block, current_call, dumps
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.contracts.files import FileRef, FileStore
from conduit.contracts.groove import StoredGroove
from conduit.contracts.json import Json
from conduit.midi import notes_between, smf
from conduit.rhythm.check import cells_of
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.engine import play
from conduit.rhythm.groove import GrooveRequest, complete, config_of, file_name, groove_id, slug
from conduit.rhythm.kept import config_kept
from conduit.rhythm.load import load_config
from conduit.rhythm.notation import Lane
from conduit.rhythm.styles import STYLES, Style
from conduit.rhythm.timeline import first_bpm

MIDI_TYPE = "audio/midi"
LANE_BARS = 8
"""How many bars of a groove's step grid go into its answer."""

MAX_BLOCK_CELLS = 2_000_000
"""Bars × steps × layers that anybody may ask for from outside: about a second and 300 MB."""

STEERED_COST, STEERED_BAR = 8, 128
"""How many times as long a steered groove takes, roughly, and the cells its smallest bar counts."""


class GrooveStore(Protocol):
    """Remembers grooves, apart for each organisation."""

    def save(self, org_id: str, groove: StoredGroove) -> None:
        """Keep it; the same groove twice is one groove. Raises ``StoreError``."""
        ...

    def load(self, org_id: str, groove_id: str) -> StoredGroove:
        """Raises ``NotFound``."""
        ...


@dataclass(frozen=True, slots=True)
class RenderedGroove:
    """A groove that was rendered, and where its MIDI file is."""

    groove_id: str
    title: str
    style: Style
    bpm: float
    bars: int
    steps_per_bar: int
    seed: int
    swing: Annotated[float, "percent"]
    listen: Annotated[str, "what to listen for"]
    lanes: Annotated[tuple[Lane, ...], "the step grid, of the first 8 bars at most"]
    midi: FileRef
    config: Annotated[GrooveRequest, "what was played, everything said; change it and render again"]


@dataclass(frozen=True, slots=True)
class ConfigRequest:
    """A whole engine config to play, as in `configs/`."""

    config: Annotated[Json, "the config as a JSON object; its fields are those of EngineConfig"]
    bars: Annotated[int | None, Range(1, 4096), "null: as the config says"] = None
    seed: Annotated[int | None, Range(0, 2**53 - 1), "null: as the config says"] = None


@dataclass(frozen=True, slots=True)
class RenderedConfig:
    """A config that was rendered, and where its MIDI file is."""

    title: str
    bpm: float
    bars: int
    steps_per_bar: int
    seed: int
    lanes: Annotated[tuple[Lane, ...], "the step grid, of the first 8 bars at most"]
    midi: FileRef


@dataclass(frozen=True, slots=True)
class NotesRequest:
    """Some bars of a groove that was rendered before."""

    groove_id: Annotated[str, Length(1, 64), "as groove.render gave it"]
    first_bar: Annotated[int, Range(0, 4095), "counted from 0"] = 0
    bars: Annotated[int, Range(1, 64)] = 8


@dataclass(frozen=True, slots=True)
class GrooveNotes:
    """Notes as columns of equal length, sorted by tick; ticks are counted from ``first_bar``."""

    ppq: Annotated[int, "ticks per quarter note"]
    bpm: float
    first_bar: int
    bars: Annotated[int, "how many bars there are; fewer than asked for at the groove's end"]
    ticks_per_bar: int
    layers: Annotated[tuple[str, ...], "names; the layer column is an index into them"]
    tick: tuple[int, ...]
    duration: Annotated[tuple[int, ...], "in ticks"]
    pitch: Annotated[tuple[int, ...], "MIDI notes"]
    velocity: Annotated[tuple[int, ...], "1-127"]
    layer: tuple[int, ...]
    channel: Annotated[tuple[int, ...], "MIDI channels from 0; pitches on 9 are drums"]


@dataclass(frozen=True, slots=True)
class StyleInfo:
    """One style."""

    name: Style
    bpm: float
    swing: Annotated[float, "percent"]
    listen: Annotated[str, "what to listen for"]
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StyleList:
    """All styles."""

    styles: tuple[StyleInfo, ...]


def groove_blocks(files: FileStore, grooves: GrooveStore) -> tuple[Block[Any, Any], ...]:
    """All blocks of this room: ``groove.render``, ``.render_config``, ``.notes``, ``.styles``."""

    @block(
        "groove.render",
        summary="Render a techno drum groove to a MIDI file",
        effects=Effects.WRITES_FILES | Effects.WRITES_STATE,
    )
    def render_groove(request: GrooveRequest) -> RenderedGroove:
        wish = complete(request)
        session = play(config_of(wish))
        org = current_call().principal.org_id
        midi = files.put(org, file_name(wish), MIDI_TYPE, session.midi_bytes())
        name = groove_id(wish)
        saved = StoredGroove(name, wish.title, dumps(asdict(wish)).decode(), midi.id)
        grooves.save(org, saved)
        return RenderedGroove(
            groove_id=name,
            title=wish.title,
            style=wish.style,
            bpm=session.bpm,
            bars=session.bars,
            steps_per_bar=session.config.steps_per_bar,
            seed=wish.seed,
            swing=session.config.swing,
            listen=session.config.listen,
            lanes=session.grid(0, LANE_BARS),
            midi=midi,
            config=wish,
        )

    @block(
        "groove.render_config",
        summary="Render a whole engine config to a MIDI file",
        effects=Effects.WRITES_FILES,
    )
    def render_config(request: ConfigRequest) -> RenderedConfig:
        if not isinstance(request.config, dict):
            raise InvalidInput("the config must be an object", where="config")
        wanted = {"bars": request.bars, "seed": request.seed}
        config = load_config(request.config, wanted)
        if (load := load_of(config)) > MAX_BLOCK_CELLS:
            raise TooLarge(
                f"{load} cells (bars × steps × layers; a steered groove counts eightfold), at most "
                f"{MAX_BLOCK_CELLS} are rendered in one call",
                where="config.bars",
                hint="ask for fewer bars, or render it in Python with conduit.rhythm.render",
            )
        session = play(config)
        title = session.config.title or "groove"
        org = current_call().principal.org_id
        midi = files.put(org, f"{slug(title) or 'groove'}.mid", MIDI_TYPE, session.midi_bytes())
        return RenderedConfig(
            title=title,
            bpm=session.bpm,
            bars=session.bars,
            steps_per_bar=session.config.steps_per_bar,
            seed=session.config.seed,
            lanes=session.grid(0, LANE_BARS),
            midi=midi,
        )

    @lru_cache(maxsize=4)
    def song_of(org: str, file_id: str) -> smf.Song:
        """The notes as they were written, whatever the engine would play today. A player asks for
        a few bars at a time, so the last files read are kept."""
        return smf.loads(files.get(org, file_id)[1])

    @block(
        "groove.notes",
        summary="Read some bars of a rendered groove as note columns, for playback",
        effects=Effects.READS,
    )
    def groove_notes(request: NotesRequest) -> GrooveNotes:
        org = current_call().principal.org_id
        saved = grooves.load(org, request.groove_id)
        config = config_kept(saved.request, saved.groove_id)
        return _some_bars(request, first_bpm(config), config.bars, song_of(org, saved.file_id))

    @block("groove.styles", summary="List the groove styles and what to listen for", inline=True)
    def groove_styles(request: NoOp) -> StyleList:
        return StyleList(
            tuple(
                StyleInfo(
                    name=style,
                    bpm=config.bpm,
                    swing=config.swing,
                    listen=config.listen,
                    layers=tuple(layer.name for layer in config.layers),
                )
                for style, config in STYLES.items()
            )
        )

    return render_groove, render_config, groove_notes, groove_styles


def load_of(config: EngineConfig) -> int:
    """What a render costs, in cells of a groove that is not steered."""
    if not config.steered:
        return cells_of(config)
    return STEERED_COST * max(cells_of(config), STEERED_BAR * config.bars)


def _some_bars(request: NotesRequest, bpm: float, total: int, song: smf.Song) -> GrooveNotes:
    if request.first_bar >= total:
        raise InvalidInput(
            f"the groove has {total} bars, there is no bar {request.first_bar}",
            where="first_bar",
            hint=f"first_bar is 0 to {total - 1}",
        )
    bars = min(request.bars, total - request.first_bar)
    sign = song.time_signatures[0] if song.time_signatures else smf.TimeSignature()
    ticks = song.ppq * 4 * sign.numerator // sign.denominator
    first = request.first_bar * ticks
    notes = notes_between(song.notes, first, first + bars * ticks)
    columns = ("tick", "duration", "pitch", "velocity", "layer", "channel")
    return GrooveNotes(
        ppq=song.ppq,
        bpm=bpm,
        first_bar=request.first_bar,
        bars=bars,
        ticks_per_bar=ticks,
        layers=song.layer_names,
        **{name: tuple(notes[name].tolist()) for name in columns},
    )
