"""What the offline agent understands of the way between two grooves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.ask import AskRequest
from conduit.agents.events import AskReply
from conduit.agents.offline.clauses import read_plan
from conduit.agents.offline.intent import Answer, MakeGroove, MorphGrooves, SaveConfig
from conduit.agents.offline.morphing import read_morph
from conduit.app import open_app
from conduit.app.settings import Settings
from conduit.contracts.call import LOCAL_OWNER

DUB, HARD, ACID, MINIMAL = ({"groove": {"style": s}} for s in ("dub", "hard", "acid", "minimal"))
THIS = {"groove_id": "f00"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("morph minimal into acid", (MINIMAL, ACID, 0.5)),
        ("halfway between dub and hard", (DUB, HARD, 0.5)),
        ("40 % from dub to hard", (DUB, HARD, 0.4)),
        ("Give me 70% of the way from dub to hard techno, please", (DUB, HARD, 0.7)),
        ("a groove half way from dub to hard", (DUB, HARD, 0.5)),
        ("morph this into acid at 0.3", (THIS, ACID, 0.3)),
        ("can you crossfade that into some acid house by 25 %?", (THIS, ACID, 0.25)),
        ("blend the last groove with dub", (THIS, DUB, 0.5)),
        ("morph late_night into the hard style, 16 bars", ({"saved": "late_night"}, HARD, 0.5, 16)),
        (
            "morph preset club into the studio preset",
            ({"preset": "club"}, {"preset": "studio"}, 0.5),
        ),
        ("morph 4 bars of dub into acid", (DUB, ACID, 0.5, 4)),
    ],
)
def test_two_grooves_and_how_far(said: str, meant: tuple[Any, ...]) -> None:
    (found,) = read_plan(said, names=frozenset({"late_night"}), this=THIS)
    assert isinstance(found, MorphGrooves)
    one, two, amount, *bars = meant
    assert (found.one, found.two, found.amount, found.steps) == (one, two, amount, None)
    assert found.bars == (bars[0] if bars else None)


@pytest.mark.parametrize("said", ["from dub to hard in 5 steps", "morph dub to hard in five steps"])
def test_a_series(said: str) -> None:
    assert read_morph(said) == MorphGrooves(DUB, HARD, 0.5, 5)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("morph foo into acid", "I do not know the groove “foo”"),
        ("morph this into acid", "There is no groove yet"),
        ("morph dub into hard in 99 steps", "in 2 to 16 steps"),
        ("140 % from dub to hard", "from 0 to 100 %"),
    ],
)
def test_what_cannot_be_said_so(said: str, answer: str) -> None:
    found = read_morph(said)
    assert isinstance(found, Answer)
    assert answer in found.text


CONFIG = {"layers": [{"name": "kick", "pitch": 36, "pattern": "x..."}]}
WISH = {"style": "dub", "bpm": 122.0, "swing": 56.0, "density": 0.5, "bars": 8}


@pytest.mark.parametrize(
    ("known", "kept"),
    [
        ({"this": THIS, "morphed": "f00"}, SaveConfig("mine", groove_id="f00")),
        ({"this": {"config": CONFIG}}, SaveConfig("mine", config=CONFIG)),
    ],
)
def test_a_groove_that_no_wish_says_is_kept_whole_and_turned_by_nobody(
    known: dict[str, Any], kept: SaveConfig
) -> None:
    assert read_plan("save this as mine", [WISH], **known) == (kept,)
    for change in ("more swing", "faster", "another seed", "without the hats"):
        (found,) = read_plan(change, [WISH], **known)
        assert isinstance(found, Answer)
        assert "Save it" in found.text
    for fresh in ("8 bars of dub", "make a groove", "acid, but slower"):
        assert isinstance(read_plan(fresh, [WISH], **known)[0], MakeGroove)
    made, saved = read_plan("make a dub groove and save it as mine", [WISH], **known)
    assert isinstance(made, MakeGroove)
    assert isinstance(saved, SaveConfig)
    assert saved.groove is not None


@pytest.mark.parametrize(
    "said",
    ["make a groove between 120 and 130 bpm", "8 bars from scratch", "how does morphing work?"],
)
def test_what_is_something_else(said: str) -> None:
    assert read_morph(said) is None


words = st.sampled_from(
    "morph from to into between and dub acid this 40 % in steps half way a , . ".split(" ")
)


@given(st.lists(words, max_size=60).map(" ".join))
def test_any_sentence_is_read(text: str) -> None:
    read_morph(text, {"acid"}, THIS)


async def test_behind_a_morph_one_goes_back_or_begins_anew_and_turns_no_dials(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path) as ask:
        await ask("dub at 124")
        await ask("morph this into acid")
        for said in ("more swing", "swing 62", "no hats please"):
            assert "turn no dials" in (await ask(said)).text
        assert "whole config" in (await ask("what's the bpm?")).text
        back = (await ask("undo")).tool_calls[0].result
        assert (back["style"], back["bpm"]) == ("dub", 124)
        await ask("morph dub into acid")
        new = (await ask("a techno groove")).tool_calls[0].result
        assert new["style"] == "dub"
        assert "turn no dials" not in (await ask("more swing")).text
        await ask("morph dub into acid", "alone")
        assert "turn no dials" in (await ask("more swing", "alone")).text


async def test_a_groove_is_gone_on_from_that_is_out_of_view(tmp_path: Path) -> None:
    async with asking(tmp_path) as ask:
        await ask("acid at 133")
        for _ in range(25):
            await ask("hello")
        changed = (await ask("swing 62")).tool_calls[0].result
        assert (changed["style"], changed["bpm"], changed["swing"]) == ("acid", 133, 62)


@asynccontextmanager
async def asking(home: Path) -> AsyncIterator[Callable[..., Awaitable[AskReply]]]:
    """The whole application, and how it is asked."""
    settings = Settings(home, f"sqlite:///{home}/conduit.db", "warning", {})
    async with open_app(settings, detect=False) as app:

        async def ask(prompt: str, session: str = "s") -> AskReply:
            reply: AskReply = await app.gate.acall(
                "agent.ask", AskRequest(prompt, session), LOCAL_OWNER
            )
            return reply

        yield ask
