"""The schema and the words a model is given, and that both say what the parser takes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Length, Range, dumps
from conduit.contracts.errors import ConfigError, UnparsableOutput
from conduit.mdl import Mdl
from tests.blocks.generated import Typed, plain_json, records

STRICT = {
    "$defs", "$ref", "additionalProperties", "anyOf", "description", "enum", "items", "maxItems",
    "maximum", "minItems", "minimum", "properties", "required", "type",
}  # fmt: skip
"""The keywords of OpenAI's strict mode that a structure needs."""


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass
class Leaf:
    """The end of a branch."""

    size: Annotated[int, Range(1, 8), "in cm"]


@dataclass
class Tree:
    name: Annotated[str, Length(1, 4)]
    leaves: Annotated[list[Leaf], Length(0, 3)]
    by_colour: dict[str, Colour]
    parent: Tree | None = None
    kind: Literal["oak", "elm"] = "oak"
    note: str = field(default="", metadata={"description": "anything else"})


def test_the_schema_is_in_the_strict_subset() -> None:
    schema = Mdl.of(Tree).schema
    assert schema.name == "Tree"
    assert schema.schema["required"] == ["name", "leaves", "by_colour", "parent", "kind", "note"]
    properties = schema.schema["properties"]
    assert properties["name"] == {"type": "string", "description": "1 to 4 characters"}
    assert properties["parent"]["anyOf"][0] == {"$ref": "#/$defs/Tree"}
    assert properties["by_colour"]["items"]["required"] == ["key", "value"]
    assert properties["kind"]["description"] == "default 'oak'"
    assert properties["note"]["description"] == "anything else"
    assert properties["leaves"]["items"]["description"] == "The end of a branch."


def test_the_prompt_is_short_and_says_all_of_it() -> None:
    assert Mdl.of(Tree).prompt.split("\n\n", 1)[1] == (
        """type Tree = {
  name: string;  // 1 to 4 characters
  leaves: Leaf[];  // 0 to 3 items
  by_colour: { [key: string]: "red" | "green" };
  parent?: Tree | null;
  kind?: "oak" | "elm";  // default 'oak'
  note?: string;  // anything else
}

// The end of a branch.
type Leaf = {
  size: integer;  // in cm; 1 to 8
}
"""
    )


def _schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]:
        yield from _schemas(inner)
    for inner in [schema["items"]] if "items" in schema else schema.get("anyOf", []):
        yield from _schemas(inner)


def _structure(typed: Typed) -> Mdl[Any] | None:
    try:
        return Mdl.of(typed[0])
    except ConfigError:  # bare None, Json, a union with nothing to tell
        return None


@given(records)
def test_every_schema_is_valid_and_strict(typed: Typed) -> None:
    if (mdl := _structure(typed)) is None:
        return
    schema = mdl.schema.schema
    jsonschema.Draft202012Validator.check_schema(schema)
    for each in _schemas(schema):
        assert each.keys() <= STRICT
        assert "$ref" not in each or len(each) == 1
        if each.get("type") == "object":
            assert each["required"] == list(each["properties"])
            assert each["additionalProperties"] is False


@given(records.flatmap(lambda typed: st.tuples(st.just(typed), typed[1])))
def test_a_written_value_is_read_as_it_was_and_fits_the_schema(case: tuple[Typed, Any]) -> None:
    typed, value = case
    if (mdl := _structure(typed)) is None:
        return
    parsed = mdl.parse(dumps(value).decode())
    assert _alike(parsed.value, value)
    assert parsed.exact
    validator = jsonschema.Draft202012Validator(mdl.schema.schema)
    assert list(validator.iter_errors(_as_wanted(value))) == []


def _alike(one: Any, other: Any) -> bool:
    """Equal, where 3 and 3.0 are: a float without a fraction is written as either."""
    return dumps(one) == dumps(other) or bool(one == other)


def _as_wanted(value: Any) -> Any:
    """A value as the schema wants it written: a dict as pairs."""
    if dataclasses.is_dataclass(value):
        return {f.name: _as_wanted(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return [{"key": key, "value": _as_wanted(inner)} for key, inner in value.items()]
    if isinstance(value, list | tuple):
        return [_as_wanted(inner) for inner in value]
    return json.loads(dumps(value))


@given(records, st.dictionaries(st.sampled_from(["f0", "f1", "f2"]), plain_json, max_size=3))
def test_the_schema_and_the_parser_take_the_same(typed: Typed, instance: Any) -> None:
    if (mdl := _structure(typed)) is None:
        return
    taken = _taken(mdl, instance)
    valid = jsonschema.Draft202012Validator(mdl.schema.schema).is_valid(instance)
    if valid and not _says_length(mdl):  # the schema cannot say the bounds of a text
        assert taken
    if taken and not _has_more_forms(mdl):  # absent fields, and objects where it wants pairs
        assert valid


def _taken(mdl: Mdl[Any], instance: Any) -> bool:
    try:
        parsed = mdl.parse(json.dumps(instance))
    except UnparsableOutput:
        return False
    return all(repair.kind == "whole" for repair in parsed.repairs)


def _says_length(mdl: Mdl[Any]) -> bool:
    return "characters" in json.dumps(mdl.schema.schema)


def _has_more_forms(mdl: Mdl[Any]) -> bool:
    return "?: " in mdl.prompt or "[key: string]" in mdl.prompt


def test_fifty_levels_of_records() -> None:
    inner: Any = int
    for level in range(50):
        inner = dataclasses.make_dataclass(f"Level{level}", [("inner", inner)])
    mdl = Mdl.of(inner)
    text = '{"inner": ' * 50 + "1" + "}" * 50
    assert mdl.parse(text).exact
    assert not mdl.parse(text + " done").exact
    assert len(mdl.schema.schema["$defs"]) == 49
    assert mdl.prompt.count("\ntype Level") == 50
