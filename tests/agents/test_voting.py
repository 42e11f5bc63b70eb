"""Answers that are put to the vote: by request or by conversation, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest

from conduit.agents.ask import AskRequest
from conduit.agents.events import AskReply, TextDelta, ToolCalled
from conduit.agents.generation import Generation
from conduit.agents.runs.blocks import RunName, ShowRun
from conduit.agents.runs.budget import Budget
from conduit.agents.runs.session import Asked
from conduit.agents.runs.steps import Answered, Begun, Ended, Sampled, written
from conduit.agents.standing import rights_of
from conduit.blocks import dumps
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER
from conduit.contracts.chat import ChatRequest, Chunk, Message, ToolCallDelta, Usage
from conduit.contracts.errors import ProviderTimeout
from conduit.store.runs import Runs, Step, StoredRun
from tests.agents.conftest import MakeRooms, Rooms, Scripted


def saying(text: str) -> list[Chunk]:
    return [Chunk(text=text), Chunk(finish_reason="stop")]


def one_by_one(*answers: str) -> Callable[[ChatRequest], Awaitable[str]]:
    left = list(answers)

    async def next_one(request: ChatRequest) -> str:
        if request.model == "strong":
            return "The answer is 7."
        if not left:
            await asyncio.Event().wait()  # one that never answers
        said = left.pop(0)
        if said == "fails":
            raise ProviderTimeout("silent", provider="scripted")
        return said

    return next_one


async def told(rooms: Rooms, **more: Any) -> tuple[list[Any], AskReply]:
    request = AskRequest("6*7?", "s", **more)
    items = [each async for each in rooms.gate.stream("agent.ask", request, LOCAL_OWNER)]
    assert isinstance(items[-1], AskReply)
    return items[:-1], items[-1]


async def last_said(rooms: Rooms) -> str:
    found = await rooms.gate.acall("agent.history", {"session": "s"}, LOCAL_OWNER)
    return str(found.messages[-1].content)


async def test_most_decide_and_nothing_else_was_ever_said(rooms: MakeRooms) -> None:
    model = Scripted([saying("It is 41.")], whole=one_by_one("The answer is 42", "42.0", "fails"))
    joined = rooms(model)
    events, reply = await told(joined, samples=4)
    assert reply.text == "The answer is 42"
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == reply.text
    assert await last_said(joined) == reply.text
    found = reply.agreement
    assert found is not None
    assert (found.answers, found.failed, found.dissent) == (3, 1, {"it is 41": 1})
    assert found.agreement == pytest.approx(2 / 4)
    assert found.uncertainty == pytest.approx(2 / 4)
    sample = model.asked_whole[0]
    assert sample.messages == model.asked[0].messages
    assert (sample.tool_choice, sample.temperature) == ("none", 0.7)
    # What came of it is stored with the run, to learn from.
    run = await joined.gate.acall("runs.show", ShowRun(reply.run_id), LOCAL_OWNER)
    assert run.text == run.result["text"] == reply.text
    assert run.result["reward"]["uncertainty"] == pytest.approx(2 / 4)
    assert run.result["agreement"]["dissent"] == {"it is 41": 1}
    assert run.run.spent.steps == 3


async def test_a_conversation_says_how_and_a_request_says_otherwise(rooms: MakeRooms) -> None:
    model = Scripted([saying("42")], whole=one_by_one("42", "41", "43", "42"))
    joined = rooms(model)
    asked = {"session": "s", "samples": 3, "escalate_to": "scripted/strong"}
    made = await joined.gate.acall("conversations.set", asked, LOCAL_OWNER)
    assert (made.settings.samples, made.settings.escalate_below) == (3, 0.6)
    _, agreed = await told(joined)
    assert agreed.text == "42"
    assert agreed.agreement is not None
    assert agreed.agreement.answers == 2, "a third could change nothing"
    _, torn = await told(joined)
    assert torn.text == "The answer is 7."
    assert torn.agreement is not None
    assert torn.agreement.escalated
    assert torn.agreement.agreement == pytest.approx(1 / 3)
    _, once = await told(joined, samples=1)
    assert (once.text, once.agreement) == ("42", None)
    assert [call.model for call in model.asked_whole] == ["", "", "", "strong"]
    await joined.gate.acall("conversations.set", {"session": "s", "samples": 1}, LOCAL_OWNER)
    kept = (await joined.gate.acall("conversations.show", {"session": "s"}, LOCAL_OWNER)).settings
    assert (kept.samples, kept.escalate_to) == (1, "scripted/strong")
    assert (await told(joined))[1].agreement is None


async def test_an_answer_that_needed_tools_is_not_asked_for_again(rooms: MakeRooms) -> None:
    call = ToolCallDelta(0, "c", "groove_styles", "{}")
    tool = [Chunk(text="Let me see. "), Chunk(tool_calls=(call,), finish_reason="tool_calls")]
    model = Scripted([tool, saying("Ten.")])
    events, reply = await told(rooms(model), samples=5)
    assert reply.text == "Let me see. \n\nTen."
    assert reply.agreement is None
    assert model.asked_whole == []
    kinds = [type(each) for each in events if isinstance(each, TextDelta | ToolCalled)]
    assert kinds == [TextDelta, ToolCalled, TextDelta], "as it came"


async def test_samples_that_fail_or_take_too_long_leave_the_answer(rooms: MakeRooms) -> None:
    joined = rooms(Scripted([saying("41")], whole=one_by_one(*["fails"] * 4)))
    _, reply = await told(joined, samples=5)
    assert reply.text == "41"
    assert reply.agreement is not None
    assert reply.agreement.agreement == pytest.approx(1 / 5)
    joined = rooms(Scripted([saying("41")], whole=one_by_one()))
    _, late = await told(joined, samples=5, budget=Budget(seconds=0.3))
    assert (late.status, late.text) == ("done", "41")
    spent = rooms(Scripted([saying("41")]))
    _, poor = await told(spent, samples=5, budget=Budget(tokens=1))
    assert poor.agreement is None
    assert poor.text == "41"


async def test_a_listener_who_leaves_ends_the_vote_which_is_gone_on_with(
    rooms: MakeRooms,
) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()
    left = ["42"]

    async def never(request: ChatRequest) -> str:
        if left:
            return left.pop()
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    model = Scripted([saying("41")], whole=never)
    joined = rooms(model)
    task = asyncio.ensure_future(told(joined, samples=3))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 10)
    found = await joined.gate.acall("runs.show", ShowRun("last"), LOCAL_OWNER)
    assert found.run.status == "cancelled"
    assert [each.kind for each in found.steps] == ["begun", "answered", "ended", "sampled"]
    left = ["42.0"]
    items = [e async for e in joined.gate.stream("runs.resume", RunName("last"), LOCAL_OWNER)]
    resumed = items[-1]
    assert (resumed.status, resumed.text) == ("done", "42")
    assert (resumed.agreement.answers, resumed.agreement.dissent) == (3, {"41": 1})
    assert [each.text for each in items if isinstance(each, TextDelta)] == ["42"]
    assert len(model.asked_whole) == 3, "one of them was broken off"
    assert await last_said(joined) == "42"


async def test_what_a_killed_process_left_of_a_vote_is_gone_on_with(rooms: MakeRooms) -> None:
    model = Scripted([saying("41")], whole=one_by_one("42.0"))
    joined = rooms(model)
    done = (
        Begun((Message("user", "6*7?"),), Budget()),
        Answered(Message("assistant", "41"), "scripted", "script-1", Usage(7, 1)),
        Ended("done"),
        Sampled(1, "The answer is 42", "scripted", "script-1", Usage(7, 1)),
        Sampled(3, error="provider_timeout"),
    )
    asked = dumps(Asked("6*7?", samples=4)).decode()
    run = StoredRun("r", DEFAULT_ORG, "agent", LOCAL_OWNER.subject, "s", "running", asked,
                    rights_of(LOCAL_OWNER))  # fmt: skip
    with closing(Runs(joined.database, lambda: 0.0, "nobody:1:1")) as killed:
        await killed.begin(run, [Step(at, *written(step)) for at, step in enumerate(done)])
    (left,) = joined.runs.left()
    assert await joined.agent.recover(left)
    shown = await joined.gate.acall("runs.show", ShowRun("r"), LOCAL_OWNER)
    assert (shown.run.status, shown.text) == ("done", "The answer is 42")
    found = shown.result["agreement"]
    assert (found["answers"], found["failed"], found["dissent"]) == (3, 1, {"41": 1})
    assert (len(model.asked), len(model.asked_whole)) == (0, 1)
    assert shown.run.spent.input_tokens == 14
    assert await last_said(joined) == "The answer is 42"


async def test_a_seed_is_another_one_for_each_sample_and_a_budget_ends_the_vote(
    rooms: MakeRooms,
) -> None:
    model = Scripted([saying("41")], whole=one_by_one("42", "43", "44", "45"))
    _, reply = await told(rooms(model), samples=5, generation=Generation(0.2, seed=7))
    assert sorted(each.seed or 0 for each in model.asked_whole) == [8, 9, 10, 11]
    assert {each.temperature for each in model.asked_whole} == {0.2}
    assert reply.text == "41"
    model = Scripted([saying("41")], whole=one_by_one(*map(str, range(42, 60))))
    model.usage = Usage(20_000, 5_000)
    _, poor = await told(rooms(model), samples=16, budget=Budget(tokens=90_000))
    assert poor.agreement is not None
    assert 2 < poor.agreement.answers < 16, "no more was asked for than there was budget"
    assert (poor.status, poor.text) == ("done", "41")
