"""The runs of the agent: begun, gone on with, forked; by this process, or after one was killed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from conduit.agents.model_rights import ModelRights
from conduit.agents.runs.budget import Budget
from conduit.agents.runs.journal import Journal, NoJournal
from conduit.agents.runs.machine import Machine, canonical
from conduit.agents.runs.session import Asked, Remember, Session, asked_of
from conduit.agents.runs.state import RunState
from conduit.agents.runs.steps import Begun, Called, Decided, RunStep, read, written
from conduit.agents.standing import Standing, person_of, rights_of
from conduit.blocks import dumps
from conduit.contracts.call import Principal
from conduit.contracts.chat import Message
from conduit.contracts.errors import ConduitError, Conflict, Forbidden, InvalidInput, NotFound
from conduit.store.runs import LEASE_MS, Runs, Step, StoredRun

log = logging.getLogger("conduit.agents.runs")

KIND: Final = "agent"
_RESUMABLE: Final = ("running", "failed", "cancelled", "waiting")


class Loop(Protocol):
    """What makes a machine of a state: the tool loop."""

    rights: ModelRights

    def machine(self, state: RunState, person: Principal, journal: Journal) -> Machine: ...


class AgentRuns:
    """Begins runs and goes on with them."""

    def __init__(
        self,
        runs: Runs,
        loop: Loop,
        remember: Remember,
        new_id: Callable[[], str],
        standing: Standing = lambda person: person,
    ) -> None:
        self.stored = runs
        self._loop = loop
        self._remember = remember
        self._new_id = new_id
        self._standing = standing
        self._working: set[tuple[str, str]] = set()

    async def begin(
        self,
        person: Principal,
        thread: str,
        messages: Sequence[Message],
        asked: Asked,
        budget: Budget,
    ) -> Session:
        """A new run, stored before anything is done. Raises ``StoreError``."""
        begun = Begun(tuple(messages), budget, asked.provider, asked.model)
        run = await self._whole(self.stored.begin(self._new(person, thread, asked), _rows([begun])))
        return self._session(run, RunState.after([begun]), person, asked)

    async def resume(self, run: StoredRun, person: Principal) -> Session:
        """Go on with a run that was left, or was waiting and has been decided on.

        It does no more than both ``person`` and whoever began it may do now. Raises ``Conflict``
        when it is over or somebody works on it, ``Forbidden``, and ``StoreError``.
        """
        if run.status not in _RESUMABLE:
            raise Conflict(
                f"the run is over: {run.status}",
                where=run.id,
                hint="`conduit runs fork` goes on from one of its steps",
            )
        owner, now = self._people(run)
        steps = await self.read(run)
        taken = await self._whole(self.stored.take(run))
        return self._session(taken, RunState.after(steps), owner, asked_of(run), (now, person))

    async def decide(self, run: StoredRun, person: Principal, made: Decided) -> Session:
        """Store a person's decision on a call, and go on.

        Raises ``NotFound`` when no such call waits, and as ``resume`` does.
        """
        owner, now = self._people(run)
        steps = await self.read(run)
        state = RunState.after(steps)
        if run.status != "waiting" or made.id not in state.held:
            waiting = ", ".join(sorted(state.held)) if run.status == "waiting" else ""
            raise NotFound(
                f"no call {made.id[:64]!r} waits for a decision",
                where=run.id,
                hint=f"what waits is {waiting}" if waiting else "see `conduit runs show`",
            )
        if made.decision == "edit" and not isinstance(made.arguments, dict):
            raise InvalidInput(
                "to edit a call, give its new arguments",
                where="arguments",
                hint="an object, as the block takes it",
            )
        state.take(made)
        rows = _rows([made], run.steps)
        taken = await self._whole(self.stored.append(run, rows))
        return self._session(taken, state, owner, asked_of(run), (now, person))

    async def fork(
        self,
        run: StoredRun,
        person: Principal,
        at: int,
        *,
        provider: str = "",
        model: str = "",
        prompt: str = "",
        reuse: bool = True,
    ) -> Session:
        """A new run that begins with the first ``at`` steps of another, and goes on from there,
        perhaps with another model. ``reuse`` takes the results of calls that were made with the
        same arguments, instead of making them again.

        Raises ``InvalidInput`` for a step that is not there, and as ``resume`` does.
        """
        owner, now = self._people(run)
        steps = await self.read(run)
        if not 1 <= at <= len(steps):
            raise InvalidInput(
                f"there is no step {at}", where="step", hint=f"use a number from 1 to {len(steps)}"
            )
        before = asked_of(run)
        asked = Asked(
            prompt or before.prompt,
            before.system,
            provider or before.provider,
            model or before.model,
            before.note,
            remember=False,  # what it says did not happen in the conversation
        )
        first = steps[0]
        if not isinstance(first, Begun):
            raise Conflict("the run has no beginning", where=run.id)
        messages = first.messages
        if prompt:
            messages = (*messages[:-1], Message("user", prompt))
        begun = Begun(messages, first.budget, asked.provider, asked.model)
        kept = [begun, *steps[1:at]]
        state = RunState.after(kept)
        made = self._new(owner, run.thread, asked, parent=run.id, at=at)
        stored = await self._whole(self.stored.begin(made, _rows(kept)))
        session = self._session(stored, state, owner, asked, (now, person))
        if reuse:
            session.reuse(_recorded(steps))
        return session

    async def read(self, run: StoredRun) -> list[RunStep]:
        """The steps of a run. Raises ``StoreError``."""
        rows = await asyncio.to_thread(self.stored.steps, run.org_id, run.id)
        return [read(row.kind, row.body) for row in rows]

    async def recover(self) -> int:
        """Go on with everything that a killed process was working on; returns how many there were.
        What goes wrong with one is stored with it, and keeps nobody else."""
        left = [run for run in await asyncio.to_thread(self.stored.left) if run.kind == KIND]
        for run in left:
            try:
                session = await self.resume(run, person_of(run))
                async for _ in session.events():
                    pass  # nobody listens; the answer is stored
            except ConduitError as error:
                log.warning("run %s was left and could not go on: %s", run.id, error.message)
        return len(left)

    async def watch(self) -> None:
        """Say, as long as this process works on runs, that it does; never returns."""
        while True:
            await asyncio.sleep(LEASE_MS / 3000)
            try:
                await self.stored.keep(sorted(self._working))
            except ConduitError as error:
                log.warning("the leases of runs were not renewed: %s", error.message)

    async def _whole(self, storing: Awaitable[StoredRun]) -> StoredRun:
        """A run that is this process's own now; cancelled if whoever asked for it has left."""
        made = asyncio.ensure_future(storing)
        try:
            return await asyncio.shield(made)
        except asyncio.CancelledError:
            await self.stored.append(await made, (), status="cancelled")
            raise

    def _people(self, run: StoredRun) -> tuple[Principal, Principal]:
        """Whoever began the run, as that one was then and as it stands now."""
        if run.kind != KIND:
            raise InvalidInput(
                f"this is a run of another kind: {run.kind}", where=run.id, hint="see its own block"
            )
        owner = person_of(run)
        now = self._standing(owner)
        if now is None:
            raise Forbidden(
                f"{run.subject} may do nothing any more",
                where=run.id,
                hint="its key was removed or has run out; ask anew",
            )
        return owner, now

    def _new(
        self, person: Principal, thread: str, asked: Asked, *, parent: str = "", at: int = 0
    ) -> StoredRun:
        return StoredRun(
            self._new_id(),
            person.org_id,
            KIND,
            person.subject,
            thread,
            "running",
            dumps(asked).decode(),
            rights_of(person),
            parent,
            at,
        )

    def _session(
        self,
        run: StoredRun,
        state: RunState,
        owner: Principal,
        asked: Asked,
        within: Sequence[Principal] = (),
    ) -> Session:
        """The tools may do what ``owner`` may, and each of those ``within`` too."""
        machine = self._loop.machine(state, owner, NoJournal())
        for each in within:
            if each != owner:
                both = machine.model.permissions & self._loop.rights.of(each).permissions
                machine.model = replace(machine.model, permissions=both)
        return Session(self.stored, run, machine, asked, self._remember, self._working)


def _rows(steps: Sequence[RunStep], first: int = 0) -> list[Step]:
    return [Step(first + at, *written(step)) for at, step in enumerate(steps)]


def _recorded(steps: Sequence[RunStep]) -> dict[tuple[str, str], Called]:
    """What calls gave, by block and arguments."""
    return {
        (step.block, canonical(step.arguments)): step
        for step in steps
        if isinstance(step, Called) and not step.refused
    }
