"""Words that other implementations publish, read and written here.

Each row names who has it: AM = midi2-dev/AM_MIDI2.0Lib (tests/tests.cpp, include/
umpMessageCreate.h), NI = midi2-dev/ni-midi2 (tests/), BL = midi2-dev/bl-midi2-rs (midi2/src), KT =
atsushieno/ktmidi (UmpFactoryTest.kt, which came from cmidi2's own tests), WB = midi2-dev/
MIDI2.0Workbench (libs/messageTypes.js: positions instead of words, which the rows were computed
from), FORUM = a thread of the MIDI Association on lyrics.
"""

from __future__ import annotations

import pytest

from conduit.midi import ump
from conduit.midi.ump import Form, Message

F = Form

GOLDEN: list[tuple[str, Message, str]] = [
    ("AM KT", ump.Noop(), "00000000"),
    ("KT", ump.JrClock(0x7A12), "00107a12"),
    ("KT AM", ump.JrTimestamp(0x7A12), "00207a12"),
    ("AM WB", ump.DeltaTicksPerQuarter(480), "003001e0"),
    ("AM WB", ump.DeltaClockstamp(0x1000), "00401000"),
    ("KT", ump.TimeCode(1, 6, 3), "11f16300"),
    ("KT AM", ump.SongPosition(1, 89 << 7 | 99), "11f26359"),
    ("AM WB", ump.SongSelect(2, 5), "12f30500"),
    ("AM WB", ump.TuneRequest(0), "10f60000"),
    ("AM", ump.TimingClock(8), "18f80000"),
    ("AM WB", ump.Start(0), "10fa0000"),
    ("AM WB", ump.Continue(0), "10fb0000"),
    ("AM WB", ump.Stop(0), "10fc0000"),
    ("AM WB", ump.ActiveSensing(0), "10fe0000"),
    ("KT AM", ump.Reset(1), "11ff0000"),
    ("KT AM", ump.Midi1NoteOff(1, 2, 65, 10), "2182410a"),
    ("KT AM", ump.Midi1NoteOn(1, 2, 65, 10), "2192410a"),
    ("KT AM", ump.Midi1PolyPressure(1, 2, 65, 10), "21a2410a"),
    ("KT AM", ump.Midi1ControlChange(1, 2, 65, 10), "21b2410a"),
    ("KT AM", ump.Midi1ProgramChange(1, 2, 29), "21c21d00"),
    ("KT AM", ump.Midi1ChannelPressure(1, 2, 10), "21d20a00"),
    ("KT", ump.Midi1PitchBend(1, 2, 1), "21e20100"),
    ("KT", ump.Midi1PitchBend(1, 2, 8192), "21e20040"),
    ("KT", ump.Midi1PitchBend(1, 2, 0x3FFF), "21e27f7f"),
    ("NI KT", ump.RegisteredPerNoteController(1, 2, 56, 0x10, 0x33333333), "41023810 33333333"),
    ("NI", ump.RegisteredPerNoteController(0xF, 0xE, 44, 77, 0x33445566), "4f0e2c4d 33445566"),
    ("KT NI", ump.AssignablePerNoteController(1, 2, 56, 0x10, 0x33333333), "41123810 33333333"),
    ("NI KT", ump.RegisteredController(12, 5, 4, 0x62, 0xABCDEF00), "4c250462 abcdef00"),
    ("KT NI", ump.AssignableController(1, 2, 0x10, 0x20, 0x12345678), "41321020 12345678"),
    ("NI KT", ump.RelativeRegisteredController(3, 7, 9, 0x45, -522), "43470945 fffffdf6"),
    ("NI KT", ump.RelativeAssignableController(3, 7, 9, 0x45, -522), "43570945 fffffdf6"),
    ("NI KT", ump.PerNotePitchBend(4, 14, 0x43, 0x8000D123), "446e4300 8000d123"),
    ("KT NI", ump.Midi2NoteOff(1, 2, 64, 0x1234, 3, 0x4100), "41824003 12344100"),
    ("NI", ump.Midi2NoteOff(13, 14, 0x14, 0xD123, 1, 0x9876), "4d8e1401 d1239876"),
    ("KT NI", ump.Midi2NoteOn(1, 2, 64, 0xFEDC, 3, 0x4100), "41924003 fedc4100"),
    ("NI", ump.Midi2NoteOn(7, 3, 0x77, 0xF001, 3, 0x6135), "47937703 f0016135"),
    ("NI KT", ump.Midi2PolyPressure(0, 1, 99, 1028733), "40a16300 000fb27d"),
    ("NI KT", ump.Midi2ControlChange(9, 4, 0x38, 0x98765432), "49b43800 98765432"),
    ("KT NI", ump.Midi2ProgramChange(1, 2, 29, True, 8, 1), "41c20001 1d000801"),
    ("NI", ump.Midi2ProgramChange(14, 3, 99), "4ec30000 63000000"),
    ("NI", ump.Midi2ProgramChange(1, 8, 5, True, 0x24, 0x34), "41c80001 05002434"),
    ("NI KT", ump.Midi2ChannelPressure(9, 11, 29384756), "49db0000 01c06034"),
    ("NI KT", ump.Midi2PitchBend(12, 9, 0x80000000), "4ce90000 80000000"),
    ("KT NI", ump.PerNoteManagement(1, 2, 56, detach=True), "41f23802 00000000"),
    ("NI", ump.PerNoteManagement(15, 13, 96, detach=True, reset=True), "4ffd6003 00000000"),
    ("KT AM", ump.SysEx7(1, F.COMPLETE, bytes.fromhex("41104240007f")), "31064110 4240007f"),
    ("NI", ump.SysEx7(0, F.COMPLETE, b"\0"), "30010000 00000000"),
    ("KT NI", ump.SysEx7(1, F.END, b"\x0c"), "31310c00 00000000"),
    ("NI KT", ump.SysEx8(15, F.COMPLETE, 0x93, b"\0\x09\xf5\xe4\xd3\xc2\xb1"),
     "5f089300 09f5e4d3 c2b10000 00000000"),
    ("KT NI", ump.SysEx8(1, F.START, 7, bytes(range(1, 14))),
     "511e0701 02030405 06070809 0a0b0c0d"),
    ("NI KT", ump.SysEx8(6, F.END, 0xC3, b"\x31"), "5632c331 00000000 00000000 00000000"),
    ("NI AM", ump.MixedDataHeader(0, 4, 16, 1, 1, 0x7E, 0x1234, 5, 6),
     "50840010 00010001 007e1234 00050006"),
    ("NI AM", ump.MixedDataPayload(0, 15, bytes(range(1, 15))),
     "509f0102 03040506 0708090a 0b0c0d0e"),
    ("NI AM", ump.SetTempo(0xD, 0x12345678), "dd100000 12345678 00000000 00000000"),
    ("NI AM", ump.SetTempo(2, 50_000_000), "d2100000 02faf080 00000000 00000000"),
    ("NI AM", ump.SetTimeSignature(7, 3, 4, 8), "d7100001 03040800 00000000 00000000"),
    ("NI AM", ump.SetMetronome(0xA, 1, 2, 3, 4, 5, 6), "da100002 01020304 05060000 00000000"),
    ("NI WB", ump.SetKeySignature(5, -5, 3, 0, 5), "d5050005 b3000000 00000000 00000000"),
    ("NI WB", ump.SetKeySignature(0xC, 7, 2), "dc100005 72000000 00000000 00000000"),
    ("BL AM", ump.SetChordName(7, -1, 7, 3, 3, 5, 1, 9, 4, 11, 0, 0, 1, 1, 10, 0, 0, 2, 0, 0, 11),
     "d70b0006 f7033519 4b000000 110a0020"),
    ("NI BL", ump.FlexPacket(1, F.COMPLETE, 0, 12, 1, 7, b"testtext\0\0\0\0"),
     "d10c0107 74657374 74657874 00000000"),
    ("FORUM", ump.FlexPacket(0, F.COMPLETE, 0, 0, 2, 1, b"Hap".ljust(12, b"\0")),
     "d0000201 48617000 00000000 00000000"),
    ("FORUM", ump.FlexPacket(0, F.START, 0, 0, 2, 1, b"Chris, \0\0\0\0\0"),
     "d0400201 43687269 732c2000 00000000"),
    ("NI", ump.FlexPacket(9, F.CONTINUE, 0, 10, 2, 6, bytes.fromhex("123456789abcdef0a9876543")),
     "d98a0206 12345678 9abcdef0 a9876543"),
    ("NI AM", ump.EndpointDiscovery(1, 1, True, True, True, True),
     "f0000101 0000000f 00000000 00000000"),
    ("NI AM", ump.EndpointInfo(1, 1, False, 3, True, True), "f0010101 03000300 00000000 00000000"),
    ("NI WB", ump.EndpointInfo(2, 3, True, 1, False, True, True, False),
     "f0010203 81000102 00000000 00000000"),
    ("NI WB", ump.DeviceIdentity(b"\0\x21\x09", 0x30 << 7 | 0x17, 49 << 7, b"\0\1\0\5"),
     "f0020000 00002109 17300031 00010005"),
    ("NI AM", ump.EndpointName(F.COMPLETE, b"A short name\0\0"),
     "f0034120 73686f72 74206e61 6d650000"),
    ("NI AM", ump.EndpointName(F.CONTINUE, b"vice name in t"),
     "f8037669 6365206e 616d6520 696e2074"),
    ("NI AM", ump.ProductInstanceId(F.COMPLETE, b"14AD4C5HE5EA9F"),
     "f0043134 41443443 35484535 45413946"),
    ("NI AM", ump.ConfigurationRequest(1, receives_jr=True), "f0050102 00000000 00000000 00000000"),
    ("NI AM", ump.ConfigurationNotification(2, transmits_jr=True),
     "f0060201 00000000 00000000 00000000"),
    ("NI AM", ump.FunctionBlockDiscovery(0xFF, True, True), "f010ff03 00000000 00000000 00000000"),
    ("NI WB", ump.FunctionBlockInfo(True, 4, 1, 2, 1, 3, 1, 2, 4),
     "f0118419 03010204 00000000 00000000"),
    ("NI AM", ump.FunctionBlockInfo(False, 7, 2, 1, 2, 8, 3, 1, 2),
     "f0110726 08030102 00000000 00000000"),
    ("NI AM", ump.FunctionBlockName(F.START, 10, b"Start of Name"),
     "f4120a53 74617274 206f6620 4e616d65"),
    ("AM WB", ump.StartOfClip(), "f0200000 00000000 00000000 00000000"),
    ("AM WB", ump.EndOfClip(), "f0210000 00000000 00000000 00000000"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "words"),
    [row[1:] for row in GOLDEN],
    ids=[f"{type(message).__name__}-{at}" for at, (_, message, _) in enumerate(GOLDEN)],
)
def test_words_that_others_publish(message: Message, words: str) -> None:
    numbers = tuple(int(word, 16) for word in words.split())
    assert ump.encode(message) == numbers
    strict = not (isinstance(message, ump.FlexPacket) and message.status == 6)  # NI's is reserved
    assert ump.decode(numbers, strict=strict) == [message]


def test_every_message_has_published_words() -> None:
    assert {type(message) for _, message, _ in GOLDEN} == set(ump.LAYOUTS)
    assert all(sources for sources, _, _ in GOLDEN)
