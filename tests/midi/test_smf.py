"""Standard MIDI files: what is written is read back, by us and by two independent libraries."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path

import mido
import numpy as np
import pytest
import symusic
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import ConduitError, InvalidInput, NotFound, StoreError, TooLarge
from conduit.midi import NoteArray, note_array, smf, sort_notes
from conduit.midi.smf.read import MAX_FILE_BYTES
from conduit.midi.smf.vlq import MAX_VLQ, encode_vlq, vlq_columns

VLQ_TABLE = {
    0x00: "00",
    0x40: "40",
    0x7F: "7f",
    0x80: "81 00",
    0x2000: "c0 00",
    0x3FFF: "ff 7f",
    0x4000: "81 80 00",
    0x1FFFFF: "ff ff 7f",
    0x200000: "81 80 80 00",
    0xFFFFFFF: "ff ff ff 7f",
}
"""The examples printed in the Standard MIDI Files specification."""


@pytest.mark.parametrize(("value", "code"), VLQ_TABLE.items())
def test_quantities_of_the_standard(value: int, code: str) -> None:
    assert encode_vlq(value) == bytes.fromhex(code)


@given(st.lists(st.integers(0, MAX_VLQ), min_size=1, max_size=50))
def test_many_quantities_at_once_are_the_single_ones_in_a_row(values: list[int]) -> None:
    columns, counts = vlq_columns(np.array(values, np.int64))
    assert columns[counts].tobytes() == b"".join(map(encode_vlq, values))


@pytest.mark.parametrize("value", [-1, MAX_VLQ + 1])
def test_a_quantity_that_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(InvalidInput):
        encode_vlq(value)
    with pytest.raises(InvalidInput):
        vlq_columns(np.array([value], np.int64))


@st.composite
def drum_notes(draw: st.DrawFn) -> NoteArray:
    """Up to 60 notes in up to 4 layers; notes of one channel and pitch never overlap."""
    parts = []
    for layer in range(draw(st.integers(1, 4))):
        gaps = draw(st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 9000)), max_size=15))
        if not gaps:
            continue
        edges = list(itertools.accumulate(itertools.chain.from_iterable(gaps)))
        starts, ends = edges[::2], edges[1::2]
        velocities = draw(st.lists(st.integers(1, 127), min_size=len(gaps), max_size=len(gaps)))
        lengths = np.subtract(ends, starts)
        channel = draw(st.integers(0, 15))
        parts.append(
            note_array(starts, lengths, 36 + layer, velocities, channel=channel, layer=layer)
        )
    return sort_notes(np.concatenate(parts)) if parts else note_array([], 1, 36, 1)


@given(drum_notes(), st.sampled_from([1, 0]))
def test_round_trip(notes: NoteArray, kind: int) -> None:
    song = smf.Song(
        notes,
        name="grüße",
        layer_names=("a", "b", "", "d"),
        tempos=(smf.Tempo(0, 454_545), smf.Tempo(9000, 400_000)),
        time_signatures=(smf.TimeSignature(0, 7, 8),),
        markers=(smf.Marker(480, "phrase 2"),),
        end_tick=400_000,
        format=0 if kind == 0 else 1,
    )
    back = smf.loads(smf.dumps(song))
    assert back.tempos == song.tempos
    assert back.time_signatures == song.time_signatures
    assert back.markers == song.markers
    assert (back.name, back.end_tick, back.ppq, back.format) == ("grüße", 400_000, 1920, kind)
    if kind == 1:
        assert back.layer_names == song.layer_names
        assert back.notes.tolist() == notes.tolist()
    else:
        flat = notes.copy()
        flat["layer"] = 0
        assert back.notes.tolist() == sort_notes(flat).tolist()


@given(drum_notes())
def test_mido_reads_the_same_notes(notes: NoteArray) -> None:
    file = mido.MidiFile(file=io.BytesIO(smf.dumps(smf.Song(notes))))
    assert file.ticks_per_beat == 1920
    found = []
    for track in file.tracks:
        now, open_at = 0, {}
        for message in track:
            now += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            key = (message.channel, message.note)
            if message.type == "note_on" and message.velocity:
                open_at[key] = (now, message.velocity)
            else:
                start, velocity = open_at.pop(key)
                found.append((start, now - start, *key, velocity))
        assert not open_at
    expected = [row[:5] for row in notes.tolist()]
    assert sorted(found) == sorted(expected)


@given(drum_notes())
def test_symusic_reads_the_same_notes(notes: NoteArray) -> None:
    score = symusic.Score.from_midi(smf.dumps(smf.Song(notes)))
    found = [
        (note.time, note.duration, note.pitch, note.velocity)
        for track in score.tracks
        for note in track.notes
    ]
    expected = [(tick, length, pitch, vel) for tick, length, _, pitch, vel, _ in notes.tolist()]
    assert sorted(found) == sorted(expected)


@given(drum_notes())
def test_a_file_of_mido_is_read(notes: NoteArray) -> None:
    """The other direction: note-off messages, no running status, one track."""
    file, track = mido.MidiFile(type=0, ticks_per_beat=960), mido.MidiTrack()
    file.tracks.append(track)
    events = []
    for tick, length, channel, pitch, velocity, _ in notes.tolist():
        events.append(
            (tick, 1, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity))
        )
        events.append((tick + length, 0, mido.Message("note_off", channel=channel, note=pitch)))
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    stream = io.BytesIO()
    file.save(file=stream)
    back = smf.loads(stream.getvalue())
    assert back.ppq == 960
    flat = notes.copy()
    flat["layer"] = 0
    assert sorted(back.notes.tolist()) == sorted(flat.tolist())


def test_a_note_off_comes_before_a_note_on_of_the_same_tick() -> None:
    """Also when the note that ends is of a higher pitch or channel."""
    notes = note_array([0, 480, 480], 480, [42, 42, 36], [100, 90, 80], channel=[9, 9, 3])
    file = mido.MidiFile(file=io.BytesIO(smf.dumps(smf.Song(notes))))
    velocities = [message.velocity for message in file.tracks[1] if not message.is_meta]
    assert velocities == [100, 0, 80, 90, 0, 0]


def test_running_status_drops_all_but_the_first_status_byte() -> None:
    data = smf.dumps(smf.Song(note_array(np.arange(100) * 96, 48, 42, 100)))
    # Every event is one delta byte and two data bytes; one status byte, and the end of the track.
    assert data.endswith(b"MTrk" + struct.pack(">I", 200 * 3 + 1 + 4) + data[-(200 * 3 + 1 + 4) :])


def test_tempo_is_stored_in_whole_microseconds() -> None:
    assert smf.Tempo.from_bpm(140).beat_us == 428_571
    assert smf.Tempo.from_bpm(140).bpm == pytest.approx(140, abs=1e-3)


@pytest.mark.parametrize("bpm", [0, -1, 1e-9, float("nan"), 3.5])
def test_a_tempo_that_does_not_fit_is_refused(bpm: float) -> None:
    with pytest.raises(InvalidInput):
        smf.Tempo.from_bpm(bpm)


@pytest.mark.parametrize(
    "song",
    [
        smf.Song(note_array(0, 480, 36, 100), end_tick=479),
        smf.Song(note_array(0, 480, 36, 100), ppq=0),
        smf.Song(note_array(0, 480, 36, 100), tempos=(smf.Tempo(0, 0),)),
        smf.Song(note_array(0, 480, 36, 100), time_signatures=(smf.TimeSignature(0, 4, 3),)),
        smf.Song(note_array(0, 480, 36, 100), markers=(smf.Marker(-1, "x"),)),
        smf.Song(note_array(0, 480, 36, 100), name="\ud800"),
        smf.Song(note_array(0, 480, 36, 100), name="x" * 70_000),
        smf.Song(note_array(1 << 28, 480, 36, 100)),
    ],
)
def test_a_song_that_does_not_fit_is_refused(song: smf.Song) -> None:
    with pytest.raises(InvalidInput):
        smf.dumps(song)


def test_saving_is_whole_or_nothing(tmp_path: Path) -> None:
    song = smf.Song(note_array(0, 480, 36, 100))
    target = smf.dump(song, tmp_path / "a.mid")
    assert smf.load(target).notes["pitch"].tolist() == [36]
    with pytest.raises(StoreError):
        smf.dump(song, tmp_path / "missing" / "a.mid")
    with pytest.raises(StoreError):
        smf.dump(song, tmp_path)
    with pytest.raises(StoreError):
        smf.dump(song, tmp_path / "nul\0.mid")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_files_that_are_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        smf.load(tmp_path / "none.mid")
    with pytest.raises(StoreError):
        smf.load(tmp_path)
    large = tmp_path / "large.mid"
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(TooLarge):
        smf.load(large)


def _file(*tracks: bytes, kind: int = 1, division: int = 96) -> bytes:
    chunks = [b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks]
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division) + b"".join(chunks)


END = b"\x00\xff\x2f\x00"

HOSTILE = {
    "empty": b"",
    "not midi": b"RIFF" + b"\0" * 40,
    "no tracks": _file(),
    "format 2": _file(END, kind=2),
    "smpte": _file(END, division=0xE728),
    "division 0": _file(END, division=0),
    "header longer than the file": b"MThd" + struct.pack(">IHHH", 0xFFFFFFFF, 0, 1, 96),
    "track longer than the file": b"MThd"
    + struct.pack(">IHHH", 6, 0, 1, 96)
    + b"MTrk\xff\xff\xff\xff\x00",
    "endless quantity": _file(b"\xff\xff\xff\xff\xff\x7f"),
    "data before any status": _file(b"\x00\x40\x40" + END),
    "data byte above 127": _file(b"\x00\x90\x24\xe4" + END),
    "meta event longer than its track": _file(b"\x00\xff\x03\xff\xff\xff\x7fabc"),
    "sysex longer than its track": _file(b"\x00\xf0\x7f\x00"),
    "realtime byte": _file(b"\x00\xf8" + END),
    "running status after meta": _file(b"\x00\x90\x24\x64\x00\xff\x01\x00\x00\x24\x00" + END),
    "cut in an event": _file(b"\x00\x90\x24"),
    "event over the end of its track": _file(b"\x00\x90\x24", END),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        smf.loads(data)
    assert caught.value.where
    assert caught.value.hint


@given(st.binary(max_size=300))
def test_noise_after_a_header_never_escapes_the_error_tree(noise: bytes) -> None:
    for data in (noise, _file(noise), _file(noise, END)):
        try:
            smf.loads(data)
        except InvalidInput:
            continue


@given(drum_notes(), st.data())
def test_damage_never_escapes_the_error_tree(notes: NoteArray, data: st.DataObject) -> None:
    whole = bytearray(smf.dumps(smf.Song(notes, name="x", tempos=(smf.Tempo(0, 500_000),))))
    for _ in range(3):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        song = smf.loads(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    except ConduitError:
        return
    assert (song.notes["duration"] >= 1).all()


def test_what_is_of_no_use_is_skipped() -> None:
    track = (
        b"\x00\xb0\x07\x64"  # controller
        b"\x00\xc9\x05"  # program
        b"\x00\xf0\x03\x01\x02\xf7"  # system exclusive
        b"\x00\xff\x51\x02\x00\x00"  # a tempo of the wrong length
        b"\x60\x99\x24\x64\x30\x24\x00" + END
    )
    song = smf.loads(_file(track, kind=0).replace(b"MTrk", b"XFIH\0\0\0\2hiMTrk"))
    assert song.notes[["tick", "duration", "pitch"]].tolist() == [(96, 48, 36)]
    assert song.tempos == ()


def test_unpaired_events() -> None:
    """A stray note-off is ignored, a hanging note lasts to the end, no length becomes one tick."""
    track = b"\x00\x90\x24\x00\x0a\x24\x64\x0a\x24\x00\x00\x24\x00\x0a\x26\x64\x00\x26\x00"
    hanging = b"\x0a\x2a\x50\x0a\xff\x2f\x00"
    song = smf.loads(_file(track + hanging, kind=0))
    assert song.notes[["tick", "duration", "pitch"]].tolist() == [
        (10, 10, 36),
        (30, 1, 38),
        (40, 10, 42),
    ]


def test_overlapping_notes_end_first_in_first_out() -> None:
    track = b"\x00\x90\x24\x64\x0a\x24\x50\x0a\x24\x00\x0a\x24\x00" + END
    song = smf.loads(_file(track, kind=0))
    assert song.notes[["tick", "duration", "velocity"]].tolist() == [(0, 20, 100), (10, 20, 80)]
