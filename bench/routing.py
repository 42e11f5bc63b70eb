"""What each piece of routing costs a request. CPU time, best of several rounds, one process.

python bench/routing.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import get_args

from conduit.contracts.chat import ChatRequest, Message
from conduit.contracts.errors import ProviderRefused
from conduit.models.routing.buckets import TokenBucket
from conduit.models.routing.complexity import explain
from conduit.models.routing.concurrency import ConcurrencyLimiter
from conduit.models.routing.hedge import race
from conduit.models.routing.latency import Latency
from conduit.models.routing.retry import next_wait, retry_after
from conduit.models.routing.settings import ModelFacts, Price, RetryPolicy, Strategy, Target
from conduit.models.routing.sticky import StickyKey, StickyTargets, conversation_of
from conduit.models.routing.strategies import order
from conduit.models.routing.window import fits, is_overflow

_LOOPS = 2000
_QUESTION = (
    "My service answers slowly under load. Compare the two designs below, explain the trade-offs "
    "and plan the migration.\n"
)
_HEADERS = {"retry-after": "12", "x-ratelimit-remaining-requests": "0"}


@dataclass(slots=True)
class Standing:
    """A target as an engine would keep it, its latency computed when asked for."""

    target: Target
    latency: Latency
    in_flight: int
    price: Price
    open: bool = False

    @property
    def latency_ms(self) -> float | None:
        return self.latency.answer_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print(f"{'order, µs':<28}{'1':>10}{'2':>10}{'10':>10}{'100':>10}")
    for strategy in get_args(Strategy):
        costs = [_best(_ordering(strategy, count), rounds) for count in (1, 2, 10, 100)]
        print(f"  {strategy:<26}" + "".join(f"{cost:10.2f}" for cost in costs))
    print(f"\n{'one request, µs':<40}")
    for name, piece in _pieces().items():
        print(f"  {name:<42}{_best(piece, rounds):10.2f}")
    for name, waited in _awaited().items():
        print(f"  {name:<42}{_best_awaited(waited, rounds):10.2f}")


def _ordering(strategy: Strategy, count: int) -> Callable[[], object]:
    rng = Random(1)
    tiers = (None, "local", "search", "strongest")
    standings = []
    for at in range(count):
        latency = Latency(time.monotonic)
        latency.answered(100.0 + at % 7)
        target = Target(f"p{at}", weight=1.0 + at % 3, tier=tiers[at % 4])
        standings.append(Standing(target, latency, at % 5, Price(1_000_000 + at, 5_000_000)))
    return lambda: order(standings, strategy, rng, input_tokens=1000, max_tokens=200)


def _pieces() -> dict[str, Callable[[], object]]:
    rng, policy = Random(1), RetryPolicy(attempts=2)
    bucket = TokenBucket(time.monotonic, capacity=1e12, per_second=1e9)
    latency = Latency(time.monotonic)
    sticky = StickyTargets[str](time.monotonic)
    key = StickyKey("acme", "fast", "0123456789abcdef")
    sticky.keep(key, "openai/gpt")
    short = ChatRequest((Message("system", "Be brief."), Message("user", "hello " * 20)))
    usual = ChatRequest((Message("system", "Be brief."), Message("user", _QUESTION * 8)))
    long = ChatRequest((Message("system", "Be brief."), Message("user", _QUESTION * 800)))
    facts = ModelFacts(context=128_000)
    refused = ProviderRefused("answered 400: no such tool " * 8, provider="p", status=400)

    def take_and_settle() -> None:
        bucket.try_take(1000)
        bucket.settle(1000, 700)

    return {
        "bucket: try_take": lambda: bucket.try_take(1),
        "bucket: try_take and settle": take_and_settle,
        "latency: answered": lambda: latency.answered(100.0),
        "sticky: find": lambda: sticky.find(key),
        "sticky: name a conversation, short": lambda: conversation_of(short),
        "sticky: name a conversation, 100 kB": lambda: conversation_of(long),
        "complexity: 120 characters": lambda: explain(short),
        "complexity: 1 kB": lambda: explain(usual),
        "complexity: 100 kB": lambda: explain(long),
        "window: fits": lambda: fits(1000, 500, facts),
        "window: is_overflow, of a failure": lambda: is_overflow(refused),
        "retry: retry_after, of a failure": lambda: retry_after(_HEADERS.get, 0.0),
        "retry: next_wait, of a failure": lambda: next_wait(policy, 1, None, 60.0, rng),
    }


def _awaited() -> dict[str, Callable[[], Awaitable[object]]]:
    limiter = ConcurrencyLimiter(time.monotonic, limit=8)

    async def acquire_and_release() -> None:
        (await limiter.acquire()).release()

    async def answer() -> str:
        return "a"

    return {
        "concurrency: acquire, release": acquire_and_release,
        "hedge: race, the first one wins": lambda: race([answer, answer], 1.0),
    }


def _best(call: Callable[[], object], rounds: int) -> float:
    """Microseconds of CPU for one call."""
    loops = _loops_for(call)
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(loops):
            call()
        best = min(best, (time.process_time() - began) / loops)
    return best * 1e6


def _loops_for(call: Callable[[], object]) -> int:
    began = time.perf_counter()
    for _ in range(20):
        call()
    once = (time.perf_counter() - began) / 20
    return max(20, min(20_000, int(0.02 / max(once, 1e-7))))


def _best_awaited(call: Callable[[], Awaitable[object]], rounds: int) -> float:
    async def measured() -> float:
        best = float("inf")
        for _ in range(rounds):
            began = time.process_time()
            for _ in range(_LOOPS):
                await call()
            best = min(best, (time.process_time() - began) / _LOOPS)
        return best * 1e6

    return asyncio.run(measured())


if __name__ == "__main__":
    main()
