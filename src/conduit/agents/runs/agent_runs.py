"""The runs of the agent: begun, gone on with, forked; by this process, or after one was killed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Final, Protocol

from conduit.agents.events import ApprovalNeeded
from conduit.agents.generation import AS_USUAL, Generation
from conduit.agents.model_rights import ModelRights
from conduit.agents.reach import Acting, Reach
from conduit.agents.runs.budget import Budget
from conduit.agents.runs.journal import Journal, NoJournal
from conduit.agents.runs.machine import Machine
from conduit.agents.runs.results import canonical
from conduit.agents.runs.session import Asked, Remember, Session, Settle, asked_of
from conduit.agents.runs.state import RunState
from conduit.agents.runs.steps import (
    Answered,
    Begun,
    Called,
    Decided,
    RunStep,
    kind_of,
    read,
    written,
)
from conduit.agents.runs.toolbox import Toolbox, asking_for
from conduit.agents.standing import person_of, rights_of
from conduit.blocks import dumps
from conduit.contracts.call import Principal
from conduit.contracts.chat import Message
from conduit.contracts.errors import ConduitError, Conflict, InvalidInput, NotFound
from conduit.contracts.outcome import ErrorInfo
from conduit.store.runs import HANDED_ON, LEASE_MS, RECOVERED, Runs, Step, StoredRun

log = logging.getLogger("conduit.agents.runs")

KIND: Final = "agent"
_RESUMABLE: Final = ("running", "failed", "cancelled", "waiting")


class Loop(Protocol):
    """What makes a machine of a state: the tool loop."""

    rights: ModelRights

    def machine(self, state: RunState, person: Principal, journal: Journal) -> Machine: ...

    def within(self, org_id: str) -> Toolbox: ...


class Settling(Protocol):
    """What settles the answers of runs."""

    def on(self, asked: Asked) -> Settle | None:
        """What does it for a run that is about this; None where an answer is settled as it is."""


class AgentRuns:
    """Begins runs and goes on with them."""

    def __init__(
        self,
        runs: Runs,
        loop: Loop,
        remember: Remember,
        new_id: Callable[[], str],
        reach: Reach,
        settling: Settling | None = None,
    ) -> None:
        self.stored = runs
        self.reach = reach
        self._loop = loop
        self._remember = remember
        self._new_id = new_id
        self._settling = settling
        self._working: set[tuple[str, str]] = set()

    async def begin(
        self,
        person: Principal,
        thread: str,
        messages: Sequence[Message],
        asked: Asked,
        budget: Budget,
        generation: Generation = AS_USUAL,
    ) -> Session:
        """A new run, stored before anything is done. Raises ``StoreError``."""
        begun = Begun(tuple(messages), budget, asked.provider, asked.model, generation)
        run = await self._whole(self.stored.begin(self._new(person, thread, asked), _rows([begun])))
        return self._session(run, RunState.after([begun]), Acting(person, person), asked)

    async def resume(self, run: StoredRun, person: Principal) -> Session:
        """Go on with a run that was left, or was waiting and has been decided on.

        It does no more than both ``person`` and whoever began it may do now. Raises ``NotFound``
        for one out of reach, ``Conflict`` when it is over or somebody works on it, ``Forbidden``,
        and ``StoreError``.
        """
        acting = self._acting(run, person)
        if run.status not in _RESUMABLE:
            raise Conflict(
                f"the run is over: {run.status}",
                where=run.id,
                hint="`conduit runs fork` goes on from one of its steps",
            )
        steps = await self.read(run)
        taken = await self._whole(self.stored.take(run))
        return self._session(taken, RunState.after(steps), acting, asked_of(run))

    async def decide(self, run: StoredRun, person: Principal, made: Decided) -> Session:
        """Store a person's decision on a call, and go on.

        Who lets a call be made must be allowed to call that block. Raises ``NotFound`` when no such
        call waits, and as ``resume`` does.
        """
        acting = self._acting(run, person)
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
        if made.decision in ("approve", "edit"):
            (call,) = self._waiting(state, acting.owner, [made.id])
            self.reach.require_may(person, call.block)
        state.take(made)
        rows = _rows([made], run.steps)
        taken = await self._whole(self.stored.append(run, rows))
        return self._session(taken, state, acting, asked_of(run))

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
        """A new run of ``person`` that begins with the first ``at`` steps of another, and goes on
        from there, perhaps with another model. ``reuse`` takes the results of calls that were made
        with the same arguments, instead of making them again.

        Raises ``InvalidInput`` for a step that is not there, and as ``resume`` does.
        """
        both = self._acting(run, person).both
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
        begun = replace(first, messages=messages, only=asked.provider, model=asked.model)
        kept = [begun, *steps[1:at]]
        state = RunState.after(kept)
        forking = replace(person, permissions=both.permissions)
        made = self._new(forking, run.thread, asked, parent=run.id, at=at)
        stored = await self._whole(self.stored.begin(made, _rows(kept)))
        session = self._session(stored, state, Acting(forking, forking), asked)
        if reuse:
            session.reuse(_recorded(steps))
        return session

    async def read(self, run: StoredRun) -> list[RunStep]:
        """The steps of a run. Raises ``StoreError``."""
        return read_all(await asyncio.to_thread(self.stored.steps, run.org_id, run.id))

    def waiting(self, run: StoredRun) -> tuple[ApprovalNeeded, ...]:
        """What of an agent's run waits for a decision, in order. Blocks; raises ``StoreError``.

        The last answer and what came after it says that: however long the run, that is little.
        """
        if run.status != "waiting":
            return ()
        first = self.stored.newest_of(run.org_id, run.id, kind_of(Answered))
        state = RunState.after(read_all(self.stored.steps(run.org_id, run.id, first)))
        return self._waiting(state, person_of(run), state.held)

    async def recover(self, run: StoredRun) -> bool:
        """Go on with a run that a killed process left; whether it was this process that did. What
        goes wrong is stored with it."""
        try:
            session = await self.resume(run, person_of(run))
            async with contextlib.aclosing(session.events()) as events:
                async for _ in events:
                    pass  # nobody listens; the answer is stored
        except asyncio.CancelledError:  # this process ends too
            await asyncio.shield(self.hand_on(run))
            raise
        except Conflict:  # another process was faster
            return False
        except ConduitError as error:
            log.warning("run %s was left and could not go on: %s", run.id, error.message)
            await self._given_up(run, error)
        return True

    async def hand_on(self, run: StoredRun) -> None:
        """Leave a run that nobody listens to for the next process, which goes on with it."""
        try:
            now = await asyncio.to_thread(self.stored.get, run.org_id, run.id)
            if now.status == "cancelled":
                left = Step(now.steps, RECOVERED, HANDED_ON)
                await self.stored.append(now, [left])
        except ConduitError as error:
            log.warning("run %s is not gone on with by itself: %s", run.id, error.message)

    async def _given_up(self, run: StoredRun, error: ConduitError) -> None:
        """Store why a run could not even be begun with again, so that it is not tried for ever."""
        result = dumps({"error": ErrorInfo.of(error)}).decode()
        try:
            await self.stored.append(run, (), status="failed", result=result)
        except Conflict:
            pass  # it was begun with, and that is stored
        except ConduitError as unstored:
            log.warning("that run %s failed was not stored: %s", run.id, unstored.message)

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

    def _acting(self, run: StoredRun, person: Principal) -> Acting:
        self.reach.require(run, person)
        if run.kind != KIND:
            raise InvalidInput(
                f"this is a run of another kind: {run.kind}", where=run.id, hint="see its own block"
            )
        return self.reach.acting(run, person)

    def _waiting(
        self, state: RunState, person: Principal, ids: Collection[str]
    ) -> tuple[ApprovalNeeded, ...]:
        toolbox = self._loop.within(person.org_id)
        calls = [call for call in state.open.values() if call.id in ids]
        return tuple(asking_for(call, toolbox, person) for call in calls)

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
        acting: Acting,
        asked: Asked,
    ) -> Session:
        """Models are asked as whoever began the run; the tools may do what both may."""
        machine = self._loop.machine(state, acting.both, NoJournal())
        machine.person = acting.owner
        settle = self._settling.on(asked) if self._settling is not None else None
        return Session(self.stored, run, machine, asked, self._remember, self._working, settle)


def read_all(rows: Sequence[Step]) -> list[RunStep]:
    """Stored steps. Raises ``StoreError``."""
    return [read(row.kind, row.body) for row in rows]


def _rows(steps: Sequence[RunStep], first: int = 0) -> list[Step]:
    return [Step(first + at, *written(step)) for at, step in enumerate(steps)]


def _recorded(steps: Sequence[RunStep]) -> dict[tuple[str, str], Called]:
    """What calls gave, by block and arguments."""
    return {
        (step.block, canonical(step.arguments)): step
        for step in steps
        if isinstance(step, Called) and not step.refused
    }
