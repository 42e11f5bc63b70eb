"""How much a run may take, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final

from conduit.blocks import Range
from conduit.contracts.chat import Usage

MOST_STEPS: Final = 1000
_CHARACTERS_PER_TOKEN: Final = 4
"""What a token is taken for where a provider does not count."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may take before it is stopped with what it has; None is without a limit."""

    steps: Annotated[int, Range(1, MOST_STEPS), "answers of a model that may call tools"] = 8
    tool_calls: Annotated[int, Range(0, 10_000), "calls of tools"] = 32
    tokens: Annotated[int | None, Range(1, 10**9), "of input and output together"] = None
    cost_micro: Annotated[int | None, Range(0, 10**12), "in millionths of a US dollar"] = None
    seconds: Annotated[float | None, Range(0.001, 10**6), "of work, not of waiting"] = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run took so far. ``cost_micro`` counts what has a known price; ``ms`` is time at
    work."""

    steps: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro: int = 0
    ms: float = 0.0

    def plus_answer(self, usage: Usage, cost_micro: int | None, ms: float) -> Spent:
        """With one more answer of a model."""
        return replace(
            self,
            steps=self.steps + 1,
            input_tokens=self.input_tokens + usage.input_tokens,
            output_tokens=self.output_tokens + usage.output_tokens,
            cost_micro=self.cost_micro + (cost_micro or 0),
            ms=self.ms + ms,
        )

    def plus_call(self, ms: float) -> Spent:
        """With one more call of a tool."""
        return replace(self, tool_calls=self.tool_calls + 1, ms=self.ms + ms)


def used_up(budget: Budget, spent: Spent) -> str:
    """Which limit forbids to ask a model again: the name of a field, or empty."""
    if budget.tokens is not None and spent.input_tokens + spent.output_tokens >= budget.tokens:
        return "tokens"
    if budget.cost_micro is not None and spent.cost_micro >= budget.cost_micro:
        return "cost_micro"
    if budget.seconds is not None and spent.ms >= 1000 * budget.seconds:
        return "seconds"
    return ""


def must_answer(budget: Budget, spent: Spent) -> str:
    """Which limit forbids more tools, so that the model is to answer with what it has."""
    if spent.steps >= budget.steps:
        return "steps"
    return "tool_calls" if spent.tool_calls >= budget.tool_calls else ""


def estimated(asked: int, said: int) -> Usage:
    """Tokens of an answer whose provider does not count, from its characters."""
    return Usage(
        -(-asked // _CHARACTERS_PER_TOKEN), -(-said // _CHARACTERS_PER_TOKEN), estimated=True
    )
