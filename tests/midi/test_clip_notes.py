"""Notes as clips of MIDI 2.0 and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi import NoteArray, note_array, sort_notes
from conduit.midi.clip import Clip, ClipEvent, read_clip, write_clip
from conduit.midi.clip_notes import clip_of_notes, notes_of_clip
from conduit.midi.flex import TextAssembler
from conduit.midi.ump import (
    Midi1NoteOff,
    Midi1NoteOn,
    Midi2NoteOff,
    Midi2NoteOn,
    SetTempo,
    SetTimeSignature,
    encode_all,
)
from conduit.rhythm import STYLES, Style, render

ROW = st.tuples(
    st.integers(0, 10_000),
    st.integers(1, 4_000),
    st.integers(0, 127),
    st.integers(1, 127),
    st.integers(0, 15),
)


def alone(rows: list[tuple[int, int, int, int, int]]) -> NoteArray:
    """Notes of which none begins while another of its pitch and channel sounds."""
    kept, free = [], {}
    for tick, duration, pitch, velocity, channel in sorted(rows):
        if tick >= free.get((pitch, channel), 0):
            free[pitch, channel] = tick + duration
            kept.append((tick, duration, pitch, velocity, channel))
    tick, duration, pitch, velocity, channel = zip(*kept, strict=True) if kept else [[]] * 5
    return sort_notes(note_array(tick, duration, pitch, velocity, channel=channel))


@given(st.lists(ROW, max_size=20).map(alone), st.integers(0, 15))
def test_notes_come_back_from_the_file(notes: NoteArray, group: int) -> None:
    clip = clip_of_notes(notes, bpm=132, group=group)
    found = notes_of_clip(read_clip(write_clip(clip), strict=True))
    for column in ("tick", "duration", "channel", "pitch", "velocity"):
        order = np.lexsort((found["channel"], found["pitch"], found["tick"]))
        other = np.lexsort((notes["channel"], notes["pitch"], notes["tick"]))
        assert found[column][order].tolist() == notes[column][other].tolist()


def test_what_ends_comes_before_what_begins() -> None:
    clip = clip_of_notes(note_array([0, 10], [10, 10], [36, 36], [1, 2]), bpm=120)
    kinds = [type(event.message) for event in clip.events[2:]]
    assert kinds == [Midi2NoteOn, Midi2NoteOff, Midi2NoteOn, Midi2NoteOff]
    assert clip.length == 20


def test_a_groove_travels_with_its_tempo_metre_and_name() -> None:
    session = render(STYLES[Style.DUB], bars=2, seed=3, bpm=132)
    clip = clip_of_notes(session.notes, bpm=132, numerator=7, denominator=8, name="Night bus")
    messages = [event.message for event in clip.events]
    assert messages[0] == SetTempo(0, 45_454_545)
    assert messages[1] == SetTimeSignature(0, 7, 3)
    assert TextAssembler().feed(encode_all(messages))[0].text == "Night bus"
    assert len(notes_of_clip(clip)) == len(session.notes)


def test_notes_of_others_are_read_as_well_as_can_be() -> None:
    events = (
        ClipEvent(0, Midi1NoteOn(0, 9, 36, 100)),
        ClipEvent(10, Midi1NoteOn(0, 9, 36, 0)),  # which ends it
        ClipEvent(10, Midi2NoteOff(0, 9, 36, 0)),  # of nothing
        ClipEvent(20, Midi2NoteOn(1, 0, 60, 1)),
        ClipEvent(30, Midi2NoteOn(1, 0, 60, 0xFFFF)),
        ClipEvent(40, Midi1NoteOff(1, 0, 60, 0)),
    )
    notes = notes_of_clip(Clip(96, events, (), 48))
    assert notes["tick"].tolist() == [0, 400, 600]
    assert notes["duration"].tolist() == [200, 400, 360]  # the first ends first, the last at 48
    assert notes["velocity"].tolist() == [100, 1, 127]
    assert len(notes_of_clip(Clip(96, ()))) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bpm": 0}, "0 BPM"),
        ({"bpm": float("nan")}, "nan BPM"),
        ({"bpm": 1}, "1 BPM"),
        ({"bpm": 120, "denominator": 6}, "power of two"),
        ({"bpm": 120, "name": "a\0"}, "NUL"),
        ({"bpm": 120, "group": 16, "name": "x"}, "group is 16"),
    ],
)
def test_what_has_no_place_in_a_clip_is_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        write_clip(clip_of_notes(note_array([0], [1], [36], [1]), **options))  # type: ignore[arg-type]
