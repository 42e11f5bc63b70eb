"""What carrying a request to a provider costs in CPU time: our transport, aiohttp's, httpx.

A bare server in a process of its own answers at once with bytes it has ready. ``loop`` is the least
that any client could cost: the same bytes written and awaited on one connection, with nothing taken
apart. Bodies are sent and answered in 1 KB, 10 KB and 100 KB; a stream is 66 events of 100 bytes,
each written by itself. Times are CPU time of the client's process, user and system.

    python bench/transport.py [--requests 3000]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager

import httpx
import uvloop
from _processes import free_port, own_environment, running

from conduit.models.transport import AiohttpTransport, Limits, PooledTransport

_SIZES = (1 << 10, 10 << 10, 100 << 10)
_AT_ONCE = 64
_WARM_UP = 200
_HEADERS = (("Content-Type", "application/json"), ("Authorization", "Bearer sk-0123456789"))

_SERVER = """
import asyncio, re, sys, uvloop
EVENT = b"data: " + b"x" * 92 + b"\\n\\n"
CHUNK = b"%x\\r\\n%s\\r\\n" % (len(EVENT), EVENT)
HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Type: %s\\r\\nX-Request-Id: 0123456789abcdef\\r\\n"
HEAD += b"X-RateLimit-Remaining-Requests: 99\\r\\nX-RateLimit-Remaining-Tokens: 9\\r\\n"
HEAD += b"%s\\r\\n\\r\\n"
class Server(asyncio.Protocol):
    def connection_made(self, wire):
        self.wire, self.data, self.need = wire, b"", 0
    def data_received(self, data):
        self.data += data
        if not self.need:
            end = self.data.find(b"\\r\\n\\r\\n")
            if end < 0:
                return
            length = re.search(rb"content-length: (\\d+)", self.data.lower()[:end])
            self.need = end + 4 + (int(length.group(1)) if length else 0)
            self.path = self.data.split(b" ", 2)[1]
        if len(self.data) < self.need:
            return
        self.data, self.need = self.data[self.need:], 0
        if self.path == b"/stream":
            self.wire.write(HEAD % (b"text/event-stream", b"Transfer-Encoding: chunked"))
            self.send(66)
            return
        size = int(self.path[1:])
        head = HEAD % (b"application/json", b"Content-Length: %d" % size)
        self.wire.write(head + b"x" * size)
    def send(self, left):
        self.wire.write(CHUNK if left else b"0\\r\\n\\r\\n")
        if left:
            asyncio.get_running_loop().call_soon(self.send, left - 1)
async def main():
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
uvloop.run(main())
"""

Exchange = Callable[[str, bytes], Awaitable[int]]
"""Asks for a path with a body; the bytes of the answer."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=3000)
    requests = parser.parse_args().requests
    port = free_port()
    with ExitStack() as stack:
        environ = stack.enter_context(own_environment())
        stack.enter_context(running(["-c", _SERVER, str(port)], port, environ))
        for name, run in (("uvloop", uvloop.run), ("asyncio", asyncio.run)):
            print(f"{name}: µs of CPU for one")
            run(_measure(f"http://127.0.0.1:{port}", requests))


async def _measure(url: str, requests: int) -> None:
    cases = [(f"{size >> 10} KB", f"/{size}", b"y" * size) for size in _SIZES]
    cases.append(("66 events", "/stream", b"y" * 1024))
    print(
        "  " + " ".join(f"{title:>12}" for title in ("", *(case[0] for case in cases), "1 KB ×64"))
    )
    for title, opened in (
        ("loop", _bare),
        ("pooled", _ours(PooledTransport)),
        ("aiohttp", _ours(AiohttpTransport)),
        ("httpx", _httpx),
    ):
        async with opened(url) as exchange:
            figures = [
                await _cpu(exchange, path, body, requests if title != "httpx" else requests // 5, 1)
                for _, path, body in cases
            ]
            if title != "loop":
                figures.append(await _cpu(exchange, *cases[0][1:], requests, _AT_ONCE))
        print("  " + f"{title:>12} " + " ".join(f"{figure:12.1f}" for figure in figures))


async def _cpu(exchange: Exchange, path: str, body: bytes, requests: int, at_once: int) -> float:
    async def ask(times: int) -> None:
        for _ in range(times):
            got = await exchange(path, body)
            if got < 1024:
                sys.exit(f"{got} bytes came back")

    each = requests // at_once // (4 if path == "/stream" else 1)
    await asyncio.gather(*(ask(_WARM_UP // at_once + 1) for _ in range(at_once)))
    begun = time.process_time()
    await asyncio.gather(*(ask(each) for _ in range(at_once)))
    return (time.process_time() - begun) / (each * at_once) * 1e6


def _ours(
    kind: type[PooledTransport] | type[AiohttpTransport],
) -> Callable[[str], asynccontextmanager[Exchange]]:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Exchange]:
        transport = kind("bench", Limits())

        async def exchange(path: str, body: bytes) -> int:
            got = 0
            async with transport.open("POST", url + path, _HEADERS, body) as reply:
                while piece := await reply.read():
                    got += len(piece)
            return got

        yield exchange
        await transport.aclose()

    return opened


@asynccontextmanager
async def _httpx(url: str) -> AsyncIterator[Exchange]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def exchange(path: str, body: bytes) -> int:
            got = 0
            async with client.stream(
                "POST", url + path, content=body, headers=list(_HEADERS)
            ) as reply:
                async for piece in reply.aiter_raw():
                    got += len(piece)
            return got

        yield exchange


class _Bare(asyncio.Protocol):
    """Waits for so many bytes behind the head, or else for an ending."""

    def __init__(self) -> None:
        self.waiter: asyncio.Future[int] | None = None
        self.size = self.got = self.head = 0

    def data_received(self, data: bytes) -> None:
        if not self.got:
            self.head = data.find(b"\r\n\r\n") + 4
        self.got += len(data)
        if self.size:
            whole = self.got >= self.head + self.size
        else:
            whole = data.endswith(b"\r\n0\r\n\r\n") or data == b"0\r\n\r\n"
        if whole and self.waiter:
            self.waiter.set_result(self.got)
            self.waiter = None


@asynccontextmanager
async def _bare(url: str) -> AsyncIterator[Exchange]:
    loop = asyncio.get_running_loop()
    host, port = url.removeprefix("http://").split(":")
    wire, protocol = await loop.create_connection(_Bare, host, int(port))

    async def exchange(path: str, body: bytes) -> int:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
        protocol.got = 0
        protocol.size = 0 if path == "/stream" else int(path[1:])
        protocol.waiter = waiter = loop.create_future()
        wire.write(head.encode() + body)
        return await waiter

    yield exchange
    wire.close()


if __name__ == "__main__":
    main()
