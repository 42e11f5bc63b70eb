"""Calls that a person decides on."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from conduit.agents.ask import AskRequest
from conduit.agents.events import ApprovalNeeded, AskReply
from conduit.agents.runs.blocks import Decide, ListRuns, RunName
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER, Principal
from conduit.contracts.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
)
from tests.agents.conftest import MakeRooms, Scripted
from tests.agents.runs.bench import Bench, ask, joined, show, word
from tests.agents.test_tool_loop import calling, saying


async def test_a_person_is_asked_first(rooms: MakeRooms, bench: Bench) -> None:
    calls = (word("read", "a"), word("held", "b"), word("write", "c"))
    model = Scripted([calling(*calls), saying("Done.")])
    here = joined(rooms, bench, model)
    events = [event async for event in here.gate.stream("agent.ask", AskRequest("go"))]
    reply = events[-1]
    assert isinstance(reply, AskReply)
    assert reply.status == "waiting"
    assert reply.waiting_for == (ApprovalNeeded("c1", "bench.held", {"word": "b"}),)
    assert events[-2] == reply.waiting_for[0]
    assert bench.noted == ["read a"]  # what comes after may build on it
    assert here.conversations.window(DEFAULT_ORG, "default", 40) == []
    after = joined(rooms, bench, model)  # a restart
    shown = await show(after, reply.run_id)
    assert shown.run.status == "waiting"
    assert shown.waiting_for == reply.waiting_for
    decided = await after.gate.acall("runs.decide", Decide(reply.run_id, "c1", "approve"))
    assert decided.text == "Done."
    assert bench.noted == ["read a", "held b", "write c"]
    assert [s.message.role for s in after.conversations.window(DEFAULT_ORG, "default", 40)] == [
        "user", "assistant", "tool", "tool", "tool", "assistant",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("decide", "noted", "heard"),
    [
        (Decide("", "c0", "edit", {"word": "z"}), ["held z"], '"words":"z"'),
        (Decide("", "c0", "reject", text="not today"), [], "local said no: not today"),
        (Decide("", "c0", "answer", text="it is 42"), [], "it is 42"),
    ],
)
async def test_a_person_may_change_forbid_or_answer(
    rooms: MakeRooms, bench: Bench, decide: Decide, noted: list[str], heard: str
) -> None:
    model = Scripted([calling(word("held", "b")), saying("ok")])
    here = joined(rooms, bench, model)
    reply = await ask(here)
    await here.gate.acall("runs.decide", replace(decide, run_id=reply.run_id))
    assert bench.noted == noted
    assert heard in model.asked[1].messages[-1].content


async def test_what_cannot_be_decided(rooms: MakeRooms, bench: Bench) -> None:
    model = Scripted([calling(word("held", "b")), saying("ok")])
    here = joined(rooms, bench, model)
    reply = await ask(here)
    with pytest.raises(NotFound, match="no call 'c9' waits"):
        await here.gate.acall("runs.decide", Decide(reply.run_id, "c9", "approve"))
    with pytest.raises(InvalidInput, match="give its new arguments"):
        await here.gate.acall("runs.decide", Decide(reply.run_id, "c0", "edit"))
    other = Principal("eve", "01900000-0000-7000-8000-00000000000b", frozenset({"**"}))
    with pytest.raises(NotFound, match="no run"):
        await here.gate.acall("runs.decide", Decide(reply.run_id, "c0", "approve"), other)
    with pytest.raises(Forbidden):
        await here.gate.acall(
            "runs.decide", Decide(reply.run_id, "c0", "approve"), Principal("bob")
        )
    both = [Decide(reply.run_id, "c0", "approve")] * 2  # two people at once
    ended = await asyncio.gather(
        *(here.gate.acall("runs.decide", each) for each in both), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in ended)[0] == "AskReply"
    assert bench.noted == ["held b"]
    assert isinstance(next(e for e in ended if not isinstance(e, AskReply)), Conflict | NotFound)


async def test_whoever_decides_lends_no_rights(rooms: MakeRooms, bench: Bench) -> None:
    """Anna may not write; that somebody who may goes on with her run does not change that."""
    model = Scripted([calling(word("held", "b"), word("write", "c")), saying("ok")])
    here = joined(rooms, bench, model)
    held = {"agent.ask", "models.stream", "bench.held"}
    anna = Principal("anna", permissions=frozenset(held))
    reply = await here.gate.acall("agent.ask", AskRequest("go"), anna)
    done = await here.gate.acall("runs.decide", Decide(reply.run_id, "c0", "approve"), LOCAL_OWNER)
    assert [(use.block, use.ok) for use in done.tool_calls] == [
        ("bench.held", True), ("bench.write", False),
    ]  # fmt: skip
    bench.noted.clear()
    model = Scripted([calling(word("held", "b"), word("write", "c")), saying("ok")])
    here = joined(rooms, bench, model)
    reply = await here.gate.acall("agent.ask", AskRequest("go"), LOCAL_OWNER)
    bob = Principal("bob", permissions=frozenset({"runs.decide", "runs.others", "bench.held"}))
    done = await here.gate.acall("runs.decide", Decide(reply.run_id, "c0", "approve"), bob)
    assert bench.noted == ["held b"]  # nor does it do for Bob what he may not


async def test_nobody_is_asked_about_what_a_model_may_not_do(
    rooms: MakeRooms, bench: Bench
) -> None:
    model = Scripted([calling(("shell_run", json.dumps({"shell_command": "id"}))), saying("ok")])
    reply = await ask(joined(rooms, bench, model, approve=["shell.*"]))
    assert reply.status == "done"
    assert [use.error and use.error.code for use in reply.tool_calls] == ["forbidden"]


async def test_an_operator_may_ask_to_be_asked(rooms: MakeRooms, bench: Bench) -> None:
    model = Scripted([calling(word("write", "b")), saying("ok")])
    reply = await ask(joined(rooms, bench, model, approve=["bench.write"]))
    assert [each.block for each in reply.waiting_for] == ["bench.write"]


async def test_what_waits_may_be_left_for_good(rooms: MakeRooms, bench: Bench) -> None:
    here = joined(rooms, bench, Scripted([calling(word("held", "a")), saying("ok")]))
    reply = await ask(here)
    info = await here.gate.acall("runs.cancel", RunName(reply.run_id))
    assert info.status == "cancelled"
    assert (await here.gate.acall("runs.list", ListRuns(status="waiting"))).runs == ()
