"""What a database adds: usage drained into SQLite and into PostgreSQL, against the journal alone.

CPU time is counted until the gateway has come to rest, so that what is delivered later is counted
too. ``journal`` is a gateway whose database cannot be reached: it keeps records on disk.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench._processes import free_port
from bench.gateway.loading import Load, Series, repeated
from bench.gateway.machine import Group
from bench.gateway.tables import table
from bench.gateway.targets import Bench

_CONNECTIONS = 16
_REST_S = 2.5
_LONGEST_REST_S = 90.0


@dataclass(frozen=True, slots=True)
class Kept:
    """``total_us`` is the gateway's CPU time for a request, with everything that came after, and
    ``database_us`` that of the database server."""

    name: str
    series: Series
    total_us: float
    database_us: float


def measure(bench: Bench, seconds: float, times: int) -> list[Kept]:
    nobody = f"postgresql://conduit@127.0.0.1:{free_port()}/usage"
    found = [
        _kept(bench, "journal", {"CONDUIT_DB_URI": nobody}, None, seconds, times),
        _kept(bench, "sqlite", {}, None, seconds, times),
    ]
    with _postgres() as running:
        if running is not None:
            uri, server = running
            environ = {"CONDUIT_DB_URI": uri}
            found.append(_kept(bench, "postgresql", environ, server, seconds, times))
    return found


def _kept(
    bench: Bench,
    name: str,
    environ: dict[str, str],
    server: Group | None,
    seconds: float,
    times: int,
) -> Kept:
    with bench.conduit(environ=environ) as target:
        body = bench.loader.body(target)

        def load(seconds: float = seconds) -> Load:
            return bench.loader.run(target, body, connections=_CONNECTIONS, seconds=seconds)

        load(min(seconds, 1.0))
        _rest(target.group)
        gateway, database = target.group.cpu_s(), server.cpu_s() if server else 0.0
        series = repeated(times, load)
        _rest(target.group)
        requests = sum(each.answers + each.refused for each in series.loads)
        gateway = target.group.cpu_s() - gateway
        database = (server.cpu_s() if server else 0.0) - database
        return Kept(name, series, gateway / requests * 1e6, database / requests * 1e6)


def _rest(group: Group) -> None:
    """Wait until it does next to nothing: everything is delivered."""
    until = time.monotonic() + _LONGEST_REST_S
    while time.monotonic() < until:
        before = group.cpu_s()
        time.sleep(_REST_S)
        if group.cpu_s() - before < 0.03 * _REST_S:
            return


@contextlib.contextmanager
def _postgres() -> Iterator[tuple[str, Group] | None]:
    """The server that the tests use, where its package is installed."""
    from tests.store import postgres

    programs = postgres.programs()
    if programs is None:
        yield None
        return
    with postgres.running(programs) as folder:
        pid = int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])
        server = Group(pid, Path(folder) / "log")
        yield f"postgresql://conduit@/postgres?host={folder}", server


def report(found: list[Kept]) -> str:
    rows = [
        [
            each.name,
            f"{each.series.median(lambda load: load.rate):,.0f}",
            f"{each.total_us:,.0f}",
            f"{each.total_us - found[0].total_us:+,.0f}" if each is not found[0] else "",
            f"{each.database_us:,.0f}" if each.database_us else "",
            f"{each.series.median(lambda load: load.us.p99) / 1e3:,.1f}",
            f"±{each.series.noise(lambda load: load.cpu_us):.0%}"
            + (f", {each.series.faults} faults" if each.series.faults else ""),
            f"{each.series.others:.1f} cores",
        ]
        for each in found
    ]
    titles = ("usage into", "req/s c16", "CPU µs/req", "added µs", "server's µs", "p99 ms")
    return table((*titles, "noise", "others"), rows)
