"""Going on with what a killed process left, and saying that this one lives.

By itself goes on what was being worked on: agents, and plans as far as their steps may be repeated.
A step of a plan that may have been done makes the plan wait for a person. A run that ends its
process three times without getting further is stopped. Several processes may look at once: a run
belongs to the one that stores so first.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from conduit.agents.planning.blocks import ExecuteRequest
from conduit.agents.planning.kept import KIND as PLAN
from conduit.agents.runs.agent_runs import AgentRuns
from conduit.blocks import Gate
from conduit.contracts.errors import ConduitError, Conflict, Forbidden
from conduit.store.runs import LEASE_MS, RunStatus, StoredRun

log = logging.getLogger("conduit.app.going_on")

LOOK_AGAIN_S: Final = LEASE_MS / 1000
"""So often is looked for processes of other machines that are no more; those of this one are seen
at once."""
_AT_ONCE: Final = 8
"""Runs that are gone on with side by side."""


def going_on(gate: Gate, runs: AgentRuns) -> tuple[asyncio.Task[None], ...]:
    """Start both, beside everything else. What is being gone on with when they are stopped is left
    for the next process."""
    return tuple(map(asyncio.create_task, (_Recovery(gate, runs).work(), runs.watch())))


class _Recovery:
    """Looks for what was left, and goes on with it: with plans through the gate, as whoever began
    them stands now."""

    def __init__(self, gate: Gate, runs: AgentRuns) -> None:
        self._gate = gate
        self._runs = runs
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._refused: set[tuple[str, str]] = set()

    async def work(self) -> None:
        """Never returns. A run that takes long keeps none of the others."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(LOOK_AGAIN_S)
        finally:
            tasks = [*self._under_way.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        try:
            left = await asyncio.to_thread(self._runs.stored.left)
        except ConduitError as error:
            log.warning("it is not known which runs were left: %s", error.message)
            return
        new = [run for run in left if (run.org_id, run.id) not in self._under_way]
        for run in new:
            place = run.org_id, run.id
            self._under_way[place] = asyncio.create_task(self._recover(run))
        if new:
            log.warning("going on with %d runs of a process that is no more", len(new))

    async def _recover(self, run: StoredRun) -> None:
        try:
            async with self._room:
                noted = await self._runs.stored.recovering(run)
                if noted is None:
                    log.error("run %s has ended every process that went on with it", run.id)
                    left_as: RunStatus = "stopped" if run.kind == PLAN else "failed"
                    await self._runs.stored.append(run, (), status=left_as)
                elif run.kind == PLAN:
                    await self._plan(noted)
                else:
                    await self._runs.recover(noted)
        except Conflict:
            pass  # another process was faster
        except Exception:  # a fault with one is no reason to leave the others
            log.exception("run %s was left and could not go on", run.id)
        finally:
            del self._under_way[run.org_id, run.id]

    async def _plan(self, run: StoredRun) -> None:
        try:
            person = self._runs.reach.now(run)
            plan = await self._gate.acall("planner.execute", ExecuteRequest(run_id=run.id), person)
        except asyncio.CancelledError:  # this process ends too
            await asyncio.shield(self._runs.hand_on(run))
            raise
        except Conflict:  # another process was faster
            return
        except ConduitError as error:
            log.warning("plan %s was left and could not go on: %s", run.id, error.message)
            await self._stop(run, for_good=isinstance(error, Forbidden))
            return
        if plan.status == "waiting":
            log.warning("plan %s waits: a step of it may have been done", run.id)

    async def _stop(self, run: StoredRun, *, for_good: bool) -> None:
        """Try once more at the next look, because a block may still be on its way, as those of
        other servers are when Conduit starts; then let the plan be, for a person to go on with."""
        place = run.org_id, run.id
        if not for_good and place not in self._refused:
            self._refused.add(place)
            return
        self._refused.discard(place)
        try:
            await self._runs.stored.append(run, (), status="stopped")
        except Conflict:
            return  # it was begun with, and how it ended is stored
        except ConduitError as error:
            log.warning("that plan %s was stopped was not stored: %s", run.id, error.message)
