"""What an answer can put into Live: notes for a clip, and values of parameters.

Times are in beats (quarter notes) from the clip's start. What is not within the bounds is not
taken, and then nothing of it is: a set is never changed by halves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from conduit.blocks import Length, Range

MOST_NOTES: Final = 100_000
MOST_BEATS: Final = 100_000
SHORTEST: Final = 0.001
"""Beats that a note lasts at least."""
MOST_CHANGES: Final = 200

Name = Annotated[str, Length(1, 200), "its name, as the set has it"]
Index = Annotated[int, Range(0, 9999), "counted from 0"]


@dataclass(frozen=True, slots=True)
class LiveNote:
    """One note. ``velocity_deviation`` is the end of a random range that is added."""

    pitch: Annotated[int, Range(0, 127), "MIDI note"]
    start: Annotated[float, Range(0, MOST_BEATS), "in beats"]
    duration: Annotated[float, Range(SHORTEST, MOST_BEATS), "in beats"]
    velocity: Annotated[float, Range(1, 127)] = 100.0
    probability: Annotated[float, Range(0, 1), "chance of the note to play"] = 1.0
    velocity_deviation: Annotated[float, Range(-127, 127)] = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a clip goes. ``mode``: into an empty slot, in the place of the notes that are there,
    among them, or into a scene of its own."""

    track: Annotated[Name | Index, "“selected”, a name, or an index"] = "selected"
    slot: Literal["first_empty"] | Index = "first_empty"
    mode: Literal["new", "replace", "merge", "new_scene"] = "new"
    view: Literal["session", "arrangement"] = "session"
    at_beats: Annotated[float, Range(0, MOST_BEATS), "in the arrangement"] = 0.0


@dataclass(frozen=True, slots=True)
class MidiBlock:
    """Notes for one clip."""

    name: Annotated[str, Length(0, 200), "of the clip"]
    length_beats: Annotated[
        float | None, Range(SHORTEST, MOST_BEATS), "null: up to the next bar of the set's metre"
    ]
    notes: Annotated[tuple[LiveNote, ...], Length(1, MOST_NOTES)]
    target: Target = Target()
    type: Literal["midi"] = "midi"

    def in_short(self) -> ClipMade:
        """What a model is told that asked for it: it does not need its notes again."""
        return ClipMade(self.name, self.length_beats, len(self.notes), self.target)


@dataclass(frozen=True, slots=True)
class ClipMade:
    """A clip that goes to Live with the answer. ``notes`` is how many."""

    clip: str
    length_beats: float | None
    notes: int
    target: Target


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """One value. A name is for parameters that have named values; ``ramp_ms`` is how long to take
    to get there."""

    device: Name | Index
    parameter: Name | Index
    value: Annotated[float, Range(-1e9, 1e9)] | Annotated[str, Length(1, 200)]
    track: Annotated[Name | Index, "“selected”, a name, or an index"] = "selected"
    ramp_ms: Annotated[float, Range(0, 600_000), "milliseconds"] = 0.0


@dataclass(frozen=True, slots=True)
class ParameterBlock:
    """Parameters of devices to change."""

    changes: Annotated[tuple[ParameterChange, ...], Length(1, MOST_CHANGES)]
    type: Literal["parameters"] = "parameters"


LiveBlock = MidiBlock | ParameterBlock
