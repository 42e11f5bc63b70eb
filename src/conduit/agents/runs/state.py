"""The state machine of a run: what is known after some steps, and what is to be done next.

Pure: the same steps give the same state, in the process that made them and in the one that goes on
after it was killed.

    ask ──► answered ──► call ──► called ──► ask …
                     └─► wait ──► decided ─┘         └──► ended ──► sampled …
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from conduit.agents.events import ToolUse
from conduit.agents.generation import Generation
from conduit.agents.runs.budget import Budget, Spent, must_answer, used_up
from conduit.agents.runs.steps import (
    Answered,
    Begun,
    Called,
    Calling,
    Decided,
    Early,
    Ended,
    Held,
    Recovered,
    RunStep,
    Sampled,
)
from conduit.contracts.chat import Message, ProviderFailure, ToolCall, Usage
from conduit.contracts.errors import StoreError


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the model. ``final`` names the limit for which it may call no more tools."""

    final: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """Deal with these calls, in order."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done before a person has decided on these calls."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """It is over."""

    status: Literal["done", "stopped"]
    why: str = ""


Action = Ask | Use | Wait | Finish


@dataclass(slots=True)
class RunState:
    """What is known of a run. ``turn`` is what belongs into the conversation afterwards."""

    messages: tuple[Message, ...] = ()
    budget: Budget = field(default_factory=Budget)
    only: str = ""
    model_wanted: str = ""
    generation: Generation = field(default_factory=Generation)
    dropped: tuple[str, ...] = ()
    """Parameters that a provider had no means for."""
    turn: list[Message] = field(default_factory=list)
    text: str = ""
    provider: str = ""
    model: str = ""
    failures: list[ProviderFailure] = field(default_factory=list)
    tool_uses: list[ToolUse] = field(default_factory=list)
    usage: Usage | None = None
    spent: Spent = field(default_factory=Spent)
    open: dict[str, ToolCall] = field(default_factory=dict)
    """Calls of the last answer that are not dealt with, by id, in order."""
    begun: set[str] = field(default_factory=set)
    """Those of ``open`` that a process began and did not finish."""
    held: set[str] = field(default_factory=set)
    """Those of ``open`` that wait for a person."""
    decided: dict[str, Decided] = field(default_factory=dict)
    ended: Ended | None = None
    early: tuple[str, ...] = ()
    """What had not been called when the model answered too early, which it may once."""
    samples: list[Sampled] = field(default_factory=list)
    """Of a vote on the answer, in the order in which they came."""
    steps: int = 0
    _before: str = ""
    _said: dict[str, Message] = field(default_factory=dict)
    _final: str = ""

    @classmethod
    def after(cls, steps: Iterable[RunStep]) -> RunState:
        """The state that stored steps lead to."""
        state = cls()
        for step in steps:
            state.take(step)
        return state

    def take(self, step: RunStep) -> None:
        """One step further. Raises ``StoreError`` where the steps make no sense together."""
        self.steps += 1
        match step:
            case Begun():
                self.messages, self.budget = step.messages, step.budget
                self.only, self.model_wanted = step.only, step.model
                self.generation = step.generation
            case Answered():
                self._answered(step)
            case Calling(id=call_id):
                self._require(call_id)
                self.begun.add(call_id)
            case Called():
                self._called(step)
            case Held(ids=ids):
                for each in ids:
                    self._require(each)
                self.held.update(ids)
            case Decided():
                self._require(step.id)
                self.held.discard(step.id)
                self.decided[step.id] = step
            case Early(missing=missing):
                self._require_answer()
                self.early = missing
                self.turn.pop()
                self.text = self._before
            case Ended():
                self.ended = step
            case Sampled():
                self._sampled(step)
            case Recovered():
                pass

    def next(self) -> Action:
        """What is to be done now."""
        if self.ended is not None:
            return Finish(self.ended.status, self.ended.why)
        if self.held:
            return Wait(tuple(each for each in self.open.values() if each.id in self.held))
        if self.open:
            return Use(tuple(self.open.values()))
        last = self.turn[-1] if self.turn else None
        if last is not None and last.role == "assistant":
            return Finish("stopped", self._final) if self._final else Finish("done")
        if limit := used_up(self.budget, self.spent):
            return Finish("stopped", limit)
        return Ask(must_answer(self.budget, self.spent))

    def _answered(self, step: Answered) -> None:
        self.provider, self.model = step.provider, step.model
        self.failures.extend(step.failures)
        self.dropped = tuple(dict.fromkeys((*self.dropped, *step.dropped)))
        self.usage = _added(self.usage, step.usage)
        self.spent = self.spent.plus_answer(step.usage, step.cost_micro, step.ms)
        self._before = self.text
        self.text = "\n\n".join(part for part in (self.text, step.message.content) if part)
        self.turn.append(step.message)
        self.open = {call.id: call for call in step.message.tool_calls}
        self.begun.clear()
        self.held.clear()
        self.decided.clear()
        self._said.clear()
        self._final = step.final

    def _sampled(self, step: Sampled) -> None:
        self.samples.append(step)
        if step.usage is not None:
            self.usage = _added(self.usage, step.usage)
            self.spent = self.spent.plus_answer(step.usage, step.cost_micro, 0.0)

    def _called(self, step: Called) -> None:
        self._require(step.id)
        self._said[step.id] = Message("tool", step.said, tool_call_id=step.id)
        self.tool_uses.append(
            ToolUse(step.id, step.block, step.arguments, step.ok, step.result, step.error)
        )
        if not step.refused:
            self.spent = self.spent.plus_call(step.ms)
        del self.open[step.id]
        self.begun.discard(step.id)
        self.held.discard(step.id)
        if not self.open:  # in the order of the calls, whichever ended first
            calls = self.turn[-1].tool_calls
            self.turn += [self._said[each.id] for each in calls]
            place = {each.id: at for at, each in enumerate(calls)}
            first = len(self.tool_uses) - len(calls)
            self.tool_uses[first:] = sorted(self.tool_uses[first:], key=lambda use: place[use.id])

    def _require_answer(self) -> None:
        last = self.turn[-1] if self.turn else None
        if last is None or last.role != "assistant" or self.open:
            raise StoreError(
                "the steps of the run make no sense: there is no answer that came too early",
                hint="fork it from an earlier step",
            )

    def _require(self, call_id: str) -> None:
        if call_id not in self.open:
            raise StoreError(
                f"the steps of the run make no sense: there is no open call {call_id[:64]!r}",
                hint="fork it from an earlier step",
            )


def _added(total: Usage | None, more: Usage) -> Usage:
    if total is None:
        return more
    return Usage(
        total.input_tokens + more.input_tokens,
        total.output_tokens + more.output_tokens,
        total.cached_tokens + more.cached_tokens,
        total.cache_write_tokens + more.cache_write_tokens,
        total.reasoning_tokens + more.reasoning_tokens,
        total.estimated or more.estimated,
    )
