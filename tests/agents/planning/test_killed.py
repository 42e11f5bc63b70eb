"""A plan that is killed with SIGKILL at every moment, and gone on with by another process."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import orjson
import pytest

from conduit.agents.planning.steps import ExecutedPlan, StepError
from conduit.contracts.call import LOCAL_OWNER
from conduit.store.database import Database
from conduit.store.runs import Runs
from tests.agents.killing import empty_database, killer
from tests.agents.planning.killed import COMMITS, ONCE, STEPS, execute

IDS = [step["id"] for step in STEPS]
POINTS = [
    *(f"commit:{n}:{when}" for n in range(COMMITS) for when in ("before", "after")),
    *(f"{step}:{when}" for step in IDS for when in ("before", "after")),
]
NONE: Mapping[str, str] = {}


class Kill(Protocol):
    """Carries a plan out in a process of its own, killed at a point; how that one ended."""

    def __call__(self, name: str, point: str, decisions: Mapping[str, str] = NONE) -> int: ...


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an empty database."""
    return empty_database(tmp_path_factory.mktemp("killed")).parent


@pytest.fixture(scope="module")
def kill(folder: Path) -> Iterator[Kill]:
    """Works in a process of its own, which is killed at a point; how that one ended."""
    with killer("tests.agents.planning.killed", folder) as ended:
        yield lambda name, point, decisions=NONE: ended(
            name, point, orjson.dumps(decisions).decode()
        )


class Killed:
    """What there is of a plan after its process was killed."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        shutil.copy(folder / "empty.db", folder / f"{name}.db")
        self._notes = folder / f"{name}.notes"
        self._notes.touch()

    @property
    def done(self) -> Counter[str]:
        """How often each step was really done."""
        return Counter(self._notes.read_text().split())

    def stored(self) -> tuple[set[str], set[str]]:
        """The steps that are stored as ended, and those only as begun."""
        with closing(Database(f"sqlite:///{self._folder}/{self._name}.db")) as database:
            rows = Runs(database, time.time).steps(LOCAL_OWNER.org_id, "run")
        ended = {IDS[orjson.loads(row.body)["at"]] for row in rows if row.kind == "step_ended"}
        begun = {IDS[orjson.loads(row.body)["at"]] for row in rows if row.kind == "step_begun"}
        return ended, begun - ended

    async def go_on(self, **more: Any) -> ExecutedPlan:
        request = {"steps": STEPS, "run_id": "run", **more}
        plan = await execute(self._folder, self._name, "never", request)
        assert isinstance(plan, ExecutedPlan)
        return plan


def in_doubt(plan: ExecutedPlan) -> list[str]:
    return [each.id for each in plan.results
            if isinstance(each, StepError) and each.error.code == "uncertain"]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
async def test_a_plan_that_is_killed_goes_on_and_does_nothing_twice(
    folder: Path, kill: Kill, point: str
) -> None:
    killed = Killed(folder, point.replace(":", "_"))
    assert kill(point.replace(":", "_"), point) == -signal.SIGKILL
    before, (ended, begun) = killed.done, killed.stored()
    plan = await killed.go_on()
    for step in ended | begun:
        assert killed.done[step] == before[step], "what was stored was done again"
    assert in_doubt(plan) == sorted(begun)
    if begun:
        assert plan.status == "waiting"
        (step,) = begun
        decision = "skip" if before[step] else "retry"  # as a person would who has looked
        plan = await killed.go_on(decisions={step: decision})
        assert plan.status == ("partial" if before[step] else "success") or step == "b"
        if plan.status == "failed":  # what refers to a skipped step has nothing to refer to
            assert (step, decision) == ("b", "skip")
            return
    else:
        assert plan.status == "success"
    assert all(killed.done[step] == 1 for step in ONCE), killed.done
    assert all(1 <= killed.done[step] <= 2 for step in IDS), killed.done
    assert [each.id for each in plan.results] == IDS


async def test_without_a_kill_each_step_is_done_once(folder: Path, kill: Kill) -> None:
    killed = Killed(folder, "whole")
    assert kill("whole", "never") == 0
    assert killed.done == Counter(IDS)
    plan = await killed.go_on()
    assert plan.status == "success"
    assert plan.results[-1].output == {"said": "eb"}  # type: ignore[union-attr]  # it succeeded
    assert killed.done == Counter(IDS)


async def test_a_plan_that_is_killed_again_and_again_comes_to_its_end(
    folder: Path, kill: Kill
) -> None:
    """Each process takes the plan over, does a step, says that it begins another, and is killed."""
    killed = Killed(folder, "again")
    assert kill("again", "commit:0:after") == -signal.SIGKILL
    attempts = 0
    begun: set[str] = set()
    while kill("again", f"commit:{3 if begun else 1}:after", dict.fromkeys(begun, "retry")) != 0:
        attempts += 1
        assert attempts < 20
        _, begun = killed.stored()
    assert attempts >= 3
    plan = await killed.go_on()
    assert plan.status == "success"
    assert all(killed.done[step] == 1 for step in ONCE), killed.done
