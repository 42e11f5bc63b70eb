"""What Conduit adds to the upstream's own time, for `/v1/chat/completions` and `/ask`.

One fake upstream in a process of its own answers at once. It is asked directly, through a plain
hop (Starlette and aiohttp, no checks, nothing stored: the peer), and through Conduit, in turns, so
that a noisy machine disturbs all alike. One request at a time; times are the client's.

    python bench/overhead.py [--requests 400]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import aiohttp
from _processes import conduit_up, free_port, own_environment, running

_PROMPT = "hello " * 150
_WARM_UP = 20

_HOP = """
import sys, aiohttp, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
session = None
async def hop(request):
    global session
    session = session or aiohttp.ClientSession()
    body = await request.body()
    headers = {"content-type": "application/json"}
    async with session.post(sys.argv[2], data=body, headers=headers) as reply:
        return Response(await reply.read(), reply.status, media_type="application/json")
app = Starlette(routes=[Route("/v1/chat/completions", hop, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical")
"""

Ask = Callable[[], Awaitable[None]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=400)
    requests = parser.parse_args().requests
    upstream, hop, conduit = (free_port() for _ in range(3))
    target = f"http://127.0.0.1:{upstream}/v1/chat/completions"
    with ExitStack() as stack:
        environ = stack.enter_context(own_environment())
        fake = ["-m", "tests.fakes.upstream", "--port", str(upstream)]
        stack.enter_context(running(fake, upstream, environ))
        stack.enter_context(running(["-c", _HOP, str(hop), target], hop, environ))
        stack.enter_context(running(conduit_up(conduit), conduit, environ))
        _report(asyncio.run(_measure(requests, upstream, hop, conduit)))


async def _measure(requests: int, upstream: int, hop: int, conduit: int) -> dict[str, list[float]]:
    url = f"http://127.0.0.1:{conduit}"
    provider = {
        "name": "bench",
        "type": "openai_compatible",
        "base_url": f"http://127.0.0.1:{upstream}/v1",
        "model": "fake-1",
    }
    chat = {"model": "fake-1", "messages": [{"role": "user", "content": _PROMPT}]}
    path = "/v1/chat/completions"
    async with aiohttp.ClientSession() as session:

        async def post(address: str, body: object) -> None:
            async with session.post(address, json=body) as reply:
                text = await reply.text()
                if reply.status != 200:
                    raise SystemExit(f"{address} answered {reply.status}: {text[:300]}")

        await post(f"{url}/providers/add", provider)
        await post(f"{url}/providers/switch", {"name": "bench"})
        ways: dict[str, Ask] = {
            "upstream, asked directly": lambda: post(f"http://127.0.0.1:{upstream}{path}", chat),
            "through a plain hop (peer)": lambda: post(f"http://127.0.0.1:{hop}{path}", chat),
            "through Conduit /v1": lambda: post(f"{url}{path}", chat),
            "through Conduit /ask": lambda: post(f"{url}/ask", {"prompt": _PROMPT}),
        }
        return await _times(ways, requests)


async def _times(ways: dict[str, Ask], requests: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(requests + _WARM_UP):
        for name, ask in ways.items():
            started = time.perf_counter()
            await ask()
            if turn >= _WARM_UP:
                times[name].append((time.perf_counter() - started) * 1000)
    return times


def _report(times: dict[str, list[float]]) -> None:
    direct, peer, *_ = times.values()
    by_peer = statistics.median(peer) - statistics.median(direct)
    print(f"{'':28}{'median ms':>10}{'p99':>8}{'added':>8}{'at p99':>8}   x what the hop adds")
    for name, values in times.items():
        added = statistics.median(values) - statistics.median(direct)
        tail = _p99(values)
        ratio = f"{added / by_peer:6.2f}" if values is not direct else ""
        print(
            f"{name:28}{statistics.median(values):10.2f}{tail:8.2f}{added:8.2f}"
            f"{tail - _p99(direct):8.2f}   {ratio}"
        )


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


if __name__ == "__main__":
    main()
