"""Texts in Flex Data: cut, put together, and whatever a hostile sender makes of them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi.flex import (
    BANK_METADATA,
    BANK_PERFORMANCE,
    LYRICS,
    TEXT_NAMES,
    UNKNOWN_METADATA,
    FlexText,
    Limits,
    TextAssembler,
    Wrong,
    text_packets,
)
from conduit.midi.ump import FlexPacket, Form, Message, decode, encode, encode_all

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80)
PLACE = st.tuples(st.integers(0, 15), st.none() | st.integers(0, 15))


def plain(text: str, group: int = 0, channel: int | None = None) -> list[int]:
    return text_packets(
        text, group=group, channel=channel, bank=BANK_METADATA, status=UNKNOWN_METADATA
    )


def packet(form: Form, data: bytes, *, bank: int = 1, status: int = 0, channel: int = 0) -> Message:
    return FlexPacket(0, form, 0, channel, bank, status, data.ljust(12, b"\0"))


def wrongs(assembler: TextAssembler) -> list[Wrong]:
    return [fault.wrong for fault in assembler.take_faults()]


@given(TEXT, PLACE, st.sampled_from(list(TEXT_NAMES)), st.integers(1, 7))
def test_a_text_is_read_as_it_was_written(
    text: str, place: tuple[int, int | None], kind: tuple[int, int], size: int
) -> None:
    group, channel = place
    words = text_packets(text, group=group, channel=channel, bank=kind[0], status=kind[1])
    assert len(words) == 4 * max(1, -(-len(text.encode()) // 12))
    expected = FlexText(group, channel, *kind, text)
    assert expected.name == TEXT_NAMES[kind]
    for strict in (False, True):
        assembler, found = TextAssembler(strict=strict), []
        for at in range(0, len(words), size):
            found += assembler.feed(words[at : at + size])
        assert found == [expected]
        assert assembler.feed(words) == [expected]
        assert (assembler.open_bytes, wrongs(assembler)) == (0, [])
    packets = decode(words, strict=True)
    assert b"".join(each.data for each in packets).rstrip(b"\0") == text.encode()  # type: ignore[attr-defined]


def test_texts_for_different_places_may_be_mixed() -> None:
    texts = [("a" * 30, 0, None), ("b" * 40, 0, 0), ("c" * 50, 0, 1), ("d" * 30, 1, None)]
    streams = [plain(*each) for each in texts]
    mixed: list[int] = []
    while any(streams):
        for words in streams:
            mixed += words[:4]
            del words[:4]
    mixed[4:4] = [0x10F80000, 0x40904000, 0x80000000]  # a clock and a note between two parts
    assembler = TextAssembler()
    found = assembler.feed(mixed)
    assert sorted((each.text, each.group, each.channel) for each in found) == texts
    assert wrongs(assembler) == []


START, MORE, END, ALL = Form.START, Form.CONTINUE, Form.END, Form.COMPLETE


@pytest.mark.parametrize(
    ("packets", "texts", "wrong"),
    [
        ([(MORE, b"b")], [], [Wrong.ORPHAN]),
        ([(END, b"c")], [], [Wrong.ORPHAN]),
        (
            [(START, b"a" * 12), (START, b"b" * 12), (END, b"c")],
            ["b" * 12 + "c"],
            [Wrong.RESTARTED],
        ),
        ([(START, b"a" * 12), (ALL, b"z"), (END, b"c")], ["z"], [Wrong.INTERRUPTED, Wrong.ORPHAN]),
        ([(START, b"a" * 12), (END, b"c", 2), (END, b"c")], [], [Wrong.INTERLEAVED, Wrong.ORPHAN]),
        ([(ALL, b"\xff")], [], [Wrong.NOT_UTF8]),
        ([(ALL, b"\xc0\xaf")], [], [Wrong.NOT_UTF8]),  # overlong
        ([(ALL, b"\xe0\x80\xaf")], [], [Wrong.NOT_UTF8]),
        ([(ALL, b"\xed\xa0\x80")], [], [Wrong.NOT_UTF8]),  # half of a surrogate pair
        ([(ALL, b"\xf4\x90\x80\x80")], [], [Wrong.NOT_UTF8]),  # above Unicode
        ([(ALL, b"\xe2\x82")], [], [Wrong.NOT_UTF8]),  # cut in a character
        ([(START, b"a" * 11 + b"\xe2"), (END, b"\x82\xac")], ["a" * 11 + "€"], []),  # split in one
        ([(START, b"a" * 12), (END, b"b" * 12)], ["a" * 12 + "b" * 12], []),
        ([(ALL, b"")], [""], []),
    ],
)
def test_forms_and_bytes_in_a_wrong_order(
    packets: list[tuple[Form, bytes] | tuple[Form, bytes, int]],
    texts: list[str],
    wrong: list[Wrong],
) -> None:
    messages = [
        packet(each[0], each[1], status=each[2] if len(each) > 2 else 0) for each in packets
    ]
    words = encode_all(messages)
    for size in (4, len(words)):
        assembler, found = TextAssembler(), []
        for at in range(0, len(words), size):
            found += assembler.feed(words[at : at + size])
        assert [each.text for each in found] == texts
        assert wrongs(assembler) == wrong
        assert assembler.open_bytes == 0
    strict = TextAssembler(strict=True)
    if wrong:
        with pytest.raises(InvalidInput):
            strict.feed(words)
    else:
        assert [each.text for each in strict.feed(words)] == texts


def test_a_gigabyte_that_never_ends_is_given_up_at_the_cap() -> None:
    assembler = TextAssembler(limits=Limits(message_bytes=1_000, open_bytes=4_000))
    begin = encode(packet(START, b"x" * 12))
    more = list(encode(packet(MORE, b"x" * 12))) * 100
    assembler.feed(begin)
    assembler.feed(more)
    assert wrongs(assembler)[0] is Wrong.TOO_LARGE
    assert assembler.open_bytes == 0
    assert assembler.feed(plain("x" * 1_001)) == []  # in one piece too
    assert Wrong.TOO_LARGE in wrongs(assembler)
    assert assembler.feed(plain("x" * 1_000))[0].text == "x" * 1_000
    for group in range(16):  # and many at once
        for channel in range(16):
            assembler.feed(encode(FlexPacket(group, START, 0, channel, 1, 0, b"x" * 12)))
            assert assembler.open_bytes <= 4_100
    assert set(wrongs(assembler)) == {Wrong.CROWDED_OUT}


def test_an_end_that_never_comes_times_out() -> None:
    now = 100.0
    assembler = TextAssembler(clock=lambda: now, limits=Limits(patience_s=5))
    begin, more, end = (encode(packet(form, b"x" * 12)) for form in (START, MORE, END))
    assembler.feed(begin)
    now = 104.9
    assembler.feed(more)
    now = 109.8
    assert assembler.feed(end)[0].text == "x" * 36
    assembler.feed(begin)
    now = 120.0
    assert assembler.feed(end) == []
    assert wrongs(assembler) == [Wrong.TIMED_OUT, Wrong.ORPHAN]
    other = encode(packet(START, b"y" * 12, channel=1))
    assembler.feed(begin)
    now = 121.0
    assembler.feed(other)
    now = 124.0
    assembler.feed(more)  # so that the other one is the older now
    now = 126.5
    assembler.expire()
    assert [(each.key.channel, each.wrong) for each in assembler.take_faults()] == [
        (1, Wrong.TIMED_OUT)
    ]
    now = 130.0
    assembler.expire()
    assert wrongs(assembler) == [Wrong.TIMED_OUT]


def test_random_words_are_survived_within_bounds() -> None:
    chance = random.Random(11)
    assembler = TextAssembler(limits=Limits(2_000, 20_000))
    for _ in range(200):
        words = [chance.getrandbits(32) for _ in range(100)]
        heads = [0xD000_0100 | chance.getrandbits(24) & 0xFF_01FF for _ in range(100)]
        words[::4] = heads[: len(words[::4])]
        for text in assembler.feed(words):
            assert "\0" not in text.text
        assert assembler.open_bytes < 20_100


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: plain("a\0b"), "character 1"),
        (lambda: plain("\ud800"), "character 0"),
        (lambda: plain("", group=16), "group"),
        (lambda: plain("", channel=-1), "channel"),
        (lambda: text_packets("", bank=256, status=0), "bank"),
        (lambda: text_packets("", bank=1, status=-1), "status"),
        (lambda: TextAssembler().feed([1 << 32]), "words[0]"),
    ],
)
def test_what_has_no_place_is_refused(call: Callable[[], object], where: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        call()
    assert refused.value.where == where
    assert refused.value.hint


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (packet(START, b"short"), "padding before the last"),
        (packet(MORE, b"", bank=1), "padding before the last"),
        (packet(ALL, b"a\0b"), "NUL inside"),
        (packet(ALL, b"a", status=0x0E), "reserved status"),
    ],
)
def test_strict_reading_minds_what_tolerant_reading_reads(message: Message, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        TextAssembler(strict=True).feed(encode(message))
    assert all(fault.wrong is Wrong.ORPHAN for fault in _faults(message))
    for head, what in ((0xD0200100, "reserved address"), (0xD0110100, "names a channel")):
        with pytest.raises(InvalidInput, match=what):
            TextAssembler(strict=True).feed([head, 0, 0, 0])


def _faults(message: Message) -> list[object]:
    assembler = TextAssembler()
    assembler.feed(encode(message))
    return list(assembler.take_faults())


def test_lyrics_go_on_where_nothing_is_said() -> None:
    lyrics = {"bank": BANK_PERFORMANCE, "status": LYRICS}
    said = [packet(START, b"a" * 12, **lyrics), packet(MORE, b"", **lyrics)]
    said += [packet(MORE, b"", **lyrics), packet(END, b"b", **lyrics)]
    for strict in (False, True):
        (found,) = TextAssembler(strict=strict).feed(encode_all(said))
        assert (found.text, found.melismas) == ("a" * 12 + "b", 2)
    again = [said[0], said[3]]
    (found,) = TextAssembler().feed([word for each in said[:3] + again for word in encode(each)])
    assert found.melismas == 0  # those before were of a text that had no end
