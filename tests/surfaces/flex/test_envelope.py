"""Envelopes as text: strict to read, whole or in parts, and hostile ones refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from conduit.contracts.errors import Conflict, InvalidInput, TooLarge
from conduit.surfaces.flex.assembly import MOST_OPEN, PATIENCE_S, Assembly
from conduit.surfaces.flex.envelope import (
    MOST_BODY,
    MOST_IN_BATCH,
    MOST_TEXT,
    Envelope,
    Part,
    corr_of,
    parse,
    render,
    render_batch,
    render_parts,
    schema,
)

PROPOSAL = """{
  "v": 1,
  "ts": 1723622400000,
  "corr": "dE8x-7qF",
  "intent": "planner.execute",
  "body": {
    "objective": "Draft release notes from baseline BA-2025-08",
    "steps": [
      {"name": "persist.getBaseline",
       "arguments": {"corpusId": "fc-main", "baselineId": "BA-2025-08"}},
      {"name": "analytics.summarize", "arguments": {"corpusId": "fc-main"}}
    ]
  }
}"""

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)
bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
envelopes = st.builds(
    Envelope,
    ts=st.integers(0, 2**53),
    corr=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=64),
    intent=st.sampled_from(["llm.chat", "groove.render", "x"]),
    body=bodies,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def whole(texts: list[str]) -> Envelope | None:
    assembly = Assembly(Clock())
    made = None
    for text in texts:
        assert len(text.encode()) <= MOST_TEXT
        [each] = parse(text)
        assert isinstance(each, Envelope)
        made = assembly.take(each)
    return made


def test_the_envelope_of_the_proposal_is_read() -> None:
    [envelope] = parse(PROPOSAL)
    assert isinstance(envelope, Envelope)
    assert (envelope.corr, envelope.intent, envelope.ts) == (
        "dE8x-7qF",
        "planner.execute",
        1723622400000,
    )
    assert isinstance(envelope.body, dict)
    assert len(envelope.body["steps"]) == 2


@given(envelopes)
def test_what_is_rendered_is_read_back(envelope: Envelope) -> None:
    assert parse(render(envelope)) == [envelope]


@given(envelopes, st.integers(1024, MOST_TEXT))
def test_parts_come_together(envelope: Envelope, most: int) -> None:
    assert whole(render_parts(envelope, most)) == envelope


@pytest.mark.parametrize("letter", ["a", '"', "\\", "é", "🎹", "\n"])
def test_parts_of_any_letters_stay_within_a_text(letter: str) -> None:
    envelope = Envelope(1, "c", "result", {"text": letter * 30_000})
    texts = render_parts(envelope)
    assert len(texts) > 1
    assert whole(texts) == envelope


@given(st.lists(envelopes, min_size=1, max_size=70))
def test_batches_hold_all_in_order(many: list[Envelope]) -> None:
    texts = list(render_batch(many))
    assert [each for text in texts for each in parse(text)] == many


@given(envelopes)
def test_the_published_schema_takes_what_is_rendered(envelope: Envelope) -> None:
    Draft202012Validator(schema()).validate(json.loads(render(envelope)))


GOOD: dict[str, Any] = {"v": 1, "ts": 1, "corr": "c", "intent": "llm.chat"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"v": 2}, "v"),
        ({"v": None}, "v"),
        ({"ts": -1}, "ts"),
        ({"ts": 1.5}, "ts"),
        ({"ts": "1"}, "ts"),
        ({"ts": True}, "ts"),
        ({"ts": 2**60}, "ts"),
        ({"corr": ""}, "corr"),
        ({"corr": "x" * 65}, "corr"),
        ({"corr": 7}, "corr"),
        ({"intent": ""}, "intent"),
        ({"intent": "x" * 129}, "intent"),
        ({"extra": 1}, "extra"),
        ({"part": {"number": 3, "of": 2}, "body": ""}, "part 3 of 2"),
        ({"part": {"number": 0, "of": 2}, "body": ""}, "number"),
        ({"part": {"number": 1, "of": 1}, "body": ""}, "of"),
        ({"part": {"number": 1, "of": 10_000}, "body": ""}, "of"),
        ({"part": {"number": 1, "of": 2}, "body": {}}, "piece of JSON text"),
    ],
)
def test_a_wrong_field_is_named_and_the_schema_agrees(change: dict[str, Any], said: str) -> None:
    wrong = {**GOOD, **change}
    with pytest.raises(InvalidInput, match=said):
        parse(json.dumps(wrong))
    [refused, taken] = parse(json.dumps([wrong, GOOD]))
    assert isinstance(refused, InvalidInput)
    assert isinstance(taken, Envelope)
    if "part " not in said and "piece" not in said:  # what a schema cannot say
        assert not Draft202012Validator(schema()).is_valid(wrong)


@pytest.mark.parametrize(
    "text",
    ["", "{", "7", '"x"', "null", "[]", "[1]", "{}", "[" * 10_000, '{"v":1}' + " " * MOST_TEXT],
)
def test_what_is_no_envelope_is_refused(text: str) -> None:
    try:
        found = parse(text)
    except InvalidInput:
        return
    assert all(isinstance(each, InvalidInput) for each in found)


def test_sizes_are_bounded() -> None:
    with pytest.raises(TooLarge):
        parse(json.dumps([GOOD] * (MOST_IN_BATCH + 1)))
    with pytest.raises(TooLarge, match="in parts"):
        render(Envelope(1, "c", "x", "y" * MOST_TEXT))
    with pytest.raises(TooLarge):
        render_parts(Envelope(1, "c", "x", "y" * MOST_BODY))
    assert corr_of('{"corr": "abc", "v": 9}') == "abc"
    assert corr_of("{") == corr_of('{"corr": 7}') == ""


def part(number: int, body: str, of: int = 3, corr: str = "c", intent: str = "x.y") -> Envelope:
    return Envelope(1, corr, intent, body, Part(number, of))


def test_parts_in_any_order_and_twice() -> None:
    assembly = Assembly(Clock())
    assert assembly.take(part(3, "]")) is None
    assert assembly.take(part(1, "[1")) is None
    assert assembly.take(part(1, "[1")) is None
    made = assembly.take(part(2, ",2"))
    assert made is not None
    assert made.body == [1, 2]


def test_parts_that_contradict_each_other_are_given_up() -> None:
    assembly = Assembly(Clock())
    assembly.take(part(1, "[1"))
    with pytest.raises(Conflict, match="twice"):
        assembly.take(part(1, "[2"))
    assembly.take(part(1, "[1"))
    with pytest.raises(Conflict, match="belong"):
        assembly.take(part(2, "]", of=4))
    assembly.take(part(1, "[1"))
    with pytest.raises(Conflict, match="belong"):
        assembly.take(part(2, "]", intent="z.z"))


def test_bodies_that_never_end_are_forgotten_and_bounded() -> None:
    clock = Clock()
    assembly = Assembly(clock)
    for number in range(MOST_OPEN):
        assembly.take(part(1, "[", corr=str(number)))
    with pytest.raises(TooLarge):
        assembly.take(part(1, "[", corr="one more"))
    clock.now = PATIENCE_S + 1
    assert assembly.take(part(1, "[", corr="one more")) is None
    assert assembly.expire() == []


def test_a_body_may_not_grow_without_end() -> None:
    assembly = Assembly(Clock())
    piece = "x" * (MOST_BODY // 16)
    for number in range(1, 17):
        assert assembly.take(part(number, piece, of=256)) is None
    with pytest.raises(TooLarge):
        assembly.take(part(17, "x", of=256))
    assert assembly.take(part(1, "{", corr="c")) is None
