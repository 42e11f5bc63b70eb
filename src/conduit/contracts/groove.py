"""A groove as it is remembered, and how one sits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class StoredGroove:
    """``request`` is the JSON text of what was asked for; ``file_id`` names the MIDI file in the
    file store."""

    groove_id: str
    title: str
    request: str
    file_id: str


@dataclass(frozen=True, slots=True)
class GrooveTemplate:
    """How a loop sits, in one bar of sixteenths: what one groove may take from another.

    ``offsets_ms`` are what a sixteenth is later than its place on the grid swung by ``swing``, and
    ``velocities`` how hard it is hit (1-127). Both have 16 values; where nothing plays, they are 0.
    """

    bpm: float
    swing: Annotated[float, "percent: 50 straight, 66.7 triplet"]
    offsets_ms: Annotated[tuple[float, ...], "one a sixteenth; positive is late"]
    velocities: Annotated[tuple[int, ...], "one a sixteenth; 0: nothing plays there"]
    confidence: Annotated[float, "0 to 1"] = 1.0
