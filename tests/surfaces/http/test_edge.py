"""What comes from the network before it is a request, over raw sockets."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

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
PATIENT = replace(LIMITS, head_s=30, idle_s=30)
HOST = b"Host: localhost\r\n"
GET = b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = b"GET /hello HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST

CERTIFICATE = Path(__file__).parents[2] / "models/transport/localhost.pem"


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
        """Send, and read until the server closes; fails when it does not within 3 s."""
        reader, writer = await self.connect()
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.02)
            async with asyncio.timeout(3):
                return await reader.read()
        finally:
            writer.transport.abort()


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with listening() as opened:
        yield opened


@asynccontextmanager
async def listening(
    tls: ssl.SSLContext | None = None, limits: Limits = LIMITS
) -> AsyncIterator[Edge]:
    app, state, loop = App(), ServerState(), asyncio.get_running_loop()
    config = configured(app, limits)
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


async def until(true: Callable[[], bool], within_s: float = 3.0) -> None:
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


async def test_honest_requests_share_a_connection(edge: Edge) -> None:
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
    ("sent", "within_s", "says"),
    [
        (b"", (0.25, 1.5), b""),
        (GET[:-2], (0.25, 1.5), b" 408 "),
        (b"G", (0.25, 1.5), b" 408 "),
        (GET, (0.45, 1.5), b" 200 "),
        (GET + GET[:-3], (0.25, 1.5), b" 200 "),
    ],
    ids=["nothing", "half", "a byte", "one and no more", "one and a half"],
)
async def test_nobody_is_waited_for_for_ever(
    edge: Edge, sent: bytes, within_s: tuple[float, float], says: bytes
) -> None:
    begun = asyncio.get_running_loop().time()
    answer = await edge.talk(sent)
    assert says in answer
    assert (b"408" in says) == answer.startswith(b"HTTP/1.1 408")
    least, most = within_s
    assert least < asyncio.get_running_loop().time() - begun < most


async def test_a_drip_of_headers_is_not_progress(edge: Edge) -> None:
    reader, writer = await edge.connect()
    begun = asyncio.get_running_loop().time()
    answer = asyncio.ensure_future(reader.read())
    writer.write(GET[:-2] + b"X: ")
    while not answer.done():
        writer.write(b"a")
        await asyncio.sleep(0.01)
    assert (await answer).startswith(b"HTTP/1.1 408")
    assert asyncio.get_running_loop().time() - begun < 1.5
    writer.transport.abort()


async def test_an_answer_may_take_its_time(edge: Edge) -> None:
    """The limits of a head and of idleness are not those of the work."""
    assert (await edge.talk(LAST.replace(b"/hello", b"/slow"))).startswith(b"HTTP/1.1 200 OK")


async def test_a_body_nobody_reads_is_not_drained() -> None:
    async with listening(limits=PATIENT) as edge:
        reader, writer = await edge.connect()
        ignored = b"POST /ignore HTTP/1.1\r\n" + HOST + b"Content-Length: 1073741824\r\n\r\n"
        writer.write(ignored + b"x" * 1000)
        answer = await asyncio.wait_for(reader.read(), 3)
        assert answer.startswith(b"HTTP/1.1 413")
        with suppress(ConnectionError):
            for _ in range(200):
                writer.write(b"x" * 65536)
                await writer.drain()
            raise AssertionError("13 MB were taken")
        writer.transport.abort()
        assert len(edge.app.seen) == 1


async def test_a_body_nobody_reads_is_not_waited_for() -> None:
    async with listening(limits=PATIENT) as edge:
        reader, writer = await edge.connect()
        writer.write(b"POST /ignore HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nx")
        assert (await asyncio.wait_for(reader.read(), 3)).startswith(b"HTTP/1.1 413")
        await until(lambda: not edge.connections)
        writer.transport.abort()


@pytest.mark.parametrize("path", ["/endless", "/large", "/small"])
async def test_who_never_reads_is_cut(edge: Edge, path: str) -> None:
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(wire, ("127.0.0.1", edge.port))
        asked = GET.replace(b"/hello", path.encode())
        await loop.sock_sendall(wire, asked * (4 if path != "/endless" else 1))
        await until(lambda: len(edge.connections) == 1)
        begun = loop.time()
        await until(lambda: not edge.connections and not edge.tasks)
        assert 0.3 < loop.time() - begun < 3.0
        assert edge.app.sent < 8 << 20  # what two sockets hold


async def test_who_reads_slowly_is_not_cut(edge: Edge) -> None:
    """Eight megabytes over several times as long as a client may stand still."""
    loop = asyncio.get_running_loop()
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        wire.setblocking(False)
        await loop.sock_connect(wire, ("127.0.0.1", edge.port))
        await loop.sock_sendall(wire, LAST.replace(b"/hello", b"/large"))
        begun, got = loop.time(), 0
        while piece := await loop.sock_recv(wire, 1 << 20):
            got += len(piece)
            await asyncio.sleep(len(piece) / (4 << 20))
        assert got > 8 << 20
        assert loop.time() - begun > 4 * LIMITS.slowest_reader_s


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


async def test_spoiled_requests_are_answered_or_refused(edge: Edge) -> None:
    troubles: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    chance = random.Random(5)
    good = [LAST, GET + LAST, POST + b"Transfer-Encoding: chunked\r\n\r\n2;a\r\nok\r\n0\r\n\r\n"]
    answers: list[bytes] = []
    for _ in range(12):
        answers += await asyncio.gather(
            *(edge.talk(spoiled(chance.choice(good), chance)) for _ in range(15))
        )
    statuses = {answer[9:12] for answer in answers if answer}
    assert {b"200", b"400"} <= statuses <= {b"200", b"400", b"408"}
    assert troubles == []
    assert b" 200 OK" in await edge.talk(LAST)


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
    async with listening(offered) as edge:
        reader, writer = await asyncio.open_connection("localhost", edge.port, ssl=trusting)
        writer.write(sent)
        async with asyncio.timeout(3):
            assert (await reader.read()).startswith(says)
        writer.transport.abort()


async def test_who_never_reads_over_tls_is_cut() -> None:
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(CERTIFICATE)
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    async with listening(offered) as edge:
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
