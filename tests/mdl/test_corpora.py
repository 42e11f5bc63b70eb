"""Two public corpora: broken JSON against json_repair, schemas and instances against jsonschema."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from typing import Annotated, Any, Literal, Union

import json_repair
import pytest

from conduit.blocks import Length, Range
from conduit.contracts.errors import ConfigError, UnparsableOutput
from conduit.mdl import Mdl, values
from tests.mdl.broken import CORPUS, broken, documents, repair_pairs

AGREEING_PAIRS = 147
"""Of 169. Where we differ, json_repair invents or drops something, or the text is ambiguous."""

RIGHT_REPAIRS = 0.885
SAID_GROUPS = 38
"""Of 74; the others are about bare null, Json or nothing at all."""


def ours(text: str) -> Any:
    """What is in a text as json_repair gives it: an empty value only when there is no other."""
    found = [found.value for found in values(text)]
    full = [value for value in found if value] or found[:1]
    return full[0] if len(full) == 1 else full


def test_json_repairs_own_pairs() -> None:
    pairs = repair_pairs()
    agreeing = sum(ours(text) == expected for text, expected in pairs)
    print(f"json_repair's own pairs: {agreeing} of {len(pairs)}")
    assert agreeing >= AGREEING_PAIRS


def test_more_of_what_is_broken_in_a_known_way_is_right_than_json_repair_gets() -> None:
    right: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for document in documents():
        for kind, text, meant in broken(document):
            total[kind] += 1
            right[kind] += ours(text) == meant
            theirs[kind] += json_repair.loads(text) == meant
    for kind, count in total.items():
        print(f"{kind:22}{count:6}{right[kind] / count:8.1%}{theirs[kind] / count:8.1%}")
    print(f"all {total.total()}: {right.total()} right, by json_repair {theirs.total()}")
    assert right.total() >= RIGHT_REPAIRS * total.total()
    assert right.total() > theirs.total()


class Unsupported(Exception):
    """A schema that no hint says."""


KINDS: dict[str, Any] = {
    "integer": int, "number": float, "string": str, "boolean": bool, "null": type(None),
}  # fmt: skip
FAR = 10**9


def hint_of(schema: dict[str, Any]) -> Any:
    """The type hint that says what a schema says. Raises ``Unsupported``."""
    if isinstance(schema, bool) or not schema or ("anyOf" in schema and len(schema) > 1):
        raise Unsupported
    if "anyOf" in schema and len(schema) == 1:
        return Union[tuple(map(hint_of, schema["anyOf"]))]  # noqa: UP007 - made at run time
    if {"enum", "const"} & schema.keys() and len(schema) == 1:
        return Literal[tuple(schema.get("enum", [schema.get("const")]))]
    kind = schema.get("type") or _implied(schema)
    if isinstance(kind, list):
        return Union[tuple(hint_of({**schema, "type": k}) for k in kind)]  # noqa: UP007
    if kind == "object":
        return _object(schema)
    if kind == "array":
        hint: Any = list[hint_of(schema.get("items", {}))]  # type: ignore[misc]
        bounds = schema.get("minItems", 0), schema.get("maxItems", FAR)
        return Annotated[hint, Length(*map(int, bounds))]
    if kind == "string" and {"minLength", "maxLength"} & schema.keys():
        bounds = schema.get("minLength", 0), schema.get("maxLength", FAR)
        return Annotated[str, Length(*map(int, bounds))]
    if kind in ("number", "integer") and {"minimum", "maximum"} & schema.keys():
        span = Range(schema.get("minimum", -FAR), schema.get("maximum", FAR))
        return Annotated[KINDS[kind], span]
    return KINDS[kind]


def _implied(schema: dict[str, Any]) -> str:
    """What a keyword is about: it says nothing about instances of another kind."""
    about = {
        "items": "array", "minItems": "array", "maxItems": "array", "minLength": "string",
        "maxLength": "string", "minimum": "number", "maximum": "number", "properties": "object",
        "required": "object", "additionalProperties": "object",
    }  # fmt: skip
    return next(kind for word, kind in about.items() if word in schema)


def _object(schema: dict[str, Any]) -> Any:
    inner = schema.get("additionalProperties")
    if "properties" not in schema:
        return dict[str, hint_of(inner)]  # type: ignore[misc]
    if inner:
        raise Unsupported
    required = set(schema.get("required", []))
    fields: list[Any] = []
    for name, each in schema["properties"].items():
        if not name.isidentifier():
            raise Unsupported
        if name in required:
            fields.insert(0, (name, hint_of(each)))
        else:
            fields.append((name, hint_of(each), dataclasses.field(default=None)))
    return dataclasses.make_dataclass("Made", fields)


JSON_KINDS = {
    "object": dict, "array": list, "string": str, "number": (int, float), "integer": (int, float),
    "boolean": bool,
}  # fmt: skip


BAR = {"properties": {"bar": {"type": "integer"}}, "required": ["bar"]}
FOO = {"properties": {"foo": {"type": "string"}}, "required": ["foo"]}
TWO_AT_ONCE = [({"anyOf": [BAR, FOO]}, {"foo": "baz", "bar": 2}, True)]
"""The one instance on which we differ: it is two branches of a union, and we do not guess which."""


def _is_about(schema: dict[str, Any], instance: Any) -> bool:
    if {"type", "enum", "const", "anyOf"} & schema.keys():
        return True
    kind = JSON_KINDS[_implied(schema)]
    return isinstance(instance, kind) and not isinstance(instance, bool)


def _accepts(mdl: Mdl[Any], instance: Any) -> bool:
    """Whether an instance is taken as it is: 3.0 is an integer to JSON Schema, extra fields are
    allowed where it does not forbid them."""
    try:
        parsed = mdl.parse(json.dumps({"value": instance}))
    except UnparsableOutput:
        return False
    return all(repair.kind in ("whole", "extra") for repair in parsed.repairs)


def test_the_json_schema_suite_agrees_where_a_structure_can_say_its_schemas() -> None:
    groups = json.loads((CORPUS / "json_schema.json").read_text())
    said = agreeing = total = 0
    differing = []
    for group in groups:
        try:
            hint = hint_of(group["schema"])
            mdl = Mdl.of(dataclasses.make_dataclass("Holder", [("value", hint)]))
        except (Unsupported, ConfigError, KeyError, StopIteration, TypeError):
            continue
        said += 1
        for instance, valid in group["tests"]:
            if not _is_about(group["schema"], instance):
                continue
            total += 1
            if _accepts(mdl, instance) is valid:
                agreeing += 1
            else:
                differing.append((group["schema"], instance, valid))
    print(f"{said} of {len(groups)} groups, {agreeing} of {total} instances")
    assert said >= SAID_GROUPS
    assert differing == TWO_AT_ONCE


@pytest.mark.parametrize("kind", ["json_repair", "json_schema"])
def test_the_corpora_are_there(kind: str) -> None:
    assert len(json.loads((CORPUS / f"{kind}.json").read_text())) > 50
