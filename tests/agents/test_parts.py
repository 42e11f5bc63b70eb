"""Bass lines, stabs and keys in what producers say."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from conduit.agents.offline.intent import MakeGroove, Question
from conduit.agents.offline.understand import understand
from conduit.blocks import decode
from conduit.rhythm.groove import GrooveRequest, complete, config_of
from conduit.rhythm.styles import Style
from conduit.rhythm.styles.lines import Part

ACID = complete(GrooveRequest(Style.ACID, parts=(Part.BASS,)))


def arguments(sentence: str, *grooves: GrooveRequest) -> dict[str, Any]:
    intent = understand(sentence, [asdict(each) for each in grooves])
    assert isinstance(intent, MakeGroove), intent
    config = config_of(decode(GrooveRequest, intent.arguments, lenient=True))
    assert any(layer.melody for layer in config.layers) == bool(intent.arguments.get("parts"))
    return intent.arguments


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("make a bassline", {"style": "warehouse", "parts": ["bass"]}),
        (
            "an acid groove with a bass line in e minor",
            {"style": "acid", "parts": ["bass"], "root": "E", "scale": "minor"},
        ),
        (
            "8 bars of industrial with bass and stabs at 140 bpm",
            {"style": "industrial", "bars": 8, "bpm": 140.0, "parts": ["bass", "stab"]},
        ),
        (
            "hypnotic with chords in b flat harmonic minor",
            {"style": "hypnotic", "parts": ["stab"], "root": "A#", "scale": "harmonic minor"},
        ),
        ("minimal with a bass in f#", {"style": "minimal", "parts": ["bass"], "root": "F#"}),
        ("drum and bass at 174", {"style": "broken", "bpm": 174.0}),
        ("dub without the stab", {"style": "dub", "mute": ["stab"]}),
        ("no bass drum", {"style": "warehouse", "mute": ["kick"]}),
    ],
)
def test_a_first_groove_with_parts(sentence: str, said: dict[str, Any]) -> None:
    assert arguments(sentence) == said


def test_parts_join_and_leave_the_last_groove() -> None:
    assert arguments("add stabs", ACID)["parts"] == ["bass", "stab"]
    assert arguments("drop the bass line", ACID)["parts"] == []
    moved = arguments("now in a minor", ACID)
    assert (moved["root"], moved["scale"], list(moved["parts"])) == ("A", "minor", ["bass"])
    assert list(arguments("more swing", ACID)["parts"]) == ["bass"]


def test_a_question_about_a_bass_line_is_a_question() -> None:
    assert isinstance(understand("what is a bass line?"), Question)
