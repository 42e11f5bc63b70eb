"""Ten thousand streams on which nothing happens: what they need, and what they do to a new client.

A stream takes two descriptors of the gateway, so one process may hold at most half of what it may
open. Where that is too little, as many are held as fit, or more ``workers`` take them together.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.gateway.loading import Load, Loader, Series, Target, repeated
from bench.gateway.machine import Cores, allow_files
from bench.gateway.tables import table
from bench.gateway.targets import Bench

MOST_MB = 1500.0
MOST_SLOWER = 3.0
_PACE_US = 25_000_000  # less than the silence after which a provider is given up
_SPARE_FILES = 300
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Held:
    """``before``, ``meanwhile`` and ``after``: fresh requests, each on a connection of its own."""

    streams: int
    workers: int
    before: Series
    meanwhile: Series
    after: Series
    mb: tuple[float, ...]
    files: tuple[int, ...]

    @property
    def slower(self) -> float:
        return self.meanwhile.median(_p99) / self.before.median(_p99)

    @property
    def passed(self) -> bool:
        faults = self.before.faults + self.meanwhile.faults + self.after.faults
        return self.mb[1] < MOST_MB and self.slower < MOST_SLOWER and not faults


def measure(bench: Bench, streams: int, workers: int, seconds: float, times: int) -> Held:
    wanted = 2 * streams + _SPARE_FILES
    cores = bench.loader.cores
    on = cores.gateway if workers == 1 else cores.gateway | cores.others
    loader = Loader(
        bench.loader.program, bench.folder, Cores(on, cores.others), bench.loader.upstream
    )
    with bench.conduit("--workers", str(workers), on=on, files=wanted) as target:
        possible = workers * (target.group.most_files() - _SPARE_FILES) // 2
        if possible < streams:
            print(
                f"a process may open {target.group.most_files()} files here, "
                f"so {possible} streams are held instead of {streams}",
                file=sys.stderr,
            )
            streams = possible
        fresh = loader.body(target)

        def ask() -> Series:
            return repeated(
                times, lambda: loader.run(target, fresh, seconds=seconds, options=["-k"])
            )

        loader.run(target, fresh, connections=16, seconds=2.0)
        time.sleep(2.0)
        group = target.group
        before, mb, files = ask(), [group.resident_mb()], [group.files()]
        with _holding(loader, target, streams):
            time.sleep(2.0)
            meanwhile = ask()
            mb.append(group.resident_mb())
            files.append(group.files())
        time.sleep(5.0)
        after = ask()
        mb.append(group.resident_mb())
        files.append(group.files())
        return Held(streams, workers, before, meanwhile, after, tuple(mb), tuple(files))


@contextlib.contextmanager
def _holding(loader: Loader, target: Target, streams: int) -> Iterator[None]:
    """Streams that are open, each past its first event."""
    slow = loader.body(target, stream=True, say=f"[[pace={_PACE_US}]]")
    options = ["-c", str(streams), "-d", "3600", "-o"]

    def prepare() -> None:
        os.sched_setaffinity(0, loader.cores.others)
        allow_files(streams + _SPARE_FILES)

    process = subprocess.Popen(
        loader.argv(target, [slow], *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=prepare,
    )
    try:
        _wait_for_line(process)
        yield
    finally:
        process.terminate()
        process.wait()
        if process.stderr:
            process.stderr.close()


def _wait_for_line(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    ready, _, _ = select.select([process.stderr], [], [], _PATIENCE_S)
    said = process.stderr.readline().decode(errors="replace").strip() if ready else ""
    if said != "open":
        raise SystemExit(f"the streams did not all begin in {_PATIENCE_S:.0f} s: {said}")


def report(held: Held) -> str:
    def row(name: str, at: int, series: Series) -> list[str]:
        return [
            name,
            f"{held.mb[at]:,.0f}",
            f"{held.files[at]:,}",
            f"{series.median(lambda load: load.us.p50) / 1e3:.2f}",
            f"{series.median(_p99) / 1e3:.2f}",
            f"±{series.noise(_p99):.0%}" + (f", {series.faults} faults" if series.faults else ""),
            f"{series.others:.1f} cores",
        ]

    titles = ("", "RSS MB", "files", "fresh p50 ms", "fresh p99 ms", "noise", "others")
    rows = [
        row("before", 0, held.before),
        row(f"{held.streams:,} streams, {held.workers} workers", 1, held.meanwhile),
        row("after", 2, held.after),
    ]
    each_kb = (held.mb[1] - held.mb[0]) * 1024 / held.streams
    return (
        table(titles, rows)
        + f"\n{each_kb:.0f} KB a stream; p99 × {held.slower:.1f}; "
        + f"{'passed' if held.passed else 'FAILED'}: "
        + f"less than {MOST_MB:.0f} MB, p99 less than × {MOST_SLOWER:.0f}"
    )


def _p99(load: Load) -> float:
    return load.us.p99
