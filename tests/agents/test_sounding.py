"""A groove that is to become sound, in the words of producers and through the real rooms."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.offline.clauses import read_plan
from conduit.agents.offline.intent import Answer, MakeGroove, MakeSound, Question, RenderSaved
from conduit.agents.offline.sounding import without_sound
from conduit.agents.planning.names import BlockNames
from conduit.agents.planning.rules import plan_by_rules
from conduit.audio.blocks import audio_blocks
from conduit.contracts.call import DEFAULT_ORG
from conduit.store.files import DiskFiles
from tests.agents.conftest import MakeRooms
from tests.agents.test_clauses import DUB
from tests.agents.test_offline import ask


@pytest.mark.parametrize(
    "said",
    [
        "render this to wav",
        "export to wav",
        "export it as a wav file, please",
        "can you convert that to audio?",
        "bounce it",
        "bounce this loop down",
        "give me a wav",
        "a wav of it, please",
        "wav",
    ],
)
def test_it_is_what_was_made_last(said: str) -> None:
    assert read_plan(said, [DUB], midi="m1") == (MakeSound("m1"),)
    (answer,) = read_plan(said)
    assert isinstance(answer, Answer)
    assert "no groove" in answer.text


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("8 bars of acid as wav", MakeGroove),
        ("make an acid loop and export it as wav", MakeGroove),
        ("acid at 150, 8 bars, then bounce it down", MakeGroove),
        ("render late_night to audio", RenderSaved),
    ],
)
def test_it_is_what_the_sentence_makes(said: str, first: type[object]) -> None:
    made, sound = read_plan(said, [DUB], midi="m1")
    assert isinstance(made, first)
    assert sound == MakeSound()
    if isinstance(made, MakeGroove):
        assert made.arguments["style"] == "acid"
        assert made.remarks == ()


@pytest.mark.parametrize(
    "said",
    [
        "how do I export a wav?",
        "what is a wav file?",
        "make the hats sit like loop.wav",
        "make the hats sit like this audio loop",
        "audio interface",
        "convert the audio to midi",
        "make it bounce more",
        "render late_night",
        "an mp3 of it",
    ],
)
def test_what_is_something_else(said: str) -> None:
    assert not any(isinstance(each, MakeSound) for each in read_plan(said, [DUB], midi="m1"))
    if said.endswith("?"):
        assert isinstance(read_plan(said, [DUB], midi="m1")[0], Question)


_WORDS = (
    "render bounce it this to as a wav audio file and then please make me , . 8 bars dub".split()
)


@given(st.lists(st.sampled_from(_WORDS), max_size=14).map(" ".join) | st.text(max_size=80))
def test_nothing_but_the_request_is_taken_away(text: str) -> None:
    rest = without_sound(text)
    if rest is not None:
        words = re.findall(r"\w+", text)
        assert [word for word in re.findall(r"\w+", rest) if word not in words] == []
        assert len(rest) < len(text)


async def test_it_is_sound_that_can_be_saved(rooms: MakeRooms, tmp_path: Path) -> None:
    joined = rooms(extra=audio_blocks(DiskFiles(tmp_path / "files")))
    reply = await ask(joined, "2 bars of dub at 120 as wav")
    groove, sound = reply.tool_calls
    assert (groove.block, sound.block) == ("groove.render", "audio.render")
    stored = joined.home / "files" / DEFAULT_ORG / sound.result["wav"]["id"]
    assert (await asyncio.to_thread(stored.read_bytes)).startswith(b"RIFF")
    assert f"**{sound.result['wav']['name']}**: {sound.result['seconds']:.1f} s" in reply.text
    again = await ask(joined, "bounce it")
    assert [use.result["wav"]["id"] for use in again.tool_calls] == [sound.result["wav"]["id"]]


def test_a_plan_refers_to_what_it_makes(rooms: MakeRooms, tmp_path: Path) -> None:
    joined = rooms(extra=audio_blocks(DiskFiles(tmp_path / "files")))
    catalog = joined.gate.catalog
    steps, note = plan_by_rules("8 bars of dub as wav", catalog, BlockNames(catalog))
    assert [each.name for each in steps] == ["groove.render", "audio.render"]
    assert steps[1].arguments == {"file_id": "${steps[0].output.midi.id}"}
    assert note == ""
