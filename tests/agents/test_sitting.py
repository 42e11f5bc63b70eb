"""“Like this loop”: what producers say for it, and what sounds like it and is something else."""

from __future__ import annotations

import ast
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.ears.note import Sound
from conduit.agents.offline.clauses import read_plan
from conduit.agents.offline.intent import (
    Answer,
    Intent,
    MakeGroove,
    MakeSound,
    SaveConfig,
    SitLike,
)
from conduit.agents.offline.past import Sat
from conduit.agents.offline.sitting import read_sitting
from conduit.rhythm.groove import GrooveRequest, complete
from conduit.rhythm.styles import Style

LAST = complete(GrooveRequest(Style.DUB, bpm=124, seed=3, swing=54))
SOUNDS = (Sound("1" * 64, "break.wav", "3 s, 150 BPM"), Sound("2" * 64, "My Funky Loop 02.flac"))
HATS = ("open hat", "closed hat", "shaker")
ALL = ("kick", "snare", "hat", "open_hat", "percussion")
USUAL = ("hat", "open_hat")
NEWEST, OLDER = SOUNDS


def plan(
    sentence: str, *grooves: GrooveRequest, sounds: tuple[Sound, ...] = SOUNDS, **more: Any
) -> tuple[Intent, ...]:
    return read_plan(sentence, [asdict(each) for each in grooves], sounds=sounds, **more)


def sits(sentence: str, *grooves: GrooveRequest) -> SitLike:
    (intent,) = plan(sentence, *grooves)
    assert isinstance(intent, SitLike), intent
    return intent


SAID: list[tuple[str, tuple[str, ...], Sound, float]] = [
    ("make the hats sit like this loop", HATS, NEWEST, 1),
    ("Make the hats sit like this loop!", HATS, NEWEST, 1),
    ("can you make the hi-hats sit like this loop?", HATS, NEWEST, 1),
    ("could the hats lean like that sample", HATS, NEWEST, 1),
    ("make the kick and the hats groove like the loop 60 %", ("kick", *HATS), NEWEST, 0.6),
    ("the kick should sit like the break by half", ("kick",), NEWEST, 0.5),
    ("the hats should lean a bit like that loop", HATS, NEWEST, 0.4),
    ("hats exactly like the audio", HATS, NEWEST, 1),
    ("make the hats of the groove sit like this, please", HATS, NEWEST, 1),
    ("make it sit like my funky loop 02", ALL, OLDER, 1),
    ("make it sit like “My Funky Loop 02.flac” halfway", ALL, OLDER, 0.5),
    ("everything should swing like what you heard", ALL, NEWEST, 1),
    ("make all of it groove like this sound, 0.25", ALL, NEWEST, 0.25),
    ("sit like break.wav", USUAL, NEWEST, 1),
    ("now sit like this", USUAL, NEWEST, 1),
    ("please swing like the loop", USUAL, NEWEST, 1),
    ("swing the percussion like this loop by 30 percent", ("echo rim", "stab"), NEWEST, 0.3),
    ("give the hats the feel of break.wav", HATS, NEWEST, 1),
    ("take the groove of this loop and put it on the hats", HATS, NEWEST, 1),
    ("extract the groove template from this loop and apply it to the snare", ("snare",), NEWEST, 1),
    ("extract the groove of this loop and apply it", USUAL, NEWEST, 1),
    ("steal the timing of my recording for everything", ALL, NEWEST, 1),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "layers", "sound", "amount"), SAID)
def test_it_is_understood(
    sentence: str, layers: tuple[str, ...], sound: Sound, amount: float
) -> None:
    found = sits(sentence, LAST)
    assert (found.layers, found.loop, found.name) == (layers, sound.id, sound.name)
    assert found.amount == pytest.approx(amount)
    changed = {k: v for k, v in found.groove.items() if asdict(LAST)[k] != v}
    assert changed == {}, "nothing else was asked for"


@pytest.mark.parametrize(
    ("sentence", "wish"),
    [
        ("8 bars of acid with hats like this loop", {"style": "acid", "bars": 8}),
        ("hard at 150 with 30% ghosts and hats like the break, 60% swing",
         {"style": "hard", "bpm": 150.0, "ghost": 0.3, "swing": 60.0}),
        ("acid, hats like my funky loop 02 40 %, 16 bars", {"style": "acid", "bars": 16}),
    ],
)  # fmt: skip
def test_a_groove_may_be_asked_for_in_the_same_breath(sentence: str, wish: dict[str, Any]) -> None:
    assert sits(sentence).groove == wish
    assert sits(sentence, LAST).groove == wish


def test_a_change_of_the_groove_and_the_loop_are_one() -> None:
    found = sits("more swing and hats like the break", LAST)
    assert found.groove["swing"] == 57
    assert found.groove["seed"] == 3


def test_what_is_missing_is_said() -> None:
    for sentence, grooves, sounds, said in (
        ("make the hats sit like this loop", (LAST,), (), "heard no loop"),
        ("make the hats sit like gone.wav", (LAST,), SOUNDS, "not heard “gone.wav” here"),
        ("make the hats sit like this loop", (), SOUNDS, "There is no groove yet"),
        ("make the clap sit like this loop", (LAST,), SOUNDS, "There is no clap in dub"),
        ("5000 bars of dub with hats like this loop", (), SOUNDS, "from 1 to 4096"),
    ):
        (intent,) = plan(sentence, *grooves, sounds=sounds)
        assert isinstance(intent, Answer)
        assert said in intent.text


def test_it_goes_on_sitting_until_it_is_told_not_to() -> None:
    sat = Sat(OLDER.id, USUAL, 0.5, config={"bpm": 124})
    past = (LAST, complete(GrooveRequest(Style.DUB, bpm=111)))
    more = plan("faster", *past, sat=[sat, None])[0]
    assert isinstance(more, SitLike)
    assert (more.loop, more.name, more.amount) == (OLDER.id, OLDER.name, 0.5)
    assert plan("save this as x1", *past, sat=[sat, None]) == (
        SaveConfig("x1", sat=True, config={"bpm": 124}),
    )
    made, kept = plan("more swing, and save it as x1", *past, sat=[sat, None])
    assert isinstance(made, SitLike)
    assert kept == SaveConfig("x1", sat=True, config=None), "what is played then"
    for sentence in ("undo", "acid", "back on the grid", "without the loop", "without hats"):
        (intent,) = plan(sentence, *past, sat=[sat, None])
        assert isinstance(intent, MakeGroove), sentence
    (back,) = plan("undo", *past, sat=[None, sat])
    assert isinstance(back, SitLike)
    assert back.groove["bpm"] == 111


@pytest.mark.parametrize(
    ("sentence", "asked"),
    [
        ("what did you hear?", True), ("how fast is this loop?", True),
        ("Please describe the break.", True), ("what key is that sample in?", True),
        ("what's the tempo of my loop", True), ("listen to this wav", True),
        ("what is a loop?", False), ("how do i make the loop longer?", False),
        ("what tempo is dub?", False), ("this loop is fast", False), ("what was that?", False),
    ],
)  # fmt: skip
def test_what_was_heard_can_be_asked_for(sentence: str, asked: bool) -> None:
    (intent,) = plan(sentence, LAST)
    told = isinstance(intent, Answer) and "**break.wav**: 3 s, 150 BPM." in intent.text
    assert told is asked
    (intent,) = plan(sentence, LAST, sounds=())
    assert not (isinstance(intent, Answer) and "break.wav" in intent.text)


def test_a_groove_that_sits_is_heard_too() -> None:
    made, sound = plan("8 bars of dub with hats like break.wav, as wav")
    assert isinstance(made, SitLike)
    assert isinstance(sound, MakeSound)


OTHERS = [
    "make a groove like this", "a groove like this loop", "make a groove like aphex twin",
    "something like dub", "another loop like this", "i like this loop", "i like the hats",
    "more like this", "like the last loop, but faster", "what does the groove feel like?",
    "hats like berghain", "what is it like to sit in a loop", "make the hats louder, like",
    "does it groove like dub?", "i would like the hats in the loop", "show me this loop",
]  # fmt: skip


@pytest.mark.parametrize("sentence", OTHERS)
def test_other_likings_are_none(sentence: str) -> None:
    assert read_sitting(sentence, SOUNDS) is None


def test_nothing_that_was_understood_before_is_taken_for_it() -> None:
    """Every text of the other tests of what the offline agent understands."""
    texts = set()
    for name in ("test_understand", "test_clauses", "test_offline", "test_parts", "test_saving"):
        tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text())
        texts |= {
            each.value
            for each in ast.walk(tree)
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        }
    assert len(texts) > 300
    taken = [each for each in texts if read_sitting(" ".join(each.casefold().split()), SOUNDS)]
    assert taken == []


WORDS = st.sampled_from(
    "make the hats kick and sit like this loop break.wav of groove 60 % it , . “ ” a bit".split()
)


@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=80))
def test_whatever_is_said_there_is_a_plan(sentence: str) -> None:
    for intent in plan(sentence, LAST):
        if isinstance(intent, SitLike):
            assert intent.loop in {each.id for each in SOUNDS}
            assert 0 <= intent.amount <= 1
            assert intent.layers


def test_long_sentences_take_no_long_time() -> None:
    begun = time.process_time()
    for text in ("kick, " * 400, "hats like " * 220, "like this loop " * 140, "“" * 2000,
                 "the hats of the groove " * 90, "give the kick and " * 110):  # fmt: skip
        read_sitting(text[:2000], SOUNDS)
    assert time.process_time() - begun < 10
