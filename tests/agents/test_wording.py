"""What many say in their own words: slang, slips of the keyboard, refusals, amounts, going back."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from conduit.agents.ears.note import Sound
from conduit.agents.offline.clauses import read_plan
from conduit.agents.offline.intent import (
    Answer,
    Beyond,
    ChangeSaved,
    Intent,
    ListStyles,
    MakeGroove,
    MorphGrooves,
    Question,
    RenderSaved,
    SaveConfig,
    SitLike,
)
from conduit.agents.offline.past import Sat
from conduit.blocks import decode
from conduit.rhythm.groove import GrooveRequest
from tests.agents.test_clauses import DUB, NAMES
from tests.agents.test_understand import BEFORE, LAST, heard, made

HATS = ["open hat", "closed hat", "shaker"]
BUT_THE_KICK = ["snare", "open hat", "closed hat", "echo rim", "stab", "shaker"]

CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("swing up|turn the swing up|crank the swing|more swingy|not swingy enough"
     "|too little swing|swing is too low", {"swing": 57}),
    ("swing down|turn down the swing|less swingy|dial the swing down|too swingy"
     "|the swing is too strong", {"swing": 51}),
    ("turn the swing off|swing off|i don’t want any swing|no more swing", {"swing": 50}),
    ("bit more swing|turn the swing up a bit", {"swing": 55.5}),
    ("increase swing by 5|swing +5|raise the swing by 5 %", {"swing": 59}),
    ("max swing|swing to the max", {"swing": 75}),
    ("swing to sixty two|set the swing to 62", {"swing": 62}),
    ("+4 bpm|bpm +4|up 4 bpm|raise bpm 4|faster by four|4 bpm faster", {"bpm": 128}),
    ("-4 bpm|lower the tempo by 4|bring it down 4 bpm|slwoer|not faster, slower", {"bpm": 120}),
    ("10% faster|increase the tempo by 10 %", {"bpm": 136.4}),
    ("double the tempo|twice as fast", {"bpm": 248}),
    ("half the tempo|half speed", {"bpm": 62}),
    ("slow down to 110|slow it down to 110 bpm", {"bpm": 110}),
    ("swing a bit less and 2 bpm up", {"swing": 52.5, "bpm": 126}),
    ("at one twenty eight|128,0 bpm|at hundred and twenty-eight|go back to 128", {"bpm": 128}),
    ("what about 130?|no more than 130 bpm|can it be at 130?", {"bpm": 130}),
    ("turn down the density|density down|denstiy -15%", {"density": 0.35}),
    ("ghosts off|remove the ghost kicks|kill the ghosts|no more ghosts", {"ghost": 0}),
    ("hats off|take the hats out|turn off the hats|no more hats|everything except hats"
     "|i don't need the hats|w/o hats", {"mute": HATS}),
    ("solo the kick|mute everything except the kick|kick only", {"mute": BUT_THE_KICK}),
    ("shift the hats 2 steps left|nudge the hats left by 2", {"rotation": -2}),
    ("strip it down to kick and hats", {"mute": ["snare", "echo rim", "stab"]}),
    ("seed forty two", {"seed": 42}),
    ("hundred and twenty bars", {"bars": 120}),
    ("rotate left|rotate the hats left", {"rotation": -1}),
    ("acid instead of dub|not dub, acid", {"style": "acid"}),
    ("rotate it by a step", {"rotation": 1}),
    ("make it 1 minute long|60 seconds of it", {"bars": 31}),
    ("more bars|too short", {"bars": 16}),
    ("one more|next|change the seed|something else", {"seed": 4}),
    ("undo|no, the other one|the one before|revert that", {"bpm": 111}),
    ("undo the tempo", {"bpm": 111}),
    ("undo and make it faster", {"bpm": 115}),
    ("same but slower and darker", {"style": "industrial", "bpm": 120}),
    ("don't change the swing, just 16 bars", {"bars": 16}),
]  # fmt: skip


@pytest.mark.parametrize(("sentences", "changed"), CHANGES, ids=[s for s, _ in CHANGES])
def test_a_change_said_in_many_ways(sentences: str, changed: dict[str, Any]) -> None:
    for sentence in sentences.split("|"):
        assert made(sentence, LAST, BEFORE) == changed, sentence


def test_layers_come_back_in_many_ways() -> None:
    silent = replace(LAST, mute=(*HATS, "kick"))
    for sentence in ("bring the hats back", "hats back in", "put the hats back", "add hats back"):
        assert made(sentence, silent) == {"mute": ["kick"]}, sentence


FIRST: list[tuple[str, dict[str, Any]]] = [
    ("hypnoitc groove at 132", {"style": "hypnotic", "bpm": 132}),
    ("minmal 126", {"style": "minimal", "bpm": 126}),
    ("industiral tekno", {"style": "industrial"}),
    ("dub at one twenty", {"style": "dub", "bpm": 120}),
    ("minimal, 128-132 bpm", {"style": "minimal", "bpm": 130}),
    ("dub between 120 and 130 bpm", {"style": "dub", "bpm": 125}),
    ("faster than 140", {"style": "warehouse", "bpm": 140}),
    ("dub for two minutes", {"style": "dub", "bars": 61}),
    ("ok dub", {"style": "dub"}),
    ("hey, an acid loop", {"style": "acid"}),
]


def test_a_first_groove_with_slips_and_greetings() -> None:
    for sentence, arguments in FIRST:
        (meant,) = read_plan(sentence)
        assert isinstance(meant, MakeGroove), sentence
        assert meant.arguments == arguments, sentence


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("don't make it faster", "I left it as it is, and did not “make it faster”"),
        ("go back to the first one", "no further"),
        ("undo twice", "no further"),
        ("what's the bpm?", "The last groove is 8 bars of dub at 124 BPM"),
        ("how fast is this?", "The last groove is"),
        ("what style is this?", "The last groove is"),
        ("play it", "is a MIDI file already"),
        ("put it in live", "is a MIDI file already"),
        ("make the beat nicer", "did not understand what should be different"),
        ("i hate it", "Say what should be different"),
        ("start over", "Name a style"),
        ("use kick.wav as the kick", "do not open sound files"),
    ],
)
def test_what_is_no_change_makes_no_groove(sentence: str, told: str) -> None:
    intent = heard(sentence, LAST, BEFORE)
    assert isinstance(intent, Answer)
    assert told in intent.text


@pytest.mark.parametrize(
    ("sentence", "style", "remark"),
    [
        ("less acid", "dub", "“less acid” names no style"),
        ("too hard", "dub", "“too hard” names no style"),
        ("in A minor", "dub", "Drums have no key"),
        ("no bass", "dub", "There is no bass in it"),
        ("just the bass", "dub", "The drums stay in it"),
        ("an acid groove with 3 kicks per bar", "acid", "I left out single steps"),
        ("add a ride", "dub", "There is no ride in dub"),
        ("rotate the kick by 2", "dub", "the kick stays where it is"),
        ("first minimal then acid", "minimal", "This one is minimal: ask for acid next"),
        ("make three acid loops", "acid", "I make one groove at a time"),
        ("don't touch the kick, more hats", "dub", "As you said, I did not “touch the kick”"),
    ],
)
def test_what_is_left_out_is_said(sentence: str, style: str, remark: str) -> None:
    intent = heard(sentence, LAST)
    assert isinstance(intent, MakeGroove)
    assert decode(GrooveRequest, intent.arguments, lenient=True).style.value == style
    assert any(remark in each for each in intent.remarks)
    if remark.startswith(("“", "There is no ride")):
        assert intent.arguments["density"] == LAST.density


def plan(sentence: str) -> tuple[Intent, ...]:
    return read_plan(sentence, [DUB, DUB], NAMES)


def test_sentences_about_files_and_questions() -> None:
    kept = {k: v for k, v in DUB.items() if v is not None}
    for sentence in ("cool. save it as roller", "great, now save this as roller please"):
        assert plan(sentence) == (SaveConfig("roller", kept),)
    assert plan("dub1 but slower") == (ChangeSaved("dub1", "slower"),)
    for sentence, told in (
        ("save it as my groove", "stands in quotes"),
        ("save this to disk", "Under which name?"),
        ("load nightdrive", "“render nightdrive”"),
        ("nice dub groove", "Any time"),
        ("thanks for the acid groove", "Any time"),
    ):
        (answer,) = plan(sentence)
        assert isinstance(answer, Answer), sentence
        assert told in answer.text
    (render,) = plan("render nightdrive without hats")
    assert isinstance(render, RenderSaved)
    assert "The rest I left out" in render.remarks[0]
    for sentence in (
        "how do i make a build?",
        "what is a breakdown",
        "is there a way to make fills?",
    ):
        assert plan(sentence) == (Question(sentence),)
    assert plan("styles") == plan("what's the tempo of dub?") == (ListStyles(),)
    (between,) = plan("a mix of dub techno and acid")
    assert isinstance(between, MorphGrooves)
    for sentence in (
        "no hats in the first 4 bars",
        "a fill every 4 bars",
        "velocity 100",
        "render to mp3",
    ):
        assert isinstance(plan(sentence)[0], Beyond), sentence


def test_what_follows_in_one_sentence_starts_from_what_came_before() -> None:
    plan_ = read_plan("make a dub groove and save it as d1, then make it faster and save it as d2")
    slow, _, fast, kept = plan_
    assert isinstance(slow, MakeGroove)
    assert isinstance(fast, MakeGroove)
    assert slow.arguments == {"style": "dub"}
    assert fast.arguments["bpm"] == 126  # four more than the style has
    assert isinstance(kept, SaveConfig)
    assert (kept.groove or {})["bpm"] == 126
    names = [
        each.name if isinstance(each, SaveConfig) else type(each).__name__
        for each in read_plan("make acid, save it as a1, less dense, then save it as a2, undo")
    ]
    assert names == ["MakeGroove", "a1", "MakeGroove", "a2", "MakeGroove"]
    (_, _, told) = read_plan("make a dub groove, save it as d1. what is the bpm?")
    assert isinstance(told, Answer)
    assert "at 122 BPM" in told.text


def test_what_is_said_of_loops() -> None:
    sounds = (Sound("a" * 64, "My Loop 01.wav", "120 BPM"), Sound("b" * 64, "break.aif", "174 BPM"))

    def meant(sentence: str, sat: Sat | None = None) -> Intent:
        (intent,) = read_plan(sentence, [DUB], sat=(sat,), sounds=sounds, this={"groove_id": "g"})
        return intent

    for sentence in ("same swing as this loop", "match the swing of my loop 01"):
        sits = meant(sentence)
        assert isinstance(sits, SitLike), sentence
        assert sits.name == "My Loop 01.wav"
    for sentence, told in (
        ("how fast is break.aif", "**break.aif**: 174 BPM"),
        ("what bpm is my loop 01?", "**My Loop 01.wav**: 120 BPM"),
        ("don't make the hats sit like this loop", "I left it as it is"),
        ("morph this into this loop", "Both are the same groove"),
    ):
        answer = meant(sentence)
        assert isinstance(answer, Answer), sentence
        assert told in answer.text
    for sentence in (
        "make the hats not sit like this loop",
        "no longer like this loop, and 16 bars",
    ):
        plain = meant(sentence, Sat("a" * 64, ("hat",), 1.0))
        assert isinstance(plain, MakeGroove), sentence
        assert plain.understood[0] == "no longer like the loop"
        assert plain.arguments["bars"] == (16 if "16" in sentence else DUB["bars"])


def test_hostile_repetitions_take_no_longer() -> None:
    started = time.process_time()
    pieces = (
        "to wav |kick, the |one hundred and |don't make |great, |undo |turn the |mix of dub and "
    )
    for piece in (*pieces.split("|"), "rotate x by ", "by 5 ", "save as a-b ", "everything but "):
        plan(piece * (2000 // len(piece)))
    assert time.process_time() - started < 5
