"""What Network MIDI 2.0 costs on this machine: the way of a message to a host and back, how many
messages a second go through, and what forward error correction takes.

    python bench/network_midi.py [--notes 2000] [--seconds 2]

Host and clients are real sockets on the loopback, in one process and one event loop, so both ends
share one core. The time of a pedal is from ``send`` at the client, through the host's echo, to the
client's ``receive``, once in a millisecond or so. Throughput counts 64-bit messages (MIDI 2.0 note
on) that the host has read, sent as fast as ``drain`` allows, and without any such limit.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

import uvloop

from conduit.contracts.errors import Overloaded
from conduit.midi.network import Client, Guest, Host, Identity, Limits, Received, Settings

_NOTE = (0x40903C00, 0xFFFF0000)
_DEVICES = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notes", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=2.0)
    asked = parser.parse_args()
    print(f"{'':44}{'p50':>9}{'p99':>9}{'max':>9}")
    for repeats in (0, 2, 5):
        for name, run in (("asyncio", asyncio.run), ("uvloop", uvloop.run)):
            took = run(_there_and_back(asked.notes, repeats))
            _print_times(f"there and back, {repeats} repeats, {name}, µs", took)
    _print_times(
        f"{_DEVICES} devices, together 500 a second, µs", uvloop.run(_many_devices(asked.seconds))
    )
    print(f"\n{'':44}{'messages/s':>14}{'datagrams/s':>14}")
    for limit in (Limits().bytes_per_s, 1_000_000_000):
        for repeats in (0, 2, 5):
            for together in (1, 32) if limit < 1e8 else (32,):
                chosen = Limits(repeats=repeats, bytes_per_s=limit)
                one = uvloop.run(_through(asked.seconds, chosen, together))
                name = f"{together} to a send, {repeats} repeats"
                print(f"{name + (', no limit' if limit > 1e8 else ''):44}{one}")


def _print_times(name: str, took: list[float]) -> None:
    found = statistics.quantiles(took, n=100)
    print(f"{name:44}{found[49]:9.0f}{found[98]:9.0f}{max(took):9.0f}")


async def _echo(guest: Guest) -> None:
    async for event in guest:
        if isinstance(event, Received):
            guest.send(event.words)


async def _there_and_back(notes: int, repeats: int) -> list[float]:
    chosen = Settings(limits=Limits(repeats=repeats))
    took = []
    async with await Host.open(Identity("Bench"), settings=chosen) as host:
        async with await Client.open(
            "127.0.0.1", host.port, Identity("Pedal"), settings=chosen
        ) as client:
            echo = asyncio.create_task(_echo(await host.accept()))
            for _ in range(notes):
                began = time.perf_counter()
                client.send(_NOTE)
                await client.receive()
                took.append((time.perf_counter() - began) * 1e6)
                await asyncio.sleep(0.001)
        await echo
    return took[notes // 10 :]


async def _many_devices(seconds: float) -> list[float]:
    """Each of the devices sends once in 32 ms, which is 500 messages a second for all of them."""
    took: list[float] = []

    async def play(client: Client, late: float) -> None:
        await asyncio.sleep(late)
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            client.send(_NOTE)
            await client.receive()
            now = time.perf_counter()
            took.append((now - began) * 1e6)
            await asyncio.sleep(max(0.0, began + 0.032 - now))

    async with await Host.open(Identity("Bench")) as host:
        clients = [
            await Client.open("127.0.0.1", host.port, Identity(f"Pedal {number}"))
            for number in range(_DEVICES)
        ]
        echoes = [asyncio.create_task(_echo(await host.accept())) for _ in clients]
        await asyncio.gather(
            *(play(client, at * 0.032 / _DEVICES) for at, client in enumerate(clients))
        )
        await asyncio.gather(*(client.close() for client in clients))
        await asyncio.gather(*echoes)
    return took


async def _through(seconds: float, limits: Limits, together: int) -> str:
    chosen = Settings(limits=limits)
    heard = sent = 0

    async def listen(guest: Guest) -> None:
        nonlocal heard
        async for event in guest:
            if isinstance(event, Received):
                heard += len(event.words) // 2

    async with await Host.open(Identity("Bench"), settings=chosen) as host:
        client = await Client.open("127.0.0.1", host.port, Identity("Sender"), settings=chosen)
        listening = asyncio.create_task(listen(await host.accept()))
        words = _NOTE * together
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            try:
                client.send(words)
            except Overloaded:
                await client.drain()
                continue
            sent += together
            if not sent % (64 * together):
                await asyncio.sleep(0)
        await client.close()
        await listening
        took = time.perf_counter() - began
        datagrams = client.counters.sent_datagrams
    said = f"{heard / took:14,.0f}{datagrams / took:14,.0f}"
    return said + (f"   {sent - heard} lost" if heard != sent else "")


if __name__ == "__main__":
    main()
