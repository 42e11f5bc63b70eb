"""Utility messages: message type 0, one word. Since UMP 1.1 they belong to no group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from conduit.midi.ump.layout import Bits, Message

JR_UNIT_S: Final = 1 / 31_250
"""The unit of jitter reduction. Sixteen bits of it go round once in 2.097 seconds."""

_JR_UNITS: Final = 1 << 16

MOST_DELTA: Final = (1 << 20) - 1
"""Ticks that one Delta Clockstamp can hold."""


@dataclass(frozen=True, slots=True)
class Noop(Message):
    """Nothing, which keeps something apart or alive."""


@dataclass(frozen=True, slots=True)
class JrClock(Message):
    """The sender's clock, in units of :data:`JR_UNIT_S`."""

    time: Annotated[int, Bits(0, 0, 16)]


@dataclass(frozen=True, slots=True)
class JrTimestamp(Message):
    """When the sender meant the next message, in units of :data:`JR_UNIT_S`."""

    time: Annotated[int, Bits(0, 0, 16)]


@dataclass(frozen=True, slots=True)
class DeltaTicksPerQuarter(Message):
    """How many ticks of :class:`DeltaClockstamp` are a quarter note (DCTPQ)."""

    ticks: Annotated[int, Bits(0, 0, 16)]


@dataclass(frozen=True, slots=True)
class DeltaClockstamp(Message):
    """Ticks since the message before (DCS)."""

    ticks: Annotated[int, Bits(0, 0, 20)]


def jr_time(seconds: float) -> int:
    """A time of a steady clock as jitter reduction tells it: units, modulo 2.097 seconds."""
    return round(seconds / JR_UNIT_S) % _JR_UNITS


def jr_elapsed_s(earlier: int, later: int) -> float:
    """Seconds from one such time to another, of less than one round: 0 to 2.097."""
    return (later - earlier) % _JR_UNITS * JR_UNIT_S
