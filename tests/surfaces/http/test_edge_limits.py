"""How much, how slowly and how many at once: what the edge bears from one who means no good."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.surfaces.http.edges import (
    CALM,
    GET,
    HOST,
    LAST,
    LIMITS,
    PATIENT,
    POST,
    Edge,
    listening,
    refused,
    until,
)


async def test_requests_in_a_row_are_counted(edge: Edge) -> None:
    slow = GET.replace(b"/hello", b"/slow")
    answer = await edge.talk(slow + GET * 1000)
    assert answer.count(b"HTTP/1.1 200 OK") == 1 + LIMITS.pipelined


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (GET[:-2] + b"X: a\r\n" * 100 + b"\r\n", 431, "headers_too_large"),
        (GET[:-2] + b"X: " + b"a" * (64 << 10) + b"\r\n\r\n", 431, "headers_too_large"),
        (GET[:-2] + b"X: " + b"a" * (80 << 10), 431, "headers_too_large"),
        (GET[:-2] + b"X" * (80 << 10), 431, "headers_too_large"),
        (b"GET /" + b"a" * (8 << 10) + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "too_large"),
        (b"GET /?" + b"a" * (80 << 10), 431, "headers_too_large"),
    ],
    ids=["many", "large", "one without end", "name without end", "address", "address without end"],
)
async def test_a_head_has_a_size(edge: Edge, head: bytes, status: int, code: str) -> None:
    refused(await edge.talk(head), status, code)
    assert edge.app.seen == []


async def test_ninety_nine_headers_are_no_flood(edge: Edge) -> None:
    answer = await edge.talk(LAST[:-2] + b"X: a\r\n" * 98 + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "flood",
    [b"x" * 65536, b"X: a\r\n" * 8000, b"\r\n" * 32768, b"1;" + b"a" * 65536],
    ids=["header", "headers", "line ends", "extension"],
)
@pytest.mark.parametrize(
    "before", [GET[:-2] + b"X: ", POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: "]
)
async def test_a_flood_costs_little_memory(edge: Edge, before: bytes, flood: bytes) -> None:
    _, writer = await edge.connect()
    tracemalloc.start()
    try:
        writer.write(before)
        with suppress(ConnectionError):
            for _ in range(1000):
                writer.write(flood)
                await writer.drain()
            raise AssertionError("65 MB were taken")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        writer.transport.abort()
    assert peak < 6 << 20


@pytest.mark.parametrize(
    ("sent", "least_s", "says"),
    [
        (b"", 0.25, b""),
        (GET[:-2], 0.25, b" 408 "),
        (b"G", 0.25, b" 408 "),
        (GET, 0.45, b" 200 "),
        (GET + GET[:-3], 0.25, b" 200 "),
    ],
    ids=["nothing", "half", "a byte", "one and no more", "one and a half"],
)
async def test_nobody_is_waited_for_for_ever(
    hasty: Edge, sent: bytes, least_s: float, says: bytes
) -> None:
    begun = asyncio.get_running_loop().time()
    answer = await hasty.talk(sent)
    assert says in answer
    assert (b"408" in says) == answer.startswith(b"HTTP/1.1 408")
    assert least_s < asyncio.get_running_loop().time() - begun < 20


async def test_a_drip_of_headers_is_not_progress(hasty: Edge) -> None:
    reader, writer = await hasty.connect()
    begun = asyncio.get_running_loop().time()
    answer = asyncio.ensure_future(reader.read())
    writer.write(GET[:-2] + b"X: ")
    while not answer.done():
        writer.write(b"a")
        await asyncio.sleep(0.01)
    assert (await answer).startswith(b"HTTP/1.1 408")
    assert asyncio.get_running_loop().time() - begun < 20
    writer.transport.abort()


async def test_an_answer_may_take_its_time(edge: Edge) -> None:
    """The limits of a head and of idleness are not those of the work."""
    assert (await edge.talk(LAST.replace(b"/hello", b"/slow"))).startswith(b"HTTP/1.1 200 OK")


async def test_a_body_nobody_reads_is_not_drained() -> None:
    async with listening(limits=PATIENT) as edge:
        reader, writer = await edge.connect()
        ignored = b"POST /ignore HTTP/1.1\r\n" + HOST + b"Content-Length: 1073741824\r\n\r\n"
        writer.write(ignored + b"x" * 1000)
        answer = await asyncio.wait_for(reader.read(), 20)
        assert answer.startswith(b"HTTP/1.1 413")
        with suppress(ConnectionError):
            for _ in range(200):
                writer.write(b"x" * 65536)
                await writer.drain()
            raise AssertionError("13 MB were taken")
        writer.transport.abort()
        assert len(edge.app.seen) == 1


async def test_a_body_nobody_reads_is_not_waited_for_for_long() -> None:
    async with listening(limits=PATIENT) as edge:
        reader, writer = await edge.connect()
        writer.write(b"POST /ignore HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nx")
        assert (await asyncio.wait_for(reader.read(), 20)).startswith(b"HTTP/1.1 413")
        await until(lambda: not edge.connections)
        writer.transport.abort()


async def test_a_short_body_that_comes_after_its_answer_leaves_the_connection_as_it_was() -> None:
    """Clients send heads and bodies apart, and the next request over the same connection."""
    async with listening(limits=replace(PATIENT, linger_s=30)) as edge:
        reader, writer = await edge.connect()
        for _ in range(3):
            writer.write(b"POST /ignore HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            assert head.startswith(b"HTTP/1.1 413")
            assert b"connection: close" not in head.lower()
            await reader.readexactly(2)
            writer.write(b"x" * 4)
            await asyncio.sleep(0.01)
            writer.write(b"x" * 5)
        writer.write(LAST)
        assert (await asyncio.wait_for(reader.read(), 20)).startswith(b"HTTP/1.1 200 OK")
        assert [path for _, path, _ in edge.app.seen] == ["/ignore"] * 3 + ["/hello"]
        writer.close()


@pytest.mark.parametrize("path", ["/endless", "/large", "/small"])
async def test_who_never_reads_is_cut(path: str) -> None:
    limits = replace(LIMITS, head_s=60)
    async with listening(limits=limits) as edge:
        await _never_read(edge, path)


async def _never_read(edge: Edge, path: str) -> None:
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.setblocking(False)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await loop.sock_connect(wire, ("127.0.0.1", edge.port))
        asked = GET.replace(b"/hello", path.encode())
        await loop.sock_sendall(wire, asked * (4 if path != "/endless" else 1))
        await until(lambda: len(edge.connections) == 1)
        await until(lambda: not edge.connections and not edge.tasks)
        assert 0.3 < loop.time() - begun < 30
        assert edge.app.sent < 8 << 20  # what two sockets hold


async def test_who_reads_slowly_is_not_cut() -> None:
    """Eight megabytes over much longer than a client may stand still."""
    limits = replace(CALM, slowest_reader_s=2.2)
    async with listening(limits=limits) as edge:
        await _read_slowly(edge, 1.5 * limits.slowest_reader_s)


async def _read_slowly(edge: Edge, least_s: float) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        wire.setblocking(False)
        await loop.sock_connect(wire, ("127.0.0.1", edge.port))
        await loop.sock_sendall(wire, LAST.replace(b"/hello", b"/large"))
        begun, got = loop.time(), 0
        while piece := await loop.sock_recv(wire, 1 << 20):
            got += len(piece)
            await asyncio.sleep(len(piece) * least_s / (7 << 20))
        assert got > 8 << 20
        assert loop.time() - begun > least_s


async def test_one_connection_too_many_is_told_so(edge: Edge) -> None:
    held = [await edge.connect() for _ in range(LIMITS.connections)]
    await until(lambda: len(edge.connections) == LIMITS.connections)
    answer = await edge.talk(GET)
    refused(answer, 503, "overloaded")
    assert b"retry-after: 1" in answer
    held[0][1].transport.abort()
    await until(lambda: len(edge.connections) < LIMITS.connections)
    assert b" 200 OK" in await edge.talk(LAST)
    for _, writer in held:
        writer.transport.abort()
