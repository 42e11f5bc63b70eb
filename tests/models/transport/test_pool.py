"""Connections are kept, closed and counted."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from conduit.contracts.errors import (
    InvalidInput,
    ProviderError,
    ProviderTimeout,
    ProviderUnreachable,
)
from conduit.models.transport import PooledTransport
from tests.models.conftest import until
from tests.models.transport.conftest import (
    CERTIFICATE,
    GOOD,
    LIMITS,
    Scripted,
    body_of,
    descriptors,
    hang_up,
)


def test_our_own_client_needs_no_aiohttp() -> None:
    program = "import sys, conduit.models.transport as t; t.PooledTransport; t.AiohttpTransport; "
    program += "sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=30).returncode == 0


async def test_as_many_connections_as_are_asked_at_once(
    server: Scripted, pooled: PooledTransport
) -> None:
    before = descriptors()
    for _ in range(3):
        answers = await asyncio.gather(*(body_of(pooled, server.url) for _ in range(20)))
        assert answers == [b"ok"] * 20
        await until(lambda: server.open == 4)  # most_idle
    assert 20 <= server.connections <= 20 + 2 * 16
    await pooled.aclose()
    await until(lambda: server.open == 0 and descriptors() == before)


async def test_an_idle_connection_is_not_kept_for_ever(server: Scripted) -> None:
    brief = PooledTransport("p", LIMITS, idle_s=0.1)
    assert await body_of(brief, server.url) == b"ok"
    assert server.open == 1
    await until(lambda: server.open == 0)
    assert await body_of(brief, server.url) == b"ok"
    assert server.connections == 2
    await brief.aclose()


async def test_bytes_that_nobody_asked_for_end_an_idle_connection(
    server: Scripted, pooled: PooledTransport
) -> None:
    async def later(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")

    server.script += [later, [GOOD + b"HTTP/1.1 200 OK\r\n"], [GOOD + b"\r\n"]]
    for left in (0, 0, 1, 1):
        assert await body_of(pooled, server.url) == b"ok"
        await until(partial(lambda there: server.open == there, left))
    assert server.connections == 3  # a line end too many is forgiven (RFC 9112, section 2.2)


async def test_a_reply_that_says_close_is_the_last(
    server: Scripted, pooled: PooledTransport
) -> None:
    server.script.append(GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert await body_of(pooled, server.url) == b"ok"
    assert await body_of(pooled, server.url) == b"ok"
    assert server.connections == 2


async def test_leaving_early_closes_and_a_whole_reply_is_enough_to_stay(
    server: Scripted, pooled: PooledTransport
) -> None:
    server.script += [GOOD[:-1], GOOD]
    async with pooled.open("GET", server.url, (), b"") as reply:
        assert reply.status == 200
    await until(lambda: server.open == 0)
    async with pooled.open("GET", server.url, (), b"") as reply:
        await asyncio.sleep(0.02)
    assert await body_of(pooled, server.url) == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize("answers", [False, True])
async def test_closing_ends_what_is_under_way(
    server: Scripted, pooled: PooledTransport, answers: bool
) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD[:-1] if answers else b"")
        await reader.read()

    server.script.append(half)
    before, tasks = descriptors(), asyncio.all_tasks()
    asking = asyncio.create_task(body_of(pooled, server.url))
    await until(lambda: len(server.requests) == 1)
    await asyncio.sleep(0.02)
    await pooled.aclose()
    with pytest.raises(ProviderUnreachable, match="dropped"):
        await asking
    await until(lambda: server.open == 0 and descriptors() == before)
    await until(lambda: asyncio.all_tasks() == tasks)
    assert await body_of(pooled, server.url) == b"ok"


async def test_a_request_that_cannot_be_sent_is_refused_before_a_connection(
    server: Scripted, pooled: PooledTransport
) -> None:
    with pytest.raises(InvalidInput):
        await body_of(pooled, server.url, headers=(("a", "b\r\nc: d"),))
    with pytest.raises(ProviderUnreachable, match="address"):
        await body_of(pooled, "gopher://h/")
    with pytest.raises(ProviderUnreachable):
        await body_of(pooled, "http://" + "a" * 64 + ".invalid/")  # a label of 64 is too long
    assert server.connections == 0


async def test_the_whole_exchange_has_a_time(server: Scripted) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    one = PooledTransport("p", replace(LIMITS, total_s=1.0))
    server.script += [GOOD, drip]
    assert await body_of(one, server.url) == b"ok"
    begun = asyncio.get_running_loop().time()
    with pytest.raises(ProviderTimeout, match=r"not complete within 1 s"):
        await body_of(one, server.url)
    assert 0.9 < asyncio.get_running_loop().time() - begun < 15
    await one.aclose()


async def test_silence_is_counted_from_the_last_byte(server: Scripted) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in (GOOD[:-2], b"o"):
            await asyncio.sleep(0.5)
            writer.write(piece)
            await writer.drain()
        await reader.read()

    server.script.append(slow)
    one = PooledTransport("p", replace(LIMITS, silence_s=0.9))
    begun = asyncio.get_running_loop().time()
    with pytest.raises(ProviderTimeout, match=r"nothing came for 0\.9 s"):
        await body_of(one, server.url)
    assert 1.8 < asyncio.get_running_loop().time() - begun < 15
    await one.aclose()


async def test_a_server_that_does_not_accept_takes_no_longer_than_it_may() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        one = PooledTransport("p", replace(LIMITS, connect_s=0.2))
        before, tasks = descriptors(), asyncio.all_tasks()
        with pytest.raises(ProviderTimeout, match=r"no connection within 0\.2 s"):
            await body_of(one, f"http://127.0.0.1:{full.getsockname()[1]}")
        assert (descriptors(), asyncio.all_tasks()) == (before, tasks)
        for filler in fillers:
            filler.close()


async def test_an_address_that_leads_nowhere_does_not_hold_the_other_up(
    server: Scripted, pooled: PooledTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.url.rpartition(":")[2])
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))

        async def found(*_: object, **__: object) -> list[object]:
            dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.9", port))
            other = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
            return [dead, other]

        loop = asyncio.get_running_loop()
        if type(loop).__module__.startswith("uvloop"):
            pytest.skip("its resolver cannot be replaced")
        monkeypatch.setattr(loop, "getaddrinfo", found)
        before, tasks = descriptors(), asyncio.all_tasks()
        assert await body_of(pooled, f"http://two.example:{port}") == b"ok"
        await pooled.aclose()
        await until(lambda: descriptors() == before and asyncio.all_tasks() == tasks)


async def test_a_name_with_two_families(server: Scripted, pooled: PooledTransport) -> None:
    port = server.url.rpartition(":")[2]
    assert await body_of(pooled, f"http://localhost:{port}") == b"ok"  # ::1 is tried, and refuses


async def test_no_moment_of_a_hang_up_leaves_anything(server: Scripted) -> None:
    one = PooledTransport("p", LIMITS)
    port = server.url.rpartition(":")[2]
    before, tasks = descriptors(), asyncio.all_tasks()
    for turns in range(60):
        server.script[:] = [GOOD[:-1], hang_up]
        asking = asyncio.create_task(body_of(one, f"http://localhost:{port}"))
        for _ in range(turns // 2):
            await asyncio.sleep(0 if turns % 2 else 0.0005)
        asking.cancel()
        with pytest.raises((asyncio.CancelledError, ProviderError)):
            await asking
    await one.aclose()
    await until(lambda: server.open == 0 and descriptors() == before)
    await until(lambda: asyncio.all_tasks() == tasks)


async def test_exchanges_leave_nothing_to_the_garbage_collector(
    server: Scripted, pooled: PooledTransport
) -> None:
    """It would stop everything now and then, the more often the more there is to do."""
    await body_of(pooled, server.url)
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):  # whatever else is collected meanwhile is not there each time
            for _ in range(200):
                await body_of(pooled, server.url)
            if (left := gc.collect()) < 100:
                break
        assert left < 100
    finally:
        gc.enable()


async def test_a_handshake_that_hangs_is_given_up_and_can_be_left() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read(-1)
        writer.transport.abort()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        one = PooledTransport("p", replace(LIMITS, connect_s=0.2))
        before, tasks = descriptors(), asyncio.all_tasks()
        with pytest.raises(ProviderTimeout, match="no connection"):
            await body_of(one, url)
        await one.aclose()
        one = PooledTransport("p", LIMITS)
        for turns in range(20):
            asking = asyncio.create_task(body_of(one, url))
            for _ in range(turns):
                await asyncio.sleep(0.001)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        await one.aclose()
        await until(lambda: descriptors() == before and asyncio.all_tasks() == tasks)


async def test_tls_is_verified_and_says_where_it_wants_to_go() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.set_alpn_protocols(["h2", "http/1.1"])
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    scripted = Scripted()
    async with await asyncio.start_server(
        scripted.connected, "127.0.0.1", 0, ssl=context
    ) as listening:
        port = listening.sockets[0].getsockname()[1]
        one = PooledTransport("p", LIMITS, tls=trusting)
        before = descriptors()
        for size in (2, 1 << 20):
            assert await body_of(one, f"https://localhost:{port}", body=b"x" * size) == b"ok"
        assert scripted.connections == 1
        assert scripted.tls is not None
        assert scripted.tls.selected_alpn_protocol() == "http/1.1"
        assert names == ["localhost"]
        with pytest.raises(ProviderUnreachable, match=r"cannot connect: .*127\.0\.0\.1"):
            await body_of(one, f"https://127.0.0.1:{port}")
        strict = PooledTransport("p", LIMITS)
        with pytest.raises(ProviderUnreachable, match=r"cannot connect: .*CERTIFICATE_VERIFY"):
            await body_of(strict, f"https://localhost:{port}")
        await one.aclose()
        await strict.aclose()
        await until(lambda: scripted.open == 0 and descriptors() == before)
        await scripted.aclose()
