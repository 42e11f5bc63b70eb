"""Inputs whose schema somebody else owns."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import decode, json_schema
from conduit.blocks.foreign import Foreign, check, foreign_type
from conduit.contracts.errors import InvalidInput

PET = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "status": {"enum": ["sold", "free"]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2},
        "mother": {"anyOf": [{"$ref": "#/$defs/Pet"}, {"type": "null"}]},
        "weight": {"type": "number", "exclusiveMinimum": 0},
    },
    "required": ["id"],
    "additionalProperties": False,
}
SCHEMA = PET | {"$defs": {"Pet": PET}}
Pet = foreign_type("Pet", SCHEMA)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_the_schema_is_the_owners() -> None:
    assert json_schema(Pet) is SCHEMA
    assert dataclasses.is_dataclass(Pet)


def test_what_fits_is_taken() -> None:
    data = {"id": 1, "tags": ["a"], "mother": {"id": 2, "mother": None}, "weight": 0.5}
    assert decode(Pet, data) == Pet(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "id: is missing"),
        ({"id": 0}, "id: expected at least 1, got int 0"),
        ({"id": True}, "id: expected integer, got bool True"),
        ({"id": "1"}, "id: expected integer, got str '1'"),
        ({"id": 1, "status": "gone"}, "status: expected one of 'sold', 'free', got str 'gone'"),
        ({"id": 1, "tags": ["a", "long"]}, "tags[1]: expected at most 3 characters, got 4"),
        ({"id": 1, "tags": ["a", "b", "c"]}, "tags: expected at most 2 items, got 3"),
        ({"id": 1, "weight": 0}, "weight: expected more than 0"),
        (
            {"id": 1, "mother": {"id": 2, "mother": {"id": "x"}}},
            "mother.mother.id: expected integer",
        ),
        ({"id": 1, "stauts": "sold"}, "stauts: unknown field"),
        ([], "input: expected an object (Pet), got list of 0 items"),
    ],
)
def test_every_fault_has_its_path(data: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(Pet, data, where="api.pets.add")
    assert said in caught.value.message
    assert caught.value.where == "api.pets.add"


def test_a_wrong_name_is_corrected() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(Pet, {"id": 1, "stauts": "sold"})
    assert caught.value.hint == "did you mean 'status'?"


def test_models_may_write_numbers_as_text() -> None:
    made = decode(Pet, {"id": "7", "weight": "1.5"}, lenient=True)
    assert made.values == {"id": 7, "weight": 1.5}
    with pytest.raises(InvalidInput):
        decode(Pet, {"id": "seven"}, lenient=True)


def test_all_faults_are_said_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(Pet, {"id": 0, "status": "gone", "more": 1})
    assert caught.value.message.count(";") == 2


@given(JSON)
def test_whatever_comes_is_taken_as_it_is_or_refused(data: Any) -> None:
    try:
        made = decode(Pet, data)
    except InvalidInput:
        return
    assert made == Pet(data)
    assert isinstance(made, Foreign)


@given(JSON, JSON)
def test_any_schema_checks_any_value(schema: Any, data: Any) -> None:
    """A schema may be anything at all: it never breaks what checks with it."""
    wild = {"type": "object", "properties": {"x": schema}, "$defs": {"A": schema}}
    checked = check(wild, {"x": data})
    assert checked.count or checked.value == {"x": data}


@pytest.mark.parametrize(
    "endless",
    [
        {"$ref": "#/$defs/A"},
        {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]},
        {"allOf": [{"$ref": "#/$defs/A"}] * 50},
        {"not": {"$ref": "#/$defs/A"}},
    ],
)
def test_a_schema_without_end_is_given_up(endless: Any) -> None:
    checked = check({"properties": {"x": endless}, "$defs": {"A": endless}}, {"x": 1})
    assert checked.count
