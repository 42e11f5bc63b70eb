"""From a pedal on the network to a block and back, over UDP on this machine.

One device presses, waits for its result, presses again; then sixteen devices send 500 envelopes a
second together. Timed from sending to the ``ack`` and to the ``result`` of a block that does
next to nothing (``prompts.list``), through the bridge, HTTP and the gate of a server of its own.
Beside it the same call straight over HTTP, on one kept connection: what is added is the bridge's.
Decoding, validating and routing an envelope of 1 KiB is timed alone. Last, a groove is played in
time to a synthesiser on the network: how far arrivals stray from the times that were meant, and how
far the JR Timestamps do, which is what is left for a receiver that adds a fixed delay.

    python bench/flex.py [--seconds 10] [--rate 500] [--devices 16]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from _times import best, percentile, show

from conduit.intents.table import call_of
from conduit.midi import smf, ump
from conduit.midi.flex import TextAssembler, text_packets
from conduit.midi.network import Client, Host, Identity, Received
from conduit.midi.performance import clip_of, jr_seconds
from conduit.midi.score import score_of
from conduit.playing.pace import OwnPace
from conduit.playing.player import LoopClock, play
from conduit.rhythm import Style
from conduit.rhythm.engine import play as render_groove
from conduit.rhythm.groove import GrooveRequest, complete, config_of
from conduit.surfaces.flex.carriers import CarrierReader
from conduit.surfaces.flex.envelope import Envelope, parse, render
from conduit.surfaces.flex.links import whole_messages

FLEX = """
strangers: {here: ["*"], rate: {per_minute: 6000000, burst: 100000}}
queue: 1000
at_once: 8
"""
BLOCK = "prompts.list"
numbers = itertools.count()


class Pedal:
    """One device, with what it waits for."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.acks: list[float] = []
        self.results: list[float] = []
        self.errors = 0
        self._sent: dict[str, float] = {}
        self._came: dict[str, asyncio.Future[None]] = {}
        self._texts = TextAssembler()

    def press(self) -> asyncio.Future[None]:
        corr = f"c{next(numbers)}"
        envelope = Envelope(time.time_ns() // 1_000_000, corr, BLOCK, {})
        self._came[corr] = came = asyncio.get_running_loop().create_future()
        words = text_packets(render(envelope), bank=1, status=0)
        self._sent[corr] = time.perf_counter()
        self.client.send(words)
        return came

    async def listen(self) -> None:
        async for event in self.client:
            if not isinstance(event, Received):
                continue
            now = time.perf_counter()
            for text in self._texts.feed(event.words):
                told = json.loads(text.text)
                corr = told["corr"]
                if told["intent"] == "ack":
                    self.acks.append(now - self._sent[corr])
                    continue
                self.errors += told["intent"] == "error"
                self.results.append(now - self._sent[corr])
                self._came.pop(corr).set_result(None)


async def measure(address: str, url: str, seconds: float, rate: float, devices: int) -> None:
    host, _, port = address.partition(":")
    pedals = []
    for number in range(devices):
        client = await Client.open(host, int(port), Identity(f"Pedal {number}", f"P-{number}"))
        pedals.append(Pedal(client))
    listening = [asyncio.create_task(each.listen()) for each in pedals]

    first = pedals[0]
    for _ in range(50):
        await first.press()
    first.acks.clear()
    first.results.clear()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        await first.press()
    show("one device, ack", first.acks)
    show("one device, result", first.results)
    alone = percentile(first.acks, 0.99), percentile(first.results, 0.99)

    for each in pedals:
        each.acks.clear()
        each.results.clear()
    began = time.perf_counter()
    waiting = []
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        waiting.append(pedals[number % devices].press())
    await asyncio.gather(*waiting)
    acks = [each for pedal in pedals for each in pedal.acks]
    results = [each for pedal in pedals for each in pedal.results]
    errors = sum(each.errors for each in pedals)
    what = f"{devices} devices, {len(results) / (time.perf_counter() - began):,.0f} a second"
    show(f"{what}, ack", acks)
    show(f"{what}, result", results)
    print(f"  p99 × that of one device: ack {percentile(acks, 0.99) / alone[0]:.2f}, "
          f"result {percentile(results, 0.99) / alone[1]:.2f}; errors {errors}, "
          f"sent {len(waiting):,}, answered {len(results):,}")  # fmt: skip
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    await asyncio.gather(*(each.client.close() for each in pedals))

    times = []
    async with httpx.AsyncClient() as straight:
        until = time.perf_counter() + min(seconds, 3)
        while time.perf_counter() < until:
            at = time.perf_counter()
            (await straight.post(f"{url}/blocks/{BLOCK}", json={})).raise_for_status()
            times.append(time.perf_counter() - at)
    show("straight over HTTP (httpx)", times)


async def jitter(bars: int) -> None:
    """Of a groove that is played at its own tempo."""
    wish = complete(GrooveRequest(style=Style.INDUSTRIAL, bars=bars))
    score = score_of(clip_of(smf.loads(render_groove(config_of(wish)).midi_bytes())))
    when = score.moments
    heard: list[tuple[float, ump.Message]] = []
    async with await Host.open(Identity("Synth")) as host:
        client = await Client.open("127.0.0.1", host.port, Identity("Conduit"))
        guest = await host.accept()

        async def listen() -> None:
            decoder = ump.Decoder()
            async for event in guest:
                if isinstance(event, Received):
                    now = time.monotonic()
                    heard.extend((now, each) for each in decoder.feed(event.words))

        async def send(words: list[int]) -> None:
            for each in whole_messages(words):
                client.send(each)

        listening = asyncio.create_task(listen())
        pace = OwnPace(score, time.monotonic())
        played = await play(score, send, pace, clock=LoopClock(time.monotonic))
        await client.close()
        await listening
    stamps = [(at, each.time) for at, each in heard if isinstance(each, ump.JrTimestamp)]
    meant = [moment.at_s for moment in when for _ in moment.messages]
    first_at, first_stamp = stamps[0]
    pairs = list(zip(stamps, meant, strict=True))
    arrived = [abs((at - first_at) - (due - meant[0])) for (at, _), due in pairs]
    last, strayed = first_stamp, []
    elapsed = 0.0
    for (_, stamp), due in pairs:
        elapsed += jr_seconds(last, stamp)
        last = stamp
        strayed.append(abs(elapsed - (due - meant[0])))
    print(f"  a groove of {bars} bars, {played.messages:,} messages, sent "
          f"{played.mean_late_s * 1e3:.2f} ms late on average")  # fmt: skip
    show("  arrival against what was meant", arrived)
    show("  JR Timestamps against the same", strayed)


def alone() -> None:
    """One envelope of 1 KiB: words to a request."""
    steps = [
        {"name": "persist.getBaseline", "arguments": {"corpusId": "fc-main", "baselineId": f"B{n}"}}
        for n in range(11)
    ]
    body = {"objective": "Draft release notes from baseline BA-2025-08", "steps": steps}
    text = render(Envelope(1_723_622_400_000, "dE8x-7qF", "planner.execute", body))
    words = text_packets(text, bank=1, status=0)
    texts, reader = TextAssembler(), CarrierReader()

    def once() -> None:
        for each in texts.feed(words):
            carried = reader.read(each)
            assert carried is not None
            for envelope in parse(carried.text):
                assert isinstance(envelope, Envelope)
                call_of(envelope.intent, envelope.body)

    print(f"  decode, validate, route {len(text.encode()):,} bytes ({len(words) // 4} packets): "
          f"{best(once) * 1e6:.0f} µs")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--devices", type=int, default=16)
    asked = parser.parse_args()
    alone()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "flex.yaml").write_text(FLEX)
        words = "-m conduit.cli up --port 0 --flex-port 0 --no-grpc --no-open --json".split()
        environ = {
            **os.environ,
            "CONDUIT_HOME": folder,
            "CONDUIT_DB_URI": f"sqlite:///{folder}/conduit.db",
        }
        with subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, text=True, env=environ
        ) as server:
            assert server.stdout is not None
            said = json.loads(server.stdout.readline())
            try:
                asyncio.run(
                    measure(said["flex"], said["url"], asked.seconds, asked.rate, asked.devices)
                )
            finally:
                server.terminate()
    asyncio.run(jitter(4))


if __name__ == "__main__":
    main()
