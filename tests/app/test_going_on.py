"""What processes that start do with what one that is no more has left."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conduit.agents.planning.kept import Begun, Wish, rows_of
from conduit.agents.planning.steps import PlanStep
from conduit.agents.reach import Reach
from conduit.agents.runs.agent_runs import AgentRuns
from conduit.agents.standing import rights_of
from conduit.agents.tool_loop import ToolLoop
from conduit.app import going_on as room
from conduit.app.beside import stopped
from conduit.blocks import dumps
from conduit.contracts.call import Principal
from conduit.store.runs import (
    HANDED_ON,
    MOST_RECOVERIES,
    RECOVERED,
    Runs,
    Step,
    StoredRun,
)
from conduit.telemetry.ids import IdMaker
from tests.agents.planning.conftest import PERSON, Place
from tests.product.waiting import settled

GONE = Principal("gone", permissions=frozenset({"*"}))


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[Place]]:
    """Two processes with one database."""
    with contextlib.ExitStack() as stack:
        made = [Place(tmp_path, stack), Place(tmp_path, stack)]
        for at, each in enumerate(made):
            each.join(f"process-{at}")
        yield made


async def left(place: Place, name: str, *steps: str, begun: bool = False, **more: Any) -> None:
    """A plan of a process that was killed: before its first step, or while that was done."""
    plan = tuple(PlanStep(each, {"text": name}) for each in steps)
    who: Principal = more.get("who", PERSON)
    run = StoredRun(name, who.org_id, "plan", who.subject, "", "running",
                    dumps(Wish("", plan)).decode(), rights_of(who))  # fmt: skip
    rows = rows_of([Begun(0, "the-key")], 0) if begun else []
    with contextlib.closing(Runs(place.database, lambda: 0.0, "nobody:1:1")) as killed:
        await killed.begin(run, rows)


def standing(person: Principal) -> Principal | None:
    return None if person.subject == GONE.subject else person


async def test_two_that_start_at_once_go_on_with_each_plan_once(
    places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LOOK_AGAIN_S", 0.05)
    one = places[0]
    for number in range(6):
        await left(one, f"p{number}", "make.read", "make.write")
    await left(one, "unsure", "make.send", "make.write", begun=True)
    await left(one, "nothing", "make.nothing")
    await left(one, "gone", "make.write", who=GONE)
    tasks: list[asyncio.Task[None]] = []
    for place in places:
        loop = ToolLoop(place.gate)
        reach = Reach(place.gate, standing)
        agents = AgentRuns(place.runs, loop, lambda *_: lambda _: None, IdMaker(), reach)
        tasks += room.going_on(place.gate, agents)

    def status(name: str) -> str:
        return one.runs.get(PERSON.org_id, name).status

    names = [*(f"p{number}" for number in range(6)), "unsure", "nothing", "gone"]
    await asyncio.to_thread(settled, lambda: "running" not in map(status, names))
    await asyncio.sleep(0.2)  # it is looked again some times
    await stopped(tasks)
    assert [status(name) for name in names] == [*["done"] * 6, "waiting", "stopped", "stopped"]
    done = Counter(word for place in places for word in place.counting.done)
    assert done == {
        f"{block}:p{number}": 1 for block in ("make.read", "make.write") for number in range(6)
    }
    decided = await one.execute(run_id="unsure", decisions={"0": "skip"})
    assert decided.status == "partial"


async def test_one_that_ends_while_it_goes_on_leaves_it_for_the_next(places: list[Place]) -> None:
    first, second = places
    await left(first, "long", "make.read", "make.write")
    first.counting.during["make.read"] = lambda: asyncio.sleep(3600)

    def begin(place: Place) -> tuple[asyncio.Task[None], ...]:
        agents = AgentRuns(place.runs, ToolLoop(place.gate), lambda *_: lambda _: None, IdMaker(),
                           Reach(place.gate, standing))  # fmt: skip
        return room.going_on(place.gate, agents)

    def status() -> str:
        return first.runs.get(PERSON.org_id, "long").status

    tasks = begin(first)
    await asyncio.to_thread(settled, lambda: first.counting.done == ["make.read:long"])
    await stopped(tasks)
    assert status() == "running"
    with first.database.transaction() as connection:  # its process is no more
        connection.exec_driver_sql("UPDATE runs SET lease_until_ms = 0")
    tasks = begin(second)
    await asyncio.to_thread(settled, lambda: status() == "done")
    await stopped(tasks)
    assert second.counting.done == ["make.read:long", "make.write:long"]


async def test_a_run_that_ends_every_process_is_stopped_at_last(places: list[Place]) -> None:
    """Three processes die of it before they get a step further; the fourth leaves it alone."""
    one = places[0]
    await left(one, "deadly", "make.write")
    for number in range(MOST_RECOVERIES):
        with contextlib.closing(Runs(one.database, lambda: 1e6, f"dying:{number}:1")) as dying:
            [run] = dying.left()
            assert await dying.recovering(run) is not None
    loop, reach = ToolLoop(one.gate), Reach(one.gate, standing)
    agents = AgentRuns(one.runs, loop, lambda *_: lambda _: None, IdMaker(), reach)
    tasks = room.going_on(one.gate, agents)
    await asyncio.to_thread(
        settled, lambda: one.runs.get(PERSON.org_id, "deadly").status != "running"
    )
    await stopped(tasks)
    assert one.runs.get(PERSON.org_id, "deadly").status == "stopped"
    assert one.counting.done == []


async def test_processes_that_end_in_good_order_do_not_count(places: list[Place]) -> None:
    one = places[0]
    await left(one, "long", "make.write")
    for number in range(2 * MOST_RECOVERIES):
        later = 1e6 * (number + 1)
        clock = partial(float, later)
        with contextlib.closing(Runs(one.database, clock, f"ends:{number}:1")) as ending:
            [run] = ending.left()
            noted = await ending.recovering(run)
            assert noted is not None
            await ending.append(noted, [Step(noted.steps, RECOVERED, HANDED_ON)])
