"""The map of a groove: tempo, meter and names by the bar.

The musical idea: a set is not one tempo. A tempo change moves no note of the grid, since ticks are
musical time, but what is measured in milliseconds (how late a late snare is) stays as long as it
was. A meter change cuts bars short: every layer plays the beginning of its bar and the next bar
comes early, as when a drummer drops a beat. So the longest bar is the config's own
``beats_per_bar``, and an odd bar in four is written as the exception that it is.
"""

from __future__ import annotations

import numpy as np

from conduit.contracts.errors import InvalidInput
from conduit.midi import smf
from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.grid import Grid, Meter
from conduit.rhythm.parameters import MeterChange


def grid_of(config: EngineConfig) -> Grid:
    """The grid a checked config is played on."""
    meters = tuple(Meter(change.bar, steps_of(config, change)) for change in config.meters)
    return Grid(config.bars, config.steps_per_bar, config.beats_per_bar, meters)


def steps_of(config: EngineConfig, change: MeterChange, where: str = "meters") -> int:
    """How many steps of a bar a meter plays. Raises ``InvalidInput`` when they are not a whole
    number of steps, or more than the bar has."""
    steps, rest = divmod(
        change.beats * 4 * config.steps_per_bar, change.unit * config.beats_per_bar
    )
    if rest or steps > config.steps_per_bar:
        raise InvalidInput(
            f"a bar of {change.beats}/{change.unit} is not a whole number of steps, of which "
            f"{config.beats_per_bar} beats have {config.steps_per_bar}"
            if rest
            else f"a bar of {change.beats}/{change.unit} is longer than beats_per_bar, "
            f"{config.beats_per_bar}",
            where=where,
            hint="beats_per_bar is the longest bar, and meters cut it short by whole steps",
        )
    return steps


def bpm_at(config: EngineConfig, steps: Ints) -> float | Floats:
    """The tempo at the given steps, ``(n,)``; one number where it never changes."""
    if not config.tempo_map:
        return config.bpm
    bars = np.array([change.bar for change in config.tempo_map])
    bpm = np.array([config.bpm, *(change.bpm for change in config.tempo_map)])
    return bpm[np.searchsorted(bars, steps // config.steps_per_bar, side="right")]


def first_bpm(config: EngineConfig) -> float:
    """The tempo that the groove begins with."""
    changes = config.tempo_map or ()
    return changes[0].bpm if changes and changes[0].bar == 0 else config.bpm


def tempos_of(config: EngineConfig, grid: Grid) -> tuple[smf.Tempo, ...]:
    """The tempo changes of the file, in order, the first at its beginning."""
    starts = grid.bar_starts()
    changes = {0: config.bpm}
    changes |= {each.bar: each.bpm for each in config.tempo_map or () if each.bar < grid.bars}
    return tuple(smf.Tempo.from_bpm(bpm, int(starts[bar])) for bar, bpm in changes.items())


def signatures_of(config: EngineConfig, grid: Grid) -> tuple[smf.TimeSignature, ...]:
    """The time signatures of the file, in order, the first at its beginning."""
    starts = grid.bar_starts()
    changes = {0: (config.beats_per_bar, 4)}
    changes |= {each.bar: (each.beats, each.unit) for each in config.meters if each.bar < grid.bars}
    return tuple(smf.TimeSignature(int(starts[bar]), *sign) for bar, sign in changes.items())


def markers_of(config: EngineConfig, grid: Grid) -> tuple[smf.Marker, ...]:
    """A marker at each phrase, and the config's own; where both stand, its own."""
    starts = grid.bar_starts()
    phrases = range(0, grid.bars, config.phrase_bars)
    names = {bar: f"phrase {number + 1}" for number, bar in enumerate(phrases)}
    names |= {each.bar: each.text for each in config.markers if each.bar < grid.bars}
    return tuple(smf.Marker(int(starts[bar]), names[bar]) for bar in sorted(names))
