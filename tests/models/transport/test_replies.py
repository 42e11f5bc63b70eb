"""A reply is read as it was meant, or refused; never half of it, never somebody else's."""

from __future__ import annotations

import asyncio
import tracemalloc
from dataclasses import replace

import pytest

from conduit.contracts.errors import ProviderBadReply, ProviderError, ProviderUnreachable
from conduit.models.transport import PooledTransport
from tests.models.conftest import until
from tests.models.transport.conftest import GOOD, LIMITS, Scripted, body_of, hang_up

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SPLITTABLE = {
    "sized": GOOD,
    "chunked": CHUNKED + b"1\r\no\r\n1;ext=1\r\nk\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + GOOD,
}


@pytest.mark.parametrize("name", SPLITTABLE)
async def test_where_the_network_cuts_a_reply_makes_no_difference(
    server: Scripted, pooled: PooledTransport, name: str
) -> None:
    reply = SPLITTABLE[name]
    server.script += [[reply[:at], reply[at:]] for at in range(1, len(reply))]
    server.script.append([bytes([byte]) for byte in reply])
    for _ in range(len(reply)):
        assert await body_of(pooled, server.url) == b"ok"
    assert server.connections == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/3.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        CHUNKED[:-2] + b"Content-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA B: c\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA : c\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffff\r\nok",
    ],
    ids=lambda reply: repr(reply[:70]),
)
async def test_what_is_not_strictly_http_is_refused(
    server: Scripted, pooled: PooledTransport, reply: bytes
) -> None:
    server.script.append(reply)
    with pytest.raises(ProviderBadReply) as caught:
        await body_of(pooled, server.url)
    assert caught.value.hint
    await until(lambda: server.open == 0)


@pytest.mark.parametrize(
    "flood",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 4000,
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 800,
        CHUNKED + b"2\r\nok\r\n0\r\n" + b"X: a\r\n" * 800,
        CHUNKED + b"2;" + b"a" * 4000,
    ],
    ids=["interim", "one header", "headers", "trailers", "chunk extension"],
)
async def test_what_is_sent_instead_of_a_body_has_an_end(
    server: Scripted, pooled: PooledTransport, flood: bytes
) -> None:
    head, _, more = flood.partition(b"0\r\n" if b"chunked" in flood else b"OK\r\n")
    more = more or flood

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(flood)
        while True:
            writer.write(more * 16)
            await writer.drain()

    server.script.append(endless)
    tracemalloc.start()
    try:
        with pytest.raises(ProviderError):
            await body_of(pooled, server.url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert head
    assert peak < 4 << 20
    await until(lambda: server.open == 0)


async def test_a_body_without_a_length_ends_with_the_connection(
    server: Scripted, pooled: PooledTransport
) -> None:
    async def until_close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nto the ")
        await writer.drain()
        writer.write(b"end")
        writer.write_eof()
        await asyncio.sleep(0.05)
        raise EOFError

    server.script += [until_close, until_close]
    assert await body_of(pooled, server.url) == b"to the end"
    assert await body_of(pooled, server.url) == b"to the end"
    assert server.connections == 2


async def test_a_body_cut_short_is_no_body(server: Scripted, pooled: PooledTransport) -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD[:-1])
        writer.write_eof()
        await asyncio.sleep(0.05)

    server.script.append(cut)
    async with pooled.open("GET", server.url, (), b"") as reply:
        assert await reply.read() == b"o"
        with pytest.raises(ProviderUnreachable, match="dropped"):
            await reply.read()


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_some_replies_have_no_body(
    server: Scripted, pooled: PooledTransport, status: bytes
) -> None:
    server.script.append(b"HTTP/1.1 " + status + b"\r\nETag: a\r\n\r\n")
    assert await body_of(pooled, server.url) == b""
    assert await body_of(pooled, server.url) == b"ok"
    assert server.connections == 1


async def test_headers_of_a_reply(server: Scripted, pooled: PooledTransport) -> None:
    server.script.append(
        b"HTTP/1.1 429 No\r\nRetry-After:  7 \r\nX-Limit: a\r\nx-limit: b\r\n"
        b"Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 0\r\n\r\n"
    )
    async with pooled.open("GET", server.url, (), b"") as reply:
        assert reply.status == 429
        assert reply.media_type == "application/json"
        assert reply.header("retry-after") == "7"
        assert reply.header("x-limit") == "a, b"
        assert reply.header("x-other") == ""
        assert await reply.read() == b""
        assert await reply.read() == b""
    with pytest.raises(ProviderUnreachable):
        await reply.read()


async def test_a_reader_that_takes_its_time_holds_the_provider_up(server: Scripted) -> None:
    one, sent = PooledTransport("p", replace(LIMITS, silence_s=1.0)), 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    server.script.append(flood)
    async with one.open("GET", server.url, (), b"") as reply:
        first = len(await reply.read())
        await asyncio.sleep(1.2)  # and it was not the provider who was silent
        assert sent < 24 << 20  # what two sockets hold, and not what a gigabyte is
        waiting = len(await reply.read())
        assert 0 < waiting <= 512 << 10
        more = len(await reply.read())
    assert first
    assert more
    await one.aclose()
    await until(lambda: server.open == 0)


async def test_a_large_request_arrives_whole(server: Scripted, pooled: PooledTransport) -> None:
    body = bytes(range(256)) * (8 << 12)
    assert await body_of(pooled, server.url + "/up", body=body, headers=(("X-A", "b"),)) == b"ok"
    assert await body_of(pooled, server.url) == b"ok"
    head, _, received = server.requests[0].partition(b"\r\n\r\n")
    assert received == body
    assert head.startswith(b"POST /up HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-A: b\r\n" in head
    assert server.connections == 1


async def test_an_answer_before_the_question_was_heard(pooled: PooledTransport) -> None:
    """A server that refuses without reading: what it says counts, and what is left of the question
    is not taken for another one."""
    connections: list[asyncio.StreamWriter] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!")
        await writer.drain()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        for asked in (1, 2):
            async with pooled.open("POST", url, (), b"x" * (32 << 20)) as reply:
                assert reply.status == 413
                assert await reply.read() == b"no!"
            assert len(connections) == asked
        for writer in connections:
            writer.transport.abort()
        await asyncio.sleep(0.01)


async def test_a_retry_happens_once_and_only_after_silence(
    server: Scripted, pooled: PooledTransport
) -> None:
    async def half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 2")
        await writer.drain()
        raise ConnectionResetError

    server.script += [GOOD, hang_up, GOOD, hang_up, hang_up, GOOD, half]
    assert await body_of(pooled, server.url) == b"ok"
    assert await body_of(pooled, server.url) == b"ok"  # gone stale, asked anew
    assert server.connections == 2
    with pytest.raises(ProviderUnreachable):  # gone stale, and the new one is dropped too
        await body_of(pooled, server.url)
    assert server.connections == 3
    assert await body_of(pooled, server.url) == b"ok"
    with pytest.raises(ProviderUnreachable):  # a byte had come: it may have been acted upon
        await body_of(pooled, server.url)
    assert server.connections == 4
    assert len(server.requests) == 7
