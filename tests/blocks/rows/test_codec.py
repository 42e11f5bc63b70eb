"""Typed values as columns and back: nothing is lost, through pickle and through JSON."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks.rows.codec import Unpackable, codec_of
from conduit.contracts.errors import InvalidInput
from tests.blocks.generated import records
from tests.blocks.rows.steps import Bright, Chord, Dated, Mode, Note


@st.composite
def typed_rows(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    cls, values = draw(records)
    return cls, draw(st.lists(values, max_size=4))


@given(typed_rows())
def test_rows_come_back_through_pickle(typed: tuple[Any, list[Any]]) -> None:
    cls, rows = typed
    codec = codec_of(cls)
    sent = pickle.loads(pickle.dumps(codec.pack_rows(rows)))
    assert codec.unpack_rows(sent) == rows


@given(typed_rows())
def test_rows_come_back_through_json(typed: tuple[Any, list[Any]]) -> None:
    cls, rows = typed
    codec = codec_of(cls)
    sent = json.loads(json.dumps(codec.pack_rows(rows)))
    back = codec.unpack_rows(sent)
    assert back == rows
    assert [list(map(type, dataclasses.astuple(b))) for b in back] == [
        list(map(type, dataclasses.astuple(r))) for r in rows
    ]


@given(typed_rows())
def test_single_values_come_back(typed: tuple[Any, list[Any]]) -> None:
    cls, rows = typed
    codec = codec_of(cls)
    assert [codec.unpack(codec.pack(row)) for row in rows] == rows


def test_a_subclass_keeps_its_class_and_its_own_fields() -> None:
    chord = Chord([Note(1), Bright(2, "x", 0.5)], Mode.LOUD, Bright(3))
    codec = codec_of(Chord)
    (back,) = codec.unpack_rows(json.loads(json.dumps(codec.pack_rows([chord]))))
    assert back == chord
    assert [type(note) for note in back.notes] == [Note, Bright]
    assert codec_of(Note).unpack_rows(codec_of(Note).pack_rows([Note(1), Bright(2)])) == [
        Note(1),
        Bright(2),
    ]


@dataclasses.dataclass
class Picky:
    """A union that must be told apart, with a ``Literal`` that allows None deep inside."""

    keys: dict[str, tuple[Literal["a", None], ...] | list[Mode] | Note]


def test_a_literal_none_inside_a_union_comes_back() -> None:
    picky = Picky({"x": (None, "a"), "y": [Mode.LOUD], "z": Note(1)})
    codec = codec_of(Picky)
    assert codec.unpack_rows(json.loads(json.dumps(codec.pack_rows([picky])))) == [picky]


def test_post_init_does_not_run_again() -> None:
    codec = codec_of(Dated)
    (back,) = codec.unpack_rows(codec.pack_rows([Dated(1)]))
    assert back.log == ["made"]


def test_a_class_is_not_imported_because_data_names_it() -> None:
    for name in ("antigravity:geohash", "os:system", "tests.blocks.rows.steps:Mode", ":", "x"):
        with pytest.raises(InvalidInput, match="not a known subclass"):
            codec_of(Note).unpack_rows({"rows": [{"class": name, "fields": [1, "c"]}]})


@pytest.mark.parametrize(
    "value",
    [Chord("no list"), Chord([1]), Chord([], "LOUD"), Note(1)],  # type: ignore[list-item,arg-type]
)
def test_what_is_not_of_its_type_is_not_packed_as_if_it_were(value: Any) -> None:
    with pytest.raises(Unpackable):
        codec_of(Chord).pack_rows([value])
