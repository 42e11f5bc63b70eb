"""A million requests: whole answers, streams, and clients that leave in the middle.

Memory, descriptors and threads are looked at after every tenth. It passes when memory after the
last tenth is within 5 % of that after the first, nothing else grew, no request went wrong, and the
gateway's own count is the number of requests sent.
"""

from __future__ import annotations

import http.client
import re
import sys
import time
from contextlib import closing
from dataclasses import dataclass, replace

from bench.gateway.loading import Body, Load, Target
from bench.gateway.tables import table
from bench.gateway.targets import Bench

_CONNECTIONS = 32
_PARTS = 10
_GROWTH = 1.05
_MORE_FILES = 8
_COUNTED = re.compile(r"^conduit_gateway_requests_total\{[^}]*\} ([\d.e+]+)$", re.MULTILINE)
_IN_FLIGHT = re.compile(r"^conduit_gateway_in_flight\{[^}]*\} ([\d.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sample:
    """After a tenth. ``counted`` and ``in_flight`` are what the gateway says itself."""

    load: Load
    requests: int
    mb: float
    files: int
    threads: int
    counted: int
    in_flight: int


def measure(bench: Bench, requests: int) -> list[Sample]:
    each, samples = requests // _PARTS, []
    with bench.conduit() as target:
        bodies = _bodies(bench, target)
        first = bench.loader.run(
            target, *bodies, connections=_CONNECTIONS, requests=max(each // 10, 100)
        )
        sent = _sent(first)
        counted_before = _scraped(target)[0] - sent
        for _ in range(_PARTS):
            load = bench.loader.run(target, *bodies, connections=_CONNECTIONS, requests=each)
            sent += _sent(load)
            time.sleep(1.0)  # those who left are noticed
            counted, in_flight = _scraped(target)
            group = target.group
            samples.append(
                Sample(
                    *(load, sent, group.resident_mb(), group.files(), group.threads()),
                    *(counted - counted_before, in_flight),
                )
            )
            print(_line(samples[-1]), file=sys.stderr, flush=True)
    return samples


def _bodies(bench: Bench, target: Target) -> list[Body]:
    """Of six requests two are streams, and one more is left after its first bytes."""
    whole = bench.loader.body(target)
    stream = bench.loader.body(target, stream=True)
    slow = bench.loader.body(target, stream=True, say="[[pace=500]]")
    return [whole, stream, whole, replace(slow, leaves=True), whole, stream]


def _sent(load: Load) -> int:
    return load.answers + load.refused + load.broken + load.left


def _scraped(target: Target) -> tuple[int, int]:
    wire = http.client.HTTPConnection("127.0.0.1", target.port, timeout=10)
    with closing(wire):
        wire.request("GET", "/metrics", headers=dict(h.split(": ", 1) for h in target.headers))
        reply = wire.getresponse()
        text = reply.read().decode()
    if reply.status != 200:
        raise SystemExit(f"/metrics answered {reply.status}: {text[:200]}")
    counted, in_flight = (
        int(sum(map(float, pattern.findall(text)))) for pattern in (_COUNTED, _IN_FLIGHT)
    )
    return counted, in_flight


def _line(sample: Sample) -> str:
    return (
        f"{sample.requests:10,} requests  {sample.mb:7.1f} MB  {sample.files:4} files  "
        f"{sample.threads:3} threads  {sample.load.rate:8,.0f} answers/s"
    )


def problems(samples: list[Sample]) -> list[str]:
    """Why it did not pass."""
    first, last = samples[0], samples[-1]
    found = []
    if last.mb > first.mb * _GROWTH:
        found.append(f"memory grew from {first.mb:.1f} to {last.mb:.1f} MB")
    if last.files > first.files + _MORE_FILES:
        found.append(f"open files grew from {first.files} to {last.files}")
    if last.threads > first.threads:
        found.append(f"threads grew from {first.threads} to {last.threads}")
    if last.in_flight:
        found.append(f"{last.in_flight} requests are still being answered")
    if faults := sum(sample.load.refused + sample.load.broken for sample in samples):
        found.append(f"{faults} requests went wrong")
    if last.counted != last.requests:
        found.append(f"{last.requests} requests were sent and {last.counted} counted")
    return found


def report(samples: list[Sample]) -> str:
    rows = [
        [
            f"{sample.requests:,}",
            f"{sample.mb:.1f}",
            str(sample.files),
            str(sample.threads),
            f"{sample.counted:,}",
            str(sample.in_flight),
            f"{sample.load.cpu_us:,.0f}",
            f"{sample.load.others:.1f} cores",
        ]
        for sample in samples
    ]
    titles = ("requests", "RSS MB", "files", "threads", "counted", "in flight", "CPU µs/req")
    said = "; ".join(problems(samples)) or "steady"
    return f"{table((*titles, 'others'), rows)}\n{said}"
