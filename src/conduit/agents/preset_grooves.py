"""The grooves that presets hold: shown, and morphed into each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from conduit.agents.live.snapshots import GROOVE
from conduit.blocks import Block, Effects, Gate, Length, Range, block, loads
from conduit.contracts.errors import NotFound
from conduit.contracts.json import Json
from conduit.rhythm.engine import play
from conduit.rhythm.kept import config_kept
from conduit.rhythm.load import load_config
from conduit.rhythm.morph.blocks import MOST_STEPS, GrooveSource, MorphedGroove, MorphRequest
from conduit.rhythm.notation import Lane

_LANE_BARS = 2

PresetName = Annotated[str, Length(1, 64), "name of a preset"]


class Presets(Protocol):
    """What presets hold of conversations."""

    def conversation(self, name: str) -> Mapping[str, str]:
        """JSON by its name. Raises ``NotFound``, ``InvalidInput`` and ``ConfigError``."""
        ...


@dataclass(frozen=True, slots=True)
class WhichPreset:
    """One preset."""

    name: PresetName


@dataclass(frozen=True, slots=True)
class PresetGroove:
    """The groove of a preset."""

    name: str
    title: str
    bpm: float
    bars: int
    steps_per_bar: int
    lanes: Annotated[tuple[Lane, ...], "the step grid, of the first 2 bars at most"]
    request: Annotated[Json, "input of groove.render; of groove.render_config if it has a config"]


@dataclass(frozen=True, slots=True)
class MorphPresets:
    """Two presets that hold a groove, and how far from the first to the second."""

    one: Annotated[str, Length(1, 64), "the preset at 0"]
    two: Annotated[str, Length(1, 64), "the preset at 1"]
    amount: Annotated[float, Range(0, 1), "0 is the first, 1 the second, 0.5 half way"] = 0.5
    steps: Annotated[
        int | None, Range(2, MOST_STEPS), "instead of one groove so many, in one file"
    ] = None
    bars: Annotated[int | None, Range(1, 4096), "null: as the nearer one has"] = None


def preset_groove_blocks(presets: Presets, gate: Gate) -> tuple[Block[Any, Any], ...]:
    """``presets.groove`` and ``presets.morph``."""

    @block("presets.groove", summary="Show the groove that a preset holds", effects=Effects.READS)
    def groove(which: WhichPreset) -> PresetGroove:
        kept = presets.conversation(which.name).get(GROOVE)
        if kept is None:
            raise NotFound(
                f"the preset {which.name!r} holds no groove",
                where="name",
                hint="render one in a conversation, and save the preset with that conversation",
            )
        config = config_kept(kept, which.name)
        shown = play(load_config(config, {"bars": min(config.bars, _LANE_BARS)}))
        return PresetGroove(
            which.name,
            config.title,
            shown.bpm,
            config.bars,
            config.steps_per_bar,
            shown.grid(),
            loads(kept),
        )

    @block(
        "presets.morph",
        summary="Morph the groove of one preset into that of another",
        effects=Effects.READS | Effects.WRITES_FILES | Effects.WRITES_STATE,
    )
    async def morph(request: MorphPresets) -> MorphedGroove:
        asked = MorphRequest(
            GrooveSource(preset=request.one),
            GrooveSource(preset=request.two),
            request.amount,
            request.steps,
            request.bars,
        )
        made: MorphedGroove = await gate.acall("groove.morph", asked)
        return made

    return groove, morph
