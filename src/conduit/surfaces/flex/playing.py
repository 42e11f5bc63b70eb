"""Playing a clip in time over a link, with jitter reduction.

Each message goes out at its time, after a JR Timestamp that says which time that was, and the
sender's clock goes out four times a second (M2-104-UM, 2.2). A receiver that adds a fixed delay to
those times hears the music without the jitter of network and scheduler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from conduit.midi.performance import Moment, jr_clock, stamped
from conduit.midi.ump import Midi2NoteOff, Midi2NoteOn, encode

CLOCK_EVERY_S: Final = 0.25
_LEAD_S: Final = 0.05
"""Before the first message, so that it is no later than the others."""
_NEAR_S: Final = 0.0015
"""A timer of the event loop may be late by about a millisecond: the rest is waited for shortly."""

Send = Callable[[list[int]], Awaitable[None]]


@dataclass(slots=True)
class Played:
    """How it went. Lateness is from the time of a moment to the moment it was handed over."""

    moments: int = 0
    messages: int = 0
    latest_s: float = 0.0
    late_s: float = 0.0
    """The sum."""

    @property
    def mean_late_s(self) -> float:
        return self.late_s / self.moments if self.moments else 0.0


async def play(
    moments: Iterable[Moment], send: Send, *, clock: Callable[[], float], speed: float = 1.0
) -> Played:
    """Send every moment at its time. ``clock`` is monotonic, in seconds. When cancelled, notes that
    sound are ended before it leaves."""
    played = Played()
    sounding: set[tuple[int, int, int]] = set()
    start = clock() + _LEAD_S
    next_clock = start - _LEAD_S
    try:
        for moment in moments:
            due = start + moment.at_s / speed
            while next_clock <= due:
                await _until(next_clock, clock)
                await send(jr_clock(next_clock))
                next_clock += CLOCK_EVERY_S
            await _until(due, clock)
            late = clock() - due
            await send(stamped(due, moment.messages))
            _remember(moment, sounding)
            played.moments += 1
            played.messages += len(moment.messages)
            played.late_s += late
            played.latest_s = max(played.latest_s, late)
    finally:
        if sounding:
            offs = [Midi2NoteOff(*place, 0x8000) for place in sorted(sounding)]
            await asyncio.shield(send([word for each in offs for word in encode(each)]))
    return played


def _remember(moment: Moment, sounding: set[tuple[int, int, int]]) -> None:
    for message in moment.messages:
        if isinstance(message, Midi2NoteOn):
            sounding.add((message.group, message.channel, message.note))
        elif isinstance(message, Midi2NoteOff):
            sounding.discard((message.group, message.channel, message.note))


async def _until(due: float, clock: Callable[[], float]) -> None:
    if (left := due - clock()) > _NEAR_S:
        await asyncio.sleep(left - _NEAR_S)
    while clock() < due:  # noqa: ASYNC110  # no event says that a time has come
        await asyncio.sleep(0)
