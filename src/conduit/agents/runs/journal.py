"""Where the steps of a run go: into the database, or nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from conduit.agents.runs.budget import Spent
from conduit.agents.runs.steps import RunStep, written
from conduit.blocks import dumps
from conduit.store.runs import Runs, RunStatus, Step, StoredRun


class Journal(Protocol):
    """Stores steps. What ``add`` has returned from is not lost, whatever happens to the process;
    nor is it where ``add`` was cancelled, but only where it raised another error."""

    async def add(self, steps: Sequence[RunStep], spent: Spent) -> None: ...


class NoJournal:
    """For a run that nobody goes on with: whoever asked keeps the conversation."""

    async def add(self, steps: Sequence[RunStep], spent: Spent) -> None:
        """Nothing is kept."""


class RunJournal:
    """The steps of one run in the database."""

    def __init__(self, runs: Runs, run: StoredRun) -> None:
        self._runs = runs
        self.run = run

    async def add(self, steps: Sequence[RunStep], spent: Spent) -> None:
        """Raises ``Conflict`` when another process has taken the run over, and ``StoreError``."""
        await self._append(steps, "running", spent)

    async def leave(
        self,
        status: RunStatus,
        steps: Sequence[RunStep],
        spent: Spent,
        result: object = None,
        also: Callable[[Any], object] | None = None,
    ) -> None:
        """The run ends, or waits: nobody works on it any more. Raises as ``add`` does."""
        text = dumps(result).decode() if result is not None else ""
        await self._append(steps, status, spent, text, also)

    async def _append(
        self,
        steps: Sequence[RunStep],
        status: RunStatus,
        spent: Spent,
        result: str = "",
        also: Callable[[Any], object] | None = None,
    ) -> None:
        first = self.run.steps
        rows = [Step(first + at, *written(step)) for at, step in enumerate(steps)]
        storing = asyncio.ensure_future(
            self._runs.append(
                self.run, rows, status=status, spent=dumps(spent).decode(), result=result, also=also
            )
        )
        try:
            self.run = await asyncio.shield(storing)
        except asyncio.CancelledError:  # it is stored all the same, and whoever leaves must know
            self.run = await storing
            raise
