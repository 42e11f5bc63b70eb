"""The official client, pointed at the same fake: what holds for Conduit holds for others too."""

from __future__ import annotations

import openai
import pytest
from openai import OpenAI

from tests.fakes.upstream import FakeUpstream

SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "tone": {"enum": ["dry", "warm"], "type": "string"},
        "score": {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/Row"}},
    },
    "required": ["title", "tone", "score", "rows"],
    "additionalProperties": False,
    "$defs": {
        "Row": {
            "type": "object",
            "properties": {"ok": {"type": "boolean"}},
            "required": ["ok"],
            "additionalProperties": False,
        }
    },
}
GOOD = {"name": "Report", "schema": SCHEMA, "strict": True}


def ask(upstream: FakeUpstream, shape: dict[str, object]) -> str:
    with OpenAI(base_url=f"{upstream.url}/v1", api_key="k", max_retries=0) as client:
        answer = client.chat.completions.create(
            model="fake-1",
            messages=[{"role": "user", "content": "Report."}],
            response_format={"type": "json_schema", "json_schema": shape},  # type: ignore[typeddict-item]
        )
    return answer.choices[0].message.content or ""


def test_an_answer_has_the_shape_that_was_asked_for(upstream: FakeUpstream) -> None:
    assert ask(upstream, GOOD) == (
        '{"title": "some title", "tone": "dry", "score": 3, "rows": [{"ok": true}]}'
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "not a name"}, "name"),
        ({"strict": "yes"}, "strict"),
        ({"schema": {"type": "array"}}, "root must be an object"),
        ({"schema": {**SCHEMA, "additionalProperties": True}}, "additionalProperties"),
        ({"schema": {**SCHEMA, "required": ["title"]}}, "required"),
        ({"schema": {**SCHEMA, "oneOf": []}}, "schema"),
        ({"schema": {**SCHEMA, "maxProperties": 3}}, "not permitted"),
    ],
)
def test_a_shape_not_asked_for_as_published_is_refused(
    upstream: FakeUpstream, change: dict[str, object], says: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=says):
        ask(upstream, GOOD | change)
