"""Where implementations of MIDI 2.0 disagree, and what is done about each.

One test a disagreement, named by it: reading takes all forms that are in use, writing gives the one
that the standard says, or that every reader understands. Sources as in ump/test_golden.py, with C
= cmidi2 (in libremidi), L = alsa-lib. The reasons are in docs/decisions/0031.
"""

from __future__ import annotations

import pytest

from conduit.contracts.errors import InvalidInput
from conduit.midi import flex, ump
from conduit.midi.flex import FlexText, TextAssembler, text_packets
from conduit.midi.ump import Form, decode, encode


def texts(*packets: str) -> list[str]:
    words = [int(word, 16) for packet in packets for word in packet.split()]
    return [each.text for each in TextAssembler().feed(words)]


@pytest.mark.parametrize("sharps", range(-7, 8))
@pytest.mark.parametrize("tonic", range(1, 8))
def test_a_key_signature_is_one_byte_or_two(sharps: int, tonic: int) -> None:
    """NI, L, BL and WB write two halves of a byte; AM and C two bytes."""
    key = ump.SetKeySignature(3, sharps, tonic)
    assert encode(key)[1] == (sharps & 0xF) << 28 | tonic << 24
    assert decode(encode(key), strict=True) == [key]
    for first in {sharps & 0xFF, sharps & 0xF if sharps >= 0 else sharps & 0xFF}:
        assert decode([0xD3100005, first << 24 | tonic << 16, 0, 0]) == [key]
    odd = 0x30 | tonic  # no number of sharps in a byte, so it was no form of two bytes
    assert decode([0xD3100005, odd << 24 | 7 << 16, 0, 0]) == [ump.SetKeySignature(3, 3, tonic)]
    with pytest.raises(InvalidInput, match="mean nothing"):
        decode([0xD3100005, (sharps & 0xFF) << 24 | tonic << 16, 0, 0], strict=True)


def test_padding_may_stand_in_packets_before_the_last() -> None:
    """The forum's example pads a Start packet, and the standard allows zeros at the end only (NI
    asserts it). Read either way; written full."""
    assert texts("d0400201 43687269 732c2000 00000000", "d0c00201 42000000 00000000 00000000") == [
        "Chris, B"
    ]
    assert text_packets("x" * 13, bank=1, status=0)[1:4] == [0x78787878] * 3


def test_a_nul_inside_a_text_ends_it_or_is_dropped() -> None:
    """NI stops at the first zero of a packet; AM, BL and WB drop each. Read as the three do; never
    written, so that all four read the same."""
    assert texts("d0100100 61006200 00000000 00000000") == ["ab"]
    with pytest.raises(InvalidInput, match="NUL"):
        text_packets("a\0b", bank=1, status=0)


def test_a_melisma_is_a_packet_of_zeros() -> None:
    """For lyrics and ruby the standard gives zeros in the middle a meaning, against its own rule
    for padding."""
    words = [0xD0500201, 0x61616161, 0x61616161, 0x61616161, 0xD0900201, 0, 0, 0]
    words += [0xD0D00201, 0x62000000, 0, 0]
    assert TextAssembler().feed(words) == [FlexText(0, None, 2, 1, "a" * 12 + "b", 1)]
    words = [word & ~0x300 | 0x100 if word >> 28 == 0xD else word for word in words]
    assert TextAssembler().feed(words)[0].melismas == 0  # in metadata it is only padding


def test_an_empty_text_is_one_packet_or_none() -> None:
    """BL sends one empty packet, C none. One, so that a text can be taken back."""
    words = text_packets("", bank=1, status=3)
    assert words == [0xD0100103, 0, 0, 0]
    assert TextAssembler().feed(words) == [FlexText(0, None, 1, 3, "")]


@pytest.mark.parametrize("size", [12, 24, 36])
def test_a_text_may_fill_its_last_packet(size: int) -> None:
    """There is no terminator: BL's reader loses the last byte of such a text, and some writers add
    a packet of zeros, which says nothing more."""
    words = text_packets("x" * size, bank=1, status=0)
    assert len(words) == size // 3
    assert TextAssembler().feed(words)[0].text == "x" * size
    longer = [*words[:-4], words[-4] & ~0xC00000 | 0x800000, *words[-3:]]
    if size > 12:
        longer += [words[-4] | 0xC00000, 0, 0, 0]
        assert TextAssembler().feed(longer)[0].text == "x" * size


def test_a_text_for_a_group_may_name_a_channel() -> None:
    """The channel must be 0 then (NI asserts it), but C's writer lets any pass."""
    (found,) = TextAssembler().feed([0xD01F0100, 0x61000000, 0, 0])
    assert (found.channel, found.text) == (None, "a")
    split = [0xD0510100, *[0x61616161] * 3, 0xD0D20100, 0x62000000, 0, 0]
    assert [each.text for each in TextAssembler().feed(split)] == ["a" * 12 + "b"]
    with pytest.raises(InvalidInput, match="names a channel"):
        encode(ump.FlexPacket(0, Form.COMPLETE, 1, 5, 1, 0, bytes(12)))


def test_instrument_used_is_newer_than_the_other_names() -> None:
    """WB alone has it; the others take it for reserved. It is read and written."""
    words = text_packets("303", bank=flex.BANK_METADATA, status=flex.INSTRUMENT)
    assert TextAssembler(strict=True).feed(words)[0].name == "instrument used"
    assert TextAssembler().feed([0xD0100155, 0x61000000, 0, 0])[0].name == "reserved text"


def test_utility_messages_may_have_a_group() -> None:
    """UMP 1.0 gave them one and 1.1 took it back; KT's factory asked for it until then."""
    assert decode([0x05207A12]) == [ump.JrTimestamp(0x7A12)]
    assert encode(ump.JrTimestamp(0x7A12)) == (0x00207A12,)
    with pytest.raises(InvalidInput, match="mean nothing"):
        decode([0x05207A12], strict=True)


def test_data_bytes_may_have_their_highest_bit_set() -> None:
    """AM masks it where it reads (its own test sends 0x20B607EE) and NI in some of its writers."""
    assert decode([0x20B607EE]) == [ump.Midi1ControlChange(0, 6, 7, 0x6E)]
    assert decode([0x43679400, 1]) == [ump.PerNotePitchBend(3, 7, 0x14, 1)]
    assert decode([0x3002FFFF, 0]) == [ump.SysEx7(0, Form.COMPLETE, b"\x7f\x7f")]


def test_family_and_model_travel_low_byte_first() -> None:
    """As in MIDI-CI, and so WB and AM have it; NI copies its numbers as they are, with a note in
    its source that this is to be repaired."""
    (found,) = decode([0xF0020000, 0x00002109, 0x17300031, 0x00010005])
    assert found == ump.DeviceIdentity(b"\0\x21\x09", 0x30 << 7 | 0x17, 0x31 << 7, b"\0\1\0\5")


def test_a_value_of_midi_1_is_scaled_or_shifted() -> None:
    """AM, NI and Linux repeat bits, so that the greatest stays the greatest; KT only shifts, and
    0x78 becomes 0xF000. Both come down to what they were."""
    assert ump.scale_up(0x78, 7, 16) == 0xF1C7
    assert ump.scale_down(0xF000, 16, 7) == ump.scale_down(0xF1C7, 16, 7) == 0x78


def test_half_a_bank_counts() -> None:
    """KT sends the other half as 0, WB waits for both and sends none."""
    (found,) = ump.ToMidi2().feed(decode([0x20B00012, 0x20C03000]))[-1:]
    assert found == ump.Midi2ProgramChange(0, 0, 0x30, True, 0x12, 0)


def test_the_forms_are_numbered_from_complete_to_end() -> None:
    """The text of UMP 1.1 has Continue as 1 in one place; nobody does."""
    assert [form.name for form in Form] == ["COMPLETE", "START", "CONTINUE", "END"]
    assert [word >> 22 & 3 for word in text_packets("x" * 36, bank=1, status=0)[::4]] == [1, 2, 3]
