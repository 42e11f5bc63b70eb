"""Our edge with small limits, in front of an application that does what the path says."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from conduit.surfaces.http.guard import Guard
from conduit.surfaces.http.limits import Limits
from conduit.surfaces.http.listening import configured

LIMITS = Limits(
    head_s=0.3,
    idle_s=0.5,
    slowest_reader_s=0.4,
    linger_s=0.2,
    linger_bytes=256 << 10,
    pipelined=4,
    connections=20,
)
CALM = replace(LIMITS, head_s=60, slowest_reader_s=60)
"""Who is merely slow does not run into these; a connection ends when nothing more is asked."""
PATIENT = replace(CALM, idle_s=60)
HOST = b"Host: localhost\r\n"
GET = b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = b"GET /hello HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST


class App:
    """Does what the path says, and remembers what reached it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        self.headers: list[tuple[bytes, bytes]] = []
        self.ended: list[str] = []
        self.sent = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        body = b""
        try:
            if path != "/ignore":
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    body += message["body"]
                    if not message["more_body"]:
                        break
            self.seen.append((scope["method"], path, body))
            self.headers = list(scope["headers"])
            if path == "/endless":
                await self._stream(receive, send)
            else:
                await self._answer(path, body, send)
        finally:
            self.ended.append(path)

    async def _answer(self, path: str, body: bytes, send: Send) -> None:
        if path == "/slow":
            await asyncio.sleep(0.6)
        size = {"/large": 8 << 20, "/small": 32 << 10}.get(path, len(body) or 2)
        start: Message = {"type": "http.response.start", "status": 200, "headers": []}
        start["status"] = 413 if path == "/ignore" else 200
        start["headers"] = [(b"content-length", str(size).encode())]
        await send(start)
        await send({"type": "http.response.body", "body": body or b"x" * size})

    async def _stream(self, receive: Receive, send: Send) -> None:
        """Until the client is gone."""
        gone = asyncio.ensure_future(receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not gone.done():
            await send({"type": "http.response.body", "body": b"x" * 4096, "more_body": True})
            self.sent += 4096
            await asyncio.sleep(0)


class Edge:
    def __init__(self, port: int, app: App, state: ServerState) -> None:
        self.port = port
        self.app = app
        self.connections = state.connections
        self.tasks = state.tasks

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def talk(self, *pieces: bytes) -> bytes:
        """Send, and read until the server closes; fails when it does not within 20 s."""
        reader, writer = await self.connect()
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.02)
            async with asyncio.timeout(20):
                return await reader.read()
        finally:
            writer.transport.abort()


@asynccontextmanager
async def listening(
    tls: ssl.SSLContext | None = None, limits: Limits = LIMITS, *, guarded: bool = False
) -> AsyncIterator[Edge]:
    app, state, loop = App(), ServerState(), asyncio.get_running_loop()
    config = configured(Guard(app, lambda: "made-up-id") if guarded else app, limits)
    config.load()

    def protocol() -> asyncio.Protocol:
        made: asyncio.Protocol = config.http_protocol_class(
            config=config, server_state=state, app_state={}, _loop=loop
        )
        return made

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    yield Edge(server.sockets[0].getsockname()[1], app, state)
    server.close()
    await until(lambda: not state.connections and not state.tasks)
    await server.wait_closed()


async def until(true: Callable[[], bool], within_s: float = 20.0) -> None:
    for _ in range(int(within_s / 0.005)):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"it did not come about within {within_s} s")


def refused(answer: bytes, status: int, code: str = "invalid_input") -> str:
    """The message of a refusal that is complete and says that it is the last."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert b"\r\nconnection: close" in head
    error = json.loads(body)["error"]
    assert error["code"] == code
    assert error["hint"]
    return str(error["message"])
