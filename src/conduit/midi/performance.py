"""A song as MIDI 2.0: a clip of packets with tempo, metre, key, chord and name, and its times.

Velocities go from 7 to 16 bits as M2-115-U says. At one tick, what ends comes before what begins,
and what sets up (tempo, metre, names) before both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.midi.clip import Clip, ClipEvent
from conduit.midi.clip_notes import clip_name, note_events, time_signature
from conduit.midi.flex import CHORD_KINDS
from conduit.midi.smf.model import Song
from conduit.midi.ump import (
    JR_UNIT_S,
    JrClock,
    JrTimestamp,
    Message,
    SetChordName,
    SetKeySignature,
    SetTempo,
    encode,
)

LONGEST_NAME: Final = 200
"""Characters of a clip's name that travel."""
_USUAL_QUARTER: Final = 50_000_000
"""120 BPM, which is meant where nothing is said; in 10 ns."""
_LETTERS: Final = ("A", "B", "C", "D", "E", "F", "G")
_FIFTHS: Final = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
"""Sharps of the major key on each letter; flats are below 0."""
_SEMITONES: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True, slots=True)
class Key:
    """A key: the letter of its tonic, how it is altered (1: sharp, -1: flat), major or minor."""

    letter: str
    altered: int = 0
    minor: bool = False

    @classmethod
    def of(cls, pitch_class: int, *, minor: bool = False) -> Key:
        """The key on a pitch class (0 is C), spelled with the fewest sharps or flats."""
        spelled = (
            cls(letter, altered, minor)
            for letter in _LETTERS
            for altered in (0, 1, -1)
            if (_SEMITONES[letter] + altered - pitch_class) % 12 == 0
        )
        return min(spelled, key=lambda key: (abs(key.sharps), -key.sharps))

    @property
    def tonic(self) -> int:
        """As Flex Data has it: 1 for A to 7 for G."""
        return _LETTERS.index(self.letter) + 1

    @property
    def sharps(self) -> int:
        """Sharps of its signature, flats below 0; more than seven is a key that nobody writes."""
        return _FIFTHS[self.letter] + 7 * self.altered - (3 if self.minor else 0)


def clip_of(song: Song, *, key: Key | None = None, group: int = 0) -> Clip:
    """The clip of a song, in one group. ``key`` adds its signature, and its tonic triad as a chord.

    Raises ``InvalidInput`` for what has no place in MIDI 2.0.
    """
    first: list[ClipEvent] = []
    name = "".join(" " if ord(letter) < 32 else letter for letter in song.name[:LONGEST_NAME])
    if name:
        first += (ClipEvent(0, each) for each in clip_name(group, name))
    for tempo in song.tempos:
        first.append(ClipEvent(tempo.tick, SetTempo(group, tempo.beat_us * 100)))
    for metre in song.time_signatures:
        signature = time_signature(group, metre.numerator, metre.denominator)
        first.append(ClipEvent(metre.tick, signature))
    if key is not None:
        if abs(key.sharps) > 7:
            raise InvalidInput(
                f"a key of {abs(key.sharps)} accidentals", where="key", hint="Key.of spells it"
            )
        kind = CHORD_KINDS.index("minor" if key.minor else "major")
        first.append(ClipEvent(0, SetKeySignature(group, key.sharps, key.tonic)))
        first.append(ClipEvent(0, SetChordName(group, key.altered, key.tonic, kind)))
    # Sorting is stable, so at one tick what sets up stays before what is played.
    events = tuple(sorted((*first, *note_events(song.notes, group)), key=lambda each: each.tick))
    last = events[-1].tick if events else 0
    length = None if song.end_tick is None else max(last, song.end_tick)
    return Clip(song.ppq, events, length=length)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is to be played at one time, in seconds and in quarter notes from the start."""

    at_s: float
    messages: tuple[Message, ...]
    at_beats: float = 0.0


def moments(clip: Clip) -> Iterator[Moment]:
    """The times of a clip, by its own tempos (120 BPM until the first). Linear."""
    tick, at, quarter = 0, 0.0, _USUAL_QUARTER
    waiting: list[Message] = []
    for event in sorted(clip.events, key=lambda each: each.tick):
        if event.tick > tick:
            if waiting:
                yield Moment(at, tuple(waiting), tick / clip.ticks_per_quarter)
                waiting = []
            at += (event.tick - tick) * quarter / clip.ticks_per_quarter / 1e8
            tick = event.tick
        if isinstance(event.message, SetTempo) and event.message.quarter_10ns:
            quarter = event.message.quarter_10ns
        waiting.append(event.message)
    if waiting:
        yield Moment(at, tuple(waiting), tick / clip.ticks_per_quarter)


def stamped(at_s: float, messages: Sequence[Message]) -> list[int]:
    """The words of messages, each after a JR Timestamp that says when it is meant: ``at_s`` is by
    the sender's clock, of which the last two seconds travel."""
    stamp = encode(JrTimestamp(jr_time(at_s)))
    return [word for each in messages for word in (*stamp, *encode(each))]


def jr_clock(now_s: float) -> list[int]:
    """The words of a JR Clock: what the sender's clock says now. At least four a second."""
    return list(encode(JrClock(jr_time(now_s))))


def jr_time(at_s: float) -> int:
    """A time in units of a JR Timestamp, which go round once in 2.097 s."""
    return round(at_s / JR_UNIT_S) & 0xFFFF


def jr_seconds(earlier: int, later: int) -> float:
    """The time between two JR times that are less than a second apart, in seconds; below 0 when
    they came in the other order."""
    units = (later - earlier) & 0xFFFF
    return (units - 0x10000 if units > 0x7FFF else units) * JR_UNIT_S
