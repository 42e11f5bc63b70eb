"""What is said about configs, renders and phrases, and what the offline agent makes of it."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.offline.clauses import read_plan
from conduit.agents.offline.intent import (
    Answer,
    ChangeSaved,
    Help,
    Intent,
    ListConfigs,
    ListStyles,
    MakeGroove,
    MakePhrase,
    Question,
    RenderSaved,
    SaveConfig,
    ShowConfig,
)
from conduit.agents.offline.understand import understand
from conduit.rhythm.groove import GrooveRequest, complete
from conduit.rhythm.styles import Style
from tests.agents.test_understand import BEFORE, CHANGES, FIRST, LAST

DUB = asdict(complete(GrooveRequest(Style.DUB)))
KEPT = {k: v for k, v in DUB.items() if v is not None}
NAMES = frozenset({"nightdrive", "dub1"})


def heard(sentence: str) -> tuple[Intent, ...]:
    """After a dub groove, in a conversation that has seen two configs."""
    return read_plan(sentence, [DUB], NAMES)


ONE: list[tuple[str, Intent]] = [
    ("save this as late_night", SaveConfig("late_night", KEPT)),
    ("Please save it as late_night.", SaveConfig("late_night", KEPT)),
    ("store that groove under the name Late_Night", SaveConfig("late_night", KEPT)),
    ("keep this as mine!", SaveConfig("mine", KEPT)),
    ("save the last groove as “late night”", SaveConfig("late night", KEPT)),
    ("can you save that as config opener", SaveConfig("opener", KEPT)),
    ("save this as ../../etc/passwd", SaveConfig("../../etc/passwd", KEPT)),
    ("overwrite dub1", SaveConfig("dub1", KEPT, replace=True)),
    ("replace nightdrive with this", SaveConfig("nightdrive", KEPT, replace=True)),
    ("copy polymetric as mine", SaveConfig("mine", like="polymetric")),
    ("copy the example late_dub to my_dub", SaveConfig("my_dub", like="late_dub")),
    ("show my configs", ListConfigs()),
    ("list configs", ListConfigs()),
    ("what configs do I have?", ListConfigs()),
    ("which configs are there?", ListConfigs()),
    ("show me my saved grooves", ListConfigs()),
    ("what examples are there?", ListConfigs(examples=True)),
    ("list the examples", ListConfigs(examples=True)),
    ("show me the showcases", ListConfigs(examples=True)),
    ("show config opener", ShowConfig("opener")),
    ("open nightdrive", ShowConfig("nightdrive")),
    ("what is in late_night?", ShowConfig("late_night")),
    ("render late_night with 32 bars", RenderSaved("late_night", {"bars": 32})),
    ("render late_night", RenderSaved("late_night", {})),
    ("render 32 bars of nightdrive", RenderSaved("nightdrive", {"bars": 32})),
    ("render sixteen bars of late_night", RenderSaved("late_night", {"bars": 16})),
    ("export nightdrive at 140 bpm", RenderSaved("nightdrive", {"bpm": 140.0})),
    ("render late_night with seed 7 and swing 60",
     RenderSaved("late_night", {"swing": 60.0, "seed": 7})),
    ("render polymetric", RenderSaved("polymetric", {})),
    ("render ../x.json", RenderSaved("../x.json", {})),
    ("change the swing in late_night to 58",
     ChangeSaved("late_night", "change the swing to 58")),
    ("set the bpm of nightdrive to 130", ChangeSaved("nightdrive", "set the bpm to 130")),
    ("more swing in late_night", ChangeSaved("late_night", "more swing")),
    ("make dub1 faster", ChangeSaved("dub1", "make it faster")),
    ("change the tempo in opener to 128", ChangeSaved("opener", "change the tempo to 128")),
    ("make a fill phrase", MakePhrase({"kind": "fill", "style": "dub", "bpm": 122.0})),
    ("an 8 bar acid build at 138",
     MakePhrase({"kind": "build", "style": "acid", "bpm": 138.0, "bars": 8})),
    ("make a hard breakdown", MakePhrase({"kind": "breakdown", "style": "hard"})),
    ("give me a drop in industrial", MakePhrase({"kind": "drop", "style": "industrial"})),
    ("help with configs", Help("configs")),
    ("help me with phrases", Help("phrases")),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "intent"), ONE, ids=[s for s, _ in ONE])
def test_one_thing(sentence: str, intent: Intent) -> None:
    assert heard(sentence) == (intent,)


MORE: list[tuple[str, list[type[Intent]]]] = [
    ("make a dub groove, save it as dub1 and render 32 bars of it",
     [MakeGroove, SaveConfig, RenderSaved]),
    ("make an acid groove at 130 with more swing and save it as a1", [MakeGroove, SaveConfig]),
    ("save this as late_night and show my configs", [SaveConfig, ListConfigs]),
    ("show my configs and what examples are there?", [ListConfigs, ListConfigs]),
    ("render late_night and dub1", [RenderSaved, RenderSaved]),
    ("change the swing in late_night to 58 and render late_night", [ChangeSaved, RenderSaved]),
    ("copy polymetric as mine, then set the bpm of mine_2 to 120; render it",
     [SaveConfig, ChangeSaved, RenderSaved]),
    ("make a dub fill, make an acid build and make a hard drop", [MakePhrase] * 3),
    ("which styles are there, and what examples are there?", [ListStyles, ListConfigs]),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "kinds"), MORE, ids=[s for s, _ in MORE])
def test_several_things_in_order(sentence: str, kinds: list[type[Intent]]) -> None:
    assert [type(intent) for intent in heard(sentence)] == kinds


def test_it_is_what_was_made_just_before() -> None:
    make, save, render = heard("make an acid groove, save it as a1 and render 32 bars of it")
    assert isinstance(make, MakeGroove)
    assert isinstance(save, SaveConfig)
    assert (save.name, save.groove) == ("a1", make.arguments)
    assert render == RenderSaved("a1", {"bars": 32})
    assert read_plan("save this as up", [DUB], NAMES, "dub-fill-4-bars") == (
        SaveConfig("up", like="dub-fill-4-bars"),
    )


@pytest.mark.parametrize("sentence", ["save it", "save", "store this"])
def test_a_name_is_asked_for(sentence: str) -> None:
    (answer,) = heard(sentence)
    assert isinstance(answer, Answer)
    assert "Under which name?" in answer.text
    (answer,) = read_plan("save this as x")
    assert isinstance(answer, Answer)
    assert "no groove to save yet" in answer.text


MUSIC = [
    *(sentence for sentence, _ in FIRST), "render 8 bars of dub", "render a dub groove",
    "render something hard", "show me an acid groove", "make a dub groove with a fill",
    "make a groove with a big drop in it", "drop the hats", "break it up", "a breakbeat loop",
    "build me a hard groove", "what is swing?", "how do I save a groove?", "what is a config?",
    "set the density to 0.5", "make it faster and set the swing to 60", "swing in percent",
]  # fmt: skip


@pytest.mark.parametrize("sentence", MUSIC)
def test_what_is_said_about_music_is_left_alone(sentence: str) -> None:
    assert read_plan(sentence) == (understand(sentence),)


@pytest.mark.parametrize("sentence", [sentence for sentence, _ in CHANGES])
def test_changes_of_the_last_groove_are_left_alone(sentence: str) -> None:
    past = [asdict(LAST), asdict(BEFORE)]
    assert read_plan(sentence, past, NAMES) == (understand(sentence, past),)


WORDS = (
    "save this it as render show my configs config examples in of to and then , ; make a fill "
    "phrase late_night dub1 ../x \" ' ` 32 bars change swing 58 faster help with overwrite copy"
)
words = st.sampled_from(WORDS.split())


@given(st.lists(words | st.text(max_size=4), max_size=14).map(" ".join))
def test_every_sentence_means_something(sentence: str) -> None:
    for grooves in ([], [DUB]):
        intents = read_plan(sentence, grooves, NAMES)
        assert intents
        assert intents == read_plan(sentence, grooves, NAMES)
        named = [i for i in intents if isinstance(i, SaveConfig | RenderSaved | ShowConfig)]
        assert all(intent.name for intent in named)


@pytest.mark.parametrize(
    "sentence",
    [
        "save " * 400,
        "a " * 1000,
        "make a " * 300 + "fill x",
        "and save " * 222,
        "render a_" + "b" * 1990,
        " in x_" * 400,
    ],
)
def test_no_sentence_takes_long(sentence: str) -> None:
    started: Any = time.process_time()
    read_plan(sentence, [DUB], NAMES)
    assert time.process_time() - started < 1.0


def test_a_question_is_still_a_question() -> None:
    assert heard("how do I render a config?") == (Question("how do I render a config?"),)
