"""Listening while it plays: the last seconds of a stream of samples, whenever somebody asks."""

from __future__ import annotations

from typing import Final

import numpy as np

from conduit.audio.ears.listen import hear, listen
from conduit.audio.ears.template import groove_of
from conduit.audio.ears.tempo import HIGHEST_BPM, LOWEST_BPM
from conduit.audio.findings import MOST_ONSETS, Analysis
from conduit.audio.reading.pcm import MAX_SAMPLES, Shape, Sound, tame
from conduit.audio.sound import Samples
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.contracts.groove import GrooveTemplate

LONGEST_S: Final = 120.0
TEMPOS: Final = (LOWEST_BPM, HIGHEST_BPM)
"""What the tempo is looked for between."""


class Capture:
    """A ring of the newest ``seconds`` of sound. Memory is taken once, however long it runs.

    One thread feeds it and asks it; it has no lock, no clock and no sound card.
    """

    def __init__(self, rate: int, channels: int = 2, seconds: float = 12.0) -> None:
        """Raises ``InvalidInput`` and ``TooLarge`` for what cannot be kept."""
        shape = Shape.of(rate, channels)
        if not 0.5 <= seconds <= LONGEST_S:
            raise InvalidInput(
                f"{seconds} seconds cannot be kept", hint=f"0.5 to {LONGEST_S:g} can"
            )
        frames = round(seconds * rate)
        if frames * channels > MAX_SAMPLES:
            raise TooLarge(f"{frames * channels} samples", hint="keep fewer seconds or channels")
        self._shape = shape
        self._ring: Samples = np.zeros((channels, frames), np.float32)
        self._taken = 0
        self._faults: list[str] = []

    @property
    def seconds(self) -> float:
        """How much has been fed so far, also what is no longer kept."""
        return self._taken / self._shape.rate

    def feed(self, samples: Samples) -> None:
        """Take the next ``(channels, frames)``, or ``(frames,)`` of one channel.

        Raises ``InvalidInput`` for another shape; what is no number counts as silence.
        """
        block = np.array(np.atleast_2d(samples), np.float32)
        if block.ndim != 2 or block.shape[0] != self._shape.channels:
            raise InvalidInput(
                f"samples of the shape {np.shape(samples)}",
                hint=f"feed ({self._shape.channels}, frames)",
            )
        self._faults = tame(block) or self._faults
        room = self._ring.shape[1]
        newest = block[:, -room:]
        at = (self._taken + block.shape[1] - newest.shape[1]) % room
        first = min(newest.shape[1], room - at)
        self._ring[:, at : at + first] = newest[:, :first]
        self._ring[:, : newest.shape[1] - first] = newest[:, first:]
        self._taken += block.shape[1]

    def sound(self) -> Sound:
        """What is kept, the oldest first. Raises ``InvalidInput`` before anything was fed."""
        if not self._taken:
            raise InvalidInput("nothing was heard yet", hint="feed it first")
        room = self._ring.shape[1]
        kept = min(self._taken, room)
        at = self._taken % room
        ordered = np.roll(self._ring, -at, axis=1) if kept == room else self._ring[:, :kept].copy()
        start = (self._taken - kept) / self._shape.rate
        return Sound(ordered, self._shape.rate, start, self.seconds, tuple(self._faults))

    def listen(
        self, *, most_onsets: int = MOST_ONSETS, tempos: tuple[float, float] = TEMPOS
    ) -> Analysis:
        """Every figure of what is kept; its template begins with a beat, since nobody knows where
        the bar does. Raises ``InvalidInput`` before anything was fed."""
        return listen(
            self.sound(),
            lowest_bpm=tempos[0],
            highest_bpm=tempos[1],
            most_onsets=most_onsets,
            begins="beat",
        )

    def templates(
        self, tempos: tuple[float, float] = TEMPOS
    ) -> tuple[GrooveTemplate | None, GrooveTemplate | None]:
        """How what is kept sits below 150 Hz and above 5 kHz. Raises as ``listen`` does."""
        heard = hear(self.sound(), *tempos)
        return groove_of(heard, "low", begins="beat"), groove_of(heard, "high", begins="beat")
