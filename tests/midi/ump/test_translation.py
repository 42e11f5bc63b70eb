"""MIDI 1.0 and 2.0 say the same: scaling, channel voice messages, and the bytes of a cable."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi import ump
from conduit.midi.ump import (
    ByteStream,
    Message,
    ToMidi2,
    decode,
    encode_all,
    scale_down,
    scale_up,
    stream_bytes,
    to_midi1,
)
from tests.midi.ump.messages import of

WIDTHS = ((7, 16), (7, 32), (14, 32), (4, 9), (16, 32), (2, 40))


@pytest.mark.parametrize(("width", "wide"), WIDTHS)
def test_least_centre_and_greatest_stay_and_order_is_kept(width: int, wide: int) -> None:
    """NI: value_translation_tests.cpp."""
    most = 1 << width
    values = [scale_up(value, width, wide) for value in range(most)]
    assert values[0] == 0
    assert values[most // 2] == 1 << wide - 1
    assert values[-1] == (1 << wide) - 1
    assert all(low < high for low, high in pairwise(values))
    assert [scale_down(value, wide, width) for value in values] == list(range(most))
    for wrong in ((most, width, wide), (-1, width, wide), (0, wide, width), (0, width, width)):
        with pytest.raises(InvalidInput, match="cannot be scaled"):
            scale_up(*wrong)


def test_values_that_others_publish() -> None:
    assert scale_up(0x60, 7, 16) == 0xC104  # AM: "Test MT4"
    assert scale_up(0x6E, 7, 32) == 0xDD75D75D  # AM: "RPN 0x2006 … followed by a Volume CC"
    assert scale_up(0x08 << 7, 14, 32) == 0x10000000  # AM: "RPN 0x6 no 38"
    assert scale_up(0x10 << 7 | 0x20, 14, 32) == 0x20800000  # KT: testConvertMidi1ToUmpValidRPN


def up(*words: int) -> str:
    translator = ToMidi2()
    messages = [*translator.feed(decode(words)), *translator.flush()]
    assert translator.flush() == []
    return " ".join(f"{word:08x}" for word in encode_all(messages))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # AM: tests.cpp, "UMP to MIDI 2 Protocol"
        ([0x20904060], "40904000 c1040000"),
        ([0x20B00001, 0x20B0200A, 0x20C04000], "40c00001 4000010a"),
        ([0x20C64100], "40c60000 41000000"),
        ([0x20B66500, 0x20B66406, 0x20B60608], "40260006 10000000"),
        ([0x20B66500, 0x20B66406, 0x20B60608, 0x20B62600], "40260006 10000000"),
        (
            [0x20B66520, 0x20B66406, 0x20B60608, 0x20B60609, 0x20B607EE],
            "40262006 10000000 40262006 12000000 40b60700 dd75d75d",
        ),
        (
            [0x20B66520, 0x20B66406, 0x20B60608, 0x20B62601, 0x20B60609, 0x20B62602],
            "40262006 10040000 40262006 12080000",
        ),
        # KT: UmpTranslatorTest.kt
        ([0x27B16301, 0x27B16202, 0x27B10610, 0x27B12620], "47310102 20800000"),
        ([0x27B16501, 0x27B16402], ""),
        ([0x27B10012, 0x27C13000], "47c10001 30001200"),
        ([0x27B12012, 0x27C13000], "47c10001 30000012"),
        ([0x27E12030], "47e10000 60800000"),
        # WB: translations.js, a note on without velocity is a note off of 0x40
        ([0x20904000], "40804000 80000000"),
        # a value without a parameter, and with the one that means none
        ([0x20B00610, 0x20B02610], ""),
        ([0x20B0657F, 0x20B0647F, 0x20B00610, 0x20B02610], ""),
        # a new parameter needs a new value
        ([0x20B06500, 0x20B06400, 0x20B00601, 0x20B06401, 0x20B02601], "40200000 02000000"),
        ([0x20B06500, 0x20B06300, 0x20B06201, 0x20B00601], "40300001 02000000"),
        # order within a channel stays, and others are not waited for
        ([0x20B06500, 0x20B06400, 0x20B00601, 0x20904040], "40200000 02000000 40904000 80000000"),
        ([0x10F80000, 0x21D00000 | 0x4000], "10f80000 41d00000 80000000"),
    ],
)
def test_controllers_in_several_messages_become_one(words: list[int], expected: str) -> None:
    assert up(*words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # KT: UmpTranslatorTest.kt, testConvertSingleUmpToMidi1
        ([0x40210203, 517 * 0x40000], "b1 65 02 b1 64 03 b1 06 04 b1 26 05"),
        ([0x40310203, 0xFF000000], "b1 63 02 b1 62 03 b1 06 7f b1 26 40"),
        ([0x40812800, 0xE8000000], "81 28 74"),
        ([0x40912800, 0xE8000000], "91 28 74"),
        ([0x40A12800, 0xE8000000], "a1 28 74"),
        ([0x40B10A00, 0xE8000000], "b1 0a 74"),
        ([0x40C10000, 0x08001018], "c1 08"),
        ([0x40C10001, 0x08001018], "b1 00 10 b1 20 18 c1 08"),
        ([0x40D10000, 0xE8000000], "d1 74"),
        ([0x40E10000, 0xE8040000], "e1 01 74"),
        # WB: a very soft note is no note off
        ([0x40904000, 0x00010000], "90 40 01"),
        # what MIDI 1.0 has no words for
        ([0x40410203, 5], ""),
        ([0x40614000, 5], ""),
        ([0x40F14003, 0], ""),
        ([0x40B10600, 5], ""),
        # AM: tests.cpp, "UMP to ByteSteam"
        ([0x20816050, 0x20817070], "81 60 50 81 70 70"),
        ([0x10F80000], "f8"),
        ([0x20C64000], "c6 40"),
        ([0x10F47F7F], ""),
        (
            [0x30167E7F, 0x0D70024B, 0x3026607A, 0x737F7F7F, 0x30310100, 0],
            "f0 7e 7f 0d 70 02 4b 60 7a 73 7f 7f 7f 01 f7",
        ),
        ([0x30050A0B, 0x0C0D0E00, 0x10F26359, 0, 0x10F60000], "f0 0a 0b 0c 0d 0e f7 f2 63 59 f6"),
        ([0xD0100000, 1, 0, 0], ""),
    ],
)
def test_bytes_for_a_cable(words: list[int], expected: str) -> None:
    assert b"".join(map(stream_bytes, decode(words))).hex(" ") == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # AM: tests.cpp, "ByteSteam to UMP": running status, system messages, System Exclusive
        ("81 60 50 70 70", "20816050 20817070"),
        ("f8", "10f80000"),
        ("c6 40", "20c64000"),
        ("f4 7f 7f 00 00", ""),
        ("f0 0a 0b 0c 0d 0e 0f 1a 1b 1c 1d 1e 1d 1f f7",
         "30160a0b 0c0d0e0f 30261a1b 1c1d1e1d 30311f00 00000000"),
        ("f0 4a 4b 4c 4d 4f f7", "30054a4b 4c4d4f00"),
        ("f0 7a 7b f7 f8", "30027a7b 00000000 10f80000"),
        # a clock inside a message, a message that never ended, an end of nothing, no status
        ("90 40 f8 50", "10f80000 20904050"),
        ("f0 01 02 90 40 50", "30020102 00000000 20904050"),
        ("f0 f7", "30000000 00000000"),
        ("f3 05 06", "10f30500"),  # no running status for what is no channel's
        ("f7 40 fd f2 63 59 90 40 f1 63", "10f26359 10f16300"),
    ],
)  # fmt: skip
def test_bytes_of_a_cable(data: str, expected: str) -> None:
    raw = bytes.fromhex(data)
    for size in (1, 3, len(raw)):
        stream = ByteStream()
        found: list[Message] = []
        for at in range(0, len(raw), size):
            found += stream.feed(raw[at : at + size])
        assert " ".join(f"{word:08x}" for word in encode_all(found)) == expected
    assert stream.ignored == {"f4": 5, "f7": 4, "f3": 1}.get(data[:2], 0)
    with pytest.raises(InvalidInput, match="group is 16"):
        ByteStream(group=16)


VOICES = [message for message in ump.LAYOUTS if message.__name__.startswith("Midi1")]
SENTENCES = st.lists(st.one_of(*map(of, VOICES)), max_size=8).filter(
    lambda messages: (
        all(getattr(each, "velocity", 1) for each in messages)
        and not any(
            isinstance(each, ump.Midi1ControlChange)
            and each.index in (0, 6, 32, 38, 98, 99, 100, 101)
            for each in messages
        )
    )
)


@given(SENTENCES)
def test_up_and_down_again_is_the_same(messages: list[Message]) -> None:
    translator = ToMidi2()
    high = translator.feed(messages)
    assert [each for said in high for each in to_midi1(said)] == messages
    raw = b"".join(map(stream_bytes, high))
    assert b"".join(map(stream_bytes, messages)) == raw


@given(st.binary(max_size=200))
def test_any_bytes_are_read_within_bounds(data: bytes) -> None:
    found = ByteStream(group=3).feed(data)
    assert decode(encode_all(found), strict=True) == found
