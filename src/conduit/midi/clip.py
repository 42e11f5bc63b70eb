"""MIDI clip files (``.midi2``, M2-116-U): one sequence of packets with times, in one file.

A file is the eight letters ``SMF2CLIP`` and big-endian words: a header that says how many ticks a
quarter note has, Start of Clip, and the sequence up to End of Clip. Every message has a Delta
Clockstamp before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.midi.ump import (
    MOST_DELTA,
    DeltaClockstamp,
    DeltaTicksPerQuarter,
    EndOfClip,
    Message,
    Noop,
    StartOfClip,
    Truncated,
    bytes_of,
    decode,
    encode_all,
    words_of,
)

MAGIC: Final = b"SMF2CLIP"
MOST_FILE_BYTES: Final = 64 * 1024 * 1024
MOST_TICK: Final = (1 << 32) - 1
"""The last tick that is written; a gap costs eight bytes for each million ticks."""


@dataclass(frozen=True, slots=True)
class ClipEvent:
    """A message, at a tick counted from the start of the clip."""

    tick: int
    message: Message


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip. ``header`` sets up who plays it, before the first tick: profiles, or a tempo.

    ``length`` is the tick of its end; None means that of its last event.
    """

    ticks_per_quarter: int
    events: tuple[ClipEvent, ...]
    header: tuple[Message, ...] = ()
    length: int | None = None


def write_clip(clip: Clip) -> bytes:
    """The file of a clip; events are put in the order of their ticks.

    Raises ``InvalidInput`` for ticks and values out of range, and for messages that the file itself
    is made of.
    """
    events = sorted(clip.events, key=lambda event: event.tick)
    last = events[-1].tick if events else 0
    length = last if clip.length is None else clip.length
    if length < last or length > MOST_TICK or (events and events[0].tick < 0):
        raise InvalidInput(
            f"ticks go from {events[0].tick if events else 0} to {max(last, length)}, and the clip "
            f"ends at {length}",
            where="Clip.events",
            hint=f"use ticks from 0 to its length, at most {MOST_TICK:,}",
        )
    if not 1 <= clip.ticks_per_quarter <= 0xFFFF:
        raise InvalidInput(
            f"{clip.ticks_per_quarter} ticks a quarter note",
            where="Clip.ticks_per_quarter",
            hint="legal is 1 to 65,535",
        )
    messages: list[Message] = []
    for each in (DeltaTicksPerQuarter(clip.ticks_per_quarter), *clip.header, StartOfClip()):
        messages += (DeltaClockstamp(0), each)
    now = 0
    for event in (*events, ClipEvent(length, EndOfClip())):
        messages += _waiting(event.tick - now)
        messages.append(event.message)
        now = event.tick
    _check_parts(clip)
    return MAGIC + bytes_of(encode_all(messages), "big")


def _waiting(ticks: int) -> Iterator[Message]:
    """Clockstamps for any number of ticks: each needs a message behind it."""
    while ticks > MOST_DELTA:
        yield DeltaClockstamp(MOST_DELTA)
        yield Noop()
        ticks -= MOST_DELTA
    yield DeltaClockstamp(ticks)


def _check_parts(clip: Clip) -> None:
    own = (DeltaClockstamp, DeltaTicksPerQuarter, StartOfClip, EndOfClip)
    for message in (*clip.header, *(event.message for event in clip.events)):
        if isinstance(message, own):
            raise InvalidInput(
                f"{type(message).__name__} is what the file is made of",
                where="Clip",
                hint="leave it out: it is written where it belongs",
            )


def read_clip(data: bytes, *, strict: bool = False) -> Clip:
    """The clip in a file.

    Raises ``InvalidInput`` for a file of another kind and one that does not say its ticks, and
    ``TooLarge`` above 64 MiB. Otherwise reading is tolerant: a message without a clockstamp comes
    at once, several clockstamps count together, a file that breaks off has what it has, and what
    stands behind its end is passed over. ``strict`` refuses all of these.
    """
    if len(data) > MOST_FILE_BYTES:
        raise TooLarge(
            f"a clip file of {len(data):,} bytes", where="data", hint="use files up to 64 MiB"
        )
    if not data.startswith(MAGIC):
        raise InvalidInput(
            f"this is no MIDI clip file: it begins with {data[:8]!r}",
            where="byte 0",
            hint="a file that begins with MThd is one of MIDI 1.0: conduit.midi.smf reads it",
        )
    body = data[len(MAGIC) :]
    if not strict:
        body = body[: len(body) - len(body) % 4]
    reading = _Reading(strict)
    for at, message in enumerate(decode(words_of(body, "big"), strict=strict)):
        if not reading.take(at, message):
            break
    return reading.clip()


class _Reading:
    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._ticks_per_quarter = 0
        self._header: list[Message] = []
        self._events: list[ClipEvent] = []
        self._tick = 0
        self._stamps = 0
        self._started = self._ended = False

    def take(self, at: int, message: Message) -> bool:
        """Whether there may be more."""
        if self._ended:
            self._mind(at, "something stands behind the end of the clip")
            return False
        if isinstance(message, DeltaClockstamp):
            self._stamps += 1
            self._tick += message.ticks
            return True
        if self._stamps != 1:
            self._mind(at, f"{self._stamps or 'no'} clockstamps before a message")
        self._stamps = 0
        if isinstance(message, EndOfClip):
            self._ended = True
        elif isinstance(message, StartOfClip):
            if self._started:
                self._mind(at, "the clip starts twice")
            self._started, self._tick = True, 0
        elif isinstance(message, DeltaTicksPerQuarter):
            if self._ticks_per_quarter:
                self._mind(at, "the ticks of a quarter note are said twice")
            else:
                self._ticks_per_quarter = message.ticks
        elif isinstance(message, Truncated):
            return False
        elif not isinstance(message, Noop):
            if self._started:
                self._events.append(ClipEvent(self._tick, message))
            else:
                self._header.append(message)
        return True

    def clip(self) -> Clip:
        if not self._ticks_per_quarter:
            raise InvalidInput(
                "the clip does not say how many ticks a quarter note has",
                where="header",
                hint="a Delta Clockstamp Ticks Per Quarter message belongs there",
            )
        if not (self._started and self._ended):
            self._mind(-1, "the clip has no end" if self._started else "the clip never starts")
        return Clip(self._ticks_per_quarter, tuple(self._events), tuple(self._header), self._tick)

    def _mind(self, at: int, said: str) -> None:
        if self._strict:
            raise InvalidInput(
                said,
                where=f"message {at}" if at >= 0 else "end of the file",
                hint="without strict, it is read as well as can be",
            )
