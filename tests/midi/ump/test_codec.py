"""Single messages: what is written is read back, and nothing that is read raises."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi import ump
from conduit.midi.ump import Decoder, Message, Reserved, Truncated, decode, encode, encode_all
from conduit.midi.ump.layout import SIZES, Bits
from tests.midi.ump.messages import ANY, WORD

WORDS = st.lists(WORD, max_size=24)


@given(st.lists(ANY, max_size=6))
def test_what_is_written_is_read_back(messages: list[Message]) -> None:
    words = encode_all(messages)
    assert decode(words) == messages
    assert len(words) == sum(SIZES[encode(each)[0] >> 28] for each in messages)


@given(ANY)
def test_what_is_written_is_read_strictly_unless_it_is_reserved(message: Message) -> None:
    free = isinstance(message, Reserved) or (
        isinstance(message, ump.FlexPacket)
        and message.status > {1: 0x0D, 2: 0x04}.get(message.bank, -1)
    )
    if free:
        with pytest.raises(InvalidInput, match=r"reserved|no such status"):
            decode(encode(message), strict=True)
    else:
        assert decode(encode(message), strict=True) == [message]


@given(WORDS, st.data())
def test_portions_of_a_stream_make_no_difference(words: list[int], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(words)), max_size=4)))
    decoder = Decoder()
    found: list[Message] = []
    for begin, end in pairwise([0, *cuts, len(words)]):
        found += decoder.feed(words[begin:end])
        assert len(decoder.pending) < 4
    rest = decoder.finish()
    assert [*found, *([rest] if rest else [])] == decode(words)
    assert decoder.finish() is None


def test_random_words_are_read_whole_and_pass_on_unchanged_in_meaning() -> None:
    chance = random.Random(7)
    words = [chance.getrandbits(32) for _ in range(30_000)]
    messages = decode(words)
    assert {type(each) for each in messages} >= {Reserved, ump.FlexPacket, ump.SysEx8}
    at = 0
    for message in messages:
        size = SIZES[words[at] >> 28]
        packet, at = tuple(words[at : at + size]), at + size
        if isinstance(message, Truncated):
            assert message.words == packet
            continue
        if isinstance(message, Reserved):
            assert message.words == packet
        if getattr(message, "address", 0) > 1:
            with pytest.raises(InvalidInput, match="is reserved"):
                encode(message)
        elif getattr(message, "address", 0) == 1 and message.channel:  # type: ignore[attr-defined]
            with pytest.raises(InvalidInput, match="names a channel"):
                encode(message)
        else:
            assert decode(encode(message)) == [message]
    assert at >= len(words)


def test_whatever_random_words_say_nothing_behind_them_raises() -> None:
    chance = random.Random(8)
    words = [chance.getrandbits(32) for _ in range(20_000)]
    messages = decode(words)
    long, names, up = ump.LongAssembler(), ump.EndpointTextAssembler(), ump.ToMidi2()
    long.feed(messages)
    names.feed(messages)
    assert long.open_bytes < 1_100_000
    cable = b"".join(ump.stream_bytes(each) for each in up.feed(messages))
    assert len(ump.ByteStream().feed(cable)) > 100
    assert long.take_faults()


@given(st.floats(0, 1e6), st.floats(0, 2.09))
def test_times_of_jitter_reduction_go_round(start: float, elapsed: float) -> None:
    assert ump.jr_time(1.0) == 0x7A12  # KT: UmpFactory.jrTimestamp(1.0)
    earlier, later = ump.jr_time(start), ump.jr_time(start + elapsed)
    assert ump.jr_elapsed_s(earlier, later) == pytest.approx(elapsed, abs=2 * ump.JR_UNIT_S)
    assert encode(ump.JrTimestamp(later))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([0x40992400], "breaks off after 1"),
        ([0x00500000], "no such status"),
        ([0x10F40000], "no such status"),
        ([0x20700000], "no such status"),
        ([0x30400000, 0], "no such status"),
        ([0x40700000, 0], "no such status"),
        ([0x50400000, 0, 0, 0], "no such status"),
        ([0x60000000], "message type 6"),
        ([0x30070000, 0], "count of bytes"),
        ([0x50000000, 0, 0, 0], "count of bytes"),
        ([0x500F0000, 0, 0, 0], "count of bytes"),
        ([0xF03F0000, 0, 0, 0], "no such status"),
        ([0xD0100003, 0, 0, 0], "reserved"),
        ([0xD0100300, 0, 0, 0], "reserved"),
        ([0xD0500000, 0, 0, 0], "reserved"),  # a tempo in parts
        ([0xD0200100, 0, 0, 0], "address 2"),
        ([0xD0110100, 0, 0, 0], "names a channel"),
        ([0x2091A010], "mean nothing: 00008000"),
        ([0x01000000], "mean nothing"),  # a utility message with a group
        ([0x40C00000, 0x05002434 | 1 << 31], "mean nothing: 00000000 80000000"),
    ],
)
def test_only_strict_reading_refuses(words: list[int], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        decode([0, *words], strict=True)
    assert refused.value.where == "words[1]"
    assert refused.value.hint
    assert len(decode([0, *words])) == 2


@pytest.mark.parametrize("words", [[-1], [1 << 32], ["a"], [None], [0.5]])
def test_what_is_no_word_is_refused_with_its_place(words: list[int]) -> None:
    for take in (decode, Decoder().feed):
        with pytest.raises(InvalidInput, match="unsigned 32-bit") as refused:
            take([0, *words])
        assert refused.value.where == "words[1]"


def test_each_number_has_bounds_that_writing_keeps() -> None:
    for message, layout in ump.LAYOUTS.items():
        some = {ump.SysEx8: 0x10000, ump.FlexPacket: 0x100}.get(message, 0)
        (zero,) = decode([layout.fixed[0] | some, 0, 0, 0][: layout.size])
        for field in layout.fields:
            if not isinstance(field.place, Bits) or field.kind is bool:
                continue
            top = 1 << field.place.width - field.place.signed
            for wrong in (top, -top - 1, "1", None):
                values = {each.name: getattr(zero, each.name) for each in layout.fields}
                values[field.name] = wrong
                with pytest.raises(InvalidInput, match=field.name) as refused:
                    encode(message(**values))
                assert refused.value.hint


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (ump.SysEx7(0, ump.Form.COMPLETE, b"\x80"), "byte 0x80"),
        (ump.SysEx7(0, ump.Form.COMPLETE, bytes(7)), "7 bytes"),
        (ump.SysEx8(0, ump.Form.COMPLETE, 0, bytes(14)), "14 bytes"),
        (ump.EndpointName(ump.Form.COMPLETE, b"short"), "5 bytes"),
        (ump.SetTempo(0, 1, address=1, channel=3), "names a channel"),
        (ump.SetTempo(0, 1, address=2), "reserved"),
        (ump.FlexPacket(0, ump.Form.COMPLETE, 0, 0, 0, 1, bytes(12)), "class of its own"),
        (Truncated((0x40000000,)), "no whole packet"),
        (Reserved((0x40000000,)), "not the size"),
        (Reserved(()), "not the size"),
        (Message(), "no whole packet"),
    ],
)
def test_writing_is_strict(message: Message, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        encode(message)
    assert refused.value.where


@given(WORDS, st.sampled_from(["big", "little", "native"]), st.integers(1, 9))
def test_words_are_bytes_in_three_orders(words: list[int], order: ump.Order, size: int) -> None:
    data = ump.bytes_of(words, order)
    assert ump.words_of(data, order) == words
    stream, found = ump.WordStream(order), []
    for at in range(0, len(data), size):
        found += stream.feed(data[at : at + size])
    assert found == words
    assert stream.pending == b""
    # KT: sysex7Process, the same packet for a little-endian platform
    assert ump.bytes_of([0x30060102, 0x03040506], "little") == bytes([2, 1, 6, 48, 6, 5, 4, 3])
    assert ump.bytes_of([0x12345678], "big") == b"\x12\x34\x56\x78"


def test_broken_words_and_unknown_orders_are_refused() -> None:
    with pytest.raises(InvalidInput, match="5 bytes are not whole"):
        ump.words_of(b"12345", "big")
    for order in ("middle", ""):
        with pytest.raises(InvalidInput, match="no order of bytes"):
            ump.WordStream(order)  # type: ignore[arg-type]


def test_the_codec_needs_no_numpy() -> None:
    """The columns do; single messages are for small machines too."""
    program = (
        "import sys; sys.modules['numpy'] = None\n"
        "import conduit.midi.clip, conduit.midi.flex\n"
        "from conduit.midi import ump\n"
        "assert ump.decode([0x10F80000]) == [ump.TimingClock(0)]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
