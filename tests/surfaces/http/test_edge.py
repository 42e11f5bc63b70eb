"""What comes from the network before it is a request, over raw sockets."""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from dataclasses import replace
from pathlib import Path

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

CERTIFICATE = Path(__file__).parents[2] / "models/transport/localhost.pem"


async def test_honest_requests_share_a_connection() -> None:
    async with listening(limits=PATIENT) as edge:
        await _shared(edge)


async def _shared(edge: Edge) -> None:
    chunked = POST + b"Transfer-Encoding: Chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n"
    reader, writer = await edge.connect()
    sized = POST + b"Content-Length: 4\r\n\r\nsize"
    for request in (GET, sized, chunked, GET.replace(b"hello", b"a%20b?c=d")):
        for byte in request:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        await reader.readexactly(4 if request is sized else 2)
    writer.write(LAST)
    assert b"connection: close" in await reader.read()
    writer.close()
    assert edge.app.seen == [
        ("GET", "/hello", b""),
        ("POST", "/echo", b"size"),
        ("POST", "/echo", b"ok"),
        ("GET", "/a b", b""),
        ("GET", "/hello", b""),
    ]


async def test_a_trailer_is_no_header(edge: Edge) -> None:
    trailed = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\nX-Role: admin\r\n\r\n"
    await edge.talk(POST.replace(b"/echo", b"/slow") + trailed)
    assert [name for name, _ in edge.app.headers] == [b"host", b"transfer-encoding", b"connection"]


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2",
        b"Content-Length: 2\r\nContent-Length: 2",
        b"Content-Length: 2\r\nContent-Length: 3",
        b"Content-Length: 2, 2",
        b"Content-Length: +2",
        b"Content-Length: -2",
        b"Content-Length: 0x2",
        b"Content-Length: 2 2",
        b"Content-Length:",
        b"Content-Length: 99999999999999999999999",
        b"Content-Length : 2",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked;q=1",
        b'Transfer-Encoding: "chunked"',
        b"Transfer-Encoding:\x0bchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"X: a\r\n Content-Length: 2",
        b"X: a\nContent-Length: 2",
        b"X: a\rContent-Length: 2",
        b"X: a\0b\r\nContent-Length: 2",
        b"X\0: a",
        b"X y: a",
        b": a",
        b"X",
        b"\xc3\xa9: a",
        b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2",
        b"Upgrade: h2c\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked",
    ],
)
async def test_two_readers_cannot_disagree_about_where_a_body_ends(
    edge: Edge, lines: bytes
) -> None:
    body = b"2\r\nok\r\n0\r\n\r\n"
    answer = await edge.talk(POST + lines + b"\r\n\r\n" + body, GET)
    refused(answer, 400)
    assert edge.app.seen == []


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://elsewhere/hello HTTP/1.1",
        b"GET elsewhere:80 HTTP/1.1",
        b"GET hello HTTP/1.1",
        b"GET * HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT elsewhere:80 HTTP/1.1",
        b"CONNECT /hello HTTP/1.1",
        b"GET /hello#there HTTP/1.1",
        b"GET /h\x00 HTTP/1.1",
        b"GET /h\xff HTTP/1.1",
        b"GET /h\tx HTTP/1.1",
        b"GET /hello HTTP/0.9",
        b"GET /hello HTTP/2.0",
        b"GET /hello HTTP/1.2",
        b"GET /hello http/1.1",
        b"GET /hello",
        b"get /hello HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
async def test_a_request_line_is_method_path_and_version(edge: Edge, line: bytes) -> None:
    answer = await edge.talk(line + b"\r\n" + HOST + b"\r\n")
    refused(answer, 400)
    assert edge.app.seen == []


async def test_a_host_is_named(edge: Edge) -> None:
    assert "Host" in refused(await edge.talk(b"GET /hello HTTP/1.1\r\n\r\n"), 400)
    assert b" 200 OK" in await edge.talk(b"GET /hello HTTP/1.0\r\n\r\n")


async def test_http_1_0_is_answered_once(edge: Edge) -> None:
    kept = b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    answer = await edge.talk(kept + kept)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert len(edge.app.seen) == 1
    chunked = b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    refused(await edge.talk(chunked), 400)


async def test_an_upgrade_is_answered_in_http_and_is_the_last(edge: Edge) -> None:
    asked = GET[:-2] + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    answer = await edge.talk(asked + GET, GET)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert len(edge.app.seen) == 1


@pytest.mark.parametrize(
    "chunks",
    [
        b"0x2\r\nok\r\n0\r\n\r\n",
        b"-2\r\nok\r\n0\r\n\r\n",
        b"2 \r\nok\r\n0\r\n\r\n",
        b"2\nok\n0\n\n",
        b"2\r\nokay\r\n0\r\n\r\n",
        b"2;\nx\r\nok\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nok",
        b"zz\r\n",
    ],
)
async def test_a_bad_chunk_is_refused_and_its_request_given_up(edge: Edge, chunks: bytes) -> None:
    answer = await edge.talk(POST + b"Transfer-Encoding: chunked\r\n\r\n", chunks, GET)
    refused(answer, 400)
    assert edge.app.ended == ["/echo"]
    assert edge.app.seen == []


async def test_a_fault_behind_good_requests_does_not_spoil_their_answers(edge: Edge) -> None:
    slow = GET.replace(b"/hello", b"/slow")
    answer = await edge.talk(slow + GET + b"what is this\r\n\r\n" + GET)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.endswith(b"\r\n\r\nxx")
    assert [path for _, path, _ in edge.app.seen] == ["/slow", "/hello"]


async def test_spoiled_requests_are_answered_or_refused(hasty: Edge) -> None:
    troubles: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    chance = random.Random(5)
    good = [LAST, GET + LAST, POST + b"Transfer-Encoding: chunked\r\n\r\n2;a\r\nok\r\n0\r\n\r\n"]
    answers: list[bytes] = []
    for _ in range(12):
        answers += await asyncio.gather(
            *(hasty.talk(spoiled(chance.choice(good), chance)) for _ in range(15))
        )
    statuses = {answer[9:12] for answer in answers if answer}
    assert {b"200", b"400"} <= statuses <= {b"200", b"400", b"408"}
    assert troubles == []
    assert b" 200 OK" in await hasty.talk(LAST)


def spoiled(request: bytes, chance: random.Random) -> bytes:
    """With some bytes cut out, doubled or replaced."""
    data = bytearray(request)
    for _ in range(chance.randint(1, 3)):
        at, to = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        to = min(to, at + 9)
        other = bytes(chance.choice(b"\r\n\0\t :;,0a\xff") for _ in range(chance.randint(0, 3)))
        data[at:to] = chance.choice([b"", data[at:to] * 2, other])
    return bytes(data)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (LAST, b"HTTP/1.1 200 OK"),
        (GET, b"HTTP/1.1 200 OK"),
        (GET[:-2], b"HTTP/1.1 408"),
        (b"what is this\r\n\r\n", b"HTTP/1.1 400"),
        (GET[:-2] + b"X: a\r\n" * 101 + b"\r\n", b"HTTP/1.1 431"),
    ],
    ids=["good", "idle", "half", "wrong", "flood"],
)
async def test_the_same_over_tls(sent: bytes, says: bytes) -> None:
    """Where a connection has no half that could be closed."""
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(CERTIFICATE)
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    limits = replace(LIMITS, head_s=1) if b"408" in says else CALM
    async with listening(offered, limits) as edge:
        reader, writer = await asyncio.open_connection("localhost", edge.port, ssl=trusting)
        writer.write(sent)
        async with asyncio.timeout(20):
            assert (await reader.read()).startswith(says)
        writer.transport.abort()


async def test_who_never_reads_over_tls_is_cut() -> None:
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(CERTIFICATE)
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    async with listening(offered, replace(LIMITS, head_s=60)) as edge:
        _, writer = await asyncio.open_connection("localhost", edge.port, ssl=trusting)
        writer.transport.pause_reading()
        writer.write(GET.replace(b"/hello", b"/endless"))
        await until(lambda: edge.app.sent > 0)
        await until(lambda: not edge.connections and not edge.tasks)
        assert edge.app.sent < 16 << 20
        writer.transport.abort()


async def test_nothing_is_left_of_those_who_leave(edge: Edge) -> None:
    await edge.talk(LAST)
    await asyncio.sleep(0.02)
    before, tasks = len(os.listdir("/dev/fd")), asyncio.all_tasks()
    for sent in (b"", b"GET", GET, POST + b"Content-Length: 9\r\n\r\nx", b"\0", GET * 9):
        for _ in range(5):
            _, writer = await edge.connect()
            writer.write(sent)
            await asyncio.sleep(0)
            writer.transport.abort()
    await until(lambda: not edge.connections and not edge.tasks)
    await until(lambda: len(os.listdir("/dev/fd")) == before and asyncio.all_tasks() == tasks)


async def test_a_stop_that_is_not_waited_for_is_said_and_is_no_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with listening(limits=PATIENT, guarded=True) as edge:
        for path, said in ((b"slow", b"HTTP/1.1 503 "), (b"endless", b"HTTP/1.1 200 ")):
            reader, writer = await edge.connect()
            writer.write(b"GET /%b HTTP/1.1\r\n" % path + HOST + b"Connection: close\r\n\r\n")
            begun = await reader.read(1) if path == b"endless" else b""
            await until(lambda: bool(edge.tasks))
            for task in edge.tasks:  # as Uvicorn does
                task.cancel()
            async with asyncio.timeout(20):
                answer = begun + await reader.read()
            writer.transport.abort()
            assert answer.startswith(said)
            if path == b"slow":
                assert "the server stops" in refused(answer, 503, "unavailable")
            else:
                assert not answer.endswith(b"0\r\n\r\n")
    assert not any(record.exc_info for record in caplog.records)
