"""Checks, decoding and JSON Schema agree with each other over generated types."""

from __future__ import annotations

import dataclasses
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import decode, dumps, json_schema, loads
from conduit.blocks.check import find_breach
from conduit.contracts.errors import InvalidInput
from tests.blocks.generated import Tree, Typed, fits, odd_values, plain_json, records, trees


def _valid(schema: Any, data: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(data))


@given(records, st.data())
def test_a_value_of_the_type_is_accepted_everywhere(typed: Typed, data: st.DataObject) -> None:
    cls, values = typed
    value = data.draw(values)
    written = loads(dumps(value))
    assert find_breach(cls, value) is None
    assert decode(cls, written) == value
    assert decode(cls, written, lenient=True) == value
    assert _valid(json_schema(cls), written)


@given(records, st.data())
def test_the_compiled_check_agrees_with_a_slow_one(typed: Typed, data: st.DataObject) -> None:
    cls, values = typed
    value = data.draw(values)
    field = data.draw(st.sampled_from(dataclasses.fields(cls)))
    setattr(value, field.name, data.draw(odd_values))
    breach = find_breach(cls, value)
    assert (breach is None) == fits(cls, value)
    if breach:
        assert breach.path == field.name or breach.path.startswith(
            (f"{field.name}.", f"{field.name}[")
        )


@given(records, st.data())
def test_what_decode_accepts_is_what_the_schema_accepts(typed: Typed, data: st.DataObject) -> None:
    cls, values = typed
    sent = loads(dumps(data.draw(values)))
    field = data.draw(st.sampled_from(sorted(sent)))
    match data.draw(st.sampled_from(["drop", "add", "replace"])):
        case "drop":
            del sent[field]
        case "add":
            sent["unknown"] = data.draw(plain_json)
        case _:
            sent[field] = data.draw(plain_json)
    try:
        decode(cls, sent)
        accepted = True
    except InvalidInput:
        accepted = False
    assert accepted == _valid(json_schema(cls), sent)


@given(records, plain_json)
def test_lenient_accepts_all_that_strict_does_and_with_the_same_result(
    typed: Typed, sent: Any
) -> None:
    cls, _ = typed
    try:
        strict = decode(cls, {"f0": sent})
    except InvalidInput:
        return
    assert decode(cls, {"f0": sent}, lenient=True) == strict


@given(trees)
def test_a_recursive_type_has_a_schema_that_describes_it(tree: Tree) -> None:
    written = loads(dumps(tree))
    assert _valid(json_schema(Tree), written)
    written["children"] = [{"label": 1}]
    assert not _valid(json_schema(Tree), written)
    with pytest.raises(InvalidInput, match=r"children\[0\]\.label"):
        decode(Tree, written)
