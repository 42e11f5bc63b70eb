"""JSON as Struct and Value, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct, Value
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import MalformedJson
from conduit.surfaces.grpc.values import fits, of_struct, of_value, to_struct, to_value

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=30,
)


@given(JSON)
def test_what_goes_over_the_wire_is_the_same(data: Any) -> None:
    sent = to_value(data).SerializeToString()
    assert of_value(Value.FromString(sent)) == data


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON))
def test_an_object_is_the_same(data: dict[str, Any]) -> None:
    assert of_struct(Struct.FromString(to_struct(data).SerializeToString())) == data


def test_a_whole_double_is_an_integer_and_true_is_no_number() -> None:
    assert repr(of_value(Value(number_value=8.0))) == "8"
    assert repr(of_value(Value(number_value=8.5))) == "8.5"
    assert repr(of_value(Value(number_value=2.0**60))) == repr(2.0**60)
    assert of_value(to_value(True)) is True


def test_integers_that_a_double_cannot_hold_are_text() -> None:
    assert of_value(to_value([2**53, 2**53 + 1, -(2**64)])) == [
        2**53,
        str(2**53 + 1),
        str(-(2**64)),
    ]


@given(st.recursive(st.none(), lambda inner: st.lists(inner, max_size=2), max_leaves=5), st.data())
def test_what_fits_can_be_read(inside: Any, data: st.DataObject) -> None:
    for wrap in data.draw(st.text("ol", min_size=20, max_size=60)):
        inside = {"": inside} if wrap == "o" else [inside]
    if fits(inside):
        Value.FromString(to_value(inside).SerializeToString())


def test_what_is_nested_deeper_than_python_calls_does_not_fit() -> None:
    assert not fits(json.loads("[" * 900 + "]" * 900))


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_json_has_no_such_number(number: float) -> None:
    with pytest.raises(MalformedJson, match="JSON has no number"):
        of_value(Value(number_value=number))


def test_a_value_that_nobody_set_is_null() -> None:
    assert of_value(Value()) is None
    assert of_value(to_value([])) == []
    assert of_value(to_value({})) == {}
