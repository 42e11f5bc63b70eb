"""Plans that are carried out: results, references, failures, limits, and going on."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from conduit.agents.planning.execute import LARGEST_OUTPUT
from conduit.agents.planning.steps import (
    ExecutedPlan,
    PlanBegun,
    StepBegun,
    StepEnded,
    StepError,
    StepOutput,
)
from conduit.contracts.call import Principal
from conduit.contracts.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from tests.agents.planning.conftest import OWNER, PERSON, Place, step_of


def outputs(plan: ExecutedPlan) -> list[Any]:
    return [each.output for each in plan.results if isinstance(each, StepOutput)]


def errors(plan: ExecutedPlan) -> list[tuple[str, str]]:
    return [(each.step, each.error.code) for each in plan.results if isinstance(each, StepError)]


async def test_steps_are_done_in_order_and_their_outputs_come_back(place: Place) -> None:
    plan = await place.execute(("make.pure", {"text": "a"}), ("make.write", {"text": "b"}))
    assert plan.status == "success"
    assert [each.step for each in plan.results] == ["make.pure", "make.write"]
    assert outputs(plan)[1]["inner"] == {"id": "id-b", "size": 1}
    assert place.counting.done == ["make.pure:a", "make.write:b"]
    assert place.runs.get(PERSON.org_id, plan.runId).status == "done"


async def test_a_reference_keeps_the_type_of_what_it_leads_to(place: Place) -> None:
    plan = await place.execute(
        step_of("make.pure", {"text": "abc", "more": {"deep": [1, {"k k": True}]}}, id="first"),
        step_of("make.pure", {"text": "${steps.first.output.inner.id}",
                              "times": "${steps[0].output.count}"}),
        step_of("make.pure", {"text": "<${steps[1].output.count}> ${steps[0].output.inner} "
                                      "$${steps[0].output.text}",
                              "more": ["${steps.first.output.anything.deep[1][\"k k\"]}",
                                       "${steps[0].output.items}"]}),
    )  # fmt: skip
    assert plan.status == "success"
    second, third = outputs(plan)[1:]
    assert second["text"] == "id-abc" * 3
    assert third["text"] == '<18> {"id":"id-abc","size":3} ${steps[0].output.text}'
    assert third["anything"] == [True, [{"id": "first", "size": 1}, {"id": "second", "size": 2}]]


async def test_a_failure_stops_the_plan_or_does_not(place: Place) -> None:
    stopped = await place.execute(
        ("make.pure", {"text": "a"}), ("make.fail",), ("make.pure", {"text": "c"})
    )
    assert (stopped.status, errors(stopped)) == ("failed", [("make.fail", "conflict")])
    assert len(stopped.results) == 2
    assert stopped.results[1].error.hint == "take another name"
    gone_on = await place.execute(
        step_of("make.fail", on_error="continue", id="bad"),
        ("make.pure", {"text": "c"}),
        step_of("make.pure", {"text": "${steps.bad.output.text}"}, on_error="continue"),
    )
    assert gone_on.status == "partial"
    assert errors(gone_on) == [("make.fail", "conflict"), ("make.pure", "invalid_input")]
    assert "gave nothing" in gone_on.results[2].error.message
    none = await place.execute(step_of("make.fail", on_error="continue"))
    assert none.status == "failed"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([("make.nothing",)], "there is no block 'make.nothing'"),
        ([("make.pure", {"text": 5})], "text: expected str"),
        ([("make.pure",)], "text: is missing"),
        ([("make.pure", {"text": "a", "txt": 1})], "'txt': unknown field"),
        ([("make.pure", {"text": "a", "times": 101})], "times: expected int from 1 to 100"),
        ([("make.pure", {"text": "${steps[0].output.text}"})], "refers forward"),
        ([("make.pure", {"text": "${steps[1].output.text}"}), ("make.pure", {"text": "b"})],
         "refers forward"),
        ([("make.pure", {"text": "a"}), ("make.pure", {"text": "${steps.x.output}"})],
         "no step has that id"),
        ([("make.pure", {"text": "a"}), ("make.pure", {"text": "${steps[0].output.nope}"})],
         "there is no 'nope' in Made"),
        ([("make.pure", {"text": "a"}), ("make.pure", {"text": "${steps[0].output.items.x}"})],
         "there is no 'x'"),
        ([("make.pure", {"text": "a"}),
          ("make.pure", {"text": "${steps[0].output.text}", "times": 500})], "times: expected"),
        ([("make.pure", {"text": "a"}), ("make.pure", {"more": "${steps[0].output}"})],
         "text: is missing"),
        ([("make.pure", {"text": "${steps[0].outputs}"})], "is no reference"),
        ([("make.pure", {"text": "${steps[0].output"})], "is no reference"),
        ([("planner.execute", {"steps": []})], "cannot be a step"),
        ([step_of("make.pure", {"text": "a"}, id="1x")], "is no id of a step"),
        ([step_of("make.pure", {"text": "a"}, id="x"),
          step_of("make.pure", {"text": "a"}, id="x")], "that of steps[0] too"),
    ],
)  # fmt: skip
async def test_a_plan_that_cannot_be_done_is_refused_whole(
    place: Place, steps: list[Any], said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await place.execute(*steps, ("make.write", {"text": "fine in itself"}))
    assert said in refused.value.message
    assert refused.value.hint
    assert place.counting.done == []
    assert place.runs.newest(PERSON.org_id) == []


async def test_text_that_only_looks_like_a_reference_is_text(place: Place) -> None:
    texts = ["${stepsize}", "${VAR}", "steps[0].output", "$ {steps[0]}", "{steps[0].output}"]
    plan = await place.execute(*(("make.pure", {"text": text}) for text in texts))
    assert [each["text"] for each in outputs(plan)] == texts


async def test_many_faults_are_said_at_once(place: Place) -> None:
    with pytest.raises(InvalidInput) as refused:
        await place.execute(*(("make.nothing",) for _ in range(50)))
    assert "and 30 more" in refused.value.message
    with pytest.raises(InvalidInput, match="100 items"):
        await place.execute(*(("make.pure", {"text": "a"}) for _ in range(101)))


async def test_what_a_caller_may_not_call_is_no_step_of_theirs(place: Place) -> None:
    with pytest.raises(Forbidden, match=r"may not call make\.secret"):
        await place.execute(("make.write", {"text": "a"}), ("make.secret", {"text": "b"}))
    narrow = Principal("narrow", permissions=frozenset({"planner.execute", "make.pure"}))
    with pytest.raises(Forbidden):
        await place.execute(("make.write", {"text": "a"}), who=narrow)
    assert place.counting.done == []
    plan = await place.execute(("make.secret", {"text": "b"}), who=OWNER)
    assert plan.status == "success"


async def test_events_say_what_happens_while_it_does(place: Place) -> None:
    data = {"steps": [step_of("make.pure", {"text": "a"}), step_of("make.fail")]}
    items = [item async for item in place.gate.stream("planner.execute", data, PERSON)]
    assert [type(item) for item in items] == [
        PlanBegun, StepBegun, StepEnded, StepBegun, StepEnded, ExecutedPlan,
    ]  # fmt: skip
    assert items[0].runId == items[-1].runId
    assert isinstance(items[4].result, StepError)


async def test_what_is_too_large_is_done_and_not_kept(place: Place) -> None:
    large = LARGEST_OUTPUT // 100 + 1
    plan = await place.execute(
        step_of("make.write", {"text": "x" * large, "times": 100}, on_error="continue", id="big"),
        ("make.pure", {"text": "b"}),
    )
    assert errors(plan) == [("make.write", "too_large")]
    again = await place.execute(run_id=plan.runId)
    assert again == plan
    assert len(place.counting.done) == 2


async def test_all_outputs_together_are_bounded(place: Place) -> None:
    half = step_of("make.pure", {"text": "x" * 5000, "times": 100}, on_error="continue")
    plan = await place.execute(*([half] * 20))
    assert plan.status == "partial"
    assert {code for _, code in errors(plan)} == {"too_large"}
    assert 14 <= len(outputs(plan)) <= 17


async def test_references_cannot_blow_a_step_up(place: Place) -> None:
    first = step_of("make.pure", {"text": "x" * 5000, "times": 100})
    text = "${steps[0].output.text}" * 150
    plan = await place.execute(first, ("make.pure", {"text": text}))
    assert errors(plan) == [("make.pure", "too_large")]
    with pytest.raises(InvalidInput, match="more than 200 references"):
        await place.execute(first, ("make.pure", {"text": "${steps[0].output.text}" * 201}))
    deep: Any = "x"
    for _ in range(70):
        deep = [deep]
    with pytest.raises(InvalidInput, match="nested more than 64 deep"):
        await place.execute(("make.pure", {"text": "a", "more": deep}))


async def test_a_plan_of_a_megabyte_is_refused(place: Place) -> None:
    with pytest.raises(TooLarge):
        await place.execute(("make.pure", {"text": "x" * (1 << 20)}))


async def test_side_by_side_where_it_is_asked_for(place: Place) -> None:
    """Each of the two waits for the other: in a row they would wait for ever."""
    met = asyncio.Barrier(2)
    place.counting.during["make.write"] = lambda: asyncio.wait_for(met.wait(), 20)
    plan = await place.execute(
        step_of("make.write", {"text": "a"}, id="a"),
        step_of("make.write", {"text": "b"}, id="b"),
        ("make.pure", {"text": "${steps.a.output.text}${steps.b.output.text}"}),
        parallel=True,
    )
    assert plan.status == "success"
    assert outputs(plan)[2]["text"] == "ab"
    assert place.counting.done[2] == "make.pure:ab"


async def test_in_a_row_unless_it_is_asked_for(place: Place) -> None:
    busy = most = 0
    wanted = 1

    async def watched() -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.01)
        for _ in range(1000):
            if most >= wanted:
                break
            await asyncio.sleep(0.01)
        busy -= 1

    place.counting.during["make.pure"] = watched
    steps = [("make.pure", {"text": str(n)}) for n in range(6)]
    assert (await place.execute(*steps)).status == "success"
    assert most == 1
    wanted = 6
    await place.execute(*steps, parallel=True)
    assert most == 6


async def test_the_same_run_id_is_done_once(place: Place) -> None:
    step = ("make.write", {"text": "a"})
    first = await place.execute(step, run_id="corr-1")
    assert first.runId == "corr-1"
    assert await place.execute(step, run_id="corr-1") == first
    assert await place.execute(runId="corr-1") == first
    assert place.counting.done == ["make.write:a"]
    with pytest.raises(Conflict, match="another run has this id"):
        await place.execute(("make.write", {"text": "b"}), run_id="corr-1")
    with pytest.raises(InvalidInput, match="differ"):
        await place.execute(run_id="corr-1", runId="corr-2")
    with pytest.raises(InvalidInput, match="no id of a run"):
        await place.execute(step, run_id="../x")
    with pytest.raises(InvalidInput, match="no id of a run"):
        await place.execute(step, run_id="waiting")
    with pytest.raises(InvalidInput, match="there is no run"):
        await place.execute(run_id="corr-9")
    with pytest.raises(InvalidInput, match="there are no steps"):
        await place.execute()


async def test_a_run_that_is_worked_on_is_not_begun_twice(place: Place) -> None:
    begun, going = asyncio.Event(), asyncio.Event()

    async def held() -> None:
        begun.set()
        await going.wait()

    place.counting.during["make.write"] = held
    step = ("make.write", {"text": "a"})
    first = asyncio.create_task(place.execute(step, run_id="one"))
    await begun.wait()
    with pytest.raises(Conflict, match="being carried out"):
        await place.execute(step, run_id="one")
    going.set()
    assert (await first).status == "success"
    assert place.counting.done == ["make.write:a"]


async def test_two_that_begin_at_once_are_one(place: Place) -> None:
    step = ("make.write", {"text": "a"})
    made = await asyncio.gather(
        *(place.execute(step, run_id="one") for _ in range(8)), return_exceptions=True
    )
    assert place.counting.done == ["make.write:a"]
    assert all(isinstance(each, ExecutedPlan | Conflict) for each in made), made


async def test_a_plan_that_takes_too_long_stops_and_can_be_gone_on_with(place: Place) -> None:
    place.counting.during["make.read"] = lambda: asyncio.sleep(3600)
    steps = (("make.write", {"text": "a"}), ("make.read", {"text": "b"}))
    late = await place.execute(*steps, timeout_s=1.0)
    assert (late.status, errors(late)) == ("failed", [("make.read", "timed_out")])
    assert place.runs.get(PERSON.org_id, late.runId).status == "stopped"
    del place.counting.during["make.read"]
    again = await place.execute(run_id=late.runId)
    assert again.status == "success"
    assert place.counting.done == ["make.write:a", "make.read:b", "make.read:b"]


async def test_what_was_stopped_while_it_changed_something_is_uncertain(place: Place) -> None:
    place.counting.during["make.send"] = lambda: asyncio.sleep(3600)
    late = await place.execute(step_of("make.send", {"text": "a"}, id="send"), timeout_s=1.0)
    assert errors(late) == [("make.send", "timed_out")]
    del place.counting.during["make.send"]
    waiting = await place.execute(run_id=late.runId)
    assert (waiting.status, errors(waiting)) == ("waiting", [("make.send", "uncertain")])
    assert '"send": "retry"' in waiting.results[0].error.hint
    assert place.runs.get(PERSON.org_id, late.runId).status == "waiting"
    with pytest.raises(NotFound, match="nothing to decide"):
        await place.execute(run_id=late.runId, decisions={"other": "retry"})
    done = await place.execute(run_id=late.runId, decisions={"send": "retry"})
    assert done.status == "success"
    assert place.counting.done == ["make.send:a"] * 2


async def test_who_stops_listening_stops_the_plan(place: Place) -> None:
    place.counting.during["make.write"] = lambda: asyncio.sleep(3600)
    steps = [step_of("make.pure", {"text": "a"}), step_of("make.write", {"text": "b"})]
    data = {"steps": steps, "run_id": "left"}
    async with aclosing(place.gate.stream("planner.execute", data, PERSON)) as items:
        async for item in items:
            if isinstance(item, StepBegun) and item.at == 1:
                break
    assert place.runs.get(PERSON.org_id, "left").status == "cancelled"
    begun = asyncio.Event()

    async def held() -> None:
        begun.set()
        await asyncio.sleep(3600)

    place.counting.during["make.write"] = held
    task = asyncio.create_task(place.execute(*steps, run_id="cut"))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert place.runs.get(PERSON.org_id, "cut").status == "cancelled"
    del place.counting.during["make.write"]
    left = await place.execute(run_id="cut")
    assert (left.status, errors(left)) == ("waiting", [("make.write", "uncertain")])
    done = await place.execute(run_id="cut", decisions={"1": "skip"})
    assert (done.status, errors(done)) == ("partial", [("make.write", "skipped")])


async def test_a_failed_step_is_tried_again_when_somebody_says_so(place: Place) -> None:
    calls = 0

    def sometimes() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Conflict("not now", hint="later")

    place.counting.during["make.write"] = sometimes
    failed = await place.execute(("make.write", {"text": "a"}), ("make.pure", {"text": "b"}))
    assert failed.status == "failed"
    assert await place.execute(run_id=failed.runId) == failed
    done = await place.execute(run_id=failed.runId, decisions={"0": "retry"})
    assert (done.status, len(done.results)) == ("success", 2)


async def test_somebody_elses_plan_is_not_there(place: Place) -> None:
    plan = await place.execute(("make.write", {"text": "a"}), run_id="mine")
    other = Principal("other", permissions=frozenset({"*"}))
    with pytest.raises(InvalidInput, match="there is no run"):
        await place.execute(run_id="mine", who=other)
    with pytest.raises(Conflict, match="another run has this id"):
        await place.execute(("make.write", {"text": "a"}), run_id="mine", who=other)
    elsewhere = Principal("person", "01900000-0000-7000-8000-00000000000b", frozenset({"*"}))
    with pytest.raises(InvalidInput, match="there is no run"):
        await place.execute(run_id="mine", who=elsewhere)
    assert await place.execute(run_id="mine", who=OWNER) == plan


async def test_the_owner_goes_on_with_no_more_than_whoever_began(place: Place) -> None:
    seen: list[frozenset[str]] = []

    def look() -> None:
        from conduit.blocks import current_call

        seen.append(current_call().principal.permissions)
        raise Conflict("not now", hint="later")

    place.counting.during["make.write"] = look
    await place.execute(("make.write", {"text": "a"}), run_id="mine")
    await place.execute(run_id="mine", decisions={"0": "retry"}, who=OWNER)
    narrow = Principal("person", permissions=frozenset({"make.write", "planner.execute"}))
    await place.execute(run_id="mine", decisions={"0": "retry"}, who=narrow)
    owners, both = seen[0], seen[1]
    assert owners == frozenset({"*"})
    assert {"make.write", "make.read"} <= both  # one by one
    assert "make.secret" not in both
    assert seen[2] == narrow.permissions
    less = Principal("person", permissions=frozenset({"planner.execute"}))
    with pytest.raises(Forbidden):
        await place.execute(run_id="mine", decisions={"0": "retry"}, who=less)
