"""Who of a group is asked first, who next: the whole order, because the next one is needed when the
first fails.

Whose circuit is open comes last, then a lower ``priority`` comes first; the strategy decides among
the rest:

- ``priority``: as listed.
- ``weighted``: a random order without replacement in which a target comes first with a probability
  of its weight among all (Efraimidis & Spirakis 2006, with exponential keys).
- ``random``: any order.
- ``least_latency``: the fastest first. Of whom nothing is known is asked before all, by one request
  at a time: as what is known fades (``latency.DecayedMean``), one that was slow once is asked again
  and can recover, at the price of one request in a while. The usual choice between two at random
  guards against a herd that follows stale figures; these are of this process and of this moment.
- ``least_busy``: the fewest requests in flight for its weight, this one included; equals at random.
- ``cost``: the cheapest for this request first, unknown prices last.
- ``complexity``: the target of the request's tier first, then the stronger tiers, then the weaker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol, TypeVar

from conduit.models.routing.settings import Price, Strategy, Target, Tier

USUAL_OUTPUT = 500
"""Tokens that an answer is taken to have where a request sets no limit."""


class Candidate(Protocol):
    """One target as it stands at this moment."""

    @property
    def target(self) -> Target: ...

    @property
    def latency_ms(self) -> float | None:
        """Until the first token of a stream, or until the answer; None when unknown."""
        ...

    @property
    def in_flight(self) -> int:
        """Requests that it has not answered yet."""
        ...

    @property
    def price(self) -> Price | None: ...

    @property
    def open(self) -> bool:
        """Its circuit is open: it would not be asked now."""
        ...


C = TypeVar("C", bound=Candidate)


def order(
    candidates: Sequence[C],
    strategy: Strategy,
    rng: Random,
    *,
    input_tokens: int = 0,
    max_tokens: int | None = None,
    tier: Tier = "local",
) -> tuple[C, ...]:
    """The candidates in the order of asking. ``input_tokens`` (an estimate) and ``max_tokens`` are
    for ``cost``, ``tier`` is for ``complexity``. ::

        for candidate in order(group.candidates, "least_latency", rng):
            ...
    """
    if len(candidates) < 2:
        return tuple(candidates)
    score = _scorer(strategy, rng, input_tokens, max_tokens, tier)
    if len(candidates) == 2:
        first, second = candidates
        if _key(first, score) <= _key(second, score):
            return first, second
        return second, first
    return tuple(sorted(candidates, key=lambda candidate: _key(candidate, score)))


def expected_cost_micro(price: Price, input_tokens: int, max_tokens: int | None) -> float:
    """Micro-US-dollars for a request: its input, and an answer of ``USUAL_OUTPUT`` tokens or of
    ``max_tokens`` if that is less."""
    output = USUAL_OUTPUT if max_tokens is None else min(max_tokens, USUAL_OUTPUT)
    return (price.input * input_tokens + price.output * output) / 1_000_000


_Score = Callable[[Candidate], float]
"""Less is better. Infinite is allowed, NaN is not."""


def _key(candidate: Candidate, score: _Score) -> tuple[bool, int, float]:
    return candidate.open, candidate.target.priority, score(candidate)


def _scorer(
    strategy: Strategy, rng: Random, input_tokens: int, max_tokens: int | None, tier: Tier
) -> _Score:
    if strategy == "weighted":
        return lambda candidate: _arrival(candidate.target.weight, rng)
    if strategy == "random":
        return lambda _: rng.random()
    if strategy == "least_latency":
        return _latency
    if strategy == "least_busy":
        return lambda candidate: _business(candidate, rng)
    if strategy == "cost":
        return lambda candidate: _cost(candidate.price, input_tokens, max_tokens)
    if strategy == "complexity":
        ranks = _RANKS[tier]
        return lambda candidate: ranks[candidate.target.tier]
    return _as_listed


def _as_listed(_: Candidate) -> float:
    return 0.0


def _arrival(weight: float, rng: Random) -> float:
    """When a process of this rate has its first event: who comes first is drawn by weight."""
    return -math.log(1.0 - rng.random()) / weight if weight > 0.0 else math.inf


def _latency(candidate: Candidate) -> float:
    known = candidate.latency_ms
    if known is not None:
        return known
    return math.inf if candidate.in_flight else -1.0


def _business(candidate: Candidate, rng: Random) -> float:
    weight = candidate.target.weight
    if weight <= 0.0:
        return math.inf
    # Chance decides only between equals: the factor is smaller than any step of a whole request.
    return (candidate.in_flight + 1) / weight * (1.0 + 1e-9 * rng.random())


def _cost(price: Price | None, input_tokens: int, max_tokens: int | None) -> float:
    return math.inf if price is None else expected_cost_micro(price, input_tokens, max_tokens)


_RANKS: dict[Tier, dict[Tier | None, float]] = {
    "local": {"local": 0.0, None: 1.0, "search": 2.0, "strongest": 3.0},
    "search": {"search": 0.0, None: 1.0, "strongest": 2.0, "local": 3.0},
    "strongest": {"strongest": 0.0, None: 1.0, "search": 2.0, "local": 3.0},
}
"""A target without a tier is for any, after the one that is made for it."""
