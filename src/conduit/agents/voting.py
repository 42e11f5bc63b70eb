"""Self-consistency for an answer of the agent: ask several times, and take what most say.

Only an answer that needed no tool is put to the vote: tools are not called several times. The first
answer is the run's own; the others are asked for with the same messages. What is decided takes the
place of the answer, in the words of the first that gave it.

Each sample is a step of the run, stored before the next thing happens: a vote that was broken off
is gone on with, and what was answered before is neither asked for nor paid for again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from conduit.agents.events import Agreement
from conduit.agents.runs.budget import used_up
from conduit.agents.runs.machine import Machine
from conduit.agents.runs.session import Asked, Settle
from conduit.agents.runs.state import RunState
from conduit.agents.runs.steps import Sampled
from conduit.contracts.chat import ChatRequest, Message, Usage
from conduit.contracts.errors import ConduitError
from conduit.models.blocks import ChatCall
from conduit.models.consistency.answers import normalised
from conduit.models.consistency.ballot import Ballot
from conduit.models.consistency.polling import poll
from conduit.store.conversations import storable

log = logging.getLogger("conduit.agents.voting")

_AT_ONCE: Final = 4
_TEMPERATURE: Final = 0.7

Prices = Callable[[str, str, Usage], int | None]


class Voting:
    """Puts answers to the vote."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def on(self, asked: Asked) -> Settle | None:
        """What settles the answers of a run; None where one answer is enough."""
        if asked.samples < 2:
            return None

        async def settle(machine: Machine) -> Agreement | None:
            state = machine.state
            fit = state.ended is not None and state.ended.status == "done" and not state.tool_uses
            if not fit or not state.turn:
                return None
            if not state.samples and used_up(state.budget, state.spent):
                return None
            return await _Vote(self._prices, asked, machine).held()

        return settle


class _UsedUp(Exception):
    """The budget of the run allows for no more samples."""


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    group: str
    provider: str
    model: str


class _Vote:
    """One vote, from wherever it was left."""

    def __init__(self, prices: Prices, asked: Asked, machine: Machine) -> None:
        self._prices = prices
        self._wish = asked
        self._machine = machine
        state = machine.state
        agree = asked.escalate_below if asked.escalate_to else 0.0
        self._ballot = Ballot(asked.samples, agree=agree)
        self._answers: list[_Answer] = []
        self._count(_Answer(state.text, normalised(state.text), state.provider, state.model))
        for sample in state.samples:
            if not sample.stronger:
                self._count(_answer(sample))
        self._numbers = {sample.number for sample in state.samples}

    async def held(self) -> Agreement:
        """The outcome, which is the answer of the run now."""
        state, ballot = self._machine.state, self._ballot
        request = await self._machine.again()
        if request.temperature is None:
            request = replace(request, temperature=_TEMPERATURE)
        try:
            async with asyncio.timeout(self._machine.seconds_left()) as limit:
                await poll(ballot, lambda: self._one(request), _AT_ONCE)
        except TimeoutError:
            if not limit.expired():
                raise
        except _UsedUp:
            log.info("a vote ends with %d answers: the budget is used up", ballot.answers)
        found = ballot.verdict
        escalated = await self._stronger() if self._wish.escalate_to else None
        winner = escalated or next(
            (each for each in self._answers if each.group == found.winner), self._answers[0]
        )
        if winner is not self._answers[0]:
            _elect(state, winner)
        return Agreement(
            found.agreement,
            found.uncertainty,
            found.entropy,
            ballot.answers,
            ballot.failed,
            found.dissent,
            escalated is not None,
        )

    async def _one(self, request: ChatRequest) -> None:
        state = self._machine.state
        if used_up(state.budget, state.spent):
            raise _UsedUp
        number = self._next()
        if request.seed is not None:  # with one seed all would say the same
            request = replace(request, seed=request.seed + number)
        sample = await self._asked(request, state.only, number)
        self._count(_answer(sample))
        await self._machine.sampled(sample)

    async def _stronger(self) -> _Answer | None:
        """The answer of the stronger model, where the others agreed too little."""
        state = self._machine.state
        if self._ballot.agreed:
            return None
        known: Sequence[Sampled] = [each for each in state.samples if each.stronger]
        if not known:
            if used_up(state.budget, state.spent):
                return None
            stronger = replace(await self._machine.again(), model=self._wish.escalate_to)
            try:
                async with asyncio.timeout(self._machine.seconds_left()) as limit:
                    sample = await self._asked(stronger, "", self._next(), stronger=True)
            except TimeoutError:
                if not limit.expired():
                    raise
                return None
            await self._machine.sampled(sample)
            known = [sample]
        return None if known[0].error else _answer(known[0])

    async def _asked(
        self, request: ChatRequest, only: str, number: int, *, stronger: bool = False
    ) -> Sampled:
        """One more answer, or why there is none."""
        machine = self._machine
        call = ChatCall(request, only=only)
        try:
            said = await machine.gate.acall("models.complete", call, machine.person)
        except ConduitError as error:
            log.info("a sample failed: %s", error.message)
            return Sampled(number, error=error.code, stronger=stronger)
        usage = said.usage or Usage()
        cost = self._prices(said.provider, said.model, usage)
        text = storable(said.text)
        return Sampled(number, text, said.provider, said.model, usage, cost, stronger=stronger)

    def _next(self) -> int:
        """The lowest number that no sample has, so that each has a seed of its own."""
        number = next(n for n in range(1, len(self._numbers) + 2) if n not in self._numbers)
        self._numbers.add(number)
        return number

    def _count(self, answer: _Answer) -> None:
        self._answers.append(answer)
        if answer.group:
            self._ballot.add(answer.group)
        else:
            self._ballot.fail()


def _answer(sample: Sampled) -> _Answer:
    """One that failed says nothing."""
    return _Answer(sample.text, normalised(sample.text), sample.provider, sample.model)


def _elect(state: RunState, winner: _Answer) -> None:
    state.text, state.provider, state.model = winner.text, winner.provider, winner.model
    state.turn[-1] = Message("assistant", winner.text)
