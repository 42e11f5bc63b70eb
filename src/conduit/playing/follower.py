"""Following a session: where we are in our own piece, so that bar lines fall on bar lines. Pure.

Our position only ever grows, and never jumps once we have begun: so every note is played once, in
order, whatever the session does. It goes at the session's tempo, and a little faster or slower
while bar lines are apart: half as fast again at most, half as fast at least, with half a beat's
time constant. Half a bar of 4/4, which is the most there can be, is regained in five beats.

Between two looks positions are a straight line, so the time of any is known.
"""

from __future__ import annotations

from math import ceil, isfinite
from typing import Final

SLOWEST_BPM: Final = 20.0
FASTEST_BPM: Final = 999.0
"""What a session of Link may have."""
_PER_BEAT: Final = 2.0
"""Of a distance of so many beats, so much is regained in a beat."""
_MOST: Final = 0.5


class Follower:
    """Positions are beats: 0 is where the piece begins. Below 0 we count in."""

    def __init__(self, bar: float) -> None:
        """``bar`` in beats."""
        self._bar = bar
        self._at = 0.0
        self._position = -bar
        self._tempo = 0.0
        self._rate = 0.0
        self._begun = False

    @property
    def tempo(self) -> float:
        """Of the session, in BPM; 0 before the first look."""
        return self._tempo

    def position(self, at_s: float) -> float:
        """Where we are at a time that is not before the last look."""
        return self._position + (at_s - self._at) * self._rate

    def due(self, position: float) -> float:
        """The time of a position, as things are now."""
        return self._at + (position - self._position) / self._rate

    def look(self, at_s: float, beat: float, tempo: float) -> None:
        """The session says so at ``at_s``, which is not before the last time. What makes no sense
        leaves all as it was."""
        if not (isfinite(beat) and isfinite(tempo)):
            return
        self._tempo = min(max(tempo, SLOWEST_BPM), FASTEST_BPM)
        first = self._rate == 0
        here = self._position if first else self.position(at_s)
        apart = self._apart(beat, here)
        self._begun = self._begun or here >= 0
        if not self._begun:
            # A beginning that was just missed is made up for, any other comes a bar later.
            late = 0.0 if first else self._bar / 16
            there = here + apart
            here, apart = there - ceil((there - late) / self._bar) * self._bar, 0.0
        self._at, self._position = at_s, here
        self._rate = self._tempo / 60 * (1 + min(max(apart * _PER_BEAT, -_MOST), _MOST))

    def held(self, seconds: float) -> None:
        """For so long nobody could play: our position stood still, and is regained as any other."""
        self._at += seconds

    def _apart(self, beat: float, here: float) -> float:
        """How far we are behind, by the shorter way: from minus half a bar to half a bar."""
        apart = (beat - here) % self._bar
        return apart - self._bar if apart > self._bar / 2 else apart
