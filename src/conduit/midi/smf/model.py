"""What a standard MIDI file says, as far as Conduit is concerned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conduit.contracts.errors import InvalidInput
from conduit.midi.notes import PPQ, NoteArray

MICROSECONDS_PER_MINUTE = 60_000_000
_LONGEST_BEAT = (1 << 24) - 1


@dataclass(frozen=True, slots=True)
class Tempo:
    """From ``tick`` on, a quarter note lasts ``beat_us`` microseconds (1 to 16,777,215).

    Whole microseconds are what the file stores, so a tempo read back is the tempo written.
    """

    tick: int
    beat_us: int

    @classmethod
    def from_bpm(cls, bpm: float, tick: int = 0) -> Tempo:
        """The nearest tempo a file can hold. Raises ``InvalidInput`` below 3.58 BPM or for NaN."""
        if not bpm > 0 or not (beat_us := MICROSECONDS_PER_MINUTE / bpm) <= _LONGEST_BEAT:
            raise InvalidInput(
                f"a tempo of {bpm} BPM does not fit a MIDI file", hint="use 4 BPM or more"
            )
        return cls(tick, max(1, round(beat_us)))

    @property
    def bpm(self) -> float:
        """Quarter notes a minute."""
        return MICROSECONDS_PER_MINUTE / self.beat_us


@dataclass(frozen=True, slots=True)
class TimeSignature:
    """From ``tick`` on, ``numerator``/``denominator``; the denominator is a power of two."""

    tick: int = 0
    numerator: int = 4
    denominator: int = 4


@dataclass(frozen=True, slots=True)
class Marker:
    """A named place, such as the start of a phrase."""

    tick: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Song:
    """A whole file.

    ``notes`` has any order; ``notes["layer"]`` is an index into ``layer_names``, and in format 1
    each layer is one track after the first, which holds tempo, time signatures and markers.
    ``end_tick`` is where every track ends; ``None`` means with the last note or event.
    """

    notes: NoteArray
    name: str = ""
    layer_names: tuple[str, ...] = ()
    tempos: tuple[Tempo, ...] = ()
    time_signatures: tuple[TimeSignature, ...] = ()
    markers: tuple[Marker, ...] = ()
    end_tick: int | None = None
    ppq: int = PPQ
    format: Literal[0, 1] = 1
