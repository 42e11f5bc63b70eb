"""Times that were measured, as they are shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence


def percentile(times: Sequence[float], share: float) -> float:
    """The time that this share of them stays below, about."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def show(what: str, times: Sequence[float]) -> None:
    """Print the median and the 99th percentile of so many seconds."""
    p50, p99 = percentile(times, 0.5) * 1000, percentile(times, 0.99) * 1000
    print(f"  {what:40} p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  ({len(times):,})")


def best(work: Callable[[], object], rounds: int = 9, times: int = 500) -> float:
    """The seconds that it takes where nothing comes between: of several rounds the fastest."""
    found = []
    for _ in range(rounds):
        at = time.perf_counter()
        for _ in range(times):
            work()
        found.append((time.perf_counter() - at) / times)
    return min(found)
