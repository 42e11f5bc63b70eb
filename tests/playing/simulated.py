"""Time that passes only when somebody waits, a session in it, and somebody who writes down what is
played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from conduit.midi import ump
from conduit.midi.performance import Moment
from conduit.midi.score import Score
from conduit.playing.session import Reading


@dataclass
class Time:
    """``delays``: how much too late each wait ends, one after the other, then none."""

    at: float = 100.0
    delays: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    async def until(self, due: float) -> None:
        self.at = max(self.at, due)
        if self.delays:
            self.at += self.delays.pop()


@dataclass(frozen=True)
class Change:
    """At a time, another tempo; and all beats are others by so much, as when sessions meet."""

    at_s: float
    tempo: float
    jump: float = 0.0


class Others:
    """A session that is changed by others."""

    def __init__(self, time: Time, changes: Sequence[Change], *, beat: float = 0.0) -> None:
        self._time = time
        self._changes = sorted(changes, key=lambda each: each.at_s)
        self._beat = beat
        self.playing: list[tuple[float, float]] = []
        """From when to when it plays, where that matters."""

    def beat(self, at_s: float) -> float:
        beat, now, tempo = self._beat, self._changes[0].at_s, self._changes[0].tempo
        for each in self._changes[1:]:
            if each.at_s > at_s:
                break
            beat += (each.at_s - now) * tempo / 60 + each.jump
            now, tempo = each.at_s, each.tempo
        return beat + (at_s - now) * tempo / 60

    def tempo(self, at_s: float) -> float:
        return [each.tempo for each in self._changes if each.at_s <= at_s][-1]

    def read(self, quantum: float) -> Reading:
        now = self._time.at
        plays = any(begin <= now < end for begin, end in self.playing)
        return Reading(now, self.tempo(now), self.beat(now), quantum, 1, plays)

    def set_tempo(self, bpm: float) -> None:
        raise AssertionError("nobody asked for another tempo")


@dataclass
class Struck:
    """A note that was sent: when, and which."""

    at_s: float
    note: int


class Listener:
    """What arrives. Notes are told apart by their number."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.struck: list[Struck] = []
        self.ended: list[Struck] = []
        self.tempos: list[float] = []

    async def hear(self, words: list[int]) -> None:
        for each in ump.decode(words, strict=True):
            if isinstance(each, ump.Midi2NoteOn):
                self.struck.append(Struck(self._time.at, each.note))
            elif isinstance(each, ump.Midi2NoteOff):
                self.ended.append(Struck(self._time.at, each.note))
            elif isinstance(each, ump.SetTempo):
                self.tempos.append(each.bpm)


def piece(beats: Sequence[float], length: float, *, bpm: float = 120.0, bar: float = 4.0) -> Score:
    """A note at each beat, by number, that sounds for a thirty-second."""
    events: list[tuple[float, ump.Message]] = []
    for number, beat in enumerate(beats):
        events.append((beat, ump.Midi2NoteOn(0, 0, number, 0x8000)))
        events.append((min(beat + 0.125, length), ump.Midi2NoteOff(0, 0, number, 0x8000)))
    moments = tuple(
        Moment(beat * 60 / bpm, (message,), beat)
        for beat, message in sorted(events, key=lambda each: each[0])
    )
    return Score(moments, length, length * 60 / bpm, bpm, bar)
