"""Who reaches whose runs: every block of ``runs.*`` and ``planner.*`` that is about one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from conduit.agents.ask import AskRequest
from conduit.agents.planning.blocks import planner_blocks
from conduit.agents.planning.reason import Planner
from conduit.agents.runs.blocks import Decide, Fork, ListRuns, ListWaiting, RunName, ShowRun
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.chat import ChatRequest, Chunk, ToolCallDelta
from conduit.contracts.errors import ConduitError, Forbidden, InvalidInput, NotFound
from conduit.telemetry.ids import IdMaker
from tests.agents.conftest import MakeRooms, Rooms, Scripted

OWNER = Principal("key:a", permissions=frozenset({"*"}), key_id="a")
TOKEN = frozenset({"runs.*", "planner.*", "models.*", "groove.*", "configs.*"})
PEOPLE = {
    "the owner": OWNER,
    "its token": replace(OWNER, permissions=TOKEN),
    "another key": Principal("key:b", permissions=frozenset({"*"}), key_id="b"),
    "an approver": Principal("key:c", permissions=frozenset({"*", "runs.others"}), key_id="c"),
    "elsewhere": Principal(
        "key:a", "01900000-0000-7000-8000-00000000000b", frozenset({"**"}), key_id="a"
    ),
    "the machine": LOCAL_OWNER,
}
REACH = {"the owner", "its token", "an approver", "the machine"}
OTHERS = {"its token", "an approver", "elsewhere", "the machine"}
"""Who may ask for the runs of others at all; ``runs.*`` has that in it."""


def model(request: ChatRequest) -> list[Chunk]:
    """Asks for the styles, which a person has to agree to, and then has no more to say."""
    if request.messages[-1].role == "tool":
        return [Chunk(text="Done."), Chunk(finish_reason="stop")]
    call = ToolCallDelta(0, "c0", "groove_styles", json.dumps({}))
    return [Chunk(tool_calls=(call,)), Chunk(finish_reason="tool_calls")]


def joined(rooms: MakeRooms) -> Rooms:
    here = rooms(Scripted([model]), approve=["groove.styles"])
    planner = Planner(here.gate, lambda person: person)
    for each in planner_blocks(here.gate, here.runs, planner, IdMaker(), here.agent.reach):
        here.gate.catalog.add(each)
    return here


async def waiting(here: Rooms, who: Principal = OWNER) -> str:
    """A run that waits for a decision."""
    reply = await here.gate.acall("agent.ask", AskRequest("which styles?"), who)
    assert reply.status == "waiting"
    return str(reply.run_id)


async def failed_plan(here: Rooms) -> str:
    steps = [{"name": "configs.read", "arguments": {"name": "nothing"}, "id": "look"}]
    plan = await here.gate.acall("planner.execute", {"steps": steps}, OWNER)
    assert plan.status == "failed"
    return str(plan.runId)


ACTS: dict[str, Callable[[str, str], tuple[str, object]]] = {
    "show": lambda run, _: ("runs.show", ShowRun(run)),
    "show a plan": lambda _, plan: ("runs.show", ShowRun(plan)),
    "resume": lambda run, _: ("runs.resume", RunName(run)),
    "approve": lambda run, _: ("runs.decide", Decide(run, "c0", "approve")),
    "edit": lambda run, _: ("runs.decide", Decide(run, "c0", "edit", {})),
    "reject": lambda run, _: ("runs.decide", Decide(run, "c0", "reject")),
    "answer": lambda run, _: ("runs.decide", Decide(run, "c0", "answer", text="dub")),
    "fork": lambda run, _: ("runs.fork", Fork(run, 1)),
    "cancel": lambda run, _: ("runs.cancel", RunName(run)),
    "cancel a plan": lambda _, plan: ("runs.cancel", RunName(plan)),
    "go on with a plan": lambda _, plan: (
        "planner.execute",
        {"run_id": plan, "decisions": {"look": "skip"}},
    ),
}


@pytest.mark.parametrize("who", PEOPLE)
async def test_a_run_is_reached_by_its_owner_and_by_who_may_reach_others(
    rooms: MakeRooms, who: str
) -> None:
    here, person = joined(rooms), PEOPLE[who]
    for name, act in ACTS.items():
        run, plan = await waiting(here), await failed_plan(here)
        refused = await refusal(here, person, act(run, plan))
        assert (refused is None) is (who in REACH), (name, refused)
        if refused is not None:  # with the very words for what is not there: nobody learns more
            absent = await refusal(here, person, act("not-there", "not-there"))
            assert absent is not None
            said = refused.message.replace(run, "not-there").replace(plan, "not-there")
            assert (absent.message, absent.hint) == (said, refused.hint)
            assert "there is no run" in said


async def refusal(here: Rooms, person: Principal, call: tuple[str, object]) -> ConduitError | None:
    try:
        await here.gate.acall(*call, person)
    except (NotFound, InvalidInput) as error:
        return error
    return None


@pytest.mark.parametrize("who", PEOPLE)
async def test_lists_show_what_is_reached(rooms: MakeRooms, who: str) -> None:
    here, person = joined(rooms), PEOPLE[who]
    run, plan = await waiting(here), await failed_plan(here)
    machine = await waiting(here, LOCAL_OWNER)
    own = {"the owner": {run, plan}, "its token": {run, plan}, "the machine": {machine}}
    everything = {run, plan, machine} if who != "elsewhere" else set()

    async def listed(block: str, asked: object) -> set[str]:
        found = (await here.gate.acall(block, asked, person)).runs
        return {each.id if hasattr(each, "id") else each.run.id for each in found}

    mine = own.get(who, set())
    assert await listed("runs.list", ListRuns()) == mine
    reached = everything if who in OTHERS else mine
    assert await listed("runs.waiting", ListWaiting()) == reached - {plan}
    if who in OTHERS:
        assert await listed("runs.others", ListRuns()) == everything - mine
    else:
        with pytest.raises(Forbidden, match=r"may not call runs\.others"):
            await listed("runs.others", ListRuns())
    newest = here.gate.acall("runs.show", ShowRun("last"), person)
    if mine:
        assert (await newest).run.id in mine
    else:
        with pytest.raises(NotFound, match="no run yet"):
            await newest
    found = (await here.gate.acall("runs.waiting", ListWaiting(), person)).runs
    assert {each.waiting_for[0].block for each in found} <= {"groove.styles"}
    assert all(each.own is (each.run.id in mine) for each in found)


async def test_who_may_not_call_it_lets_nobody_call_it(rooms: MakeRooms) -> None:
    here = joined(rooms)
    run = await waiting(here)
    rights = frozenset({"runs.decide", "runs.others"})
    narrow = Principal("key:c", permissions=rights, key_id="c")
    for decision in ("approve", "edit"):
        with pytest.raises(Forbidden, match=r"key:c may not call groove\.styles"):
            await here.gate.acall("runs.decide", Decide(run, "c0", decision, {}), narrow)
    shown = await here.gate.acall("runs.show", ShowRun(run), OWNER)
    assert shown.run.status == "waiting"  # nothing was stored
    reply = await here.gate.acall("runs.decide", Decide(run, "c0", "reject"), narrow)
    assert (reply.status, reply.text) == ("done", "Done.")  # the model is asked as the owner


async def test_a_fork_is_of_whoever_forks_with_no_more_rights_than_both(rooms: MakeRooms) -> None:
    here = joined(rooms)
    run = await waiting(here)
    approver = PEOPLE["an approver"]
    reply = await here.gate.acall("runs.fork", Fork(run, 1), approver)
    forked = here.runs.get(OWNER.org_id, reply.run_id)
    assert forked.subject == approver.subject
    rights = json.loads(forked.rights)
    assert rights["key_id"] == "c"
    assert "groove.styles" in rights["permissions"]
    assert "runs.others" not in rights["permissions"]  # the owner of the first has it not


async def test_whose_key_is_gone_has_no_run_that_goes_on(rooms: MakeRooms) -> None:
    here = joined(rooms)
    run, plan = await waiting(here), await failed_plan(here)
    here.agent.reach._standing = lambda person: None
    for name in ("resume", "approve", "fork", "go on with a plan"):
        with pytest.raises(ConduitError, match="may do nothing any more"):
            await here.gate.acall(*ACTS[name](run, plan), LOCAL_OWNER)
    assert (await here.gate.acall("runs.show", ShowRun(run), LOCAL_OWNER)).run.id == run
