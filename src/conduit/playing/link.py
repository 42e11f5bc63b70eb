"""An Ableton Link session, through ``aalink``: ``pip install 'conduit-os[link]'``.

Link finds the others by multicast on every network of this machine. It has one tempo for all: who
joins takes that of the session, who is alone brings their own.

``aalink`` calls back from threads of its own, which wait for an interpreter that may wait for them,
or may be ending. So nothing is called back: whoever wants to know reads, which takes microseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from conduit.contracts.errors import InvalidInput, MissingDependency
from conduit.playing.follower import FASTEST_BPM, SLOWEST_BPM
from conduit.playing.session import Reading

_TRIES: Final = 4
_SHARP_S: Final = 0.0001
"""A reading is of a time between two looks at the clock; those that are further apart are tried
again."""
_POLL_S: Final = 0.02


class LinkSession:
    """A session of Link. Close it, or others take us for a peer as long as the process lasts."""

    def __init__(self, link: Any, clock: Callable[[], float]) -> None:
        self._link = link
        self._clock = clock

    @classmethod
    def open(
        cls, bpm: float, clock: Callable[[], float], *, transport: bool = False
    ) -> LinkSession:
        """Join, with a tempo for when nobody else is there. ``transport``: take part in starting
        and stopping together.

        Raises ``MissingDependency``, and ``InvalidInput`` for a tempo that Link does not have.
        """
        checked_tempo(bpm)
        try:
            import aalink
        except ImportError:
            raise MissingDependency(
                "Ableton Link needs aalink", where="link", hint="pip install 'conduit-os[link]'"
            ) from None
        link = aalink.Link(bpm)
        link.start_stop_sync_enabled = transport
        link.enabled = True
        return cls(link, clock)

    def read(self, quantum: float) -> Reading:
        """See ``Session``. What it costs to be interrupted while reading is noticed, and tried
        again."""
        self._link.quantum = quantum
        best = (float("inf"), 0.0, 0.0)
        for _ in range(_TRIES):
            before = self._clock()
            beat = self._link.beat
            took = self._clock() - before
            best = min(best, (took, before + took / 2, beat))
            if took < _SHARP_S:
                break
        _, at, beat = best
        link = self._link
        return Reading(at, link.tempo, beat, quantum, link.num_peers, link.playing)

    def set_tempo(self, bpm: float) -> None:
        """See ``Session``. Raises ``InvalidInput``."""
        self._link.tempo = checked_tempo(bpm)

    async def company(self, patience_s: float) -> int:
        """Wait until others are heard of, but not for longer. How many they are."""
        until = self._clock() + patience_s
        while not self._link.num_peers and self._clock() < until:  # noqa: ASYNC110  # no event
            await asyncio.sleep(_POLL_S)
        return int(self._link.num_peers)

    def close(self) -> None:
        """Leave."""
        self._link.enabled = False


def checked_tempo(bpm: float) -> float:
    """A tempo that Link can have. Raises ``InvalidInput``."""
    if not SLOWEST_BPM <= bpm <= FASTEST_BPM:
        raise InvalidInput(
            f"Link has no tempo of {bpm:g} BPM",
            where="bpm",
            hint=f"use {SLOWEST_BPM:g} to {FASTEST_BPM:g}",
        )
    return bpm
