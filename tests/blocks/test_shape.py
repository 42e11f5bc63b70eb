"""The closed set of types: what is outside is refused when it is defined, with the field's path."""

from __future__ import annotations

import dataclasses
import enum
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema
import pytest

from conduit.blocks import Length, Range, block, json_schema
from conduit.blocks.shape import require_known
from conduit.contracts.errors import ConfigError
from tests.blocks.nouns import Count, Layer, Song, Words


class Pairs(enum.Enum):
    ONE = (1, 2)


class Nothing(enum.Enum):
    """No members."""


OUTSIDE = [
    Any,
    None,
    bytes,
    object,
    complex,
    set[int],
    list,
    dict,
    tuple[int, str],
    dict[int, str],
    list[Any],
    dict[str, bytes],
    int | bytes,
    Literal[b"x"],
    Pairs,
    Nothing,
    Annotated[list[int], Range(0, 7)],
    Annotated[int, Length(0, 7)],
    Annotated[bool, Range(0, 1)],
    Annotated[dict[str, int], Length(0, 2)],
    Annotated[Layer, Range(0, 1)],
]


@pytest.mark.parametrize("hint", OUTSIDE, ids=str)
def test_a_type_outside_the_set_is_refused_with_its_path(hint: Any) -> None:
    inner = dataclasses.make_dataclass("Inner", [("odd", hint)])
    outer = dataclasses.make_dataclass("Outer", [("fine", int), ("parts", list[inner])])
    with pytest.raises(ConfigError) as caught:
        require_known(outer)
    assert caught.value.where.startswith("Inner.odd")
    assert "reached through Outer.parts" in caught.value.message


def test_a_block_refuses_it_when_it_is_defined() -> None:
    bad = dataclasses.make_dataclass("Bad", [("odd", set[int])])

    def function(data: Any) -> Count:
        return Count(0)

    function.__annotations__ = {"data": bad, "return": Count}
    with pytest.raises(ConfigError, match=r"^Bad\.odd: "):
        block("text.bad", summary="x")(function)


@pytest.mark.parametrize("bounds", [(2, 1), (0, math.inf), (math.nan, 1)])
def test_a_range_needs_two_ends_in_order(bounds: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match="Range"):
        Range(*bounds)


@pytest.mark.parametrize("bounds", [(2, 1), (-1, 3)])
def test_a_length_needs_two_ends_in_order(bounds: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="Length"):
        Length(*bounds)


def test_a_schema_says_what_a_model_needs_to_know() -> None:
    assert json_schema(Song) == {
        "description": "What to play.",
        "type": "object",
        "properties": {
            "style": {
                "type": "string",
                "enum": ["industrial", "dub"],
                "description": "how it sounds",
            },
            "bpm": {
                "anyOf": [{"type": "number", "minimum": 20, "maximum": 300}, {"type": "null"}],
                "default": None,
            },
            "layers": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "pitch": {"type": "integer", "minimum": 0, "maximum": 127, "default": 36},
                    },
                    "required": ["name"],
                    "additionalProperties": False,
                },
            },
            "tags": {"type": "object", "additionalProperties": {"type": "integer"}},
            "key": {"type": "string", "minLength": 1, "maxLength": 8, "default": "none"},
            "mode": {"type": "string", "enum": ["loop", "once"], "default": "loop"},
            "extra": {"default": None},
        },
        "required": ["style"],
        "additionalProperties": False,
    }
    jsonschema.Draft202012Validator.check_schema(json_schema(Song))


@dataclass
class Node:
    next: Node | None


@dataclass
class Pair:
    mine: Node
    theirs: Any  # replaced below


_Other = dataclasses.make_dataclass("Node", [("value", int), ("twin", "_Other | None")])
_Other.__module__ = __name__
Pair.__annotations__["theirs"] = _Other


def test_two_recursive_types_of_one_name_are_told_apart() -> None:
    schema = json_schema(Pair)
    assert schema["properties"]["mine"] != schema["properties"]["theirs"]
    good = {"mine": {"next": None}, "theirs": {"value": 1, "twin": {"value": 2, "twin": None}}}
    assert jsonschema.Draft202012Validator(schema).is_valid(good)
    good["mine"] = {"value": 1, "twin": None}
    assert not jsonschema.Draft202012Validator(schema).is_valid(good)


def test_the_root_of_a_recursive_schema_is_an_object() -> None:
    assert json_schema(Node)["type"] == "object"


def test_fifty_levels_are_described() -> None:
    deep: type = Words
    for level in range(50):
        deep = dataclasses.make_dataclass(f"Level{level}", [("inner", deep)])
    schema = json_schema(deep)
    for _ in range(50):
        schema = schema["properties"]["inner"]
    assert schema["properties"] == {"text": {"type": "string"}}


def test_fifty_levels_of_pairs_are_described_without_writing_each_twice() -> None:
    deep: type = Words
    for level in range(50):
        deep = dataclasses.make_dataclass(f"Fork{level}", [("one", deep), ("two", deep)])
    schema = json_schema(deep)
    assert len(schema["$defs"]) == 50
    assert schema["properties"]["one"] == {"$ref": "#/$defs/Fork48"}
    jsonschema.Draft202012Validator.check_schema(schema)
