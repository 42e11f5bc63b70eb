"""Clip files: what is written is read back, and files of others are read as well as can be.

The layout was checked with ktmidi and with PipeWire's midiclip.c; the words are those of
tests/midi/ump/test_golden.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.midi.clip import MOST_TICK, Clip, ClipEvent, read_clip, write_clip
from conduit.midi.ump import (
    MOST_DELTA,
    DeltaClockstamp,
    EndOfClip,
    JrTimestamp,
    Message,
    Midi2NoteOff,
    Midi2NoteOn,
    Noop,
    SetTempo,
    StartOfClip,
    Truncated,
)
from tests.midi.ump.messages import ANY

ON, OFF = Midi2NoteOn(0, 9, 36, 0xC104), Midi2NoteOff(0, 9, 36, 0x8000)
HEX = (
    "534d4632434c4950"  # SMF2CLIP
    "00400000 00300780"  # 0 ticks, 1920 a quarter note
    "00400000 f0200000000000000000000000000000"  # 0 ticks, Start of Clip
    "00400000 40992400c1040000"  # 0 ticks, note on
    "004003c0 4089240080000000"  # 960 ticks, note off
    "004003c0 f0210000000000000000000000000000"  # 960 ticks, End of Clip
)
FILE = bytes.fromhex(HEX)
CLIP = Clip(1920, (ClipEvent(0, ON), ClipEvent(960, OFF)), (), 1920)


def test_a_file_of_known_bytes() -> None:
    assert write_clip(CLIP) == FILE
    assert read_clip(FILE, strict=True) == CLIP


OWN = ("DeltaClockstamp", "DeltaTicksPerQuarter", "StartOfClip", "EndOfClip", "Noop")
MESSAGE = ANY.filter(lambda message: type(message).__name__ not in OWN)
EVENT = st.builds(ClipEvent, st.integers(0, 3 * MOST_DELTA), MESSAGE)


@given(st.lists(EVENT, max_size=6), st.lists(MESSAGE, max_size=2), st.integers(1, 0xFFFF))
def test_what_is_written_is_read_back(
    events: list[ClipEvent], header: list[Message], ticks: int
) -> None:
    ordered = tuple(sorted(events, key=lambda event: event.tick))
    clip = Clip(ticks, ordered, tuple(header), 4 * MOST_DELTA)
    assert read_clip(write_clip(clip)) == clip
    shuffled = Clip(ticks, tuple(events[::-1]), tuple(header))
    assert sorted(e.tick for e in read_clip(write_clip(shuffled)).events) == [
        e.tick for e in ordered
    ]


@given(st.binary(max_size=120), st.integers(8, len(FILE)))
def test_damage_never_escapes_the_error_tree(damage: bytes, at: int) -> None:
    for data in (FILE[:at] + damage, FILE[:at] + damage + FILE[at + len(damage) :]):
        for strict in (False, True):
            try:
                clip = read_clip(data, strict=strict)
            except InvalidInput:
                continue
            assert clip.ticks_per_quarter > 0


def test_a_long_gap_is_several_clockstamps() -> None:
    clip = Clip(96, (ClipEvent(2 * MOST_DELTA + 5, ON),), (), 2 * MOST_DELTA + 5)
    data = write_clip(clip)
    assert bytes.fromhex("004fffff 00000000 004fffff 00000000 00400005") in data
    exact = write_clip(Clip(96, (ClipEvent(MOST_DELTA, ON),)))
    assert bytes.fromhex("004fffff 40992400") in exact
    assert read_clip(data, strict=True) == clip


@pytest.mark.parametrize(
    ("data", "events", "said"),
    [
        (FILE[:-20], 2, "has no end"),  # no end
        (FILE[:-4], 2, "breaks off"),  # half an end
        (FILE[:-1], 2, "not whole 32-bit words"),
        (FILE + b"\0\0\0\0", 2, "behind the end"),
        (FILE + b"x", 2, "not whole 32-bit words"),
        (FILE.replace(bytes.fromhex("004003c0"), b"", 1), 2, "no clockstamps"),
        (FILE.replace(bytes.fromhex("004003c0"), bytes.fromhex("004001e0") * 2, 1), 2, "2 clock"),
        (FILE.replace(bytes.fromhex("00400000f020") + bytes(14), b""), 0, "never starts"),
        (FILE.replace(b"P\0\x40\0\0\0\x30\x07\x80", b"P" + FILE[8:16] * 2), 2, "said twice"),
        (FILE.replace(FILE[16:36], FILE[16:36] * 2), 2, "starts twice"),
        (FILE.replace(FILE[36:48], FILE[36:40] + b"\x60\0\0\0"), 2, "no such status"),
    ],
)
def test_only_strict_reading_minds_files_of_others(data: bytes, events: int, said: str) -> None:
    clip = read_clip(data)
    assert len(clip.events) == events
    assert clip.ticks_per_quarter == 1920
    if events == 2:
        assert clip.events[1].tick in (0, 960)
    with pytest.raises(InvalidInput, match=said) as refused:
        read_clip(data, strict=True)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"MThd\0\0\0\6", "no MIDI clip file"),
        (b"", "no MIDI clip file"),
        (b"SMF2CLI", "no MIDI clip file"),
        (b"SMF2CLIP", "does not say how many ticks"),
        (FILE[:8] + FILE[16:], "does not say how many ticks"),
    ],
)
def test_files_that_cannot_be_read(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        read_clip(data)
    assert refused.value.hint


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(TooLarge, match="67,108,8"):
        read_clip(bytes(64 * 1024 * 1024 + 1))


@pytest.mark.parametrize(
    ("clip", "said"),
    [
        (Clip(0, ()), "0 ticks a quarter note"),
        (Clip(1 << 16, ()), "65536 ticks a quarter note"),
        (Clip(96, (ClipEvent(-1, ON),)), "ticks go from -1"),
        (Clip(96, (ClipEvent(MOST_TICK + 1, ON),)), "ticks go from"),
        (Clip(96, (ClipEvent(5, ON),), (), 4), "the clip ends at 4"),
        (Clip(96, (ClipEvent(0, StartOfClip()),)), "what the file is made of"),
        (Clip(96, (), (EndOfClip(),)), "what the file is made of"),
        (Clip(96, (ClipEvent(0, DeltaClockstamp(1)),)), "what the file is made of"),
        (Clip(96, (ClipEvent(0, Truncated((1 << 30,))),)), "no whole packet"),
        (Clip(96, (ClipEvent(0, Midi2NoteOn(0, 0, 128, 0)),)), "note cannot be 128"),
    ],
)
def test_clips_that_cannot_be_written(clip: Clip, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        write_clip(clip)


def test_what_sets_up_comes_before_the_start() -> None:
    clip = Clip(480, (ClipEvent(3, JrTimestamp(7)), ClipEvent(3, ON)), (SetTempo(0, 5),), 3)
    assert read_clip(write_clip(clip), strict=True) == clip
    assert read_clip(write_clip(Clip(480, (ClipEvent(1, Noop()),)))).events == ()
    late = FILE.replace(bytes.fromhex("00400000f020"), bytes.fromhex("00400007f020"))
    assert read_clip(late, strict=True) == CLIP  # ticks count from the start
