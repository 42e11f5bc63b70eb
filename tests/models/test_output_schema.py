"""The shape of an answer, in each provider's own words, as their references publish them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conduit.contracts.chat import ChatRequest, Chunk, Message, OutputSchema
from conduit.models.exchange import Frame
from conduit.models.wire.anthropic import encode as encode_anthropic
from conduit.models.wire.anthropic import without_bounds
from conduit.models.wire.ollama import encode as encode_ollama
from conduit.models.wire.openai_chat import OpenAIStream, decode, openai_chat
from conduit.models.wire.openai_responses import encode as encode_responses

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "minimum": {"type": "integer", "minimum": 1, "maximum": 9},
        "items": {"type": "array", "items": {"$ref": "#/$defs/Row"}, "minItems": 2},
        "either": {"anyOf": [{"type": "number", "multipleOf": 2}, {"type": "null"}]},
    },
    "required": ["minimum", "items", "either"],
    "additionalProperties": False,
    "$defs": {
        "Row": {
            "type": "object",
            "properties": {"maxItems": {"type": "string", "maxLength": 3, "enum": ["a"]}},
            "required": ["maxItems"],
            "additionalProperties": False,
        }
    },
}
CLOSED = {"additionalProperties": False}
ASK = ChatRequest((Message("user", "U"),), output=OutputSchema("Rows", SCHEMA))


def test_openai_takes_it_as_a_strict_response_format() -> None:
    body = json.loads(openai_chat().encode(ASK, "m", False).body)
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "Rows", "schema": SCHEMA, "strict": True},
    }


def test_ollama_takes_the_schema_as_its_format() -> None:
    body = json.loads(encode_ollama(ASK, "m", False).body)
    assert body["format"] == SCHEMA


def test_anthropic_takes_it_beside_other_output_settings_and_without_bounds() -> None:
    asked = ChatRequest(
        ASK.messages, output=ASK.output, extra={"output_config": {"effort": "low", "format": 1}}
    )
    config = json.loads(encode_anthropic(asked, "m", False).body)["output_config"]
    assert config["effort"] == "low"
    assert config["format"]["type"] == "json_schema"
    sent = config["format"]["schema"]
    assert sent["properties"] == {
        "minimum": {"type": "integer"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/Row"}},
        "either": {"anyOf": [{"type": "number"}, {"type": "null"}]},
    }
    assert sent["$defs"]["Row"]["properties"] == {"maxItems": {"type": "string", "enum": ["a"]}}


def test_a_schema_without_bounds_admits_all_that_the_bounded_one_does() -> None:
    value = {"minimum": 3, "items": [{"maxItems": "a"}, {"maxItems": "a"}], "either": 4}
    for schema in (SCHEMA, without_bounds(SCHEMA)):
        Draft202012Validator(schema).validate(value)
    Draft202012Validator(without_bounds(SCHEMA)).validate(value | {"minimum": 99, "items": []})


@pytest.mark.parametrize("field", ["response_format", "format", "output_config"])
def test_without_a_shape_nothing_is_asked_for(field: str) -> None:
    plain = ChatRequest(ASK.messages)
    for encode in (openai_chat().encode, encode_ollama, encode_anthropic):
        assert field not in json.loads(encode(plain, "m", False).body)


def test_a_model_that_declines_is_told_from_one_that_answers() -> None:
    message = {"role": "assistant", "content": None, "refusal": "I cannot."}
    whole = {"choices": [{"message": message, "finish_reason": "stop"}]}
    answer = decode(json.dumps(whole).encode(), str)
    assert (answer.text, answer.finish_reason) == ("I cannot.", "content_filter")
    decoder = OpenAIStream(str)
    for delta, reason in (({"refusal": "I "}, None), ({"refusal": "cannot."}, None), ({}, "stop")):
        event = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        decoder.feed(Frame("", json.dumps(event).encode()))
    assert decoder.finish() == Chunk(finish_reason="content_filter")


LOOSE: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    {**SCHEMA, "required": ["minimum", "items"]},
    {**SCHEMA, "$defs": {"Row": {"type": "object", "properties": {"a": {}}}}},
    {**SCHEMA, "oneOf": [{"type": "object"}]},
    {**SCHEMA, "properties": [1]},
    {**SCHEMA, "anyOf": 7},
    {**SCHEMA, "required": [[]]},
    {"type": "array", "items": {"type": "string"}},
    {},
]


@pytest.mark.parametrize("schema", LOOSE, ids=lambda schema: json.dumps(schema)[-40:])
def test_openai_is_not_asked_to_be_strict_about_a_schema_that_it_would_refuse(
    schema: dict[str, Any],
) -> None:
    ask = ChatRequest(ASK.messages, output=OutputSchema("Rows", schema))
    chat = json.loads(openai_chat().encode(ask, "m", False).body)["response_format"]["json_schema"]
    responses = json.loads(encode_responses(ask, "m", False).body)["text"]["format"]
    assert (chat["schema"], chat["strict"]) == (schema, False)
    assert (responses["schema"], responses["strict"]) == (schema, False)


def test_anthropic_gets_objects_closed_that_were_left_open() -> None:
    inner = {"type": "object", "properties": {"type": {"type": "string"}}}
    schema = {"type": "object", "properties": {"a": inner, "b": {"type": "object"} | CLOSED}}
    sent = without_bounds(schema)
    assert sent["additionalProperties"] is False
    assert sent["properties"]["a"] == inner | CLOSED
    assert without_bounds({**schema, "additionalProperties": True})["additionalProperties"] is True
