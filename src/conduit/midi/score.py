"""A clip as it is played round and round: what comes when, in beats and seconds, and how long a
round is.

A round ends with a bar. What still sounds there ends there, so that it cuts nothing off in the next
round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Final, TypeVar

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.midi.clip import Clip, ClipEvent
from conduit.midi.performance import Moment, moments
from conduit.midi.ump import Midi1NoteOn, Midi2NoteOn, Noop, SetTempo, SetTimeSignature

M = TypeVar("M")

MOST_EVENTS: Final = 1_000_000
_USUAL_BPM: Final = 120.0
_USUAL_BAR: Final = 4.0
_TAIL_BEATS: Final = 0.5
"""What sounds into the next bar for less than this is no bar of its own."""
_SHORTEST_NOTE: Final = 7
"""The exponent of the shortest one that a metre may count: 128ths."""


@dataclass(frozen=True, slots=True)
class Score:
    """What is played in one round. ``beats`` (quarter notes) and ``seconds`` are how long it is,
    ``bpm`` and ``bar`` (quarter notes) the tempo and the bar that it begins with."""

    moments: tuple[Moment, ...]
    beats: float
    seconds: float
    bpm: float
    bar: float
    group: int = 0

    def without_tempo(self) -> Score:
        """For somebody who has the tempo from elsewhere."""
        kept = (
            replace(each, messages=tuple(m for m in each.messages if not isinstance(m, SetTempo)))
            for each in self.moments
        )
        return replace(self, moments=tuple(each for each in kept if each.messages))


def score_of(clip: Clip) -> Score:
    """The score of a clip. Raises ``InvalidInput`` for one that says nothing, and ``TooLarge``."""
    if not clip.events:
        raise InvalidInput("there is nothing to play in it", hint="give one that has notes")
    if len(clip.events) > MOST_EVENTS:
        raise TooLarge(
            f"{len(clip.events):,} events", where="clip", hint=f"at most {MOST_EVENTS:,} are played"
        )
    end = _end(clip)
    inside = [ClipEvent(min(each.tick, end), each.message) for each in clip.events]
    # The last one has the time of the end, whatever the tempos were.
    *played, last = moments(replace(clip, events=(*inside, ClipEvent(end, Noop()))))
    if closing := last.messages[:-1]:
        played.append(replace(last, messages=closing))
    bpm = next((m.bpm for _, m in _said(clip, SetTempo) if m.bpm), _USUAL_BPM)
    bar = next((length for _, length in _bars(clip)), _USUAL_BAR * clip.ticks_per_quarter)
    groups = (getattr(each.message, "group", None) for each in clip.events)
    group = next((each for each in groups if each is not None), 0)
    per_beat = clip.ticks_per_quarter
    return Score(tuple(played), end / per_beat, last.at_s, bpm, bar / per_beat, group)


def _end(clip: Clip) -> int:
    """The tick of the bar line at which the clip is over."""
    ons = [each.tick for each in clip.events if isinstance(each.message, Midi1NoteOn | Midi2NoteOn)]
    last = max((each.tick for each in clip.events), default=0)
    length = last if clip.length is None else clip.length
    musical = max(ons) + 1 if ons else 1
    return _bar_line(clip, max(musical, length - clip.ticks_per_quarter * _TAIL_BEATS))


def _bar_line(clip: Clip, tick: float) -> int:
    """The first bar line at a tick or after it. A metre begins with a bar of its own."""
    begin, length = 0.0, _USUAL_BAR * clip.ticks_per_quarter
    for at, bar in _bars(clip):
        if at >= tick:
            if (line := begin + ceil((tick - begin) / length) * length) < at:
                return round(line)
            return at
        begin, length = float(at), bar
    return round(begin + ceil((tick - begin) / length) * length)


def _bars(clip: Clip) -> Iterator[tuple[int, float]]:
    """From which tick on a bar has how many ticks."""
    for at, said in _said(clip, SetTimeSignature):
        if said.numerator and said.denominator <= _SHORTEST_NOTE:
            yield at, said.numerator * 4 * clip.ticks_per_quarter / (1 << said.denominator)


def _said(clip: Clip, kind: type[M]) -> Iterator[tuple[int, M]]:
    for each in sorted(clip.events, key=lambda event: event.tick):
        if isinstance(each.message, kind):
            yield each.tick, each.message
