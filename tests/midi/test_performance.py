"""Songs as MIDI 2.0: everything there, in order, at its time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi import ump
from conduit.midi.clip import read_clip, write_clip
from conduit.midi.flex import TextAssembler
from conduit.midi.notes import note_array
from conduit.midi.performance import Key, clip_of, jr_seconds, jr_time, moments, stamped
from conduit.midi.smf.model import Song, Tempo, TimeSignature

SONG = Song(
    note_array([0, 480, 960, 960], [480, 480, 10, 20], [36, 36, 38, 42], [1, 64, 127, 100]),
    name="Dub 122 BPM",
    tempos=(Tempo.from_bpm(120), Tempo.from_bpm(60, 960)),
    time_signatures=(TimeSignature(0, 7, 8),),
    end_tick=7680,
    ppq=480,
)


def test_a_song_becomes_a_clip_and_a_file() -> None:
    clip = clip_of(SONG, key=Key.of(9, minor=True), group=2)
    again = read_clip(write_clip(clip), strict=True)
    assert again.events == clip.events
    assert again.length == 7680
    said = [type(each.message).__name__ for each in clip.events]
    assert said == [
        "FlexPacket", "SetTempo", "SetTimeSignature", "SetKeySignature", "SetChordName",
        "Midi2NoteOn", "Midi2NoteOff", "Midi2NoteOn",
        "SetTempo", "Midi2NoteOff", "Midi2NoteOn", "Midi2NoteOn", "Midi2NoteOff", "Midi2NoteOff",
    ]  # fmt: skip
    by_type = {type(each.message): each.message for each in clip.events[:5]}
    assert by_type[ump.SetTempo] == ump.SetTempo(2, 50_000_000)
    assert by_type[ump.SetTimeSignature] == ump.SetTimeSignature(2, 7, 3)
    assert by_type[ump.SetKeySignature] == ump.SetKeySignature(2, 0, 1)
    chord = by_type[ump.SetChordName]
    assert isinstance(chord, ump.SetChordName)
    assert (chord.tonic, chord.kind) == (1, 7)
    words = ump.encode_all(each.message for each in clip.events)
    [name] = TextAssembler().feed(words)
    assert (name.text, name.name, name.group) == ("Dub 122 BPM", "clip name", 2)
    velocities = [each.message.velocity for each in clip.events
                  if isinstance(each.message, ump.Midi2NoteOn)]  # fmt: skip
    assert velocities == [512, 0x8000, 65535, ump.scale_up(100, 7, 16)]


def test_times_follow_the_tempos() -> None:
    found = [moment.at_s for moment in moments(clip_of(SONG))]
    assert found == pytest.approx([0.0, 0.5, 1.0, 1 + 10 / 480, 1 + 20 / 480])


@pytest.mark.parametrize(
    ("pitch_class", "minor", "spelled", "sharps"),
    [
        (0, False, ("C", 0), 0),
        (9, True, ("A", 0), 0),
        (1, True, ("C", 1), 4),
        (3, False, ("E", -1), -3),
        (6, False, ("F", 1), 6),
        (8, False, ("A", -1), -4),
        (8, True, ("G", 1), 5),
        (10, False, ("B", -1), -2),
        (10, True, ("B", -1), -5),
    ],
)
def test_keys_are_spelled_as_musicians_do(
    pitch_class: int, minor: bool, spelled: tuple[str, int], sharps: int
) -> None:
    key = Key.of(pitch_class, minor=minor)
    assert (key.letter, key.altered) == spelled
    assert key.sharps == sharps


def test_what_has_no_place_is_refused() -> None:
    odd = Song(note_array([], [], [], []), time_signatures=(TimeSignature(0, 4, 3),))
    with pytest.raises(InvalidInput, match="3 is no power of two"):
        clip_of(odd)
    with pytest.raises(InvalidInput, match="accidentals"):
        clip_of(SONG, key=Key("G", 1))


@given(st.floats(0, 1e6), st.floats(-0.9, 0.9))
def test_a_stamp_tells_times_apart_across_its_turn(at_s: float, later: float) -> None:
    assert jr_seconds(jr_time(at_s), jr_time(at_s + later)) == pytest.approx(later, abs=5e-5)


def test_each_message_has_its_stamp() -> None:
    notes = [ump.Midi2NoteOn(0, 9, 36, 1), ump.Midi2NoteOff(0, 9, 36, 1)]
    said = ump.decode(stamped(2.0, notes), strict=True)
    stamp = ump.JrTimestamp(62_500)
    assert said == [stamp, notes[0], stamp, notes[1]]
