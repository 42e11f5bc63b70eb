"""``flex.decode``: hexadecimal words in, what they say out."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Catalog, Gate, dumps, loads
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import ConduitError, InvalidInput
from conduit.midi.flex import text_packets
from conduit.midi.ump import (
    EndpointText,
    Exclusive7,
    Midi2NoteOn,
    encode,
    endpoint_text_packets,
    long_packets,
)
from conduit.tools.midi.blocks import midi_blocks
from conduit.tools.midi.said import Said
from conduit.tools.midi.saying import hex_words

GATE = Gate(Catalog(midi_blocks()), new_id=lambda: "id")


def said(words: str, *, strict: bool = False) -> tuple[Said, ...]:
    found: Any = GATE.call("flex.decode", {"words": words, "strict": strict}, LOCAL_OWNER)
    assert loads(dumps(found))
    return tuple(found.said)


def hexed(words: list[int] | tuple[int, ...]) -> str:
    return " ".join(f"{word:08x}" for word in words)


def test_messages_texts_and_names_are_told_in_their_order() -> None:
    text = text_packets("über", group=2, channel=3, bank=1, status=3)
    name = endpoint_text_packets(EndpointText("endpoint name", "A name of two packets"))
    words = [*encode(Midi2NoteOn(0, 9, 36, 5)), *text, *name, *long_packets(Exclusive7(0, b"\1"))]
    told = said(hexed(words))
    assert [each.type for each in told] == [
        *("Midi2NoteOn", "FlexPacket", "text", "EndpointName", "EndpointName", "name"),
        *("SysEx7", "long message"),
    ]
    assert told[0].words == ("40992400", "00050000")
    assert told[0].fields["velocity"] == 5
    assert told[1].fields["form"] == "complete"
    kind = {"name": "clip name", "group": 2, "channel": 3, "bank": 1, "status": 3}
    assert told[2].fields == {**kind, "text": "über"}
    assert told[5].fields["text"] == "A name of two packets"
    assert told[7].fields == {"name": "Exclusive7", "group": 0, "data": "01"}


def test_what_is_wrong_is_told_or_refused() -> None:
    lonely = "d0d00100 61000000 0 0 60000000 40990000"
    told = said(lonely)
    assert [each.type for each in told] == ["FlexPacket", "fault", "Reserved", "Truncated"]
    assert told[1].fields["wrong"] == "orphan"
    assert told[3].words == ("40990000",)
    for words in (lonely, "60000000", "40990000"):
        with pytest.raises(InvalidInput):
            said(words, strict=True)
    orphan = said("30300100 0", strict=True)[1]
    assert (orphan.type, orphan.fields["wrong"]) == ("fault", "orphan")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n,; ", []),
        ("0x40992400,0XC104_0000", [0x40992400, 0xC1040000]),
        ("40992400c1040000", [0x40992400, 0xC1040000]),
        ("f8 0 4099240", [0xF8, 0, 0x4099240]),
    ],
)
def test_words_are_written_in_several_ways(text: str, words: list[int]) -> None:
    assert hex_words(text) == words


@pytest.mark.parametrize("text", ["zz", "0x", "-1", "409924001", "٣", "_", "0x0x1"])
def test_what_is_no_word_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        hex_words(f"0 {text}")
    assert refused.value.where == "word 2"


@given(st.text(max_size=60) | st.lists(st.integers(0, 0xFFFFFFFF), max_size=9).map(hexed))
def test_any_text_gets_an_answer_or_an_error_of_ours(text: str) -> None:
    with suppress(ConduitError):
        assert all(each.type for each in said(text))
