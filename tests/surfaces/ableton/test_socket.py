"""The socket of Live behind our own edge: clients that leave, fall silent, or do not listen."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from conduit.blocks import Block, Catalog, Gate, NoOp, block
from conduit.contracts.call import Principal
from conduit.surfaces.ableton import socket as module
from conduit.surfaces.ableton.socket import LiveSocket
from conduit.surfaces.http.guard import Guard
from conduit.surfaces.http.limits import EDGE, USUAL, Limits
from conduit.surfaces.http.listening import configured
from conduit.telemetry.ids import IdMaker
from tests.surfaces.ableton.websocket.test_frames import framed

HASTY = replace(USUAL, slowest_reader_s=0.4, idle_s=0.3, head_s=5)
OPENING = (
    b"GET /live/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass
class Place:
    """A server, and what its blocks have seen."""

    port: int
    state: ServerState
    begun: list[str]
    ended: list[str]


def blocks(place: Place) -> tuple[Block[Any, Any], ...]:
    @block("test.wait", summary="Wait for ever")
    async def wait(_: NoOp) -> Text:
        place.begun.append("wait")
        try:
            await asyncio.Event().wait()
        finally:
            place.ended.append("wait")
        return Text("")

    @block("test.large", summary="Say much")
    def large(_: NoOp) -> Text:
        return Text("x" * (4 << 20))

    @block("test.wrong", summary="Fail as nobody foresaw")
    def wrong(_: NoOp) -> Text:
        raise ZeroDivisionError

    return wait, large, wrong


@contextlib.asynccontextmanager
async def listening(
    limits: Limits = HASTY, *, ping_s: float = 60.0, silent_s: float = 60.0
) -> AsyncIterator[Place]:
    place = Place(0, ServerState(), [], [])
    gate = Gate(Catalog(blocks(place)), new_id=IdMaker())
    live = LiveSocket(gate, EDGE, ping_s=ping_s, silent_s=silent_s)

    async def admitted(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["principal"] = Principal("ada", permissions=frozenset({"*"}))
        await live(scope, receive, send)

    config = configured(Guard(admitted, IdMaker(), limits), limits)
    config.load()
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        made: asyncio.Protocol = config.http_protocol_class(
            config=config, server_state=place.state, app_state={}, _loop=loop
        )
        return made

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    place.port = server.sockets[0].getsockname()[1]
    yield place
    server.close()
    await until(lambda: not place.state.connections and not place.state.tasks)
    await server.wait_closed()


async def until(true: Any) -> None:
    for _ in range(4000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come about within 20 s")


class Client:
    """Bytes, as no library would send them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        async with asyncio.timeout(20):
            return await self.reader.readuntil(b"\r\n\r\n")

    def say(self, **message: Any) -> None:
        self.writer.write(framed(0x81, json.dumps(message).encode()))

    async def frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(20):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2))
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8))
            return first, await self.reader.readexactly(size)

    async def told(self) -> Any:
        first, payload = await self.frame()
        assert first == 0x81
        return json.loads(payload)

    async def rest(self) -> bytes:
        async with asyncio.timeout(20):
            return await self.reader.read()


@contextlib.asynccontextmanager
async def connected(place: Place, opening: bytes = OPENING) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    writer.write(opening)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def test_who_leaves_has_everything_given_up() -> None:
    async with listening() as place:
        async with connected(place) as client:
            assert (await client.head()).startswith(b"HTTP/1.1 101 ")
            await asyncio.sleep(0.5)  # longer than a connection of HTTP may idle
            for number in range(module.MOST_CALLS + 1):
                client.say(id=str(number), block="test.wait")
            said = await client.told()
            assert (said["id"], said["data"]["error"]["code"]) == ("16", "overloaded")
            client.say(id="3", cancel=True)
            client.say(id="no such call", cancel=True)
            said = await client.told()
            assert (said["id"], said["data"]["error"]["code"]) == ("3", "cancelled")
            client.say(id="3", block="test.wrong")
            said = await client.told()
            assert said["data"]["error"]["code"] == "internal"
            assert place.ended == ["wait"]
        await until(lambda: len(place.ended) == module.MOST_CALLS)


async def test_who_is_silent_is_asked_and_then_left() -> None:
    async with listening(ping_s=0.05, silent_s=0.2) as place, connected(place) as client:
        await client.head()
        assert await client.frame() == (0x89, b""), "a ping"
        frames = [await client.frame()]
        while frames[-1][0] != 0x88:
            frames.append(await client.frame())
        assert frames[-1][1][:2] == (1008).to_bytes(2)
        assert await client.rest() == b""
    async with listening(ping_s=0.02, silent_s=30) as place, connected(place) as client:
        await client.head()
        for _ in range(5):
            assert (await client.frame())[0] == 0x89
            client.writer.write(framed(0x8A, b""))
        client.writer.write(framed(0x88, (1000).to_bytes(2)))
        while (frame := await client.frame())[0] != 0x88:
            pass
        assert frame[1] == (1000).to_bytes(2)


async def test_who_does_not_listen_is_cut_off() -> None:
    async with listening() as place, connected(place) as client:
        await client.head()
        for number in range(8):
            client.say(id=str(number), block="test.large")
        await until(lambda: not place.state.connections)


async def test_what_came_before_the_answer_is_not_guessed_at() -> None:
    early = OPENING + framed(0x81, b"{}")
    async with listening() as place:
        async with connected(place, early) as client:
            await client.head()
            client.writer.write(framed(0x80, b"and the rest of it"))
            assert (await client.frame())[1][:2] == (1002).to_bytes(2)
        plain = OPENING.replace(b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"")
        async with connected(place, plain) as client:
            assert (await client.head()).startswith(b"HTTP/1.1 400 ")


async def test_so_many_are_open_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SOCKETS", 1)
    async with listening() as place:
        async with connected(place) as client:
            await client.head()
            async with connected(place) as second:
                assert (await second.head()).startswith(b"HTTP/1.1 503 ")
        await until(lambda: not place.state.connections)
        async with connected(place) as client:
            assert (await client.head()).startswith(b"HTTP/1.1 101 "), "there is room again"
            (server_side,) = place.state.connections
            server_side.shutdown()
            assert (await client.frame())[1][:2] == (1001).to_bytes(2)
            assert await client.rest() == b""
