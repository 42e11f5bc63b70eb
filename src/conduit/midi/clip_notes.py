"""Note arrays as clips of MIDI 2.0, and clips as note arrays."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from conduit.contracts.errors import InvalidInput
from conduit.midi.clip import Clip, ClipEvent
from conduit.midi.flex import BANK_METADATA, CLIP_NAME, text_packets
from conduit.midi.notes import PPQ, NoteArray, check_notes, note_array, sort_notes
from conduit.midi.ump import (
    TENS_OF_NANOSECONDS_PER_MINUTE,
    Message,
    Midi1NoteOff,
    Midi1NoteOn,
    Midi2NoteOff,
    Midi2NoteOn,
    SetTempo,
    SetTimeSignature,
    decode,
    scale_up,
    to_midi1,
)

_VELOCITIES: Final = tuple(scale_up(velocity, 7, 16) for velocity in range(128))
_OFF: Final = scale_up(0x40, 7, 16)
_MOST_QUARTER: Final = (1 << 32) - 1


def clip_of_notes(
    notes: NoteArray,
    *,
    bpm: float,
    numerator: int = 4,
    denominator: int = 4,
    name: str = "",
    group: int = 0,
    length: int | None = None,
) -> Clip:
    """A clip that plays notes, with its tempo, metre and name as Flex Data at its start.

    ``length`` is in ticks of :data:`conduit.midi.PPQ`, by default the end of the last note. Where a
    note ends another may begin. Raises ``InvalidInput`` for notes that no file can hold, a tempo
    below 1.4 BPM, and a denominator that is no power of two.
    """
    if not bpm > 0 or not (quarter := TENS_OF_NANOSECONDS_PER_MINUTE / bpm) <= _MOST_QUARTER:
        raise InvalidInput(
            f"a tempo of {bpm} BPM does not fit Flex Data", where="bpm", hint="use 2 BPM or more"
        )
    first: list[Message] = [
        SetTempo(group, max(1, round(quarter))),
        time_signature(group, numerator, denominator),
    ]
    if name:
        first += clip_name(group, name)
    played = note_events(notes, group)
    last = played[-1].tick if played else 0
    events = (*(ClipEvent(0, message) for message in first), *played)
    return Clip(PPQ, events, (), last if length is None else length)


def note_events(notes: NoteArray, group: int) -> list[ClipEvent]:
    """Notes as messages, by their ticks; at one tick, what ends comes before what begins. Raises
    ``InvalidInput`` for notes that no file can hold."""
    check_notes(notes)
    ends = notes["tick"] + notes["duration"]
    order = np.argsort(np.concatenate([2 * ends, 2 * notes["tick"] + 1]), kind="stable")
    count = len(notes)
    rows = notes[["channel", "pitch", "velocity"]].tolist()
    ticks = np.concatenate([ends, notes["tick"]])[order].tolist()
    events: list[ClipEvent] = []
    for tick, at in zip(ticks, order.tolist(), strict=True):
        channel, pitch, velocity = rows[at % count]
        message: Message
        if at < count:
            message = Midi2NoteOff(group, channel, pitch, _OFF)
        else:
            message = Midi2NoteOn(group, channel, pitch, _VELOCITIES[velocity])
        events.append(ClipEvent(tick, message))
    return events


def time_signature(group: int, numerator: int, denominator: int) -> Message:
    """A metre. Raises ``InvalidInput`` where the lower number is no power of two."""
    if denominator < 1 or denominator & denominator - 1:
        raise InvalidInput(
            f"{denominator} is no power of two", where="denominator", hint="like 4, 8 or 16"
        )
    return SetTimeSignature(group, numerator, denominator.bit_length() - 1)


def clip_name(group: int, name: str) -> list[Message]:
    """The name of a clip, as Flex Data. Raises ``InvalidInput`` as ``text_packets`` does."""
    return decode(text_packets(name, group=group, bank=BANK_METADATA, status=CLIP_NAME))


def notes_of_clip(clip: Clip) -> NoteArray:
    """The notes of a clip of all groups, in ticks of :data:`conduit.midi.PPQ`, sorted.

    Velocities come down to 1 to 127. Of several notes of one pitch the one that began first ends
    first; one that never ends does so with the clip. Messages of MIDI 1.0 count too.
    """
    ticks: list[int] = []
    ends: list[int] = []
    rows: list[tuple[int, int, int]] = []
    sounding: dict[tuple[int, int, int], deque[int]] = {}
    for event in clip.events:
        for message in to_midi1(event.message):
            if not isinstance(message, Midi1NoteOn | Midi1NoteOff):
                continue
            key = message.group, message.channel, message.note
            if isinstance(message, Midi1NoteOn) and message.velocity:
                sounding.setdefault(key, deque()).append(len(ticks))
                ticks.append(event.tick)
                ends.append(-1)
                rows.append((message.channel, message.note, message.velocity))
            elif waiting := sounding.get(key):
                ends[waiting.popleft()] = event.tick
    if not ticks:
        return note_array([], [], [], [])
    last = max(clip.length or 0, clip.events[-1].tick)
    starts = np.array(ticks, np.int64)
    stops = np.array(ends, np.int64)
    stops[stops < 0] = last
    starts, stops = (
        (each * PPQ + clip.ticks_per_quarter // 2) // clip.ticks_per_quarter
        for each in (starts, stops)
    )
    channel, pitch, velocity = np.array(rows, np.int64).T
    durations = np.maximum(stops - starts, 1)
    return sort_notes(note_array(starts, durations, pitch, velocity, channel=channel))
