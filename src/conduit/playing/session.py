"""What others play to: a tempo, and where in the bar they are.

A beat is a quarter note. ``quantum`` is how many beats must agree: those of a bar. Beats are
counted so that each multiple of it is a bar line for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reading:
    """A session at one moment: ``at_s`` by our own clock, ``tempo`` in BPM. ``peers`` are the
    others; ``playing`` is whether they have started, where they tell."""

    at_s: float
    tempo: float
    beat: float
    quantum: float
    peers: int = 0
    playing: bool = False

    @property
    def phase(self) -> float:
        """Beats since the last bar line."""
        return self.beat % self.quantum

    def at(self, time_s: float) -> float:
        """The beat at another time, if nobody changes anything."""
        return self.beat + (time_s - self.at_s) * self.tempo / 60


class Session(Protocol):
    """A session that we are in."""

    def read(self, quantum: float) -> Reading:
        """How it is now."""

    def set_tempo(self, bpm: float) -> None:
        """For everybody."""
