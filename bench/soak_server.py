"""A server under mixed load for a long time: does anything grow?

Prompts, groove renders, chat completions and streams that the client leaves half-way are sent for
the given time at a bounded rate. Memory and open files are sampled; the run fails when the second
half needs clearly more than the first.

    python bench/soak_server.py [--minutes 5]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from pathlib import Path

import aiohttp
from _processes import conduit_up, free_port, own_environment, running

_WORKERS = 4
_GROWTH = 1.05
_PROMPTS = (
    "8 bars of dub at 124 bpm",
    "more swing",
    "less dense",
    "another seed",
    "what is swing?",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    seconds = parser.parse_args().minutes * 60
    port = free_port()
    with own_environment() as environ, running(conduit_up(port), port, environ) as pid:
        sys.exit(asyncio.run(_soak(seconds, f"http://127.0.0.1:{port}", pid)))


async def _soak(seconds: float, url: str, pid: int) -> int:
    until = time.monotonic() + seconds
    counts = [0] * _WORKERS
    async with aiohttp.ClientSession() as session:
        workers = [
            asyncio.create_task(_work(session, url, worker, until, counts))
            for worker in range(_WORKERS)
        ]
        samples = await _watch(pid, until, seconds, counts)
        await asyncio.gather(*workers)
    return _verdict(samples, sum(counts))


async def _work(
    session: aiohttp.ClientSession, url: str, worker: int, until: float, counts: list[int]
) -> None:
    turn = 0
    while time.monotonic() < until:
        turn += 1
        ask = {"prompt": _PROMPTS[turn % len(_PROMPTS)], "session": f"soak-{worker}-{turn // 50}"}
        if turn % 4 == 0:
            await _leave_half_way(session, url, ask)
        elif turn % 4 == 1:
            chat = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
            await _post(session, f"{url}/v1/chat/completions", chat)
        else:
            await _post(session, f"{url}/ask", ask)
        counts[worker] += 1


async def _post(session: aiohttp.ClientSession, url: str, body: object) -> None:
    async with session.post(url, json=body) as reply:
        if reply.status != 200:
            raise SystemExit(f"{url} answered {reply.status}: {(await reply.text())[:300]}")
        await reply.read()


async def _leave_half_way(session: aiohttp.ClientSession, url: str, ask: object) -> None:
    headers = {"accept": "text/event-stream"}
    async with session.post(f"{url}/ask", json=ask, headers=headers) as reply:
        await reply.content.readline()
        reply.close()


async def _watch(
    pid: int, until: float, seconds: float, counts: list[int]
) -> list[tuple[float, int]]:
    samples = []
    while time.monotonic() < until:
        await asyncio.sleep(seconds / 40)
        samples.append((_resident_mb(pid), len(os.listdir(f"/proc/{pid}/fd"))))
        memory, files = samples[-1]
        print(f"\r{sum(counts):8} requests  {memory:7.1f} MB  {files:4} files", end="", flush=True)
    print()
    return samples


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _verdict(samples: list[tuple[float, int]], requests: int) -> int:
    """Compare the last quarter with the second one; the first is warming up."""
    quarter = len(samples) // 4
    before, after = samples[quarter : 2 * quarter], samples[-quarter:]
    memory = [statistics.median(m for m, _ in part) for part in (before, after)]
    files = [statistics.median(f for _, f in part) for part in (before, after)]
    grew = memory[1] > memory[0] * _GROWTH or files[1] > files[0] + 8
    print(
        f"{requests} requests; memory {memory[0]:.1f} -> {memory[1]:.1f} MB, "
        f"open files {files[0]:.0f} -> {files[1]:.0f}: {'GREW' if grew else 'steady'}"
    )
    return int(grew)


if __name__ == "__main__":
    main()
