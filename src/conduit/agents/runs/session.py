"""One run from its beginning, or from where it was left, to its end or its next pause."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conduit.agents.events import (
    AgentEvent,
    Agreement,
    ApprovalNeeded,
    Retracted,
    Started,
    TextDelta,
    ToolCalled,
)
from conduit.agents.reward import reward
from conduit.agents.runs.journal import RunJournal
from conduit.agents.runs.machine import Machine
from conduit.agents.runs.results import kept
from conduit.agents.runs.state import RunState
from conduit.agents.runs.steps import Called, RunStep
from conduit.agents.step_key import step_key
from conduit.blocks import current_call, decode, loads
from conduit.contracts.chat import Message
from conduit.contracts.errors import ConduitError
from conduit.contracts.outcome import ErrorInfo
from conduit.store.runs import Runs, RunStatus, StoredRun

log = logging.getLogger("conduit.agents.runs")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is about: ``prompt`` is what the person said, the rest is how to answer it.
    ``remember`` says whether its messages go into the conversation at the end."""

    prompt: str = ""
    system: str = "default"
    provider: str = ""
    model: str = ""
    note: str = ""
    remember: bool = True
    samples: int = 1
    """How many answers were wished for, to take what most of them say."""
    escalate_below: float = 0.0
    """Where they agree less than that, ``escalate_to`` is asked; empty: nobody."""
    escalate_to: str = ""


Remember = Callable[[str, str, Sequence[Message]], Callable[[Any], object]]
"""Makes, of an organisation, a session and a turn, what stores the turn in a transaction."""
Settle = Callable[[Machine], Awaitable[Agreement | None]]
"""Settles the answer of a run that is over, in the machine's state, whatever of that was done
before; None where there is nothing to settle."""


class Session:
    """A run at work. ``state`` and ``run`` say where it stands; ``waiting`` what for."""

    def __init__(
        self,
        runs: Runs,
        run: StoredRun,
        machine: Machine,
        asked: Asked,
        remember: Remember,
        working: set[tuple[str, str]],
        settle: Settle | None = None,
    ) -> None:
        self._journal = RunJournal(runs, run)
        machine.journal = self._journal
        machine.key_of = functools.partial(step_key, run.org_id, run.id)
        machine.note = asked.note
        self._machine = machine
        self._asked = asked
        self._remember = remember
        self._working = working
        self.waiting: list[ApprovalNeeded] = []
        self._settle = settle
        self.agreement: Agreement | None = None

    def reuse(self, recorded: dict[tuple[str, str], Called]) -> None:
        """Take these results of calls, by block and arguments, instead of calling again."""
        self._machine.recorded = recorded

    @property
    def run(self) -> StoredRun:
        return self._journal.run

    @property
    def state(self) -> RunState:
        return self._machine.state

    async def events(self) -> AsyncGenerator[AgentEvent, None]:
        """Say that it began, work, and store how it ended: also when the work fails, or whoever
        listens leaves. Such a run can be resumed. Raises what the work raises."""
        place = (self.run.org_id, self.run.id)
        self._working.add(place)
        try:
            yield Started(self.run.thread, current_call().correlation_id, self.run.id)
            async with contextlib.aclosing(self._machine.run()) as events:
                async for event in events:
                    if isinstance(event, ApprovalNeeded):
                        self.waiting.append(event)
                    yield event
            await self._ended()
        except ConduitError as error:
            await self._left("failed", {"error": ErrorInfo.of(error)})
            raise
        except BaseException:  # cancelled, or nobody listens any more
            await asyncio.shield(self._left("cancelled", None))
            raise
        finally:
            self._working.discard(place)

    async def told(self) -> AsyncGenerator[AgentEvent, None]:
        """The same for whoever is answered. While an answer may still be put to the vote, its text
        is held back."""
        voting = self._settle is not None and not self.state.tool_uses
        held: list[TextDelta] = []
        async with contextlib.aclosing(self.events()) as events:
            async for event in events:
                if voting and isinstance(event, TextDelta):
                    held.append(event)
                    continue
                if voting and isinstance(event, Retracted):
                    held.clear()  # nobody heard of it
                    continue
                if isinstance(event, ToolCalled | ApprovalNeeded):
                    voting = False
                    for each in held:
                        yield each
                    held.clear()
                yield event
        if voting and self.state.text:
            yield TextDelta(self.state.text)

    async def _ended(self) -> None:
        state = self.state
        if state.ended is None:
            await self._journal.leave("waiting", self._unsaved(), state.spent)
            return
        if self._settle is not None:
            self.agreement = await self._settle(self._machine)
        also = None
        if self._asked.remember:
            said = Message("user", self._asked.prompt)
            also = self._remember(self.run.org_id, self.run.thread, (said, *state.turn))
        calls = [
            (use.block, self._machine.toolbox.difficulty(use.block)) for use in state.tool_uses
        ]
        unsure = self.agreement.uncertainty if self.agreement else 0.0  # nobody was asked twice
        result = {
            "text": state.text,
            "provider": state.provider,
            "model": state.model,
            "reward": reward(unsure, calls, state.spent.cost_micro),
            **({"agreement": self.agreement} if self.agreement else {}),
        }
        await self._journal.leave(state.ended.status, self._unsaved(), state.spent, result, also)

    async def _left(self, status: RunStatus, result: object) -> None:
        """What was done stays done. A database that fails now does not hide why we leave."""
        try:
            await self._journal.leave(status, self._unsaved(), self.state.spent, result)
        except ConduitError:
            log.exception(
                "the run %s was left as %s, which could not be stored", self.run.id, status
            )

    def _unsaved(self) -> list[RunStep]:
        steps = [kept(step) for step in self._machine.unsaved]
        self._machine.unsaved.clear()
        return steps


def asked_of(run: StoredRun) -> Asked:
    """What a run is about."""
    return decode(Asked, loads(run.request))
