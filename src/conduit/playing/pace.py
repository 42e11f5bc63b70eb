"""When something is due: by the tempo that a piece has itself, or by that of a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from conduit.midi.performance import Moment
from conduit.midi.score import Score
from conduit.playing.follower import Follower
from conduit.playing.session import Reading, Session

LEAD_S: Final = 0.05
"""Before the first message, so that it is no later than the others."""


class Pace(Protocol):
    """Times in seconds, by the clock of whoever plays."""

    @property
    def tempo(self) -> float:
        """BPM, where those are others than the piece says; else 0."""

    @property
    def stopped(self) -> bool:
        """Whether somebody has stopped it."""

    def look(self, now: float) -> None:
        """Look around: now, and at least some fifty times a second."""

    def due(self, turn: int, moment: Moment) -> float:
        """When a moment comes, in which round from 0."""

    def held(self, seconds: float) -> None:
        """Nobody could play for so long."""


class OwnPace:
    """The piece's own tempos, ``speed`` times as fast."""

    tempo = 0.0
    stopped = False

    def __init__(self, score: Score, start: float, speed: float = 1.0) -> None:
        self._score = score
        self._start = start + LEAD_S
        self._speed = speed

    def look(self, now: float) -> None:
        """There is nothing to see."""

    def due(self, turn: int, moment: Moment) -> float:
        """See ``Pace``."""
        return self._start + (turn * self._score.seconds + moment.at_s) / self._speed

    def held(self, seconds: float) -> None:
        """See ``Pace``."""
        self._start += seconds


class SessionPace:
    """The tempo of a session, from its next bar line on. ``transport``: it is over when the session
    stops. ``told`` gets each reading."""

    def __init__(
        self,
        score: Score,
        session: Session,
        *,
        transport: bool = False,
        told: Callable[[Reading], None] | None = None,
    ) -> None:
        self._score = score
        self._session = session
        self._transport = transport
        self._told = told
        self._follower = Follower(score.bar)
        self.stopped = False

    @property
    def tempo(self) -> float:
        return self._follower.tempo

    def look(self, now: float) -> None:
        """See ``Pace``. The session says itself what time it was when it was asked."""
        seen = self._session.read(self._score.bar)
        at = max(seen.at_s, now)
        self._follower.look(at, seen.at(at), seen.tempo)
        self.stopped = self._transport and not seen.playing
        if self._told is not None:
            self._told(seen)

    def due(self, turn: int, moment: Moment) -> float:
        """See ``Pace``."""
        return self._follower.due(turn * self._score.beats + moment.at_beats)

    def held(self, seconds: float) -> None:
        """See ``Pace``."""
        self._follower.held(seconds)
