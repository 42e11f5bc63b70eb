"""Many packets as columns: the same as one by one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi import ump
from conduit.midi.ump import (
    LAYOUTS,
    Message,
    Truncated,
    decode,
    decode_array,
    encode_all,
    encode_columns,
)
from conduit.midi.ump.layout import SIZES, Octets
from tests.midi.ump.messages import WORD

SAME_SIZE = st.lists(st.tuples(st.integers(0x4000_0000, 0x4FFF_FFFF), WORD), max_size=9).map(
    lambda pairs: [word for pair in pairs for word in pair]
)


def test_columns_hold_what_single_messages_hold() -> None:
    words = np.random.default_rng(3).integers(0, 1 << 32, 40_000, dtype=np.uint64)
    words[::9] = words[::9] & 0x3F_00FF | 0xD000_0000  # enough of what sets up
    words[1::9] &= 0xF0FF_FFFF  # and no key in two bytes, which columns do not look for
    by_class: dict[type[Message], list[Message]] = defaultdict(list)
    for message in decode(words.tolist()):
        by_class[type(message)].append(message)
    packets = decode_array(words)
    assert len(packets) + len(by_class[Truncated]) == sum(map(len, by_class.values()))
    for message, layout in LAYOUTS.items():
        columns = packets.columns(message)
        expected = by_class[message]
        for field in layout.fields:
            column = columns[field.name]
            assert len(column) == len(expected)
            values = [getattr(each, field.name) for each in expected]
            if not isinstance(field.place, Octets):
                if message is not ump.SetKeySignature:
                    assert column.tolist() == values
                continue
            assert [bytes(row).rstrip(b"\0") for row in column] == [v.rstrip(b"\0") for v in values]
            if field.place.count is not None:
                assert columns[f"{field.name}_size"].tolist() == [len(value) for value in values]
    assert {message for message in LAYOUTS if by_class[message]} > {
        ump.SetTempo,
        ump.SysEx7,
        ump.Midi2NoteOn,
        ump.FlexPacket,
    }


@given(st.one_of(st.lists(WORD, max_size=40), SAME_SIZE))
def test_packets_begin_where_sizes_say(words: list[int]) -> None:
    packets = decode_array(np.array(words, np.uint32))
    at, starts = 0, []
    while at < len(words) and at + SIZES[words[at] >> 28] <= len(words):
        starts.append(at)
        at += SIZES[words[at] >> 28]
    assert packets.starts.tolist() == starts
    assert packets.types.tolist() == [words[start] >> 28 for start in starts]
    assert packets.groups.tolist() == [words[start] >> 24 & 15 for start in starts]
    assert packets.rest.tolist() == words[at:]
    assert packets.words.tolist() == words[:at]


NUMBERS = [
    message
    for message, layout in LAYOUTS.items()
    if layout.fields and not any(isinstance(field.place, Octets) for field in layout.fields)
]


@pytest.mark.parametrize("message", NUMBERS, ids=lambda message: message.__name__)
def test_columns_are_written_as_single_messages_are(message: type[Message]) -> None:
    chance = random.Random(9)
    columns: dict[str, list[int]] = {}
    for field in LAYOUTS[message].fields:
        assert not isinstance(field.place, Octets)
        low = -(1 << field.place.width - 1) if getattr(field.place, "signed", False) else 0
        top = 0 if field.name == "address" else low + (1 << field.place.width) - 1
        columns[field.name] = [low, top, *(chance.randint(low, top) for _ in range(20))]
    rows = zip(*columns.values(), strict=True)
    messages = [message(*map(_of_kind(message), columns, row)) for row in rows]
    words = encode_columns(message, columns)
    assert words.tolist() == encode_all(messages)
    assert decode(words.tolist()) == messages


def _of_kind(message: type[Message]) -> Callable[[str, int], object]:
    kinds = {field.name: field.kind for field in LAYOUTS[message].fields}
    return lambda name, value: kinds[name](value)


def test_a_scalar_is_a_column_and_defaults_are_left_out() -> None:
    words = encode_columns(
        ump.Midi2NoteOn, {"group": 0, "channel": 9, "note": [36, 38], "velocity": 1}
    )
    assert [f"{word:08x}" for word in words] == "40992400 00010000 40992600 00010000".split()
    assert decode(encode_columns(ump.SetTempo, {"group": 1, "quarter_10ns": 5}).tolist()) == [
        ump.SetTempo(1, 5)
    ]


@pytest.mark.parametrize(
    ("message", "columns", "said"),
    [
        (ump.Midi2NoteOn, {"group": [16], "channel": 0, "note": 0, "velocity": 0}, "from 16 to"),
        (ump.Midi2NoteOn, {"group": [0], "channel": [0, 1]}, "differ in length"),
        (ump.Midi2NoteOn, {"group": 0}, "missing 3 required"),
        (ump.Midi2NoteOn, {"colour": 0}, "no columns"),
        (ump.SysEx7, {"group": 0}, "no columns"),
        (Truncated, {}, "has no table"),
    ],
)
def test_columns_without_a_place_are_refused(
    message: type[Message], columns: dict[str, list[int]], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        encode_columns(message, columns)
    assert refused.value.hint


def test_only_words_are_taken() -> None:
    for wrong in ([[1]], [0.5], ["a"], [-1], [1 << 32]):
        with pytest.raises(InvalidInput):
            decode_array(wrong)
    assert len(decode_array([])) == 0
    with pytest.raises(InvalidInput, match="has no table"):
        decode_array([0]).columns(Message)
