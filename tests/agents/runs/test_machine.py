"""Runs through the gate: budgets, order, leave of a person, forks, and what a model cannot do."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest

from conduit.agents.ask import AskRequest
from conduit.agents.events import Started, ToolCalled, ToolReturned
from conduit.agents.runs.blocks import Fork, ListRuns, RunName, ShowRun
from conduit.agents.runs.budget import Budget
from conduit.agents.runs.session import Asked
from conduit.agents.runs.steps import Answered, Begun, written
from conduit.blocks import Effects, block, current_call, dumps
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER
from conduit.contracts.chat import ChatRequest, Chunk, Message, Usage
from conduit.contracts.errors import (
    AllProvidersFailed,
    Conflict,
    InvalidInput,
    ProviderTimeout,
)
from conduit.store.runs import Step, StoredRun
from tests.agents.conftest import MakeRooms, Scripted
from tests.agents.runs.bench import Bench, Word, Words, ask, joined, show, word
from tests.agents.test_tool_loop import calling, saying, told
from tests.product.waiting import settled


async def test_every_step_is_stored(rooms: MakeRooms, bench: Bench) -> None:
    model = Scripted([calling(word("read", "a"), word("write", "b")), saying("Done.")])
    here = joined(rooms, bench, model)
    reply = await ask(here)
    shown = await show(here, reply.run_id)
    assert [each.kind for each in shown.steps] == [
        "begun", "answered", "called", "calling", "called", "answered", "ended",
    ]  # fmt: skip
    assert shown.run.status == reply.status == "done"
    assert shown.run.prompt == "go"
    assert shown.text == "Done."
    assert shown.result["reward"] == {
        "total": pytest.approx(0.3 * 0.6 + 0.2),  # two tools of difficulty 0.4 and 0.8; no cost
        "uncertainty": 0.0,
        "tool_complexity": pytest.approx(0.6),
        "cost_efficiency": 1.0,
    }
    assert (shown.run.spent.steps, shown.run.spent.tool_calls) == (2, 2)
    listed = await here.gate.acall("runs.list", ListRuns(status="done"))
    assert [each.id for each in listed.runs] == [reply.run_id]


async def test_what_only_reads_is_called_at_once_and_the_rest_in_order(
    rooms: MakeRooms, bench: Bench
) -> None:
    calls = [word("read", str(n)) for n in range(12)]
    model = Scripted([calling(*calls), saying("ok")])
    await ask(joined(rooms, bench, model))
    assert 1 < bench.most <= 8
    bench.most = 0
    bench.noted.clear()
    calls = [word(kind, str(n)) for n, kind in enumerate(["write", "read", "write", "write"])]
    model = Scripted([calling(*calls), saying("ok")])
    reply = await ask(joined(rooms, bench, model))
    assert bench.most == 1
    assert bench.noted == ["write 0", "read 1", "write 2", "write 3"]
    assert [use.block for use in reply.tool_calls] == [
        f"bench.{each.split()[0]}" for each in bench.noted
    ]


@pytest.mark.parametrize(
    ("budget", "why", "turns", "calls"),
    [
        (Budget(steps=2), "steps", 3, 2),
        (Budget(tool_calls=2), "tool_calls", 3, 2),
        (Budget(tokens=25), "tokens", 2, 2),
        (Budget(seconds=0.001), "seconds", 1, 0),
    ],
)
async def test_a_run_stops_with_what_it_has(
    rooms: MakeRooms, bench: Bench, budget: Budget, why: str, turns: int, calls: int
) -> None:
    def again(request: ChatRequest) -> list[Chunk]:
        if request.tool_choice == "none":
            return saying("That is all.", usage=Usage(10, 5))
        return calling(word("read", "x"), text="Hm.", usage=Usage(10, 5))

    model = Scripted([again])
    here = joined(rooms, bench, model)
    reply = await ask(here, budget=budget)
    assert (reply.status, reply.why) == ("stopped", why)
    if why != "seconds":  # which of the two it is cut in is a matter of the machine
        assert len(model.asked) == turns
        assert len(reply.tool_calls) == calls
        assert reply.text
    assert (await show(here, reply.run_id)).run.status == "stopped"
    window = here.conversations.window(DEFAULT_ORG, "default", 100)
    asked = [call.id for stored in window for call in stored.message.tool_calls]
    assert asked == [s.message.tool_call_id for s in window if s.message.role == "tool"]


async def test_a_tool_that_takes_all_the_time_is_left(rooms: MakeRooms, bench: Bench) -> None:
    model = Scripted([calling(("bench_slow", "{}")), saying("ok")])
    reply = await ask(joined(rooms, bench, model), budget=Budget(seconds=0.5))
    assert (reply.status, reply.why) == ("stopped", "seconds")
    assert [use.error.code for use in reply.tool_calls if use.error] == ["timed_out"]


async def test_a_result_of_100_mb_is_refused_and_a_large_one_is_not_kept(
    rooms: MakeRooms, bench: Bench
) -> None:
    model = Scripted([calling(word("large", "100000000"), word("large", "1000000")), saying("ok")])
    here = joined(rooms, bench, model)
    reply = await ask(here)
    first, second = reply.tool_calls
    assert first.error is not None
    assert first.error.code == "too_large"
    assert second.ok
    assert len(second.result["words"]) == 1_000_000
    assert all("ask for less of it" in str(each) for each in told(model.asked[1]))
    stored = here.runs.steps(DEFAULT_ORG, reply.run_id)
    assert sum(len(step.body) for step in stored) < 10_000


async def test_a_large_run_is_shown_page_by_page(rooms: MakeRooms) -> None:
    here = rooms(Scripted([]))
    begun = Begun((Message("user", "go"),), Budget())
    answers = [Answered(Message("assistant", 500_000 * "x"), "p", "m", Usage()) for _ in range(20)]
    steps = [Step(at, *written(step)) for at, step in enumerate((begun, *answers))]
    run = StoredRun("r", DEFAULT_ORG, "agent", LOCAL_OWNER.subject, "t", "running",
                    dumps(Asked("go")).decode(), "{}")  # fmt: skip
    await here.runs.begin(run, steps)
    numbers: list[int] = []
    more = True
    while more:
        after = numbers[-1] if numbers else 0
        page = await here.gate.acall("runs.show", ShowRun("r", after), LOCAL_OWNER)
        assert len(page.text) < 5_000_000
        numbers += [each.number for each in page.steps]
        more = page.more
        assert more == (numbers[-1] < 21)
    assert numbers == list(range(1, 22))


async def test_a_thousand_calls_in_one_answer_are_not_made(rooms: MakeRooms, bench: Bench) -> None:
    model = Scripted([calling(*[word("read", "x")] * 1000), saying("ok")])
    reply = await ask(joined(rooms, bench, model))
    assert len(bench.noted) == 32
    assert len(reply.tool_calls) == 128  # of which each was answered, if only with a refusal


async def test_a_call_that_was_written_into_the_text_is_made(
    rooms: MakeRooms, bench: Bench
) -> None:
    text = 'I read it.\n```json\n{"name": "bench_read", "arguments": {"word": "a"}}\n```'
    model = Scripted([saying(text), saying("Done.")])
    reply = await ask(joined(rooms, bench, model))
    assert bench.noted == ["read a"]
    assert reply.text == "I read it.\n\nDone."
    assert model.asked[1].messages[-1].tool_call_id == "text_0"


async def test_arguments_may_be_put_right_once(rooms: MakeRooms, bench: Bench) -> None:
    wrong = ("bench_read", '{"word": 7, "colour": "red"}')
    model = Scripted([calling(wrong), calling(wrong), saying("I cannot.")])
    await ask(joined(rooms, bench, model))
    (first,), (_, second) = told(model.asked[1]), told(model.asked[2])
    assert "unknown field" in str(first) or "expected" in str(first)
    assert "failed twice" not in str(first)
    assert "it failed twice: do without bench.read" in str(second)


async def test_each_call_of_each_run_has_a_key_of_its_own(rooms: MakeRooms, bench: Bench) -> None:
    keys: list[str] = []

    @block("bench.keyed", summary="Note the key", guarded=True, effects=Effects.NETWORK)
    def keyed(given: Word) -> Words:
        keys.append(current_call().idempotency_key)
        return Words(current_call().key_for("bench.other"))

    twice = calling(("bench_keyed", "{}"), ("bench_keyed", "{}"))
    here = rooms(Scripted([twice, saying("ok"), twice, saying("ok")]), extra=[keyed],
                 models=["bench.*"])  # fmt: skip
    replies = [await ask(here), await ask(here)]
    assert len(set(keys)) == 4
    assert all(re.fullmatch(r"[0-9a-f-]{36}", key) for key in keys)
    assert replies[0].tool_calls[0].result == {"words": ""}  # another block has none of it
    await here.gate.acall("bench.keyed", {})
    assert keys[-1] == ""  # nobody keeps count


async def test_a_failed_run_goes_on_where_it_failed(rooms: MakeRooms, bench: Bench) -> None:
    def breaks(request: ChatRequest) -> list[Chunk]:
        raise ProviderTimeout("silent", provider="scripted")

    here = joined(rooms, bench, Scripted([calling(word("write", "a")), breaks]))
    with pytest.raises(AllProvidersFailed):
        await ask(here)
    (run,) = here.runs.newest(DEFAULT_ORG)
    assert run.status == "failed"
    assert "all_providers_failed" in run.result
    after = joined(rooms, bench, Scripted([saying("Now.")]))
    reply = await after.gate.acall("runs.resume", RunName(run.id))
    assert reply.text == "Now."
    assert bench.noted == ["write a"]
    with pytest.raises(Conflict, match="the run is over"):
        await after.gate.acall("runs.resume", RunName(run.id))


async def test_a_run_whose_client_left_goes_on(rooms: MakeRooms, bench: Bench) -> None:
    here = joined(rooms, bench, Scripted([calling(word("write", "a")), saying("ok")]))
    stream = here.gate.stream("agent.ask", AskRequest("go"))
    async for event in stream:
        if isinstance(event, ToolReturned):
            break
    await stream.aclose()
    (run,) = here.runs.newest(DEFAULT_ORG)
    assert run.status == "cancelled"
    reply = await here.gate.acall("runs.resume", RunName(run.id))
    assert reply.text == "ok"
    assert bench.noted == ["write a"]


async def test_a_fork_goes_another_way_and_calls_nothing_again(
    rooms: MakeRooms, bench: Bench
) -> None:
    model = Scripted([calling(word("write", "a")), saying("One.")])
    reply = await ask(joined(rooms, bench, model))
    other = Scripted(
        [calling(word("write", "a"), word("write", "b")), saying("Two.")], name="other"
    )
    here = joined(rooms, bench, other)
    forked = await here.gate.acall("runs.fork", Fork(reply.run_id, 1, provider="other"))
    assert forked.text == "Two."
    assert forked.provider == "other"
    assert bench.noted == ["write a", "write b"]
    shown = await show(here, forked.run_id)
    assert (shown.run.parent, shown.run.parent_step) == (reply.run_id, 1)
    assert len(here.conversations.window(DEFAULT_ORG, "default", 40)) == 4  # of the first alone
    later = Scripted([saying("Three.")])
    here = joined(rooms, bench, later)
    forked = await here.gate.acall("runs.fork", Fork(reply.run_id, 4))
    assert forked.text == "Three."
    assert later.asked[0].messages[-1].role == "tool"
    with pytest.raises(InvalidInput, match="no step 99"):
        await here.gate.acall("runs.fork", Fork(reply.run_id, 99))


async def test_what_a_killed_process_left_is_gone_on_with(rooms: MakeRooms, bench: Bench) -> None:
    here = joined(rooms, bench, Scripted([calling(word("read", "a")), saying("ok")]))
    here.runs.owner = "a-machine-of-nobody:1:1"
    stream = here.gate.stream("agent.ask", AskRequest("go"))
    started = await anext(stream)
    assert isinstance(started, Started)
    async for event in stream:
        if isinstance(event, ToolCalled):
            break
    with here.database.transaction() as connection:  # as if its lease had run out
        connection.exec_driver_sql("UPDATE runs SET lease_until_ms = 0")
    after = joined(rooms, bench, Scripted([saying("Found.")]))
    beside = joined(rooms, bench, Scripted([saying("Found.")]))
    beside.runs.owner = "another-machine:2:2"
    (left,) = after.runs.left()
    both = await asyncio.gather(after.agent.recover(left), beside.agent.recover(left))
    assert sum(both) == 1  # it is one process's, whichever is first
    assert (await show(after, started.run_id)).run.status == "done"
    assert after.conversations.window(DEFAULT_ORG, "default", 40)[-1].message.content == "Found."
    assert after.runs.left() == []
    await stream.aclose()  # the first one is told that it is not its run any more
    assert (await show(after, started.run_id)).run.status == "done"


@pytest.mark.parametrize("wait", [0.0, 0.002, 0.004, 0.008, 0.016, 0.03])
async def test_whoever_leaves_while_a_step_is_stored_leaves_a_run_that_goes_on(
    rooms: MakeRooms, bench: Bench, wait: float
) -> None:
    calls = [calling(word("write", str(n))) for n in range(6)]
    here = joined(rooms, bench, Scripted([*calls, saying("ok")]))
    asking = asyncio.ensure_future(here.gate.acall("agent.ask", AskRequest("go")))
    for _ in range(100_000):
        if here.runs.newest(DEFAULT_ORG):
            break
        await asyncio.sleep(0)
    await asyncio.sleep(wait)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    (run,) = here.runs.newest(DEFAULT_ORG)
    assert run.status == "cancelled"
    after = joined(rooms, bench, Scripted([saying("ok")]))
    reply = await after.gate.acall("runs.resume", RunName(run.id))
    assert reply.status == "done"
    assert len(set(bench.noted)) == len(bench.noted)  # nothing twice


async def test_one_that_ends_while_it_goes_on_leaves_the_run_to_the_next(
    rooms: MakeRooms, bench: Bench
) -> None:
    here = joined(rooms, bench, Scripted([calling(word("slow", "a")), saying("ok")]))
    begun = asyncio.create_task(ask(here))

    def steps() -> int:
        return max((each.steps for each in here.runs.newest(DEFAULT_ORG)), default=0)

    await asyncio.to_thread(settled, lambda: steps() > 1)
    begun.cancel()  # its client left: that one waits for somebody
    with contextlib.suppress(asyncio.CancelledError):
        await begun
    (run,) = here.runs.newest(DEFAULT_ORG)
    assert run.status == "cancelled"
    run = await here.runs.append(run, ())
    with here.database.transaction() as connection:  # as a killed process would leave it
        connection.exec_driver_sql("UPDATE runs SET owner = 'nobody:1:1', lease_until_ms = 0")
    (left,) = here.runs.left()
    recovering = asyncio.create_task(here.agent.recover(left))
    await asyncio.to_thread(
        settled, lambda: here.runs.get(DEFAULT_ORG, run.id).owner == here.runs.owner
    )
    recovering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await recovering
    assert here.runs.get(DEFAULT_ORG, run.id).status == "running"
