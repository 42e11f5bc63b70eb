"""How many rows a second a three-step pipeline of trivial steps does, each way there is.

The ways: a plain loop of calls, `map` in this process, `map` in worker processes, and, as peers,
`multiprocessing.Pool.imap` with the same function and Ray Data's `map_batches` with the same block,
beside `map` on Ray. Every way reads its rows from a generator, returns dataclasses to this process
and adds them up, so the sums must agree. Each runs in a process of its own. Rows a second include
the start of the workers; `first s` is the wait for the first row and `then/s` the speed after it.
Memory is the peak of the reading process: if ten times the rows need no more, it is constant.

    python bench/rows.py [--rows 10000,100000,1000000] [--rounds 3] [--ray] [--checkpoint]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conduit.blocks import block
from conduit.blocks.rows import map_rows

ROOT = Path(__file__).parents[1]
WORKERS = 2
CHUNK = 1_000
BATCH = 16_384


@dataclass(frozen=True, slots=True)
class Num:
    """The harness's dataclass of two fields."""

    value: int
    label: str


@block("bench.first", summary="Add one")
def first(num: Num) -> Num:
    return Num(num.value + 1, num.label)


@block("bench.second", summary="Add one")
def second(num: Num) -> Num:
    return Num(num.value + 1, num.label)


@block("bench.third", summary="Add one")
def third(num: Num) -> Num:
    return Num(num.value + 1, num.label)


three = first >> second >> third


def numbers(count: int) -> Iterator[Num]:
    return (Num(i, "label") for i in range(count))


def plain_loop(count: int) -> Iterable[Num]:
    return map(three, numbers(count))


def in_process(count: int) -> Iterable[Num]:
    return map_rows(three, numbers(count)).outputs()


def in_processes(count: int) -> Iterable[Num]:
    return map_rows(three, numbers(count), workers=WORKERS).outputs()


def checkpointed(count: int) -> Iterable[Num]:
    with tempfile.TemporaryDirectory() as folder:
        rows = map_rows(three, numbers(count), workers=WORKERS, checkpoint=folder)
        yield from rows.outputs()


def pool_imap(count: int) -> Iterable[Num]:
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        yield from pool.imap(three, numbers(count), CHUNK)


def on_ray(count: int) -> Iterable[Num]:
    return map_rows(three, numbers(count), engine="ray", workers=WORKERS).outputs()


class RayStep:
    """The same function as a user of Ray Data would write it: columns in, columns out."""

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        columns = zip(batch["value"].tolist(), batch["label"].tolist(), strict=True)
        made = [three(Num(*row)) for row in columns]
        return {"value": [num.value for num in made], "label": [num.label for num in made]}


def ray_map_batches(count: int) -> Iterable[Num]:
    import ray

    rows = [{"value": num.value, "label": num.label} for num in numbers(count)]
    actors = ray.data.ActorPoolStrategy(size=WORKERS)
    mapped = ray.data.from_items(rows).map_batches(RayStep, batch_size=BATCH, compute=actors)
    for batch in mapped.iter_batches(batch_size=BATCH):
        yield from map(Num, batch["value"].tolist(), batch["label"].tolist())


LOCAL: dict[str, Callable[[int], Iterable[Num]]] = {
    "plain loop": plain_loop,
    "map, this process": in_process,
    "map, 2 processes": in_processes,
    "Pool(2).imap by 1000 (peer)": pool_imap,
}
KEPT = {"map, 2 processes, checkpoint": checkpointed}
RAY = {"map, Ray, 2 actors": on_ray, "Ray Data map_batches (peer)": ray_map_batches}
WAYS = {**LOCAL, **KEPT, **RAY}


def measure(way: str, count: int) -> None:
    """Run one way in this process and print what it took, as JSON."""
    if way in RAY:
        _start_ray()
    before, started = _cpu(), time.perf_counter()
    results = iter(WAYS[way](count))
    total = next(results).value
    waited = time.perf_counter() - started
    total += sum(num.value for num in results)
    wall, used = time.perf_counter() - started, _cpu() - before
    if total != count * (count - 1) // 2 + 3 * count:
        raise SystemExit(f"{way}: the sum is wrong")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "waited": waited, "cpu": used, "mib": peak}))


def _start_ray() -> None:
    warnings.simplefilter("ignore")
    import ray

    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False


def _cpu() -> float:
    """CPU seconds of this process and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ray", action="store_true", help="the ways on Ray as well")
    parser.add_argument("--checkpoint", action="store_true", help="what keeping chunks costs")
    options = parser.parse_args()
    counts = [int(count) for count in options.rows.split(",")]
    ways = [*LOCAL, *(KEPT if options.checkpoint else ()), *(RAY if options.ray else ())]
    print(
        f"{'best of rounds':32}{'rows':>10}{'rows/s':>10}{'first s':>9}{'then/s':>10}"
        f"{'CPU s':>8}{'peak MiB':>10}"
    )
    for count in counts:
        for way in ways:
            best = min((_apart(way, count) for _ in range(options.rounds)), key=lambda m: m["wall"])
            cpu = "" if way in RAY else f"{best['cpu']:.2f}"  # Ray's workers are not our children
            rate, then = count / best["wall"], count / (best["wall"] - best["waited"])
            print(
                f"{way:32}{count:>10,}{rate:>10,.0f}{best['waited']:>9.2f}{then:>10,.0f}"
                f"{cpu:>8}{best['mib']:>10.0f}",
                flush=True,
            )


def _apart(way: str, count: int) -> dict[str, float]:
    # Imported, not run as a script: the processes of Ray know nothing of our `__main__`.
    command = [sys.executable, "-c", f"import rows; rows.measure({way!r}, {count})"]
    paths = os.pathsep.join([str(ROOT / "bench"), *(p for p in sys.path if p)])
    environ = {**os.environ, "PYTHONPATH": paths}
    quiet = subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    measured: dict[str, float] = json.loads(quiet.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main()
