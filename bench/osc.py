"""From another host over OSC to a block and back, and into a Live, on this machine.

The codec alone: messages read and written a second, beside python-osc; the worst pattern of a
message against a name. Then one host that asks, waits for its result, and asks again, over UDP and
over TCP, for a block that does next to nothing (``prompts.list``), through the bridge, HTTP and the
gate of a server of its own; beside it the same call straight over HTTP. Last, clips into a stand-in
for Live with AbletonOSC that looks at its socket every 100 ms, as the real one does, read back and
compared: what is measured there is mostly waiting for those looks.

    python bench/osc.py [--seconds 5] [--notes 64 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
from _processes import own_environment
from _times import best, show
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from conduit.agents.live.typed import LiveNote, MidiBlock
from conduit.app.osc_side import osc_server
from conduit.surfaces.osc.asking import ask
from conduit.surfaces.osc.live.clips import apply_clip
from conduit.surfaces.osc.live.wire import LiveWire
from conduit.surfaces.osc.server import Addresses
from conduit.surfaces.osc.settings import OscSettings
from conduit.surfaces.osc.wire import Message, Pattern, decode, encode
from tests.surfaces.osc import fake_live

BLOCK = "/conduit/block/prompts.list"
numbers = itertools.count()


def codec() -> None:
    arguments = (0, 0, *(v for n in range(10) for v in (36 + n, n * 0.25, 0.25, 100.0, False)))
    ours = Message("/live/clip/add/notes", arguments)
    data = encode(ours)

    def theirs() -> bytes:
        builder = OscMessageBuilder(ours.address)
        for each in arguments:
            builder.add_arg(each)
        return builder.build().dgram

    print(f"a message of {len(arguments)} arguments, {len(data)} bytes:")
    print(
        f"  written {best(lambda: encode(ours)) * 1e6:.0f} µs, python-osc {best(theirs) * 1e6:.0f}"
    )
    print(
        f"  read {best(lambda: decode(data)) * 1e6:.0f} µs, "
        f"python-osc {best(lambda: OscMessage(data)) * 1e6:.0f}"
    )
    worst = Pattern("/" + "*a" * 126 + "b")
    name = "/" + "a" * 60
    print(f"  worst pattern against 60 letters {best(lambda: worst.matches(name)) * 1e6:.0f} µs")


async def bridge(url: str, seconds: float) -> None:
    settings = OscSettings(url, may=("*",), per_minute=1e7, burst=1e6)
    server = osc_server(settings)
    await server.start(Addresses(udp=0, tcp=0))
    try:
        for name, port, tcp in (("UDP", server.udp_port, False), ("TCP", server.tcp_port, True)):
            acks: list[float] = []
            results: list[float] = []
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                corr = f"c{next(numbers)}"
                at = time.perf_counter()
                asked = Message(BLOCK, ("{}", corr))
                async for told in ask("127.0.0.1", port, asked, corr, tcp=tcp, patience_s=30):
                    (acks if told.kind == "ack" else results).append(time.perf_counter() - at)
            show(f"{name}, ack", acks[20:])
            show(f"{name}, result", results[20:])
    finally:
        await server.stop()
    straight: list[float] = []
    async with httpx.AsyncClient() as client:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            at = time.perf_counter()
            await client.post(f"{url}/blocks/prompts.list", json={})
            straight.append(time.perf_counter() - at)
    show("the same over HTTP", straight[20:])


async def clips(counts: list[int]) -> None:
    fake_live.TICK_S = 0.1
    async with fake_live.live() as (there, reply_port):
        wire = await LiveWire.open("127.0.0.1", there.port, reply_port)
        for count in counts:
            notes = tuple(LiveNote(36 + n % 12, n * 0.25, 0.2) for n in range(count))
            there.heard.clear()
            at = time.perf_counter()
            await apply_clip(wire, MidiBlock("Bench", None, notes))
            print(
                f"  {count:,} notes in {time.perf_counter() - at:.2f} s, "
                f"{len(there.heard)} datagrams sent"
            )
        wire.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--notes", type=int, nargs="*", default=[64, 1000])
    asked = parser.parse_args()
    codec()
    words = "-m conduit.cli up --port 0 --no-grpc --no-flex --no-open --json".split()
    with (
        own_environment() as environ,
        subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, text=True, env=environ
        ) as server,
    ):
        assert server.stdout is not None
        said = json.loads(server.stdout.readline())
        try:
            print("one host, one call after another:")
            asyncio.run(bridge(said["url"], asked.seconds))
        finally:
            server.terminate()
    print("clips into a stand-in for Live, looked at afterwards:")
    asyncio.run(clips(asked.notes))


if __name__ == "__main__":
    main()
