"""What a groove is made of: plain data that can be read, edited, stored and compared.

An :class:`EngineConfig` and a seed determine every note. All lengths inside a bar are in *steps*
(``steps_per_bar`` of them), all offsets in milliseconds, velocities in MIDI units (1-127).
The bounds written here are the bounds that are checked, and those of the published JSON Schema.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Annotated, Literal

from conduit.blocks import Length, Range
from conduit.rhythm.limits import MAX_BARS, MAX_STEPS
from conduit.rhythm.parameters import (
    ConditionConfig,
    KeyConfig,
    MarkerConfig,
    MelodyConfig,
    MeterChange,
    Mode,
    RatchetConfig,
    TempoChange,
    VariationConfig,
)
from conduit.rhythm.steering import GuardConfig, MarkovConfig, ModulatorConfig, Targets


class Role(enum.StrEnum):
    """What a layer is for. Wishes such as "rotate the percussion" find their layers by it."""

    KICK = "kick"
    SNARE = "snare"
    HAT = "hat"
    OPEN_HAT = "open_hat"
    PERCUSSION = "percussion"
    BASS = "bass"
    STAB = "stab"


class Feel(enum.StrEnum):
    """Named sets of timing bins (see ``conduit.rhythm.timing``)."""

    GRID = "grid"
    TIGHT = "tight"
    HUMAN = "human"
    LATE = "late"
    EARLY = "early"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingBin:
    """A range of micro-offsets, in milliseconds; positive is late."""

    name: Annotated[str, Length(1, 40)] = "on"
    low_ms: Annotated[float, Range(-50, 50)] = 0.0
    high_ms: Annotated[float, Range(-50, 50)] = 0.0
    weight: Annotated[float, Range(0, 1000), "how often, against the other bins"] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingConfig:
    """Where hits fall around the grid."""

    feel: Annotated[Feel, "a named set of bins"] = Feel.GRID
    bins: Annotated[tuple[TimingBin, ...], Length(0, 16), "own bins, instead of the feel's"] = ()
    steps_ms: Annotated[
        tuple[Annotated[float, Range(-50, 50)], ...],
        Length(0, 64),
        "added to that, step by step, around and around; positive is late",
    ] = ()
    cap_ms: Annotated[float, Range(0, 50), "no hit is further from the (swung) grid"] = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GhostConfig:
    """Quiet extra hits on the layer's own pitch."""

    probability: Annotated[float, Range(0, 1), "chance of each candidate step; 0 is none"] = 0.0
    low: Annotated[int, Range(1, 49), "softest velocity"] = 24
    high: Annotated[int, Range(1, 49), "loudest velocity"] = 46
    steps: Annotated[
        str,
        Length(0, 2 * MAX_STEPS),
        "candidate steps as a pattern; empty: the rests beside the layer's hits",
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerConfig:
    """One drum or one line: which steps it plays, how loud, how long, and how it leans.

    The steps come from ``pattern`` or, when that is empty, from ``pulses`` Euclidean hits over
    ``steps``. A loop whose length is not that of the bar runs on over the bar line (polymeter).
    """

    name: Annotated[str, Length(1, 40)]
    pitch: Annotated[int, Range(0, 127), "MIDI note; General MIDI drums: 36 kick, 38 snare ..."]
    role: Role = Role.PERCUSSION
    channel: Annotated[int, Range(0, 15), "MIDI channel from 0; 9 is drums"] = 9

    pattern: Annotated[str, Length(0, 2 * MAX_STEPS), ". rest, - ghost, x, X accent, ? maybe"] = ""
    steps: Annotated[int | None, Range(1, MAX_STEPS), "length of the Euclidean loop"] = None
    pulses: Annotated[int | None, Range(0, MAX_STEPS), "hits in the Euclidean loop"] = None
    rotation: Annotated[int, Range(-MAX_STEPS, MAX_STEPS), "steps later (negative: earlier)"] = 0
    drift: Annotated[float, Range(-64, 64), "so many steps later with every bar"] = 0.0
    fills: Annotated[
        tuple[str, ...],
        Length(0, 8),
        "what replaces the end of a phrase, smallest first; see conduit.rhythm.phrase",
    ] = ()
    turn: Annotated[
        str, Length(0, 2 * MAX_STEPS), "what replaces the end of the first half of a phrase"
    ] = ""
    form: Annotated[
        str, Length(0, 256), "x plays, . rests: one for each phrase, around and around"
    ] = ""

    probability: Annotated[float, Range(0, 1), "chance of each hit that is no accent"] = 1.0
    maybe: Annotated[float, Range(0, 1), "chance of each ? step"] = 0.5
    density: Annotated[float | None, Range(0, 1), "part of the steps of each cycle that sound"] = (
        None
    )
    void: Annotated[
        float, Range(0, 1), "gathers the silence that density makes; 1 opens one hole"
    ] = 0.0
    conditions: Annotated[
        tuple[ConditionConfig, ...], Length(0, 32), "when hits play; asked in this order"
    ] = ()
    variation: VariationConfig = field(default_factory=VariationConfig)
    ratchet: RatchetConfig = field(default_factory=RatchetConfig)
    ghost: GhostConfig = field(default_factory=GhostConfig)
    melody: Annotated[MelodyConfig | None, "a line in the groove's key instead of one pitch"] = None

    velocity: Annotated[int, Range(1, 127), "of a plain hit"] = 92
    accent: Annotated[int, Range(0, 126), "added on accents"] = 24
    accents: Annotated[str, Length(0, 2 * MAX_STEPS), "X marks steps whose hits are accents"] = ""
    shape: Annotated[
        tuple[Annotated[int, Range(-126, 126)], ...],
        Length(0, 64),
        "added to the velocity, step by step, around and around",
    ] = ()
    humanize: Annotated[int, Range(0, 40), "largest random change of velocity"] = 4

    length: Annotated[float, Range(0.01, 64), "of a note, in steps"] = 0.5
    swing: Annotated[float | None, Range(50, 75), "percent; instead of the groove's"] = None
    timing: TimingConfig = field(default_factory=TimingConfig)
    choke: Annotated[
        int | None,
        Range(0, 63),
        "of layers with the same number one sounds at a time; on one step the first listed plays",
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """A whole groove."""

    layers: Annotated[tuple[LayerConfig, ...], Length(1, 64)]
    mode: Annotated[
        Mode,
        "m2: seeded chance. m1: none at all, every choice falls as it more often would. "
        "m4: steered",
    ] = Mode.M2
    title: Annotated[str, Length(0, 200)] = ""
    listen: Annotated[str, Length(0, 400), "one sentence: what to listen for"] = ""
    bpm: Annotated[float, Range(20, 300), "quarter notes a minute"] = 130.0
    bars: Annotated[int, Range(1, MAX_BARS)] = 8
    seed: Annotated[int, Range(0, 2**63 - 1), "the same seed gives the same notes"] = 0
    tempo_map: Annotated[
        Annotated[tuple[TempoChange, ...], Length(0, 1024)] | None,
        "other tempos, in order of bars; until the first: bpm",
    ] = None
    beats_per_bar: Annotated[int, Range(1, 16), "quarter notes in a bar"] = 4
    steps_per_bar: Annotated[int, Range(1, 192)] = 16
    meters: Annotated[
        tuple[MeterChange, ...], Length(0, 1024), "shorter bars, in order of bars"
    ] = ()
    markers: Annotated[tuple[MarkerConfig, ...], Length(0, 1024), "names in the file"] = ()
    key: KeyConfig = field(default_factory=KeyConfig)
    swing: Annotated[
        float,
        Range(50, 75),
        "where every second step falls, in percent of a pair: 50 straight, 66.7 triplet",
    ] = 50.0
    phrase_bars: Annotated[int, Range(1, 64), "a phrase ends in a fill and may then change"] = 8
    fill_bars: Annotated[int, Range(0, 64), "FILL is true in so many bars, a phrase's last"] = 1
    cycle_bars: Annotated[Literal[1, 2, 4, 8, 16], "random choices repeat after this many"] = 2
    evolve: Annotated[float, Range(0, 1), "part of the random choices renewed each phrase"] = 0.2

    targets: Annotated[Targets | None, "windows that the scores are held in"] = None
    markov: Annotated[MarkovConfig | None, "how the steered layers decide their steps"] = None
    guard: Annotated[GuardConfig | None, "what the controller may not do"] = None
    modulators: Annotated[tuple[ModulatorConfig, ...], Length(0, 32)] = ()

    @property
    def steered(self) -> bool:
        """Whether it asks for control (M4), by its mode or by any field that steers."""
        asked = self.targets or self.markov or self.guard or self.modulators
        return bool(self.mode is Mode.M4 or asked)
