"""Going on with what a killed process left, and saying that this one lives.

By itself goes on what was being worked on: agents, and plans as far as their steps may be repeated.
A step of a plan that may have been done makes the plan wait for a person. Several processes may
look at once: a run belongs to the one that stores so first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from conduit.agents.planning.blocks import ExecuteRequest
from conduit.agents.planning.kept import KIND as PLAN
from conduit.agents.runs.agent_runs import AgentRuns
from conduit.blocks import Gate
from conduit.contracts.errors import ConduitError, Conflict, Forbidden
from conduit.store.runs import LEASE_MS, StoredRun

log = logging.getLogger("conduit.app.going_on")

LOOK_AGAIN_S: Final = LEASE_MS / 1000
"""So often is looked for processes of other machines that are no more; those of this one are seen
at once."""
_AT_ONCE: Final = 8


def going_on(gate: Gate, runs: AgentRuns) -> tuple[asyncio.Task[None], ...]:
    """Start both, beside everything else. They end with ``stopped``."""
    plans = _Plans(gate, runs)

    async def recover() -> None:
        while True:
            try:
                left = await asyncio.to_thread(runs.stored.left)
            except ConduitError as error:
                log.warning("it is not known which runs were left: %s", error.message)
                left = []
            counts = await asyncio.gather(runs.recover(left), plans.recover(left))
            if count := sum(counts):
                log.warning("went on with %d runs of a process that is no more", count)
            await asyncio.sleep(LOOK_AGAIN_S)

    return tuple(map(asyncio.create_task, (recover(), runs.watch())))


async def stopped(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End them. What was being gone on with is left for the next process."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            log.error("it ended with an error", exc_info=ended)


class _Plans:
    """Goes on with plans, through the gate, as whoever began them stands now."""

    def __init__(self, gate: Gate, runs: AgentRuns) -> None:
        self._gate = gate
        self._runs = runs
        self._refused: set[tuple[str, str]] = set()

    async def recover(self, left: Sequence[StoredRun]) -> int:
        room = asyncio.Semaphore(_AT_ONCE)

        async def go_on(run: StoredRun) -> bool:
            async with room:
                return await self._go_on(run)

        return sum(await asyncio.gather(*(go_on(run) for run in left if run.kind == PLAN)))

    async def _go_on(self, run: StoredRun) -> bool:
        try:
            person = self._runs.reach.now(run)
            plan = await self._gate.acall("planner.execute", ExecuteRequest(run_id=run.id), person)
        except asyncio.CancelledError:  # this process ends too
            await asyncio.shield(self._runs.hand_on(run))
            raise
        except Conflict:  # another process was faster
            return False
        except ConduitError as error:
            log.warning("plan %s was left and could not go on: %s", run.id, error.message)
            await self._stop(run, for_good=isinstance(error, Forbidden))
            return False
        if plan.status == "waiting":
            log.warning("plan %s waits: a step of it may have been done", run.id)
        return True

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
