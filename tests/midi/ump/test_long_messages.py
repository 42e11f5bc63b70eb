"""System Exclusive, mixed data sets and names of any length, in pieces and under attack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import ConfigError, InvalidInput
from conduit.midi.ump import (
    EndpointName,
    EndpointText,
    EndpointTextAssembler,
    Exclusive7,
    Exclusive8,
    Form,
    Limits,
    LongAssembler,
    LongMessage,
    MixedDataHeader,
    MixedDataPayload,
    MixedDataSet,
    ProductInstanceId,
    SysEx7,
    SysEx8,
    Wrong,
    decode,
    endpoint_text_packets,
    long_packets,
)

GROUP = st.integers(0, 15)
BYTE = st.integers(0, 255)
NUMBER = st.integers(0, 0xFFFF)
DATA = st.binary(max_size=80)
LONG = st.one_of(
    st.builds(Exclusive7, GROUP, DATA.map(lambda data: bytes(byte & 0x7F for byte in data))),
    st.builds(Exclusive8, GROUP, BYTE, DATA),
    st.builds(MixedDataSet, GROUP, GROUP, NUMBER, NUMBER, NUMBER, NUMBER, DATA),
)

# NI: tests/sysex7_test_data.cpp, sysex8_test_data.cpp and mixed_data_set_test_data.cpp; KT:
# UmpFactoryTest.kt, testType3Messages and sysex8Process
PUBLISHED: list[tuple[LongMessage, str]] = [
    (Exclusive7(1, bytes.fromhex("4110421240007f0041")), "31164110 42124000 31337f00 41000000"),
    (
        Exclusive7(6, bytes.fromhex("00211d1122334455667718293a4b5c6d7c")),
        "36160021 1d112233 36264455 66771829 36353a4b 5c6d7c00",
    ),
    (
        Exclusive8(10, 0x39, bytes.fromhex("004e09080706050403020100ffeeddccbbaa")),
        "5a1e3900 4e090807 06050403 020100ff 5a3639ee ddccbbaa 00000000 00000000",
    ),
    (
        Exclusive8(0, 0, bytes(range(1, 15))),
        "501e0001 02030405 06070809 0a0b0c0d 5032000e 00000000 00000000 00000000",
    ),
    (MixedDataSet(0, 4, 0x7E, 0x1234, 5, 6, b""), "50840010 00010001 007e1234 00050006"),
    (
        MixedDataSet(0, 15, 4, 0xFFFF, 0x0102, 0x0304, bytes(range(1, 21))),
        "508f0028 00010001 0004ffff 01020304 509f0102 03040506 0708090a 0b0c0d0e "
        "509f0f10 11121314 00000000 00000000",
    ),
]


def test_packets_that_others_publish() -> None:
    for message, words in PUBLISHED:
        numbers = [int(word, 16) for word in words.split()]
        assert long_packets(message) == numbers
        assert LongAssembler().feed(decode(numbers, strict=True)) == [message]


@pytest.mark.parametrize(
    ("words", "data"),
    [
        (  # NI: "two chunks"
            "50870020 00020001 007f0001 00020003 5097a0a1 a2a3a4a5 a6a7a8a9 aaabacad "
            "50870015 00020002 007f0001 00020003 5097aeaf b0000000 00000000 00000000",
            bytes(range(0xA0, 0xB1)),
        ),
        (  # NI: "unknown number of chunks"
            "50810016 00000001 a11d0000 00000000 5091dead beef0000 00000000 00000000 "
            "50810014 00020002 a11d0000 00000000 5091cafe 00000000 00000000 00000000",
            bytes.fromhex("deadbeefcafe"),
        ),
    ],
)
def test_sets_in_chunks_that_others_publish(words: str, data: bytes) -> None:
    (found,) = LongAssembler().feed(decode(int(word, 16) for word in words.split()))
    assert isinstance(found, MixedDataSet)
    assert found.data == data


@given(st.lists(LONG, max_size=5))
def test_what_is_cut_is_put_together(messages: list[LongMessage]) -> None:
    assembler = LongAssembler()
    for message in messages:
        assert assembler.feed(decode(long_packets(message), strict=True)) == [message]
    assert assembler.open_bytes == 0
    assert assembler.take_faults() == []


def test_a_set_of_several_chunks_and_streams_side_by_side() -> None:
    whole = MixedDataSet(0, 1, 2, 3, 4, 5, bytes(range(256)) * 300)
    assembler = LongAssembler(limits=Limits(100_000, 200_000))
    (found,) = assembler.feed(decode(long_packets(whole), strict=True))
    assert found == whole
    first, second = (Exclusive8(0, at, bytes([at]) * 30) for at in (1, 2))
    mixed = [p for pair in zip(_packets(first), _packets(second), strict=True) for p in pair]
    assert assembler.feed(mixed) == [first, second]
    with pytest.raises(InvalidInput, match="out of range"):
        long_packets(MixedDataSet(0, 16, 0, 0, 0, 0, b""))


def _packets(message: LongMessage) -> list[SysEx8]:
    return [each for each in decode(long_packets(message)) if isinstance(each, SysEx8)]


@pytest.mark.parametrize(
    ("forms", "wrong", "whole"),
    [
        ([Form.CONTINUE], [Wrong.ORPHAN], 0),
        ([Form.END], [Wrong.ORPHAN], 0),
        ([Form.START, Form.START, Form.END], [Wrong.RESTARTED], 1),
        ([Form.START, Form.COMPLETE], [Wrong.INTERRUPTED], 1),
        ([Form.START, Form.COMPLETE, Form.END], [Wrong.INTERRUPTED, Wrong.ORPHAN], 1),
        ([Form.START, Form.CONTINUE, Form.END], [], 1),
    ],
)
def test_forms_in_a_wrong_order_are_told(forms: list[Form], wrong: list[Wrong], whole: int) -> None:
    assembler = LongAssembler()
    assert len(assembler.feed(SysEx7(0, form, bytes([form])) for form in forms)) == whole
    faults = assembler.take_faults()
    assert [fault.wrong for fault in faults] == wrong
    assert [str(fault) for fault in faults] == [f"{w.value} (1 bytes had come)" for w in wrong]


def test_chunks_that_do_not_follow_are_given_up() -> None:
    def header(chunk: int, valid: int = 32, chunks: int = 3) -> MixedDataHeader:
        return MixedDataHeader(0, 0, valid, chunks, chunk, 0, 0, 0, 0)

    payload = MixedDataPayload(0, 0, bytes(14))
    for wrong in (
        [header(2)],
        [header(1, valid=15)],
        [header(1), header(2)],
        [header(1), payload, header(3)],
        [header(1), payload, payload],
        [header(1, valid=16), payload],
    ):
        assembler = LongAssembler()
        assert assembler.feed(wrong) == []
        assert [fault.wrong for fault in assembler.take_faults()] == [Wrong.CHUNKS], wrong
        assert assembler.open_bytes == 0
    assembler = LongAssembler()
    assembler.feed([payload])
    assert [fault.wrong for fault in assembler.take_faults()] == [Wrong.ORPHAN]


def test_what_never_ends_costs_a_bounded_amount_of_memory() -> None:
    now = 0.0
    assembler = LongAssembler(clock=lambda: now, limits=Limits(1_000, 5_000, patience_s=10))
    for stream in range(200):
        assembler.feed([SysEx8(0, Form.START, stream, bytes(13))])
        assert assembler.open_bytes <= 5_100
    told = {fault.wrong for fault in assembler.take_faults()}
    assert told == {Wrong.CROWDED_OUT}
    for _ in range(100):
        assembler.feed([SysEx8(0, Form.CONTINUE, 199, bytes(13))])
    assert Wrong.TOO_LARGE in {fault.wrong for fault in assembler.take_faults()}
    now = 10.0
    assembler.expire()
    assert assembler.open_bytes == 0
    assert {fault.wrong for fault in assembler.take_faults()} == {Wrong.TIMED_OUT}
    for _ in range(1_000):
        assembler.feed([SysEx8(0, Form.END, 0, b"")])
    assert len(assembler.take_faults()) == 256
    with pytest.raises(ConfigError, match="admits nothing"):
        Limits(message_bytes=0)


@given(
    st.sampled_from(["endpoint name", "function block name"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=22),
    st.integers(0, 127),
)
def test_names_go_both_ways(kind: str, text: str, block: int) -> None:
    said = EndpointText(kind, text, block if kind == "function block name" else 0)  # type: ignore[arg-type]
    assert EndpointTextAssembler().feed(decode(endpoint_text_packets(said), strict=True)) == [said]


def test_names_that_cannot_be_are_refused_both_ways() -> None:
    for said in (
        EndpointText("endpoint name", "x" * 99),
        EndpointText("product instance id", "x" * 43),
        EndpointText("product instance id", "é"),
        EndpointText("endpoint name", "a\0b"),
        EndpointText("function block name", "\ud800"),
    ):
        with pytest.raises(InvalidInput, match=said.kind):
            endpoint_text_packets(said)
    assembler = EndpointTextAssembler()
    start = [EndpointName(Form.START, b"x" * 14)]
    assert assembler.feed([*start, *[EndpointName(Form.CONTINUE, b"x" * 14)] * 9]) == []
    assert assembler.feed([EndpointName(Form.COMPLETE, b"\xff".ljust(14, b"\0"))]) == []
    parts = [ProductInstanceId(form, b"x" * 14) for form in (Form.START, Form.CONTINUE)]
    end = ProductInstanceId(Form.END, b"x".ljust(14, b"\0"))
    assert assembler.feed([parts[0], parts[1], parts[1], end]) == []  # 43 bytes
    told = [fault.wrong for fault in assembler.take_faults()]
    assert told.count(Wrong.TOO_LARGE) == 2
    assert told[0] is Wrong.TOO_LARGE
    assert Wrong.NOT_UTF8 in told
    words = endpoint_text_packets(EndpointText("product instance id", "x" * 42))
    assert assembler.feed(decode(words)) == [EndpointText("product instance id", "x" * 42)]
