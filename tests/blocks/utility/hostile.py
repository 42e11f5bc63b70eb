"""A web server that does to its clients what servers do: bare asyncio, one behaviour per path.

``hits`` counts requests by path and ``heads`` keeps what came, so that a test can say what was
never asked for. Every connection is noted in ``open``: a client that leaves one is found out.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

_FILL = b"x" * 65536
OK = b"HTTP/1.1 200 OK\r\n"
_TEXT = OK + b"Content-Type: text/plain\r\n"
BOMB = gzip.compress(bytes(64 << 20))  # 64 MiB of nothing in 64 KiB


def whole(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def redirect(to: str, status: int = 302) -> bytes:
    return whole(b"elsewhere", f"Location: {to}", status=f"{status} Moved")


_Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Hostile:
    """``replies`` are sent as they are; ``acts`` are done. Both are by path, without query."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self.replies: dict[str, bytes] = {
            "/good": whole(b"fine", "Content-Type: text/plain"),
            "/loop": redirect("/loop"),
            "/500": whole(b"kaputt, leider", "Content-Type: text/plain", status="500 X"),
            "/png": whole(b"\x89PNG\r\n\x1a\n\0\0", "Content-Type: image/png", status="200 OK"),
            "/png-500": whole(b"\x89PNG", "Content-Type: image/png", status="500 X"),
            "/huge": OK + b"Content-Length: 1099511627776\r\n\r\n",
            "/cut": OK + b"Content-Length: 100\r\n\r\nhalf",
            "/cut-chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhalf",
            "/not-http": b"220 smtp.example.org ESMTP\r\n",
            "/long-header": OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
            "/many-headers": OK + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
            "/bomb": whole(BOMB, "Content-Encoding: gzip"),
            "/gzip": whole(gzip.compress("größer".encode()), "Content-Encoding: gzip"),
            "/two-members": whole(
                gzip.compress(b"one ") + gzip.compress(b"two"), "Content-Encoding: x-gzip"
            ),
            "/cut-gzip": whole(gzip.compress(b"whole" * 99)[:-9], "Content-Encoding: gzip"),
            "/false-gzip": whole(b"plain", "Content-Encoding: gzip"),
            "/brotli": whole(b"plain", "Content-Encoding: br"),
            "/deflate": whole(zlib.compress(b"plain"), "Content-Encoding: deflate"),
            "/nothing-gzipped": whole(b"", "Content-Encoding: gzip", status="200 OK"),
        }
        self.acts: dict[str, _Act] = {
            "/endless": _endless,
            "/endless-empty-members": _endless_empty_members,
            "/endless-empty-block": _endless_empty_block,
            "/drip": _drip,
            "/half-header": _half_header,
            "/silent": _silent,
            "/reset": _reset,
        }
        self.hits: Counter[str] = Counter()
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.port = 0
        self.open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self.open:
            task.cancel()
        await asyncio.gather(*self.open, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.open.add(task)
        task.add_done_callback(self.open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ")[1].partition("?")[0]
            self.hits[path] += 1
            self.heads.append(head)
            lines = [line.lower() for line in head.split("\r\n")]
            length = next((int(x[15:]) for x in lines if x.startswith("content-length:")), 0)
            self.bodies.append(await reader.readexactly(length))
            if act := self.acts.get(path):
                await act(reader, writer)
            else:
                writer.write(self.replies.get(path, whole(b"", status="404 Not Found")))
                await writer.drain()
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_TEXT + b"\r\n")
    while True:
        writer.write(_FILL)
        await writer.drain()


async def _endless_empty_members(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Gzip of nothing, again and again: bytes that never become any."""
    nothing = gzip.compress(b"") * 500
    writer.write(_TEXT + b"Content-Encoding: gzip\r\n\r\n")
    while True:
        writer.write(nothing)
        await writer.drain()


async def _endless_empty_block(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One gzip member of stored blocks (RFC 1951 3.2.4) without a byte inside."""
    writer.write(_TEXT + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10])
    while True:
        writer.write(b"\0\0\0\xff\xff" * 10_000)
        await writer.drain()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_TEXT + b"\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _half_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Ty")
    await _silent(reader, writer)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the client hangs up


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def until(true: Callable[[], object]) -> None:
    """Wait for what another task is about to do; fails after 20 s."""
    for _ in range(4000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come about within 20 s")


@contextmanager
def in_thread() -> Iterator[Hostile]:
    """Run beside a test that is not async."""
    server, started = Hostile(), threading.Event()
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        stopped, loop = asyncio.Event(), asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(stopped.set))
        async with server:
            started.set()
            await stopped.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(20)
        yield server
    finally:
        stop[0]()
        thread.join(20)
