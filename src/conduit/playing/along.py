"""Playing along with a session: wait for it, begin with a bar, stop with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from conduit.midi.score import Score
from conduit.playing.pace import SessionPace
from conduit.playing.player import Clock, Played, Send, play
from conduit.playing.session import Reading, Session

_POLL_S: Final = 0.01


async def play_along(
    score: Score,
    send: Send,
    session: Session,
    *,
    clock: Clock,
    loops: int = 1,
    transport: bool = False,
    told: Callable[[Reading], None] | None = None,
    played: Played | None = None,
) -> Played:
    """Play from the session's next bar line on, at its tempo. ``transport``: only while it plays;
    when it starts again, so does the piece, from its beginning. The rest is as in ``play``."""
    score = score.without_tempo()
    played = Played() if played is None else played
    while True:
        while transport and not session.read(score.bar).playing:
            await clock.until(clock.now() + _POLL_S)
        pace = SessionPace(score, session, transport=transport, told=told)
        played.stopped = False
        await play(score, send, pace, clock=clock, loops=loops, played=played)
        if not played.stopped:
            return played
