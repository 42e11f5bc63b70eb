"""``groove.sit_like``: make the hats sit like this loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Protocol

from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.contracts.files import FileRef, FileStore
from conduit.contracts.groove import GrooveTemplate
from conduit.contracts.json import Json
from conduit.rhythm.blocks import LANE_BARS, MAX_BLOCK_CELLS, MIDI_TYPE, GrooveStore
from conduit.rhythm.check import cells_of
from conduit.rhythm.config import EngineConfig, Role
from conduit.rhythm.engine import play
from conduit.rhythm.groove import GrooveRequest, config_of, slug
from conduit.rhythm.kept import kept_config
from conduit.rhythm.load import load_config
from conduit.rhythm.notation import Lane
from conduit.rhythm.sit import chosen_layers, sit_like
from conduit.rhythm.written import written

HearIn = Literal["all", "low", "high"]

_HATS: Final = frozenset({Role.HAT, Role.OPEN_HAT})


class Ears(Protocol):
    """Hears how a loop sits. Somebody else's work: this room knows no sound."""

    def __call__(self, org_id: str, loop: str, which: HearIn) -> GrooveTemplate:
        """The template of a stored file, or of what was heard while it played. Raises
        ``InvalidInput``, ``TooLarge`` and ``NotFound``."""
        ...


@dataclass(frozen=True, slots=True)
class SitRequest:
    """Which groove (``groove`` or ``config``) is to sit like what (``loop`` or ``template``)."""

    groove: Annotated[GrooveRequest | None, "what to play, as for groove.render"] = None
    config: Annotated[Json, "instead: a whole engine config as an object"] = None
    loop: Annotated[
        str, Length(0, 64), "id of a sound file (WAV, AIFF, FLAC), or of a sound that was heard"
    ] = ""
    template: Annotated[
        GrooveTemplate | None, "instead: feel.template, as audio.analyze gave it"
    ] = None
    layers: Annotated[
        tuple[str, ...],
        Length(1, 64),
        "which layers, by name or by kind: kick, snare, hat, open_hat, percussion",
    ] = ("hat", "open_hat")
    amount: Annotated[float, Range(0, 1), "1 wholly, 0 not at all"] = 1.0
    hear: Annotated[
        Literal["auto", "all", "low", "high"],
        "what of the loop counts: high its hats, low its kick; auto: as the layers are",
    ] = "auto"


@dataclass(frozen=True, slots=True)
class SatGroove:
    """A groove that sits like a loop, and where its MIDI file is."""

    groove_id: Annotated[str, "for groove.notes and groove.morph: with what it sits like"]
    title: str
    style: Annotated[str, "of the groove; empty where a config was given"]
    bpm: float
    bars: int
    steps_per_bar: int
    seed: int
    swing: Annotated[float, "percent, of the layers that were not moved"]
    layers: Annotated[tuple[str, ...], "those that were moved"]
    template: Annotated[GrooveTemplate, "what they were moved to"]
    lanes: Annotated[tuple[Lane, ...], "the step grid, of the first 8 bars at most"]
    midi: FileRef
    config: Annotated[Json, "what was played: save it with configs.write, or render it again"]


def sit_block(files: FileStore, grooves: GrooveStore, ears: Ears) -> Block[Any, Any]:
    """``groove.sit_like``."""

    @block(
        "groove.sit_like",
        summary="Make the hats, or other layers, of a groove sit like a loop of sound",
        effects=Effects.READS | Effects.WRITES_FILES | Effects.WRITES_STATE,
    )
    def sit(request: SitRequest) -> SatGroove:
        if bool(request.loop) == (request.template is not None):
            raise InvalidInput("either a loop or a template is needed", where="loop")
        config = _config(request)
        if cells_of(config) > MAX_BLOCK_CELLS:
            raise TooLarge(
                f"{cells_of(config)} cells (bars × steps × layers), at most {MAX_BLOCK_CELLS} are "
                "rendered in one call",
                where="bars",
                hint="ask for fewer bars",
            )
        moved = chosen_layers(config, request.layers)
        org = current_call().principal.org_id
        template = request.template or ears(org, request.loop, _heard_in(request, config, moved))
        session = play(sit_like(config, template, request.layers, request.amount))
        name = f"{slug(session.config.title) or 'groove'}-sat.mid"
        midi = files.put(org, name, MIDI_TYPE, session.midi_bytes())
        kept = kept_config(session.config, midi.id)
        grooves.save(org, kept)
        return SatGroove(
            groove_id=kept.groove_id,
            title=session.config.title,
            style=request.groove.style.value if request.groove else "",
            bpm=session.bpm,
            bars=session.bars,
            steps_per_bar=session.config.steps_per_bar,
            seed=session.config.seed,
            swing=session.config.swing,
            layers=tuple(each for each in session.layers if each in moved),
            template=template,
            lanes=session.grid(0, LANE_BARS),
            midi=midi,
            config=written(session.config),
        )

    return sit


def _config(request: SitRequest) -> EngineConfig:
    if (request.groove is None) == (request.config is None):
        raise InvalidInput("either a groove or a config is needed", where="groove")
    if request.groove is not None:
        return config_of(request.groove)
    if not isinstance(request.config, dict):
        raise InvalidInput("the config must be an object", where="config")
    return load_config(request.config)


def _heard_in(request: SitRequest, config: EngineConfig, moved: frozenset[str]) -> HearIn:
    """Hats are told by hats and a kick by a kick; else the whole loop counts."""
    if request.hear != "auto":
        return request.hear
    roles = {each.role for each in config.layers if each.name in moved}
    return "high" if roles <= _HATS else "low" if roles == {Role.KICK} else "all"
