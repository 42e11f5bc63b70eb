"""Carrying a plan out, step by step, with a checkpoint between each two.

    step_begun (only where it changes something) ──► the block ──► step_ended + the next step_begun

Whoever was killed before ``step_ended`` was stored has done the step or has not. A step that only
reads is done again; any other is ``uncertain``, and waits until somebody decides.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Final, Literal

from conduit.agents.planning.check import Checked
from conduit.agents.planning.kept import (
    Begun,
    Checkpoint,
    Decided,
    Ended,
    Progress,
    rows_of,
)
from conduit.agents.planning.references import Outputs
from conduit.agents.planning.steps import (
    ExecutedPlan,
    PlanBegun,
    PlanEvent,
    PlanStep,
    StepBegun,
    StepEnded,
    StepError,
    StepOutput,
    StepResult,
)
from conduit.agents.step_key import step_key
from conduit.blocks import Gate, dumps, loads
from conduit.contracts.call import Principal
from conduit.contracts.errors import ConduitError, TimedOut, TooLarge
from conduit.contracts.outcome import ErrorInfo
from conduit.store.runs import LEASE_MS, Runs, RunStatus, StoredRun

log = logging.getLogger("conduit.agents.planning")

AT_ONCE: Final = 8
"""Steps of a plan that are done side by side, where that is asked for."""
LARGEST_OUTPUT: Final = 1 << 20
LARGEST_TOGETHER: Final = 8 << 20
"""Bytes of what the steps of a plan give, as JSON, that are kept."""
_KEEP_S: Final = LEASE_MS / 3000
_STATUS: Final[dict[str, RunStatus]] = {
    "success": "done",
    "partial": "done",
    "failed": "failed",
    "waiting": "waiting",
}


class PlanRun:
    """One plan at work. ``run`` is stored already; ``progress`` is where it stands."""

    def __init__(
        self,
        gate: Gate,
        runs: Runs,
        run: StoredRun,
        plan: Sequence[PlanStep],
        steps: Sequence[Checked],
        person: Principal,
        progress: Progress,
        *,
        parallel: bool,
        seconds: float,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate
        self._runs = runs
        self._run = run
        self._plan = plan
        self._steps = steps
        self._person = person
        self._progress = progress
        self._parallel = parallel
        self._seconds = seconds
        self._timer = timer
        self._outputs = Outputs({step.id: step.at for step in steps if step.id})
        self._together = 0
        self._late: dict[int, StepError] = {}
        for at, result in progress.results.items():
            self._learn(at, result)
            self._together += len(dumps(result))

    async def decide(self, decisions: Mapping[int, Literal["retry", "skip"]], by: str) -> None:
        """Store what becomes of steps that were uncertain, or failed."""
        made = [Decided(at, decision, by) for at, decision in sorted(decisions.items())]
        if made:
            for each in made:
                self._progress.take(each, self._plan)
                self._outputs.take(each.at)
            await self._save(made)

    async def work(self) -> AsyncGenerator[PlanEvent | ExecutedPlan, None]:
        """Do what is left, and say so meanwhile; last comes what came of it all.

        Whoever stops listening stops the plan, which can then be gone on with.
        """
        yield PlanBegun(self._run.id, len(self._steps), len(self._progress.results))
        deadline = self._timer() + self._seconds
        tasks: dict[asyncio.Task[StepResult], int] = {}
        unsaved: list[Checkpoint] = []
        keeper = asyncio.create_task(self._keep())
        left = True
        try:
            while not self._uncertain(tasks.values()):
                ready = self._ready(set(tasks.values()))
                unsaved += [
                    Begun(step.at, self._key(step)) for step in ready if not step.repeatable
                ]
                if not (ready or tasks):
                    break
                if unsaved:
                    await self._save(unsaved)
                    unsaved = []
                for step in ready:
                    yield StepBegun(step.at, step.name, step.id)
                    tasks[asyncio.create_task(self._do(step))] = step.at
                done, _ = await asyncio.wait(
                    tasks,
                    timeout=max(0.0, deadline - self._timer()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done:
                    self._too_late(tasks.values())
                    break
                for task in sorted(done, key=tasks.__getitem__):
                    at = tasks.pop(task)
                    result = task.result()
                    self._learn(at, result)
                    ended = Ended(at, result)
                    self._progress.take(ended, self._plan)
                    unsaved.append(ended)
                    yield StepEnded(at, result)
            await _cancelled(tasks)
            plan = self.made()
            status: RunStatus = "stopped" if self._late else _STATUS[plan.status]
            await self._save(unsaved, status)
            left = False
            yield plan
        finally:
            keeper.cancel()
            await _cancelled(tasks)
            if left:
                await asyncio.shield(self._leave(unsaved))

    def _ready(self, running: set[int]) -> list[Checked]:
        """The steps to begin now."""
        if self._stopped:
            return []
        room = (AT_ONCE if self._parallel else 1) - len(running)
        found: list[Checked] = []
        for step in self._steps:
            if len(found) >= room:
                break
            if step.at in running or step.at in self._progress.results:
                continue
            if step.needs <= self._progress.results.keys():
                found.append(step)
        return found

    @property
    def _stopped(self) -> bool:
        """A step failed whose failure stops the plan."""
        return any(
            isinstance(result, StepError)
            and result.error.code != "skipped"
            and not self._steps[at].goes_on
            for at, result in self._progress.results.items()
        )

    def _uncertain(self, running: Any) -> list[Checked]:
        """Steps that may have been done before the process that began them was ended."""
        now = set(running)
        return [self._steps[at] for at in sorted(self._progress.begun) if at not in now]

    async def _do(self, step: Checked) -> StepResult:
        """One step through the gate. What it raises becomes its result."""
        try:
            arguments = self._outputs.filled(step.arguments)
            made = await self._gate.acall(
                step.block,
                arguments,
                self._person,
                idempotency_key=self._key(step),
                lenient=True,
            )
            text = dumps(made)
            if len(text) > LARGEST_OUTPUT or self._together + len(text) > LARGEST_TOGETHER:
                raise TooLarge(
                    f"the step was done, but what it gave is not kept: {len(text)} bytes",
                    where=step.block,
                    hint=f"a step may give {LARGEST_OUTPUT >> 20} MiB, all of them together "
                    f"{LARGEST_TOGETHER >> 20} MiB; let it write a file",
                )
            self._together += len(text)
            return StepOutput(step.name, loads(text), step.id)
        except ConduitError as error:
            return StepError(step.name, ErrorInfo.of(error), step.id)

    def _learn(self, at: int, result: StepResult) -> None:
        if isinstance(result, StepOutput):
            self._outputs.give(at, result.output)

    def _too_late(self, running: Any) -> None:
        error = TimedOut(
            f"the plan took longer than {self._seconds:g} s",
            hint="it goes on where it was left: planner.execute with the same run_id",
        )
        for at in running:
            step = self._steps[at]
            self._late[at] = StepError(step.name, ErrorInfo.of(error), step.id)

    def made(self) -> ExecutedPlan:
        """What came of it so far."""
        results: dict[int, StepResult] = dict(self._progress.results)
        uncertain = [step for step in self._uncertain(()) if step.at not in self._late]
        results |= {step.at: _in_doubt(step, self._key(step)) for step in uncertain}
        results |= self._late
        failed = [each for each in results.values() if isinstance(each, StepError)]
        status: Literal["success", "partial", "failed", "waiting"] = "success"
        if uncertain:
            status = "waiting"
        elif self._stopped or self._late or (failed and len(failed) == len(results)):
            status = "failed"
        elif failed:
            status = "partial"
        return ExecutedPlan(status, tuple(results[at] for at in sorted(results)), self._run.id)

    def _key(self, step: Checked) -> str:
        return step_key(self._run.org_id, self._run.id, step.at)

    async def _save(self, checkpoints: Sequence[Checkpoint], status: RunStatus = "running") -> None:
        """Raises ``Conflict`` when another process has taken the run over, and ``StoreError``."""
        for each in checkpoints:
            if isinstance(each, Begun):
                self._progress.take(each, self._plan)
        rows = rows_of(checkpoints, self._run.steps)
        self._run = await self._runs.append(self._run, rows, status=status)

    async def _leave(self, unsaved: Sequence[Checkpoint]) -> None:
        """Nobody listens any more: the run is let go, so that it can be gone on with at once."""
        try:
            await self._save([each for each in unsaved if isinstance(each, Ended)], "cancelled")
        except ConduitError as error:  # its lease runs out by itself
            log.warning("plan %s was not let go: %s", self._run.id, error.message)

    async def _keep(self) -> None:
        """Say that the run is being worked on, for as long as it is."""
        while True:
            await asyncio.sleep(_KEEP_S)
            try:
                await self._runs.keep([(self._run.org_id, self._run.id)])
            except ConduitError as error:
                log.warning("the lease of plan %s was not renewed: %s", self._run.id, error.message)


def _in_doubt(step: Checked, key: str) -> StepError:
    error = ErrorInfo(
        "uncertain",
        f"{step.block} was begun (its idempotency key is {key}) and may have been done: the "
        "process was ended before that was stored",
        f'look whether it was, and send the same run_id with decisions {{"{step.id or step.at}": '
        '"retry"}, or "skip"',
    )
    return StepError(step.name, error, step.id)


async def _cancelled(tasks: dict[asyncio.Task[StepResult], int]) -> None:
    """End what is running."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    tasks.clear()
