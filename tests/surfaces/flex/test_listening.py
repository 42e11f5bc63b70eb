"""The bridge on real sockets: sessions of Network MIDI 2.0, and words over TCP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from conduit.contracts.errors import ConduitError
from conduit.midi import ump
from conduit.midi.flex import TextAssembler, text_packets
from conduit.midi.network import Client, Host, Received, UserPassword
from conduit.midi.network import Identity as NetworkIdentity
from conduit.surfaces.flex.devices import DeviceRule, Identity, Strangers
from conduit.surfaces.flex.envelope import Envelope, parse, render
from conduit.surfaces.flex.server import Addresses, FlexServer
from conduit.surfaces.flex.settings import Peer
from conduit.surfaces.flex.triggers import Binding, Bindings, Trigger
from conduit.surfaces.flex.watching import Watcher
from tests.intents.fake_services import Services
from tests.surfaces.flex.pedals import NOW, bridged, joined


@asynccontextmanager
async def listening(
    folder: Path, addresses: Addresses, **settings: Any
) -> AsyncIterator[tuple[FlexServer, Services]]:
    async with bridged(folder, **settings) as (bridge, behind):
        server = FlexServer(bridge, "conduit-test")
        await server.start(addresses)
        try:
            yield server, behind
        finally:
            await server.stop()


def envelope(corr: str, intent: str = "a.b", body: Any = None) -> list[int]:
    return text_packets(render(Envelope(NOW, corr, intent, body)), bank=1, status=0)


class Told:
    """Replies, read from words."""

    def __init__(self) -> None:
        self._texts = TextAssembler()
        self.all: list[Envelope] = []

    def feed(self, words: Any) -> bool:
        """Whether the last word was said."""
        for text in self._texts.feed(words):
            self.all += [each for each in parse(text.text) if isinstance(each, Envelope)]
        return any(each.intent in ("result", "error") for each in self.all)


async def ask_by_udp(client: Client, corr: str) -> list[Envelope]:
    words = envelope(corr)
    for at in range(0, len(words), 64):
        client.send(words[at : at + 64])
    told = Told()
    async with asyncio.timeout(20):
        async for event in client:
            if isinstance(event, Received) and told.feed(event.words):
                break
    return told.all


async def test_a_pedal_on_the_network(tmp_path: Path) -> None:
    async with listening(tmp_path, Addresses()) as (server, behind):
        client = await Client.open("127.0.0.1", server.port, NetworkIdentity("Pedal", "P-1"))
        told = await ask_by_udp(client, "one")
        assert [each.intent for each in told] == ["ack", "result"]
        assert behind.asked[0][0] == "/blocks/a.b"
        await client.close()


async def test_a_secret_proves_a_device_and_a_name_does_not(tmp_path: Path) -> None:
    rules = (DeviceRule("pedal", ("a.*",), endpoint="Pedal", secret="a long secret"),)
    where = Addresses()
    async with listening(tmp_path, where, devices=rules, strangers=Strangers()) as (server, behind):
        who = NetworkIdentity("Pedal", "P-1")
        for wrong in (None, UserPassword("pedal", "guess")):
            with pytest.raises(ConduitError):
                await Client.open("127.0.0.1", server.port, who, credentials=wrong)
        good = UserPassword("pedal", "a long secret")
        client = await Client.open("127.0.0.1", server.port, who, credentials=good)
        assert [each.intent for each in await ask_by_udp(client, "one")] == ["ack", "result"]
        assert len(behind.asked) == 1
        await client.close()


async def test_a_device_that_is_a_host_is_joined_and_joined_again(tmp_path: Path) -> None:
    host = await Host.open(NetworkIdentity("Desk", "D-1"))
    where = Addresses(port=None)
    peers = (Peer("127.0.0.1", host.port),)
    async with listening(tmp_path, where, connect=peers) as (_, behind):
        for number in range(2):
            async with asyncio.timeout(20):
                guest = await host.accept()
            told = Told()
            for at in range(0, len(words := envelope(f"host {number}")), 64):
                guest.send(words[at : at + 64])
            async with asyncio.timeout(20):
                async for event in guest:
                    if isinstance(event, Received) and told.feed(event.words):
                        break
            assert told.all[-1].intent == "result"
            await guest.close()
        assert len(behind.asked) == 2
    await host.close()


def device(folder: Path, name: str) -> int:
    """A pseudo-terminal in the place of a device file; what is read and written at this end is
    what a driver would."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    (folder / name).symlink_to(os.ttyname(theirs))
    os.set_blocking(ours, False)
    return ours


async def said_by(file: int, enough: Callable[[bytes], bool]) -> bytes:
    found = b""
    async with asyncio.timeout(20):
        while not enough(found):
            await asyncio.sleep(0.005)
            with contextlib.suppress(BlockingIOError):
                found += os.read(file, 4096)
    return found


async def test_a_device_file_with_packets(tmp_path: Path) -> None:
    ours = device(tmp_path, "umpC1D0")
    ports = (str(tmp_path / "umpC1D0"),)
    async with listening(tmp_path, Addresses(port=None), ports=ports) as (_, behind):
        os.write(ours, ump.bytes_of(envelope("one"), "native"))
        told = Told()

        def enough(data: bytes) -> bool:
            return told.feed(ump.words_of(data, "native")) if len(data) % 4 == 0 else False

        await said_by(ours, enough)
        assert told.all[-1].intent == "result"
        assert len(behind.asked) == 1
    os.close(ours)


async def test_a_device_file_with_bytes_of_midi_1(tmp_path: Path) -> None:
    """A footswitch of the last century: running status, and a clock in between."""
    ours = device(tmp_path, "midiC1D0")
    sustain = Trigger("control", 0, 2, 64)
    bound = Bindings((Binding(sustain, "a.b", {"n": 1}),))
    where, ports = Addresses(port=None), (str(tmp_path / "midiC1D0"),)
    async with listening(tmp_path, where, bindings=bound, ports=ports) as (server, behind):
        os.write(ours, bytes([0xB2, 64, 0xF8, 127, 64, 0, 64, 100]))
        await said_by(ours, lambda _: len(behind.asked) == 2)
        assert [json.loads(body) for _, _, body in behind.asked] == [{"n": 1}] * 2
        await server.idle()
    os.close(ours)


async def test_a_port_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    where = Addresses(port=None, tcp=0)
    async with listening(tmp_path, where, ports=(str(tmp_path / "none"),)) as (server, _):
        await asyncio.sleep(0)
        assert server.tcp_port


async def test_words_over_tcp(tmp_path: Path) -> None:
    """Cut anywhere, with the endpoint's greeting before."""
    async with listening(tmp_path, Addresses(port=None, tcp=0)) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.tcp_port)
        data = ump.bytes_of(envelope("one"), "big")
        for at in range(0, len(data), 7):
            writer.write(data[at : at + 7])
            await writer.drain()
        stream, told, greeting = ump.WordStream("big"), Told(), []
        async with asyncio.timeout(20):
            while True:
                words = stream.feed(await reader.read(1000))
                greeting += [m for m in ump.decode(words) if isinstance(m, ump.EndpointDiscovery)]
                if told.feed(words):
                    break
        assert len(greeting) == 1
        assert [each.intent for each in told.all] == ["ack", "result"]
        writer.close()


async def test_garbage_harms_nobody(tmp_path: Path) -> None:
    """Noise on one connection, another that ends in mid-word, and one that works."""
    async with listening(tmp_path, Addresses(port=0, tcp=0)) as (server, _):
        for noise in (os.urandom(1 << 20), b"\xd0\x10", b""):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.tcp_port)
            writer.write(noise)
            writer.write_eof()
            await reader.read()
            writer.close()
        client = await Client.open("127.0.0.1", server.port, NetworkIdentity("Pedal"))
        assert (await ask_by_udp(client, "fine"))[-1].intent == "result"
        await client.close()


async def test_a_web_page_cannot_press(tmp_path: Path) -> None:
    """What it can make a browser send begins as a request does, whatever follows."""
    async with listening(tmp_path, Addresses(port=None, tcp=0)) as (server, behind):
        words = ump.bytes_of(envelope("page"), "big")
        for method in ("POST", "GET", "OPTIONS"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.tcp_port)
            head = f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            head += b"\0" * (-len(head) % 4 + 16)  # so that its end is the end of a message
            for piece in (head[:3], head[3:] + words, words):  # however it is cut
                writer.write(piece)
                await asyncio.sleep(0)
            told = Told()
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(20):
                    while data := await reader.read(1 << 16):
                        told.feed(ump.words_of(data[: len(data) // 4 * 4], "big"))
            assert told.all == []
            writer.close()
        assert behind.asked == []


async def test_who_only_watches_forgets_presses_that_nobody_asks_for() -> None:
    watcher = Watcher()
    pedal = joined(watcher)  # type: ignore[arg-type]  # it is listened to as a bridge is
    down, up = ump.Midi2NoteOn(0, 0, 60, 1), ump.Midi2NoteOff(0, 0, 60, 1)
    for _ in range(1000):
        await pedal.say(ump.encode_all([down, up]))
    came = 0
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.05):
                await watcher.press()
            came += 1
    assert 0 < came <= 64


async def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (bridge, behind):
        server = FlexServer(bridge, "conduit-test")
        reader = asyncio.StreamReader()
        reader.feed_data(ump.bytes_of([*envelope("one"), *envelope("two")], "big"))
        reader.feed_eof()
        await server.read(reader, Identity("file", here=True), None)
        await server.idle()
        assert len(behind.asked) == 2
        assert bridge.counts.done == 2
