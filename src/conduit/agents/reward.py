"""What a run was worth to learn from: the reward of Agent0, in the simplified form of the source.

    R = 0.5 · uncertainty + 0.3 · tool complexity + 0.2 · cost efficiency

Each part is from 0 to 1, and so is the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from conduit.blocks import Effects

_UNCERTAINTY: Final = 0.5
_TOOLS: Final = 0.3
_COST: Final = 0.2
_MICRO: Final = 1_000_000
_DIFFICULTY: Final = (
    (Effects.RUNS_COMMANDS, 1.0),
    (Effects.WRITES_STATE, 0.8),
    (Effects.WRITES_FILES, 0.8),
    (Effects.NETWORK, 0.6),
    (Effects.READS, 0.4),
)
_EASIEST: Final = 0.2


@dataclass(frozen=True, slots=True)
class Reward:
    """The sum and its parts, unweighted."""

    total: float
    uncertainty: float
    tool_complexity: float
    cost_efficiency: float


def reward(uncertainty: float, tools: Sequence[tuple[str, float]], cost_micro: int) -> Reward:
    """The reward of a run.

    ``uncertainty`` is how much samples of the answer disagreed, 0 where none were taken; ``tools``
    are the calls, each as its block and ``difficulty``; ``cost_micro`` is in millionths of a US
    dollar.
    """
    uncertainty = min(1.0, max(0.0, uncertainty))
    complexity = tool_complexity(tools)
    efficiency = 1.0 / (1.0 + max(0, cost_micro) / _MICRO)
    total = _UNCERTAINTY * uncertainty + _TOOLS * complexity + _COST * efficiency
    return Reward(total, uncertainty, complexity, efficiency)


def tool_complexity(tools: Sequence[tuple[str, float]]) -> float:
    """Diversity (the share of different tools among the calls) times the average difficulty."""
    if not tools:
        return 0.0
    diversity = len({name for name, _ in tools}) / len(tools)
    return diversity * sum(difficulty for _, difficulty in tools) / len(tools)


def difficulty(effects: Effects) -> float:
    """How difficult it is to call a block rightly, by the worst that it does: from 0.2 for one
    that only computes to 1 for one that runs commands."""
    return next((worth for effect, worth in _DIFFICULTY if effects & effect), _EASIEST)
