"""A set as a model is shown it, and how differences become a whole: properties, and the bounds."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.agents.live.answer import for_live
from conduit.agents.live.context import context_of, merged
from conduit.agents.live.note import LARGEST, is_live, noted, written
from conduit.blocks import dumps, loads
from conduit.contracts.chat import Message
from conduit.contracts.errors import InvalidInput

values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)
whole = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    (
        "type notes changes target pitch start start_beat duration velocity name length_beats "
        "device parameter value track slot x"
    ).split()
)
written_out = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["midi", "parameters", "selected", "0.5", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=20,
)
objects = st.dictionaries(st.text(max_size=2), whole, max_size=4)


def large(name: str = "A track of a name", tracks: int = 100, scenes: int = 64) -> dict[str, Any]:
    """A set as a device tells it, with a full device and a long clip selected."""
    parameter = {"name": f"{name} cutoff", "value": 0.123456789, "min": 0, "max": 1}
    note = {"pitch": 36, "start": 0.333333333, "duration": 0.25, "velocity": 100}
    return {
        "tempo": 132.0,
        "numerator": 7,
        "denominator": 8,
        "playing": True,
        "scale": {"name": "Minor", "root": 9},
        "tracks": [{"name": f"{name} {n}", "kind": "midi", "armed": True} for n in range(tracks)],
        "scenes": [f"{name}, part {n}" for n in range(scenes)],
        "selected": {"track": 3, "scene": 1},
        "clip": {"name": name, "length_beats": 64, "notes": [note] * 2000, "note_count": 9000},
        "devices": [{"name": name, "parameters": [parameter] * 128}] * 8,
    }


def difference(before: Any, after: Any) -> Any:
    """The patch that leads from one object to another."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    gone = {name: None for name in before if name not in after}
    return gone | {
        name: difference(before.get(name), value)
        for name, value in after.items()
        if name not in before or before[name] != value or type(before[name]) is not type(value)
    }


@given(objects, objects)
@settings(max_examples=50)
def test_differences_lead_from_one_whole_to_the_other(before: Any, after: Any) -> None:
    assert merged(before, difference(before, after)) == after
    assert merged(before, {}) == before
    assert merged(merged(before, after), after) == merged(before, after)


@given(values, values)
@settings(max_examples=50)
def test_whatever_is_merged_or_told_is_read_or_refused(before: Any, changes: Any) -> None:
    found = merged(before, changes)
    told = {"tempo": found, "tracks": found, "selected": found, "clip": found, "devices": found}
    with contextlib.suppress(InvalidInput):  # nothing else is raised, and what is read is bounded
        assert len(written(context_of(told)).encode()) <= LARGEST


@given(written_out, st.sampled_from(["midi", "parameters"]))
def test_whatever_a_model_writes_is_a_block_or_is_refused(value: Any, kind: str) -> None:
    note = {"pitch": 36, "start": 0, "duration": 1}
    typed = {**value, "type": kind} if isinstance(value, dict) else value
    for each in (value, typed, {"type": kind, "notes": [note, value]}, [note, value]):
        found = for_live((), [each])
        assert len(found.blocks) + len(found.refused) <= 1
        for block in found.blocks:
            assert for_live((), [loads(dumps(block))]).blocks == (block,), "it travels as it is"


def test_bottomless_differences_are_refused() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(InvalidInput, match="too deep"):
        merged({}, deep)


def test_a_large_set_is_told_in_few_bytes_and_little_time() -> None:
    context = context_of(large())
    started = time.process_time()
    for _ in range(10):
        text = written(context)
    assert (time.process_time() - started) / 10 < 0.1, "it takes some 3 ms"
    assert len(text.encode()) <= LARGEST
    said = json.loads(text)
    assert len(said["tracks"]) == 100, "every track is named"
    assert len(said["scenes"]) == 64, "and every scene"
    assert said["tracks"][3] == ["A track of a name 3", "midi", "armed"]
    assert said["metre"] == "7/8"
    assert said["scale"] == "A Minor"
    assert said["selected_track"] == [3, "A track of a name 3"]
    assert said["clip"]["notes"] == 9000
    assert said["devices"][-1].startswith("and ")
    assert said["notes"][0] == [36, 0.333, 0.25, 100]


def test_of_a_sound_its_file_is_said_and_of_notes_their_groove() -> None:
    sound = {"kind": "audio", "name": "Break", "file": "break.wav", "seconds": 2.50049}
    for told, said in (
        (
            {**sound, "warping": False, "looping": True},
            {"file": "break.wav", "seconds": 2.5, "warping": False, "looping": True},
        ),
        ({"groove": "MPC 16 Swing", "note_count": 3}, {"groove": "MPC 16 Swing", "notes": 3}),
    ):
        clip = json.loads(written(context_of({"clip": told})))["clip"]
        assert {name: clip[name] for name in said} == said
        assert None not in clip.values()
        assert ("notes" in clip) != ("file" in clip)


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60))
@settings(max_examples=12, deadline=None)
def test_no_name_breaks_out_or_goes_beyond_the_bound(name: str) -> None:
    context = context_of(large(name, tracks=700, scenes=900))
    text = written(context)
    assert len(text.encode()) <= LARGEST
    said = json.loads(text)
    assert said["notice"].startswith("What the person's")
    assert said["clip"]["name"] == (name if len(name) <= 48 else name[:47] + "…")


def test_a_set_comes_before_the_prompt_and_is_known_again() -> None:
    prompt = (Message("system", "s"), Message("user", "dub"))
    messages = noted(written(context_of({"tempo": 120})), prompt)
    assert [each.role for each in messages] == ["system", "user", "assistant", "user"]
    assert messages[-1] == prompt[-1]
    assert is_live(messages)
    assert not is_live(prompt)
    assert loads(messages[1].content)["tempo"] == 120


def test_what_is_not_known_is_left_out_and_what_is_wrong_is_named() -> None:
    told = {"tempo": 120, "colour": "red", "tracks": [{"name": "Kick", "id": 7, "kind": None}]}
    context = context_of(told)
    assert context.tracks[0].name == "Kick"
    for wrong, where in (
        ({"tempo": float("nan")}, "tempo"),
        ({"tempo": -1}, "tempo"),
        ({"tracks": [{"kind": "video"}]}, "tracks"),
        ({"clip": {"notes": [{"pitch": 128, "start": 0, "duration": 1}]}}, "pitch"),
        ({"devices": "all"}, "devices"),
    ):
        with pytest.raises(InvalidInput, match=where):
            context_of(wrong)
