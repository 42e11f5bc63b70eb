"""Saving, changing and rendering through the real rooms: by the offline agent, and by a model."""

from __future__ import annotations

import json
from pathlib import Path

import mido
import pytest

from conduit.agents.ask import AskRequest
from conduit.agents.events import AskReply
from conduit.agents.help import TOPICS
from conduit.agents.tool_loop import FLAT_NAMES, OFFERED
from conduit.blocks import tool_name
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.contracts.chat import ChatRequest, Chunk
from conduit.contracts.errors import Forbidden
from conduit.rhythm import load_config
from tests.agents.conftest import MakeRooms, Rooms, Scripted
from tests.agents.test_tool_loop import calling, saying, told


async def ask(rooms: Rooms, prompt: str, session: str = "s") -> AskReply:
    reply = await rooms.gate.acall("agent.ask", AskRequest(prompt, session))
    assert isinstance(reply, AskReply)
    return reply


def blocks_of(reply: AskReply) -> list[str]:
    assert all(use.ok for use in reply.tool_calls), reply
    return [use.block for use in reply.tool_calls]


def files(rooms: Rooms) -> list[str]:
    """What lies in the two folders that tools may write to."""
    found = [p for name in ("configs", "out") for p in (rooms.home / name).rglob("*")]
    return sorted(str(p.relative_to(rooms.home)) for p in found)


def bars_in(midi: Path, bpm: float) -> float:
    return float(mido.MidiFile(midi).length * bpm / 240)


async def test_offline_a_plan_of_three_steps_in_one_sentence(rooms: MakeRooms) -> None:
    joined = rooms()
    reply = await ask(joined, "make a dub groove, save it as dub1 and render 32 bars of it")
    assert blocks_of(reply) == ["groove.render", "configs.create", "groove.render_session"]
    assert files(joined) == ["configs/dub1.json", "out/dub1.json", "out/dub1.mid"]
    assert bars_in(joined.home / "out/dub1.mid", 122) == pytest.approx(32, abs=1e-3)
    for said in ("8 bars of dub", "in configs/dub1.json", "in out/dub1.mid and out/dub1.json"):
        assert said in reply.text
    roles = [s.message.role for s in joined.conversations.window(DEFAULT_ORG, "s", 40)]
    # Two calls in the first turn; the render waits until the config is there.
    assert roles == ["user", "assistant", "tool", "tool", "assistant", "tool", "assistant"]


async def test_offline_a_conversation_about_a_config(rooms: MakeRooms) -> None:
    joined = rooms()
    path = joined.home / "configs/late_night.json"
    await ask(joined, "dub at 124, seed 7")
    assert "Saved **late_night**" in (await ask(joined, "save this as late_night")).text
    before = load_config(path)
    assert (before.bpm, before.seed) == (124, 7)
    assert "**late_night** (8 bars at 124 BPM)" in (await ask(joined, "show my configs")).text
    changed = await ask(rooms(), "change the swing in late_night to 58")  # after a restart
    assert blocks_of(changed) == ["configs.read", "configs.write"]
    assert "Changed **late_night**: 8 bars at 124 BPM, swing 58 %" in changed.text
    assert load_config(path).swing == 58
    assert load_config(path).layers == before.layers
    await ask(joined, "make late_night a bit faster")
    await ask(joined, "more ghosts in late_night")
    after = load_config(path)
    assert after.bpm == 126
    assert after.layers[0].ghost.probability == pytest.approx(0.2)
    assert "- swing: 58" in (await ask(joined, "what is in late_night?")).text
    rendered = await ask(joined, "render late_night with 32 bars")
    assert rendered.tool_calls[0].result["saved"] == ["out/late_night.mid", "out/late_night.json"]
    assert "did not find what to change" in (await ask(joined, "make late_night prettier")).text


async def test_offline_phrases_examples_and_help(rooms: MakeRooms) -> None:
    joined = rooms()
    phrase = await ask(joined, "make a fill phrase")
    assert blocks_of(phrase) == ["groove.render_phrase"]
    saved = await ask(joined, "save this as myfill and render myfill with 8 bars")
    assert saved.tool_calls[0].arguments == {"name": "myfill", "like": "warehouse-fill-4-bars"}
    assert (
        "**polymetric** (16 bars at 132 BPM)"
        in (await ask(joined, "what examples are there?")).text
    )
    both = await ask(joined, "show my configs and what examples are there?")
    assert blocks_of(both) == ["configs.list", "configs.examples"]
    assert "**myfill**" in both.text
    assert "save this as late_night" in (await ask(joined, "help with configs")).text
    many = await ask(joined, "make a dub fill, make an acid build and make a hard drop")
    assert blocks_of(many) == ["groove.render_phrase"] * 3
    assert len(files(joined)) == 1 + 2 * 5


async def test_offline_stops_where_something_fails_and_says_so(rooms: MakeRooms) -> None:
    joined = rooms()
    await ask(joined, "dub")
    await ask(joined, "save this as a1")
    reply = await ask(joined, "save this as a1 and render 4 bars of it")
    assert [use.ok for use in reply.tool_calls] == [False]
    assert "configs/a1.json is there already" in reply.text
    assert "I stopped there; the rest was not done." in reply.text
    assert files(joined) == ["configs/a1.json"]
    assert (await ask(joined, "overwrite a1")).tool_calls[0].ok


@pytest.mark.parametrize("name", ["../../etc/x", "/etc/cron.d/x", "/dev/null", "nul", ".bashrc"])
async def test_offline_no_name_leads_outside(rooms: MakeRooms, name: str) -> None:
    joined = rooms()
    await ask(joined, "dub")
    reply = await ask(joined, f"save this as {name}")
    assert not reply.tool_calls[0].ok
    assert "cannot be the name of a file" in reply.text
    assert files(joined) == []


async def test_a_model_makes_the_same_plan_with_parallel_calls(rooms: MakeRooms) -> None:
    def save(request: ChatRequest) -> list[Chunk]:
        styles, groove = told(request)
        assert "styles" in styles
        kept = {"name": "dub1", "groove": groove["config"]}
        phrase = {"kind": "fill", "style": "dub", "name": "dub1_fill"}
        return calling(("create_config", json.dumps(kept)), ("render_phrase", json.dumps(phrase)))

    def render(request: ChatRequest) -> list[Chunk]:
        assert told(request)[2]["saved"] == ["configs/dub1.json"]
        return calling(
            ("groove_render_session", '{"config": "dub1", "bars": "32"}'),
            ("list_configs", "{}"),
        )

    model = Scripted([
        calling(("groove_styles", "{}"), ("groove_render", '{"style": "dub", "bars": 8}')),
        save,
        render,
        saying("Done."),
    ])  # fmt: skip
    joined = rooms(model)
    reply = await ask(joined, "make a dub groove, save it as dub1 and render 32 bars of it")
    assert reply.text == "Done."
    assert blocks_of(reply) == [
        "groove.styles", "groove.render", "configs.create", "groove.render_phrase",
        "groove.render_session", "configs.list",
    ]  # fmt: skip
    assert [len(told(r)) for r in model.asked] == [0, 2, 4, 6]
    assert files(joined) == [
        "configs/dub1.json", "out/dub1.json", "out/dub1.mid", "out/dub1_fill.json",
        "out/dub1_fill.mid",
    ]  # fmt: skip
    assert bars_in(joined.home / "out/dub1.mid", 122) == pytest.approx(32, abs=1e-3)


async def test_a_model_is_told_why_a_name_is_refused_and_can_go_on(rooms: MakeRooms) -> None:
    joined_home: list[Path] = []

    def again(request: ChatRequest) -> list[Chunk]:
        assert told(request)[0]["error"]["code"] == "invalid_input"  # type: ignore[index]
        (joined_home[0] / "configs").mkdir()
        (joined_home[0] / "configs/link.json").symlink_to("/etc/hostname")
        return calling(("write_config", '{"name": "link", "config": {"layers": []}}'),
                       ("read_config", '{"name": "link.json"}'))  # fmt: skip

    model = Scripted([calling(("read_config", '{"name": "/etc/passwd"}')), again, saying("No.")])
    joined = rooms(model)
    joined_home.append(joined.home)
    reply = await ask(joined, "read my passwords")
    assert [use.ok for use in reply.tool_calls] == [False] * 3
    assert "root:" not in json.dumps(told(model.asked[-1]))


async def test_every_flat_name_is_a_tool_that_is_offered(rooms: MakeRooms) -> None:
    flat = {
        "render_session", "create_config", "list_configs", "read_config", "write_config",
        "list_examples", "help_text", "doc_answer", "agent_handle", "render_phrase",
        "math_solver",
    }  # fmt: skip
    assert flat <= FLAT_NAMES.keys() | {tool_name(name) for name in OFFERED}
    assert set(FLAT_NAMES.values()) <= {*OFFERED, "code.execute", "web.page"}  # two are guarded
    model = Scripted([calling(*[(name, "{}") for name in sorted(flat)]), saying("ok")])
    reply = await ask(rooms(model), "go")
    assert "not_found" not in {use.error.code for use in reply.tool_calls if use.error}


async def test_handle_saves_what_a_sentence_makes(rooms: MakeRooms) -> None:
    gate = rooms().gate
    made = await gate.acall("agent.handle", {"prompt": "4 bars of industrial at 140 with ghosts"})
    assert made.blocks == ("groove.render",)
    assert made.saved == ("out/industrial-140-bpm-4-bars.mid", "out/industrial-140-bpm-4-bars.json")
    assert (made.groove.bpm, made.groove.ghost) == (140, 0.3)
    wish = {"prompt": "faster", "last": {"style": "dub"}, "name": "refined"}
    refined = await gate.acall("agent.handle", wish)
    assert (refined.groove.style, refined.groove.bpm) == ("dub", 126)
    assert refined.saved == ("out/refined.mid", "out/refined.json")
    plan = await gate.acall("agent.handle", {"prompt": "make a fill phrase and list examples"})
    assert plan.blocks == ("groove.render_phrase", "configs.examples")
    assert plan.saved == ("out/warehouse-fill-4-bars.mid", "out/warehouse-fill-4-bars.json")


async def test_handle_may_do_no_more_than_its_caller(rooms: MakeRooms) -> None:
    joined = rooms()
    allowed = frozenset({"agent.handle", "models.*", "groove.render"})
    anna = Principal("anna", permissions=allowed)
    with pytest.raises(Forbidden, match=r"anna may not call groove\.render_session"):
        await joined.gate.acall("agent.handle", {"prompt": "dub"}, anna)
    told_so = await joined.gate.acall("agent.handle", {"prompt": "list examples"}, anna)
    assert told_so.blocks == ()
    assert files(joined) == []


async def test_help_has_a_text_for_every_topic(rooms: MakeRooms) -> None:
    gate = rooms().gate
    everything = await gate.acall("help.text", {})
    for topic in TOPICS:
        one = await gate.acall("help.text", {"topic": f"my {topic[:-1]}"})
        assert one.topic == topic
        assert one.text in everything.text
    assert (await gate.acall("help.text", {"topic": "quantum"})).topic == ""
