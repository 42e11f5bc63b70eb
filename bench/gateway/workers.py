"""Two workers against one, where the load generator's share of the cores is taken off.

One worker has a core of its own. Two share both cores with the load and the upstream, so what they
answer is set against what was left for them: ``capacity`` is the rate divided by the share of the
workers' cores that nobody else used. Time that they leave unused counts against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.gateway.loading import Load, Series, repeated
from bench.gateway.machine import Cores
from bench.gateway.tables import table
from bench.gateway.targets import Bench

_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Crew:
    """``busiest`` is the largest share that one process had of the gateway's CPU time."""

    workers: int
    cores: int
    series: Series
    busiest: float

    @property
    def capacity(self) -> float:
        """Requests a second if the cores were the workers' alone."""

        def of(load: Load) -> float:
            return load.rate * self.cores / max(self.cores - load.taken, 0.05)

        return self.series.median(of)


def measure(bench: Bench, seconds: float, times: int, most: int) -> list[Crew]:
    one = bench.loader.cores.gateway
    every = one | bench.loader.cores.others
    return [
        _crew(bench, workers, one if workers == 1 else every, seconds, times)
        for workers in range(1, most + 1)
    ]


def _crew(bench: Bench, workers: int, on: frozenset[int], seconds: float, times: int) -> Crew:
    others = bench.loader.cores.others if workers == 1 else on
    loader = replace(bench.loader, cores=Cores(on, others))
    with bench.conduit("--workers", str(workers), on=on) as target:
        body = loader.body(target)

        def load(seconds: float = seconds) -> Load:
            return loader.run(target, body, connections=_CONNECTIONS, seconds=seconds)

        load(min(seconds, 2.0))
        before = target.group.cpu_of_each()
        series = repeated(times, load)
        return Crew(workers, len(on), series, _busiest(before, target.group.cpu_of_each()))


def _busiest(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    used = [seconds - before.get(pid, 0.0) for pid, seconds in after.items()]
    return max(used) / (sum(used) or 1.0)


def report(crews: list[Crew]) -> str:
    titles = (
        *("workers", "cores", "req/s", "CPU µs/req", "taken by the load", "capacity req/s"),
        *("× one", "busiest", "noise", "others"),
    )
    rows = [
        [
            str(crew.workers),
            str(crew.cores),
            f"{crew.series.median(lambda load: load.rate):,.0f}",
            f"{crew.series.median(lambda load: load.cpu_us):,.0f}",
            f"{crew.series.median(lambda load: load.taken):.2f} cores",
            f"{crew.capacity:,.0f}",
            f"{crew.capacity / crews[0].capacity:.2f}",
            f"{crew.busiest:.0%}",
            f"±{crew.series.noise(lambda load: load.rate):.0%}"
            + (f", {crew.series.faults} faults" if crew.series.faults else ""),
            f"{crew.series.others:.1f} cores",
        ]
        for crew in crews
    ]
    return table(titles, rows)
