"""``planner.reason`` and ``planner.execute``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from conduit.agents.planning.check import Checked, PlanCheck
from conduit.agents.planning.execute import PlanRun
from conduit.agents.planning.kept import KIND, Progress, Wish, wish_of
from conduit.agents.planning.names import BlockNames
from conduit.agents.planning.reason import Planner, Reasoned, ReasonRequest
from conduit.agents.planning.steps import (
    MOST_STEPS,
    Decision,
    ExecutedPlan,
    PlanEvent,
    PlanStep,
    StepError,
)
from conduit.agents.reach import Reach
from conduit.agents.standing import rights_of
from conduit.blocks import Block, Effects, Gate, Length, Range, block, current_call, dumps
from conduit.contracts.call import Principal
from conduit.contracts.errors import Conflict, InvalidInput, NotFound, StoreError, TooLarge
from conduit.store.runs import Runs, StoredRun

_LARGEST_PLAN: Final = 1 << 20
_POSITION: Final = re.compile(r"[0-9]{1,3}")
_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")
_WORDS: Final = frozenset({"last", "others", "waiting"})
"""What stands in the place of an id in commands and addresses."""

RunId = Annotated[
    str, Length(0, 36), "of a plan to go on with; or a name for a new one, so that it is done once"
]


@dataclass(frozen=True, slots=True)
class ExecuteRequest:
    """A plan to carry out, or the id of one to go on with; the steps are then left out."""

    steps: Annotated[tuple[PlanStep, ...], Length(0, MOST_STEPS)] = ()
    objective: Annotated[str, Length(0, 20_000), "what it is for; kept with it"] = ""
    run_id: RunId = ""
    runId: Annotated[str, Length(0, 36), "the same, as answers spell it"] = ""
    parallel: Annotated[bool, "do steps side by side that do not refer to each other"] = False
    decisions: Annotated[
        dict[str, Decision], "by id or number of a step that is uncertain, or failed"
    ] = field(default_factory=dict)
    timeout_s: Annotated[float, Range(0.1, 86_400), "seconds until it is stopped"] = 600.0


def planner_blocks(
    gate: Gate,
    runs: Runs,
    planner: Planner,
    new_id: Callable[[], str],
    reach: Reach,
) -> tuple[Block[Any, Any], ...]:
    """Both. ``reach`` says who goes on with whose plans."""
    plans = _Plans(gate, runs, new_id, reach)

    @block(
        "planner.reason",
        summary="Make a plan of blocks for an objective",
        effects=Effects.NETWORK,
    )
    async def reason(request: ReasonRequest) -> Reasoned:
        return await planner.reason(request, current_call().principal)

    @block(
        "planner.execute",
        summary="Carry out a plan step by step, or go on with one",
        effects=Effects.NETWORK | Effects.WRITES_FILES | Effects.WRITES_STATE,
    )
    async def execute(request: ExecuteRequest) -> AsyncIterator[PlanEvent | ExecutedPlan]:
        opened = await plans.opened(request, current_call().principal)
        if isinstance(opened, ExecutedPlan):
            yield opened
            return
        async with aclosing(opened.work()) as items:
            async for item in items:
                yield item

    return reason, execute


class _Plans:
    """Begins plans, and finds those that were begun."""

    def __init__(self, gate: Gate, runs: Runs, new_id: Callable[[], str], reach: Reach) -> None:
        self._gate = gate
        self._runs = runs
        self._new_id = new_id
        self._reach = reach
        self._check = PlanCheck(gate, BlockNames(gate.catalog))

    async def opened(self, request: ExecuteRequest, person: Principal) -> PlanRun | ExecutedPlan:
        """A plan to work at, or what came of one that is over."""
        id = _one_id(request)
        found = await self._found(id, person.org_id) if id else None
        if found is not None and not self._reach.has(found, person):
            if request.steps:
                raise _taken(id)
            found = None
        if found is not None:
            return await self._again(found, request, person)
        if not request.steps:
            raise InvalidInput(
                "there are no steps"
                if not id
                else f"there is no run {id!r}, and there are no steps",
                where="steps",
                hint='send [{"name": "groove.styles", "arguments": {}}], or the run_id of a plan',
            )
        if request.decisions:
            raise InvalidInput(
                "nothing of this plan was begun yet", where="decisions", hint="leave them out"
            )
        return await self._new(id or self._new_id(), request, person)

    async def _new(self, id: str, request: ExecuteRequest, person: Principal) -> PlanRun:
        steps = self._check.require(request.steps, person)
        wish = Wish(request.objective, request.steps, request.parallel)
        asked = dumps(wish)
        if len(asked) > _LARGEST_PLAN:
            raise TooLarge(
                f"the plan has {len(asked)} bytes", where="steps", hint="1 MiB is the most"
            )
        run = StoredRun(
            id, person.org_id, KIND, person.subject, "", "running",
            asked.decode(), rights_of(person),
        )  # fmt: skip
        try:
            stored = await self._runs.begin(run)
        except StoreError:
            if await self._found(id, person.org_id) is None:
                raise
            raise _at_work(id) from None  # somebody else began it in this very moment
        return self._at(stored, request, wish, steps, person, Progress())

    async def _again(
        self, run: StoredRun, request: ExecuteRequest, person: Principal
    ) -> PlanRun | ExecutedPlan:
        """The same plan once more. Raises ``Conflict`` when another was sent under its id."""
        if run.kind != KIND:
            raise Conflict(
                "this is the run of something else", where=run.id, hint="see `conduit runs show`"
            )
        who = self._reach.acting(run, person).both
        wish = wish_of(run.request)
        if request.steps and dumps(request.steps) != dumps(wish.steps):
            raise _taken(run.id)
        if self._runs.held(run):
            raise _at_work(run.id)
        rows = await asyncio.to_thread(self._runs.steps, run.org_id, run.id)
        progress = Progress.after(rows, wish.steps)
        decisions = _decisions(request.decisions, wish, progress)
        steps = self._check.require(wish.steps, who)
        if run.status in ("done", "failed") and not decisions:
            return self._at(run, request, wish, steps, who, progress).made()
        try:
            taken = await self._runs.take(run)
        except Conflict:  # somebody was faster, or this process is going on with it by itself
            raise _at_work(run.id) from None
        work = self._at(taken, request, wish, steps, who, progress)
        await work.decide(decisions, person.subject)
        return work

    def _at(
        self,
        run: StoredRun,
        request: ExecuteRequest,
        wish: Wish,
        steps: tuple[Checked, ...],
        person: Principal,
        progress: Progress,
    ) -> PlanRun:
        return PlanRun(
            self._gate,
            self._runs,
            run,
            wish.steps,
            steps,
            person,
            progress,
            parallel=wish.parallel,
            seconds=request.timeout_s,
        )

    async def _found(self, id: str, org_id: str) -> StoredRun | None:
        try:
            return await asyncio.to_thread(self._runs.get, org_id, id)
        except NotFound:
            return None


def _one_id(request: ExecuteRequest) -> str:
    id = request.run_id or request.runId
    if request.run_id and request.runId and request.run_id != request.runId:
        raise InvalidInput("run_id and runId differ", where="run_id", hint="send one of them")
    if id and (not _RUN_ID.fullmatch(id) or id in _WORDS):
        raise InvalidInput(
            f"{id!r} is no id of a run", where="run_id", hint="letters, digits, and . _ - between"
        )
    return id


def _decisions(
    given: Mapping[str, Decision], wish: Wish, progress: Progress
) -> dict[int, Decision]:
    """Decisions by position. Raises ``NotFound`` for a step that needs none."""
    open_steps = set(progress.begun) | {
        at for at, result in progress.results.items() if isinstance(result, StepError)
    }
    ids = {step.id: at for at, step in enumerate(wish.steps) if step.id}
    found: dict[int, Decision] = {}
    for name, decision in given.items():
        at = ids.get(name, int(name) if _POSITION.fullmatch(name) else -1)
        if at not in open_steps:
            names = ", ".join(wish.steps[each].id or str(each) for each in sorted(open_steps))
            raise NotFound(
                f"there is nothing to decide about step {name[:64]!r}",
                where="decisions",
                hint=f"steps to decide on: {names}" if names else "no step is uncertain or failed",
            )
        found[at] = decision
    return found


def _taken(id: str) -> Conflict:
    return Conflict(
        "another run has this id",
        where=id,
        hint="leave the steps out to go on with it, or choose another run_id",
    )


def _at_work(id: str) -> Conflict:
    return Conflict(
        "this plan is being carried out", where=id, hint="wait until it is over, and ask again"
    )
