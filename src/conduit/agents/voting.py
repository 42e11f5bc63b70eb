"""Self-consistency for an answer of the agent: ask several times, and take what most say.

Only an answer that needed no tool is put to the vote: tools are not called several times. The first
answer is the run's own; the others are asked for with the same messages. What is decided takes the
place of the answer, in the words of the first that gave it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from conduit.agents.events import Agreement
from conduit.agents.runs.budget import used_up
from conduit.agents.runs.session import Asked, Settle
from conduit.agents.runs.state import RunState
from conduit.agents.tool_loop import ToolLoop
from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.chat import ChatRequest, Message, Usage
from conduit.contracts.errors import ConduitError
from conduit.models.blocks import ChatCall
from conduit.models.consistency.answers import normalised
from conduit.models.consistency.ballot import Ballot
from conduit.models.consistency.polling import poll
from conduit.store.conversation_notes import ConversationSettings

log = logging.getLogger("conduit.agents.voting")

_AT_ONCE: Final = 4
_TEMPERATURE: Final = 0.7
_MOST_OF_GROUP: Final = 500

Prices = Callable[[str, str, Usage], int | None]


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    group: str
    provider: str
    model: str


class Voting:
    """Puts answers to the vote."""

    def __init__(self, gate: Gate, loop: ToolLoop, prices: Prices) -> None:
        self._gate = gate
        self._loop = loop
        self._prices = prices

    def on(self, wish: ConversationSettings, asked: Asked, person: Principal) -> Settle | None:
        """What settles the answers of a run; None where one answer is enough."""
        if wish.samples < 2:
            return None

        async def settle(state: RunState) -> Agreement | None:
            fit = state.ended is not None and state.ended.status == "done" and not state.tool_uses
            if not fit or not state.turn or used_up(state.budget, state.spent):
                return None
            return await _Vote(self._gate, self._prices, wish, state, person).held(
                self._request(state, asked, person)
            )

        return settle

    def _request(self, state: RunState, asked: Asked, person: Principal) -> ChatRequest:
        """As the machine asked, but for the tools: they are named, not offered."""
        first = next((i for i, m in enumerate(state.messages) if m.role != "system"), 0)
        noted = (Message("system", asked.note),) if asked.note else ()
        request = ChatRequest(
            (*state.messages[:first], *noted, *state.messages[first:]),
            model=state.model_wanted,
            tools=self._loop.tools(self._loop.rights.of(person)),
            tool_choice="none",
            temperature=_TEMPERATURE,
        )
        return state.generation.asked(request)


class _Vote:
    """One vote. What it costs is added to the run's state whatever becomes of it."""

    def __init__(
        self,
        gate: Gate,
        prices: Prices,
        wish: ConversationSettings,
        state: RunState,
        person: Principal,
    ) -> None:
        self._gate = gate
        self._prices = prices
        self._wish = wish
        self._state = state
        self._person = person
        self._answers: list[_Answer] = []
        self._asked_for = 0
        self._ballot = Ballot(wish.samples, agree=wish.escalate_below if wish.escalate_to else 0.0)

    async def held(self, request: ChatRequest) -> Agreement:
        """The outcome, which is the answer of the run now."""
        state, ballot = self._state, self._ballot
        self._count(_Answer(state.text, normalised(state.text), state.provider, state.model))
        try:
            async with asyncio.timeout(self._seconds_left()) as limit:
                await poll(ballot, lambda: self._one(request), _AT_ONCE)
        except TimeoutError:
            if not limit.expired():
                raise
        found = ballot.verdict
        escalated = await self._stronger(request) if self._wish.escalate_to else None
        winner = escalated or next(
            (each for each in self._answers if each.group == found.winner), self._answers[0]
        )
        if winner is not self._answers[0]:
            state.text, state.provider, state.model = winner.text, winner.provider, winner.model
            state.turn[-1] = Message("assistant", winner.text)
        return Agreement(
            found.agreement,
            found.uncertainty,
            found.entropy,
            ballot.answers,
            ballot.failed,
            {group[:_MOST_OF_GROUP]: count for group, count in found.groups[1:]},
            escalated is not None,
        )

    async def _one(self, request: ChatRequest) -> None:
        self._asked_for += 1
        if request.seed is not None:  # with one seed all would say the same
            request = replace(request, seed=request.seed + self._asked_for)
        try:
            self._count(await self._asked(request, self._state.only))
        except ConduitError as error:
            log.info("a sample failed: %s", error.message)
            self._ballot.fail()

    async def _stronger(self, request: ChatRequest) -> _Answer | None:
        """The answer of the stronger model, where the others agreed too little."""
        if self._ballot.agreed or used_up(self._state.budget, self._state.spent):
            return None
        stronger = ChatRequest(
            request.messages,
            model=self._wish.escalate_to,
            tools=request.tools,
            tool_choice="none",
        )
        stronger = self._state.generation.asked(stronger)
        try:
            async with asyncio.timeout(self._seconds_left()) as limit:
                return await self._asked(stronger, "")
        except ConduitError as error:
            log.warning("%r did not answer: %s", self._wish.escalate_to, error.message)
        except TimeoutError:
            if not limit.expired():
                raise
        return None

    async def _asked(self, request: ChatRequest, only: str) -> _Answer:
        said = await self._gate.acall("models.complete", ChatCall(request, only=only), self._person)
        usage = said.usage or Usage()
        cost = self._prices(said.provider, said.model, usage)
        self._state.spent = self._state.spent.plus_answer(usage, cost, 0.0)
        self._state.usage = _sum(self._state.usage or Usage(), usage)
        return _Answer(said.text, normalised(said.text), said.provider, said.model)

    def _count(self, answer: _Answer) -> None:
        self._answers.append(answer)
        if answer.group:
            self._ballot.add(answer.group)
        else:
            self._ballot.fail()

    def _seconds_left(self) -> float | None:
        limit = self._state.budget.seconds
        return None if limit is None else max(0.001, limit - self._state.spent.ms / 1000)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
        one.cache_write_tokens + other.cache_write_tokens,
        one.reasoning_tokens + other.reasoning_tokens,
        one.estimated or other.estimated,
    )
