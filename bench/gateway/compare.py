"""The gateway, its peers and no gateway at all under the same load.

Times that are *added* are those of direct requests taken off; direct's own stand in brackets.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.loading import Body, Load, Series, Target, Unusable, repeated
from bench.gateway.tables import table
from bench.gateway.targets import APART, CONDUIT, DIRECT, Bench, installed

_WARM_UP_S = 2.0
_LONGEST_S = 20.0
_TITLES = (
    "",
    "req/s c16 (× direct)",
    "req/s c64 (× direct)",
    "CPU µs/req",
    "added p50/p99 c1 µs",
    "CPU µs/stream",
    "added first byte c1 µs",
    "streams/s c16 (× direct)",
    "RSS idle/peak MB",
    "start s",
    "noise",
    "others",
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One target. ``streams`` are unpaced, 66 events each."""

    name: str
    one: Series
    sixteen: Series
    sixty_four: Series
    stream_one: Series
    streams: Series
    idle_mb: float
    peak_mb: float
    start_s: float


def measure(
    bench: Bench, names: list[str], peers: Path | None, seconds: float, times: int
) -> list[Figures]:
    """Direct first, since the others are told in its terms."""
    found = []
    for name in [DIRECT, *(names or [CONDUIT, *installed(peers)])]:
        print(f"{name} …", file=sys.stderr, flush=True)
        if name == DIRECT:
            context: AbstractContextManager[Target] = nullcontext(bench.direct())
        elif name == CONDUIT:
            context = bench.conduit(environ=APART)
        else:
            context = bench.peer(name, peers or Path())
        try:
            with context as target:
                found.append(figures(bench, target, seconds, times))
        except (Unusable, FileNotFoundError) as reason:
            print(f"left out: {reason}", file=sys.stderr, flush=True)
    return found


def figures(bench: Bench, target: Target, seconds: float, times: int) -> Figures:
    """Short answers, then streams, each at several numbers of connections."""
    load = bench.loader.run
    whole = bench.loader.body(target)
    stream = bench.loader.body(target, stream=True)
    time.sleep(0.5)
    idle_mb = target.group.resident_mb()

    def series(body: Body, connections: int, alone: Series | None = None) -> Series:
        """``alone`` says how long one takes: each connection of a slow target gets its answers."""
        each_s = alone.median(lambda one: one.us.mean) / 1e6 if alone else 0.0
        long = max(seconds, min(_LONGEST_S, 4 * connections * each_s))
        load(target, body, connections=connections, seconds=min(_WARM_UP_S, long))
        return repeated(times, lambda: load(target, body, connections=connections, seconds=long))

    one, stream_one = series(whole, 1), series(stream, 1)
    return Figures(
        target.name,
        one=one,
        sixteen=series(whole, 16, one),
        sixty_four=series(whole, 64, one),
        stream_one=stream_one,
        streams=series(stream, 16, stream_one),
        idle_mb=idle_mb,
        peak_mb=target.group.peak_mb(),
        start_s=target.start_s,
    )


def report(all_figures: list[Figures]) -> str:
    direct = all_figures[0]
    return table(_TITLES, [_row(each, direct) for each in all_figures])


def _row(each: Figures, direct: Figures) -> list[str]:
    is_direct = each is direct

    def rate(mine: Series, its: Series) -> str:
        value = mine.median(_rate)
        return f"{value:,.0f} ({value / its.median(_rate):.3f})"

    def added(mine: Series, its: Series, *figures: Callable[[Load], float]) -> str:
        if is_direct:
            return "/".join(f"({mine.median(figure):,.0f})" for figure in figures)
        return "/".join(f"{mine.median(figure) - its.median(figure):,.0f}" for figure in figures)

    everything = (each.one, each.sixteen, each.sixty_four, each.stream_one, each.streams)
    faults = sum(series.faults for series in everything)
    noise = max(series.noise(_rate) for series in (each.sixteen, each.sixty_four))
    events = each.streams.median(lambda load: load.events)
    return [
        each.name,
        rate(each.sixteen, direct.sixteen),
        rate(each.sixty_four, direct.sixty_four),
        f"{each.sixty_four.median(_cpu):,.0f}",
        added(each.one, direct.one, _p50, _p99),
        f"{each.streams.median(_cpu):,.0f}" + ("" if events >= 66 else f" ({events:.0f} events!)"),
        added(each.stream_one, direct.stream_one, _first),
        rate(each.streams, direct.streams),
        f"{each.idle_mb:.0f}/{each.peak_mb:.0f}",
        "" if is_direct else f"{each.start_s:.2f}",
        f"±{noise:.0%}" + (f", {faults} faults" if faults else ""),
        f"{max(series.others for series in everything):.1f} cores",
    ]


def _rate(load: Load) -> float:
    return load.rate


def _cpu(load: Load) -> float:
    return load.cpu_us


def _p50(load: Load) -> float:
    return load.us.p50


def _p99(load: Load) -> float:
    return load.us.p99


def _first(load: Load) -> float:
    return load.first_us.p50
