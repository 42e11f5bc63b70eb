"""From a prompt to notes, as a device of Live waits for them; and what a set costs.

A server of its own with the offline agent and nobody else. A set of 100 tracks and 64 scenes is
told once; then prompts are asked one after another, half of them over HTTP with events on a kept
connection, half over WebSocket, each until its notes are there. Before that, in this process: how
long a set takes to be read, and to be written for a model, and how large that is.

    python bench/live.py [--prompts 200]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from conduit.agents.live.context import context_of
from conduit.agents.live.note import written

STYLES = ("dub", "acid", "industrial", "hypnotic", "hard", "minimal")


def large(tracks: int = 100, scenes: int = 64) -> dict[str, Any]:
    parameter = {"name": "Filter cutoff", "value": 0.123456, "min": 0, "max": 1, "shown": "1.2 kHz"}
    note = {"pitch": 36, "start": 0.333333, "duration": 0.25, "velocity": 100}
    return {
        "tempo": 132.0,
        "scale": {"name": "Minor", "root": 9},
        "tracks": [{"name": f"Track with a name {n}", "kind": "midi"} for n in range(tracks)],
        "scenes": [f"A part of the song {n}" for n in range(scenes)],
        "selected": {"track": 3, "scene": 1},
        "clip": {"name": "Clip", "length_beats": 64, "notes": [note] * 1000, "note_count": 1000},
        "devices": [{"name": "Device", "parameters": [parameter] * 64}] * 8,
    }


def of_a_set() -> None:
    told = large()
    reading, writing = [], []
    for _ in range(50):
        at = time.perf_counter()
        context = context_of(told)
        read = time.perf_counter()
        text = written(context)
        reading.append(read - at)
        writing.append(time.perf_counter() - read)
    print(
        f"a set of 100 tracks, 64 scenes, {len(json.dumps(told)) >> 10} KiB as told: read in "
        f"{_ms(reading)}, written for a model in {_ms(writing)}, {len(text.encode())} bytes"
    )


def _ms(times: list[float]) -> str:
    return f"{1000 * statistics.median(times):.1f} ms (at most {1000 * max(times):.1f})"


async def timed(
    name: str,
    count: int,
    ask: Callable[[dict[str, str]], Awaitable[None]],
    cpu: Callable[[], float],
) -> None:
    """Ask for grooves that were not made before, each in a conversation of a few turns."""
    took, before = [], cpu()
    for number in range(count + 5):
        style = STYLES[number % len(STYLES)]
        wish = {"prompt": f"8 bars of {style}, seed {number}", "session": f"{name} {number // 10}"}
        at = time.perf_counter()
        await ask(wish)
        took.append(1000 * (time.perf_counter() - at))
    took = sorted(took[5:])
    half, most = took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.99))]
    spent = 1000 * (cpu() - before) / (count + 5)
    print(
        f"{name}: median {half:.1f} ms, p99 {most:.1f} ms, most {took[-1]:.1f} ms; "
        f"{spent:.1f} ms of CPU each"
    )


async def of_prompts(url: str, token: str, count: int, cpu: Callable[[], float]) -> None:
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    told: set[str] = set()
    async with aiohttp.ClientSession(headers=headers) as session:

        async def tell(wish: dict[str, str]) -> None:
            if wish["session"] not in told:
                told.add(wish["session"])
                body = {"session": wish["session"], "context": large()}
                async with session.put(f"{url}/live/context", json=body) as reply:
                    assert reply.status == 200, await reply.text()

        async def over_http(wish: dict[str, str]) -> None:
            async with session.post(f"{url}/live/ask", json=wish) as reply:
                lines = (await reply.text()).splitlines()
            data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
            assert json.loads(data[-1])["blocks"][0]["notes"]

        async with session.ws_connect(f"{url}/live/ws", max_msg_size=0) as socket:

            async def over_websocket(wish: dict[str, str]) -> None:
                await socket.send_json({"id": "1", "block": "agent.ask", "input": wish})
                while True:
                    said = await socket.receive_json()
                    assert said["event"] != "error", said
                    if said["event"] == "done":
                        assert said["data"]["blocks"][0]["notes"]
                        return

            for name, ask in (("HTTP and events", over_http), ("WebSocket", over_websocket)):
                for number in range(0, count + 5, 10):
                    await tell({"session": f"{name} {number // 10}"})
                await timed(name, count, ask, cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--prompts", type=int, default=200)
    count = parser.parse_args().prompts
    of_a_set()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        environ = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
        environ |= {"CONDUIT_HOME": str(home), "CONDUIT_DB_URI": f"sqlite:///{folder}/c.db"}
        command = [sys.executable, "-m", "conduit.cli", *"up --port 0 --no-open --json".split()]
        command += ["--no-flex", "--grpc-port", "0"]
        with subprocess.Popen(
            command, env=environ, cwd=folder, stdout=subprocess.PIPE, text=True
        ) as server:
            try:
                assert server.stdout is not None
                url = json.loads(server.stdout.readline())["url"]
                stat = Path(f"/proc/{server.pid}/stat")

                def cpu() -> float:
                    """Seconds that the server has worked, in both modes (Linux)."""
                    fields = stat.read_text().rpartition(")")[2].split()
                    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

                token = (home / "live.token").read_text()
                asyncio.run(of_prompts(url, token, count, cpu))
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
