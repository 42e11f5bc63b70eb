"""Playing a score in time, with jitter reduction.

Each message goes out at its time, after a JR Timestamp that says which time that was, and the
sender's clock goes out four times a second (M2-104-UM, 2.2). A receiver that adds a fixed delay to
those times hears the music without the jitter of network and scheduler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

from conduit.midi.performance import Moment, jr_clock, stamped
from conduit.midi.score import Score
from conduit.midi.ump import (
    TENS_OF_NANOSECONDS_PER_MINUTE,
    Message,
    Midi1NoteOff,
    Midi1NoteOn,
    Midi2NoteOff,
    Midi2NoteOn,
    SetTempo,
    encode_all,
)
from conduit.playing.pace import Pace

CLOCK_EVERY_S: Final = 0.25
LOOK_EVERY_S: Final = 0.02
STALL_S: Final = 0.25
"""Who was away for longer goes on from where they were; what is late by less is played at once."""
_NEAR_S: Final = 0.0015
"""A timer of the event loop may be late by about a millisecond: the rest is waited for shortly."""
_SAME_BPM: Final = 0.005

Send = Callable[[list[int]], Awaitable[None]]


class Clock(Protocol):
    """What time it is, in seconds that never jump."""

    def now(self) -> float: ...

    async def until(self, due: float) -> None:
        """Wait for a time."""


class LoopClock:
    """By a clock, and the event loop."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    async def until(self, due: float) -> None:
        """See ``Clock``."""
        if (left := due - self.now()) > _NEAR_S:
            await asyncio.sleep(left - _NEAR_S)
        while self.now() < due:  # noqa: ASYNC110  # no event says that a time has come
            await asyncio.sleep(0)


@dataclass(slots=True)
class Played:
    """How it went. Lateness is from the time of a moment to the moment it was handed over;
    ``held_s`` is how long nobody could play, ``stopped`` that the session did."""

    moments: int = 0
    messages: int = 0
    rounds: int = 0
    latest_s: float = 0.0
    late_s: float = 0.0
    """The sum."""
    held_s: float = 0.0
    stopped: bool = False

    @property
    def mean_late_s(self) -> float:
        return self.late_s / self.moments if self.moments else 0.0


async def play(
    score: Score,
    send: Send,
    pace: Pace,
    *,
    clock: Clock,
    loops: int = 1,
    played: Played | None = None,
) -> Played:
    """Send every moment at its time, so many rounds of them; 0: until cancelled or stopped. Then,
    too, notes that sound are ended before it leaves. ``played`` is filled as it goes."""
    played = Played() if played is None else played
    hand = _Hand(send, pace, clock, played, score.group)
    try:
        for turn in range(loops) if loops else count():
            for moment in score.moments:
                due = await hand.reached(turn, moment)
                if due is None:
                    return played
                await hand.strike(due, moment.messages)
            played.rounds += 1
    finally:
        await asyncio.shield(hand.lift())
    return played


class _Hand:
    def __init__(self, send: Send, pace: Pace, clock: Clock, played: Played, group: int) -> None:
        self._send = send
        self._pace = pace
        self._clock = clock
        self._played = played
        self._group = group
        self._sounding: dict[tuple[type[Message], int, int, int], Message] = {}
        """What ends each note that sounds."""
        self._last = clock.now()
        self._awaited = self._next_clock = self._last
        self._told_bpm = 0.0

    async def reached(self, turn: int, moment: Moment) -> float | None:
        """Wait for a moment. Its time, or None when all has stopped."""
        while True:
            now = self._clock.now()
            if (away := now - self._awaited) > STALL_S:
                self._pace.held(away)
                self._played.held_s += away
                self._next_clock = max(self._next_clock, now)
            self._awaited = now
            self._pace.look(now)
            if self._pace.stopped:
                self._played.stopped = True
                return None
            await self._tell(now)
            due = max(self._pace.due(turn, moment), self._last)
            if due <= now:
                self._last = due
                self._played.late_s += now - due
                self._played.latest_s = max(self._played.latest_s, now - due)
                return due
            self._awaited = min(due, self._next_clock, now + LOOK_EVERY_S)
            await self._clock.until(self._awaited)

    async def strike(self, due: float, messages: Iterable[Message]) -> None:
        sent = tuple(messages)
        self._remember(sent)
        await self._send(stamped(due, sent))
        self._played.moments += 1
        self._played.messages += len(sent)
        await asyncio.sleep(0)  # or a piece without any time in it would let nobody stop it

    async def lift(self) -> None:
        """End what sounds."""
        offs = tuple(self._sounding.values())
        self._sounding.clear()
        if offs:
            await self._send(encode_all(offs))

    async def _tell(self, now: float) -> None:
        """What time it is, and the tempo where it is not the piece's own."""
        while self._next_clock <= now:
            await self._send(jr_clock(self._next_clock))
            self._next_clock += CLOCK_EVERY_S
        bpm = self._pace.tempo
        if bpm and abs(bpm - self._told_bpm) >= _SAME_BPM:
            self._told_bpm = bpm
            quarter = round(TENS_OF_NANOSECONDS_PER_MINUTE / bpm)
            await self._send(stamped(now, (SetTempo(self._group, quarter),)))

    def _remember(self, messages: Iterable[Message]) -> None:
        for each in messages:
            if not isinstance(each, Midi1NoteOn | Midi1NoteOff | Midi2NoteOn | Midi2NoteOff):
                continue
            place = each.group, each.channel, each.note
            if isinstance(each, Midi2NoteOn):
                self._sounding[Midi2NoteOff, *place] = Midi2NoteOff(*place, 0x8000)
            elif isinstance(each, Midi1NoteOn) and each.velocity:
                self._sounding[Midi1NoteOff, *place] = Midi1NoteOff(*place, 0x40)
            else:
                two = isinstance(each, Midi2NoteOff)
                self._sounding.pop((Midi2NoteOff if two else Midi1NoteOff, *place), None)
