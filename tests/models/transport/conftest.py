"""A server that says what a test wants said, byte for byte, and both event loops to hear it in."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop

from conduit.models.transport import Limits, PooledTransport

LIMITS = Limits(connect_s=20.0, silence_s=20.0, total_s=40.0)
"""Nobody runs into these, however busy the machine is. The tests of a limit have it small."""
CERTIFICATE = Path(__file__).parent / "localhost.pem"
"""Signed by itself, for ``localhost``, valid until 2120; the key in it opens nothing."""

Step = bytes | list[bytes] | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Bytes to send, or pieces to send one by one, or whatever else is to be done."""
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Sockets behave differently enough in the two that each test runs in both."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Scripted:
    """Answers each request with the next step of ``script``, and after the last with ``GOOD``."""

    def __init__(self) -> None:
        self.script: list[Step] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.url = ""
        self.tls: ssl.SSLObject | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.tls = writer.get_extra_info("ssl_object")
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if b"Content-Length" in line), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                step = self.script.pop(0) if self.script else GOOD
                if callable(step):
                    await step(reader, writer)
                else:
                    for piece in [step] if isinstance(step, bytes) else step:
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(0)
        except (OSError, EOFError):
            pass  # the other side hung up, which is for it to decide
        finally:
            self.open -= 1
            writer.transport.abort()

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    async with await asyncio.start_server(scripted.connected, "127.0.0.1", 0) as listening:
        scripted.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield scripted
        await scripted.aclose()


@pytest.fixture
async def pooled() -> AsyncIterator[PooledTransport]:
    """Closed after the test, which must leave neither a task nor a socket behind it."""
    transport = PooledTransport("p", LIMITS, idle_s=60.0, most_idle=4)
    yield transport
    await transport.aclose()


async def body_of(transport: PooledTransport, url: str, **more: Any) -> bytes:
    """POST, and the whole body of the reply."""
    headers = more.pop("headers", ())
    body = bytearray()
    async with transport.open("POST", url, headers, more.pop("body", b"{}")) as reply:
        while piece := await reply.read():
            body += piece
    return bytes(body)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raise ConnectionResetError


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))
