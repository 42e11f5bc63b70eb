"""What travels between the device and the server is the same on both sides: the device's tests read
these files too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conduit.agents.ask import AskRequest
from conduit.agents.events import AskReply
from conduit.agents.live.context import context_of
from conduit.agents.live.typed import MidiBlock, ParameterBlock
from conduit.blocks import decode, dumps
from conduit.contracts.errors import InvalidInput
from conduit.contracts.outcome import ErrorInfo

FIXTURES = Path(__file__).parents[3] / "device" / "test" / "fixtures"


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("note-block", MidiBlock),
        ("parameter-block", ParameterBlock),
        ("request", AskRequest),
        ("reply", AskReply),
    ],
)
def test_the_server_says_and_reads_what_the_device_does(name: str, kind: type[Any]) -> None:
    """Read and written again, nothing that the device relies on is missing or has another value."""
    told = fixture(name)
    again = json.loads(dumps(decode(kind, told, lenient=True)))
    assert {key: again[key] for key in told} == told


def test_the_set_that_the_device_tells_is_understood() -> None:
    told = fixture("context")
    seen = context_of(told)
    assert [track.name for track in seen.tracks] == [each["name"] for each in told["tracks"]]
    assert [track.kind for track in seen.tracks] == [each["kind"] for each in told["tracks"]]
    assert seen.tracks[3].frozen
    assert seen.selected.track == 0
    assert seen.clip is not None
    assert seen.clip.notes[0].probability == 0.5
    assert (seen.clip.note_count, seen.clip.groove) == (1, "MPC 16 Swing")
    assert seen.devices[0].parameters[3].values == ("LP", "HP", "Band")
    assert not seen.devices[0].parameters[4].enabled


def test_a_clip_of_sound_is_understood() -> None:
    told = fixture("sound")
    clip = json.loads(dumps(context_of({"clip": told}).clip))
    assert {name: clip[name] for name in told} == told


def test_an_error_is_told_as_the_device_reads_it() -> None:
    assert decode(ErrorInfo, fixture("error")["error"]).hint


def test_notes_that_the_device_refuses_are_refused_here_first() -> None:
    for field, value in (("pitch", 128), ("start", -1), ("duration", 0), ("velocity", 0)):
        block = fixture("note-block")
        block["notes"][1][field] = value
        with pytest.raises(InvalidInput, match=field):
            decode(MidiBlock, block, lenient=True)
