"""What a call costs over gRPC, beside the same call over HTTP, in one run; and what gRPC adds to
the start of the server.

    python bench/grpc_calls.py [--calls 2000] [--rounds 5]

The block is `prompts.list`, which does next to nothing, so that what is measured is the way to it.
Both clients are Python and live in this one process (grpc.aio and aiohttp), on the same machine as
the server, and take their share of the time. First one call after another, in turns, then 50 in
flight.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiohttp
import grpc
from _processes import ROOT, own_environment
from google.protobuf.struct_pb2 import Struct

from conduit.surfaces.grpc.generated.conduit.v1.blocks_pb2 import CallRequest
from conduit.surfaces.grpc.generated.conduit.v1.blocks_pb2_grpc import BlockServiceStub

_BLOCK = "prompts.list"
_IN_FLIGHT = 50
_WARM_UP = 50

Call = Callable[[], Awaitable[None]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with own_environment() as environ:
        with _up(environ, "--grpc-port", "0") as (said, _):
            asyncio.run(_compare(said["url"], said["grpc"], asked.calls))
        print(f"{'':30}{'median ms':>12}{'peak MB':>10}")
        kinds = {"with": ("--grpc-port", "0"), "without": ("--no-grpc",)}
        rounds = [
            [_started(environ, *each) for each in kinds.values()] for _ in range(asked.rounds)
        ]
        for name, starts in zip(kinds, zip(*rounds, strict=True), strict=True):
            took = statistics.median(ms for ms, _ in starts)
            size = statistics.median(mb for _, mb in starts)
            print(f"{f'conduit up, {name} gRPC':30}{took:12.0f}{size:10.0f}")


async def _compare(url: str, address: str, calls: int) -> None:
    async with aiohttp.ClientSession() as session, grpc.aio.insecure_channel(address) as channel:
        stub = BlockServiceStub(channel)

        async def over_http() -> None:
            async with session.post(f"{url}/blocks/{_BLOCK}", json={}) as reply:
                assert reply.status == 200
                await reply.read()

        async def with_json() -> None:
            await stub.Call(CallRequest(name=_BLOCK, json=b"{}"))

        async def with_struct() -> None:
            await stub.Call(CallRequest(name=_BLOCK, input=Struct()))

        ways: dict[str, Call] = {
            "POST /blocks/NAME": over_http,
            "BlockService.Call, json": with_json,
            "BlockService.Call, input": with_struct,
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(_WARM_UP):
            for call in ways.values():
                await call()
        for _ in range(calls):
            for name, call in ways.items():
                begun = time.perf_counter()
                await call()
                times[name].append((time.perf_counter() - begun) * 1000)
        print(f"{'':30}{'p50 ms':>9}{'p99 ms':>9}{f'calls/s, {_IN_FLIGHT} in flight':>26}")
        for name, call in ways.items():
            ordered = sorted(times[name])
            p50, p99 = (ordered[int(len(ordered) * each)] for each in (0.5, 0.99))
            print(f"{name:30}{p50:9.2f}{p99:9.2f}{await _rate(call, calls):26,.0f}")


async def _rate(call: Call, calls: int) -> float:
    """The best of three."""

    async def many() -> None:
        for _ in range(calls // _IN_FLIGHT):
            await call()

    best = 0.0
    for _ in range(3):
        begun = time.perf_counter()
        await asyncio.gather(*(many() for _ in range(_IN_FLIGHT)))
        best = max(best, calls // _IN_FLIGHT * _IN_FLIGHT / (time.perf_counter() - begun))
    return best


@contextmanager
def _up(environ: dict[str, str], *options: str) -> Iterator[tuple[dict[str, str], int]]:
    """A server: what it said when it was up, and its process id."""
    words = ["-m", "conduit.cli", "up", "--port", "0", "--no-open", "--json", *options]
    process = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline()), process.pid
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _started(environ: dict[str, str], *options: str) -> tuple[float, float]:
    """Milliseconds until a server said that it is up, and its peak memory by then."""
    begun = time.perf_counter()
    with _up(environ, *options) as (_, pid):
        took = (time.perf_counter() - begun) * 1000
        with open(f"/proc/{pid}/status") as status:
            (line,) = (line for line in status if line.startswith("VmHWM"))
        return took, int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
