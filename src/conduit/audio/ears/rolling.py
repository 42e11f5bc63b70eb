"""Listening to a stream as it comes: every so often, the figures of its newest seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from conduit.audio.ears.capture import TEMPOS, Capture
from conduit.audio.findings import Analysis
from conduit.audio.reading.streamed import SoundStream
from conduit.contracts.errors import InvalidInput
from conduit.contracts.groove import GrooveTemplate

SHORTEST_S, LONGEST_S = 0.1, 3600.0
MOST_ONSETS: Final = 512
"""Of one look, that are listed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was heard by a moment. ``low`` and ``high`` are how it sits below 150 Hz and above 5
    kHz: None where nothing plays, and where that was not asked for."""

    at_s: float
    """Seconds of sound that had come by then."""
    analysis: Analysis
    low: GrooveTemplate | None = None
    high: GrooveTemplate | None = None


class Rolling:
    """Time is counted in sound and not by a clock: a stream that stands still is not looked at
    again, and one that comes faster gives the same looks sooner."""

    def __init__(
        self,
        stream: SoundStream,
        every: float = 2.0,
        seconds: float = 8.0,
        *,
        tempos: tuple[float, float] = TEMPOS,
        ranges: bool = False,
    ) -> None:
        """Looks ``every`` so many seconds at the newest ``seconds``, for a tempo between two
        others; ``ranges`` asks for the low and the high template too. Raises ``InvalidInput``."""
        if not (math.isfinite(every) and SHORTEST_S <= every <= LONGEST_S):
            raise InvalidInput(
                f"{every} seconds cannot be between two looks",
                where="every",
                hint=f"{SHORTEST_S:g} to {LONGEST_S:g} can",
            )
        Capture(8000, 1, seconds)  # what cannot be kept is said before anything comes
        self._stream = stream
        self._every = every
        self._seconds = seconds
        self._capture: Capture | None = None
        self._tempos = tempos
        self._ranges = ranges
        self._step = self._due = 0
        """Frames between looks, and until the next one."""
        self._looked = True

    def feed(self, data: bytes) -> Iterator[Look]:
        """The next bytes; a look for each time that is due in them. Raises ``InvalidInput`` and
        ``TooLarge``."""
        samples = self._stream.feed(data)
        shape = self._stream.shape
        if shape is None or not samples.shape[1]:
            return
        if self._capture is None:
            self._capture = Capture(shape.rate, shape.channels, self._seconds)
            self._due = self._step = max(1, round(self._every * shape.rate))
        at = 0
        while at < samples.shape[1]:
            piece = samples[:, at : at + self._due]
            self._capture.feed(piece)
            at += piece.shape[1]
            self._due -= piece.shape[1]
            self._looked = self._due == 0
            if self._looked:
                self._due = self._step
                yield self._look(self._capture)

    def end(self) -> Look | None:
        """A last look at what came since the one before. Raises ``InvalidInput`` where nothing
        did at all."""
        self._stream.close()
        if self._capture is None or self._looked:
            return None
        return self._look(self._capture)

    @property
    def ended(self) -> bool:
        """Whether all came that there is."""
        return self._stream.ended

    def _look(self, capture: Capture) -> Look:
        found = capture.listen(most_onsets=MOST_ONSETS, tempos=self._tempos)
        at = round(capture.seconds, 3)
        if not self._ranges or found.feel.template is None:
            return Look(at, found)
        return Look(at, found, *capture.templates(self._tempos))
