"""What travels: messages, bundles, and the kinds of arguments that a message has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

_NTP_EPOCH_S: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
_FRACTIONS: Final = 1 << 32

DEEPEST: Final = 8
"""Bundles within bundles, and arrays within arrays."""


class Int64(int):
    """``h``: a whole number of 64 bits, also where 32 would do."""


class Double(float):
    """``d``: 64 bits; a plain float is written as ``f``, with 32."""


class Symbol(str):
    """``S``: a text that some systems tell from ``s``."""

    __slots__ = ()


class Char(str):
    """``c``: one ASCII character."""

    __slots__ = ()


class TimeTag(int):
    """``t``, and the time of a bundle: NTP's 32 bits of seconds since 1900 (UTC) and 32 bits of
    their fraction. ``IMMEDIATELY`` is 1."""

    @classmethod
    def at(cls, unix_s: float) -> TimeTag:
        """The tag of a time in seconds since 1970."""
        return cls(round((unix_s + _NTP_EPOCH_S) * _FRACTIONS) & 0xFFFF_FFFF_FFFF_FFFF)

    @property
    def unix_s(self) -> float:
        """Seconds since 1970."""
        return self / _FRACTIONS - _NTP_EPOCH_S


IMMEDIATELY: Final = TimeTag(1)


class Color(NamedTuple):
    """``r``: 8 bits each."""

    red: int
    green: int
    blue: int
    alpha: int = 255


class Midi(NamedTuple):
    """``m``: the number of a port, and a MIDI 1.0 message of up to three bytes."""

    port: int
    status: int
    data1: int = 0
    data2: int = 0


class Infinitum(Enum):
    """``I``, which 1.1 calls an impulse: something happens, and there is no value."""

    INFINITUM = "I"


INFINITUM: Final = Infinitum.INFINITUM

Argument = (
    int | float | str | bytes | bool | None | Color | Midi | Infinitum | tuple["Argument", ...]
)
"""``i`` or ``h``, ``f``, ``s``, ``b``, ``T`` or ``F``, ``N``, and the classes of this module; a
tuple is an array. A whole number beyond 32 bits is ``h`` by itself."""


@dataclass(frozen=True, slots=True)
class Message:
    """``address`` may be a pattern, as in all that is sent."""

    address: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """Messages that take effect together, at ``at``."""

    elements: tuple[Message | Bundle, ...] = ()
    at: TimeTag = IMMEDIATELY


Packet = Message | Bundle
