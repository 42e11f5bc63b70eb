"""``groove.morph``: a groove between two, or several on the way from one to the other."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Protocol

from conduit.blocks import Block, Effects, Gate, Length, Range, block, current_call, dumps
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.contracts.files import FileRef, FileStore
from conduit.contracts.json import Json
from conduit.midi import smf
from conduit.rhythm.blocks import LANE_BARS, MAX_BLOCK_CELLS, MIDI_TYPE, GrooveStore, load_of
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.engine import play
from conduit.rhythm.groove import GrooveRequest, config_of, slug
from conduit.rhythm.kept import config_kept, kept_config
from conduit.rhythm.load import load_config
from conduit.rhythm.morph.grooves import morph
from conduit.rhythm.morph.series import amounts_of, in_one_file
from conduit.rhythm.notation import Lane
from conduit.rhythm.session import Session
from conduit.rhythm.vary.blocks import Crew
from conduit.rhythm.written import written

MOST_STEPS: Final = 16
_REGION_LANES: Final = 2
"""Bars of each groove of a series whose step grid is in the answer."""


@dataclass(frozen=True, slots=True)
class GrooveSource:
    """A groove, said in exactly one of these ways."""

    groove: Annotated[GrooveRequest | None, "what to play, as for groove.render"] = None
    groove_id: Annotated[str, Length(0, 64), "a groove that was rendered"] = ""
    saved: Annotated[str, Length(0, 480), "name of a saved config, a render or an example"] = ""
    preset: Annotated[str, Length(0, 64), "name of a preset that holds a groove"] = ""
    config: Annotated[Json, "a whole engine config as an object"] = None


@dataclass(frozen=True, slots=True)
class MorphRequest:
    """Two grooves, and how far from the first to the second."""

    one: Annotated[GrooveSource, "the groove at 0"]
    two: Annotated[GrooveSource, "the groove at 1"]
    amount: Annotated[float, Range(0, 1), "0 is the first, 1 the second, 0.5 half way"] = 0.5
    steps: Annotated[
        int | None,
        Range(2, MOST_STEPS),
        "instead of one groove so many, evenly from the first to the second, in one file",
    ] = None
    bars: Annotated[int | None, Range(1, 4096), "null: as the nearer one has"] = None
    order: Annotated[
        int, Range(0, 2**31), "which of equally strong steps changes first; another, another order"
    ] = 0


@dataclass(frozen=True, slots=True)
class MorphRegion:
    """One groove of a series, and where it is in the file."""

    amount: float
    start_beat: Annotated[float, "in quarter notes from the beginning of the file"]
    bars: int
    bpm: float
    steps_per_bar: int
    lanes: Annotated[tuple[Lane, ...], "the step grid, of the first 2 bars at most"]


@dataclass(frozen=True, slots=True)
class MorphedGroove:
    """What is between two grooves, and where its MIDI file is."""

    groove_id: Annotated[str | None, "for groove.notes; null for a series"]
    title: str
    amount: Annotated[float | None, "null for a series"]
    bpm: Annotated[float, "that it begins with"]
    bars: Annotated[int, "of the whole file"]
    steps_per_bar: int
    seed: int
    swing: Annotated[float, "percent"]
    lanes: Annotated[tuple[Lane, ...], "the step grid, of the first 8 bars; of no series"]
    regions: Annotated[tuple[MorphRegion, ...], "the grooves of a series"]
    midi: FileRef
    config: Annotated[Json, "what was played: save it with configs.write, or render it again"]

    def in_short(self) -> MorphedGroove:
        """What a model is told that asked for it: it can name the groove by its id."""
        return replace(self, config=None)


class SavedConfigs(Protocol):
    """Configs by name."""

    def load(self, name: str, overrides: Mapping[str, object] | None = None) -> EngineConfig:
        """Raises ``NotFound`` and ``InvalidInput``."""
        ...


def morph_block(
    gate: Gate, files: FileStore, grooves: GrooveStore, configs: SavedConfigs, crew: Crew
) -> Block[Any, Any]:
    """``groove.morph``. The groove of a preset is asked for through the gate; the ``crew`` does the
    work, so that nobody else waits for it."""

    def config_in(source: GrooveSource, preset: str, where: str) -> EngineConfig:
        if source.groove is not None:
            return config_of(source.groove)
        if source.groove_id:
            org = current_call().principal.org_id
            return config_kept(grooves.load(org, source.groove_id).request, source.groove_id)
        if source.saved:
            return configs.load(source.saved)
        if source.preset:
            return config_kept(preset, f"{where}.preset")
        if not isinstance(source.config, dict):
            raise InvalidInput("the config must be an object", where=f"{where}.config")
        return load_config(source.config)

    async def of_preset(source: GrooveSource, where: str) -> str:
        ways = (source.groove, source.groove_id, source.saved, source.preset, source.config)
        if sum(bool(each) for each in ways) != 1:
            raise InvalidInput(
                "a groove is said in one way",
                where=where,
                hint='like {"groove": {"style": "dub"}}, {"groove_id": "…"} or {"saved": "…"}',
            )
        if not source.preset:
            return ""
        found: Any = await gate.acall("presets.groove", {"name": source.preset})
        return dumps(found.request).decode()

    def made(given: tuple[MorphRequest, tuple[str, str]]) -> MorphedGroove:
        request, presets = given
        one = config_in(request.one, presets[0], "one")
        two = config_in(request.two, presets[1], "two")
        if request.bars:
            one, two = (load_config(each, {"bars": request.bars}) for each in (one, two))
        amounts = amounts_of(request.steps) if request.steps else (request.amount,)
        way = [morph(one, two, amount, seed=request.order) for amount in amounts]
        _require_room(way)
        sessions = [play(each) for each in way]
        org = current_call().principal.org_id
        if request.steps:
            title = f"{one.title or 'one'} to {two.title or 'two'} in {request.steps} steps"
            song = in_one_file(sessions, [f"{amount:.0%}" for amount in amounts], title)
            name = f"{slug(title) or 'morph'}.mid"
            return _series(
                title, amounts, sessions, files.put(org, name, MIDI_TYPE, smf.dumps(song))
            )
        (session,) = sessions
        name = f"{slug(session.config.title) or 'morph'}.mid"
        midi = files.put(org, name, MIDI_TYPE, session.midi_bytes())
        kept = kept_config(session.config, midi.id)
        grooves.save(org, kept)
        return MorphedGroove(
            groove_id=kept.groove_id,
            title=session.config.title,
            amount=request.amount,
            bpm=session.bpm,
            bars=session.bars,
            steps_per_bar=session.config.steps_per_bar,
            seed=session.config.seed,
            swing=session.config.swing,
            lanes=session.grid(0, LANE_BARS),
            regions=(),
            midi=midi,
            config=written(session.config),
        )

    @block(
        "groove.morph",
        summary="Morph one groove into another: the groove part of the way, or all of the way",
        effects=Effects.READS | Effects.WRITES_FILES | Effects.WRITES_STATE,
    )
    async def morphed(request: MorphRequest) -> MorphedGroove:
        presets = (await of_preset(request.one, "one"), await of_preset(request.two, "two"))
        async with contextlib.aclosing(
            crew.each(made, [(request, presets)], processes=False)
        ) as results:
            return await anext(results)

    return morphed


def _require_room(way: Sequence[EngineConfig]) -> None:
    cells = sum(load_of(each) for each in way)
    if cells > MAX_BLOCK_CELLS:
        raise TooLarge(
            f"{cells} cells (bars × steps × layers; a steered groove counts eightfold), at most "
            f"{MAX_BLOCK_CELLS} are rendered in one call",
            where="bars",
            hint="ask for fewer bars, or fewer steps of the way",
        )


def _series(
    title: str, amounts: Sequence[float], sessions: Sequence[Session], midi: FileRef
) -> MorphedGroove:
    first, regions, start = sessions[0], list[MorphRegion](), 0
    for amount, session in zip(amounts, sessions, strict=True):
        regions.append(
            MorphRegion(
                amount=amount,
                start_beat=start / session.timeline.ticks_per_bar * session.config.beats_per_bar,
                bars=session.bars,
                bpm=session.bpm,
                steps_per_bar=session.config.steps_per_bar,
                lanes=session.grid(0, min(_REGION_LANES, session.bars)),
            )
        )
        start += session.ticks
    return MorphedGroove(
        groove_id=None,
        title=title,
        amount=None,
        bpm=first.bpm,
        bars=sum(each.bars for each in sessions),
        steps_per_bar=first.config.steps_per_bar,
        seed=first.config.seed,
        swing=first.config.swing,
        lanes=(),
        regions=tuple(regions),
        midi=midi,
        config=None,
    )
