"""Redis as the place of answers: it keeps them, and whatever befalls it costs no request."""

from __future__ import annotations

import asyncio
import logging
import math
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import numpy as np
import pytest
import redis.asyncio

from conduit.contracts.errors import ConfigError
from conduit.models.caching.cache import Cache, Hit, Miss
from conduit.models.caching.key import CacheKey, Keys
from conduit.models.caching.lexical import embed_all
from conduit.models.caching.redis import RedisLink, RedisShelf
from conduit.models.caching.redis_vectors import RedisVectors
from conduit.models.caching.semantic import unit_vector
from conduit.models.caching.settings import CacheSettings, ExactSettings, SemanticSettings
from conduit.models.secret import Secret
from tests.models.caching.questions import SECRET, Hands, answer, question
from tests.models.caching.redis_server import (
    PASSWORD,
    Server,
    answering,
    free_port,
    redis_server,
    tls_in_front,
)
from tests.models.conftest import until

KEYS = Keys(SECRET)
PATIENT_S = 20.0
"""A limit for tests of what Redis does, on a machine that may be busy."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with redis_server() as running:
        yield running


@pytest.fixture
async def raw(server: Server) -> AsyncIterator[redis.asyncio.Redis]:
    """Somebody else at the same Redis."""
    client = redis.asyncio.Redis.from_url(server.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def link(server: Server, raw: object) -> AsyncIterator[RedisLink]:
    made = RedisLink(Secret(server.url), time.monotonic, timeout_s=PATIENT_S)
    yield made
    await made.aclose()


def shelf(link: RedisLink, keys: Keys = KEYS, *, ttl_s: float = 60, most: int = 1000) -> RedisShelf:
    return RedisShelf(link, keys, ttl_s=ttl_s, most_bytes=most)


def key(number: int, org: str = "one") -> CacheKey:
    return CacheKey(org, number.to_bytes(32, "big"))


async def test_what_is_put_is_there_for_its_tenant_alone(link, raw) -> None:
    kept = shelf(link)
    assert await kept.put(key(1), b"data\0\xff")
    assert await kept.get(key(1)) == b"data\0\xff"
    assert await kept.get(key(1, "two")) is None
    assert await kept.get(key(2)) is None
    (name,) = await raw.keys()
    assert name.startswith(b"conduit:cache:1:{")
    assert b"one" not in name
    assert 59_000 < await raw.pttl(name) <= 60_000
    assert kept.stats.errors == kept.stats.damaged == 0


async def test_redis_lets_it_expire(link) -> None:
    kept = shelf(link, ttl_s=0.05)
    await kept.put(key(1), b"data")
    await asyncio.sleep(0.1)
    assert await kept.get(key(1)) is None


async def test_another_installation_shares_nothing(link) -> None:
    await shelf(link).put(key(1), b"data")
    assert await shelf(link, Keys(b"another secret")).get(key(1)) is None


async def test_what_somebody_else_put_there_is_a_miss(link, raw) -> None:
    kept = shelf(link)
    await kept.put(key(1), b"data")
    await kept.put(key(2, "two"), b"theirs")
    mine = kept._place(key(1))
    theirs = await raw.get(kept._place(key(2, "two")))
    sealed = await raw.get(mine)
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    foreign = [b"", b"x", theirs, flipped, sealed[:-1], sealed + b"x", b"y" * 10_000_000]
    for value in foreign:
        await raw.set(mine, value)
        assert await kept.get(key(1)) is None
    await raw.delete(mine)
    await raw.lpush(mine, "a list")
    assert await kept.get(key(1)) is None
    assert kept.stats.damaged == len(foreign)  # the empty one is none; the list is
    assert kept.stats.errors == 0
    assert await kept.put(key(1), b"anew")
    assert await kept.get(key(1)) == b"anew"


async def test_entries_above_the_bound_are_neither_written_nor_read(link, raw) -> None:
    small, large = shelf(link, most=100), shelf(link, most=1000)
    assert not await small.put(key(1), b"x" * 101)
    assert await large.put(key(1), b"x" * 101)
    assert await small.get(key(1)) is None
    assert await small.put(key(1), b"x" * 100)
    assert await small.get(key(1)) == b"x" * 100


async def test_a_tenant_is_cleared_and_nobody_else(link, raw) -> None:
    kept = shelf(link)
    await raw.set("theirs", "x")
    for number in range(1200):
        await kept.put(key(number), b"a")
    await kept.put(key(1, "two"), b"b")
    assert await kept.clear("one") == 1200
    assert await kept.get(key(7)) is None
    assert await kept.get(key(1, "two")) == b"b"
    assert await raw.get("theirs") == b"x"


def vector(seed: int, dimensions: int = 16):
    made = unit_vector(list(np.random.default_rng(seed).normal(size=dimensions)))
    assert made is not None
    return made


HERE, THERE = b"h" * 32, b"t" * 32


async def test_the_nearest_vector_is_found_in_its_tenant_and_context_only(link) -> None:
    index = RedisVectors(link, KEYS, ttl_s=60)
    for number in range(100):
        await index.add(key(number), HERE, vector(number))
    asked = vector(777)
    best = max(range(100), key=lambda n: float(vector(n) @ asked))
    near = await index.nearest("one", HERE, asked)
    assert near is not None
    assert near.key == key(best)
    assert math.isclose(near.similarity, float(vector(best) @ asked), abs_tol=1e-6)
    assert await index.nearest("two", HERE, asked) is None
    assert await index.nearest("one", THERE, asked) is None
    assert await index.nearest("one", HERE, vector(777, 8)) is None
    await shelf(link).clear("one")
    assert await index.nearest("one", HERE, asked) is None


async def test_a_context_is_bounded_and_keeps_its_newest(link, raw) -> None:
    index = RedisVectors(link, KEYS, ttl_s=60, most=10)
    for number in range(95):
        await index.add(key(number), HERE, vector(number))
    (name,) = await raw.keys()
    assert await raw.strlen(name) < 20 * (56 + 64)
    near = await index.nearest("one", HERE, vector(94))
    assert near is not None
    assert near.key == key(94)
    near = await index.nearest("one", HERE, vector(80))
    assert near is None or near.key != key(80)


async def test_old_vectors_are_not_found(link) -> None:
    now = Hands()
    index = RedisVectors(link, KEYS, ttl_s=60, now=now)
    await index.add(key(1), HERE, vector(1))
    now.now += 59
    await index.add(key(2), HERE, vector(2))
    assert (await index.nearest("one", HERE, vector(1))).key == key(1)
    now.now += 2
    assert (await index.nearest("one", HERE, vector(1))).key == key(2)


async def test_vectors_that_somebody_else_wrote_are_a_miss(link, raw) -> None:
    index = RedisVectors(link, KEYS, ttl_s=60)
    await index.add(key(1), HERE, vector(1))
    (name,) = await raw.keys()
    record = await raw.get(name)
    size = len(record)
    for value in (b"x", b"\xff" * size, record[:-1] + b"\0", record[1:], bytes(size) + record[1:]):
        await raw.set(name, value)
        near = await index.nearest("one", HERE, vector(1))
        assert near is None
    await raw.delete(name)
    await raw.lpush(name, "x")
    assert await index.nearest("one", HERE, vector(1)) is None
    await index.add(key(1), HERE, vector(1))  # a fault, and no more
    await raw.set(name, b"odd")
    await index.add(key(1), HERE, vector(1))
    await index.add(key(1), HERE, vector(1))
    assert (await index.nearest("one", HERE, vector(1))).key == key(1)


def settings(url: str, *, semantic: bool = False) -> CacheSettings:
    return CacheSettings(
        exact=ExactSettings(enabled=True),
        semantic=SemanticSettings(enabled=semantic),
        backend="redis",
        redis_url=Secret(url),
        wait_s=1.0,
    )


async def served(cache: Cache, text: str = "a") -> Hit | Miss:
    """One request, as the gateway serves it."""
    found = await cache.lookup(question(text))
    if isinstance(found, Miss):
        with found:
            await cache.store(found, answer())
    return found


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert PASSWORD not in caplog.text
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


async def test_killed_in_the_middle_and_back_again(caplog, monkeypatch) -> None:
    # Nobody is silent here, and 50 ms are little on a machine that is busy.
    monkeypatch.setitem(RedisLink.__init__.__kwdefaults__, "timeout_s", PATIENT_S)
    clock = Hands()
    with redis_server() as first:
        cache = Cache(settings(first.url), SECRET, clock=clock)
        assert isinstance(await served(cache), Miss)
        assert isinstance(await served(cache), Hit)
        errors = cache.stats.shelf.errors
        first.kill()
        for _ in range(20):
            assert isinstance(await served(cache), Miss)
        assert 6 <= cache.stats.shelf.errors - errors <= 7  # three to read, three to write
    said = warnings(caplog)
    assert len(said) == 2
    assert f"127.0.0.1:{first.port} cannot be read" in said[0]
    assert "cannot be written" in said[1]
    with redis_server(port=first.port):
        assert isinstance(await served(cache), Miss)
        clock.now += 5.1
        for _ in range(100):
            clock.now += 5.1
            if isinstance(await served(cache), Hit):
                break
        else:
            pytest.fail("it was never asked again")
        await cache.aclose()
    assert len(warnings(caplog)) == 2


async def test_one_that_never_answers_costs_50_ms_three_times(caplog) -> None:
    async with answering(None) as (url, connections):
        cache = Cache(settings(url), SECRET, clock=Hands())
        before = len(asyncio.all_tasks())
        began = time.perf_counter()
        for _ in range(100):
            assert isinstance(await served(cache), Miss)
        assert time.perf_counter() - began < 8  # 200 times 50 ms are 10 s
        assert cache.stats.shelf.errors == 6
        assert connections[0] <= 6
        assert len(warnings(caplog)) == 2
        await cache.aclose()
        await until(lambda: len(asyncio.all_tasks()) <= before)


@pytest.mark.parametrize("password", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\0\r\n",
        b"$99999999999\r\nx",
        b"-ERR no\r\n",
        b"-WRONGTYPE \xff\r\n",
        b"*1000000\r\n",
        b"*1\r\n" * 50_000,
        b":1\r\n" * 9,
        b"+OK\r\n" * 9,
        b"$-1\r\n" * 9,
        b"*2\r\n:1\r\n:2\r\n" * 9,
    ],
)
async def test_one_that_is_no_redis(said, password, caplog) -> None:
    async with answering(said) as (url, _):
        url = url if password else url.replace(f":{PASSWORD}@", "")
        cache = Cache(settings(url, semantic=True), SECRET, embed=embed_all, clock=Hands())
        for _ in range(10):
            assert isinstance(await served(cache), Miss)
        await cache.clear("one")
        stats = cache.stats.shelf
        assert stats.errors + stats.damaged > 0 or said.startswith(b"$-1")
        warnings(caplog)
        await cache.aclose()


async def test_over_tls_and_only_with_a_certificate_that_is_trusted(server, tmp_path) -> None:
    certificate = tmp_path / "certificate.pem"
    async with tls_in_front(server.port, certificate) as port:
        url = f"rediss://:{PASSWORD}@localhost:{port}/0"
        trusting = RedisLink(
            Secret(f"{url}?ssl_ca_certs={quote(str(certificate))}"), Hands(), timeout_s=PATIENT_S
        )
        assert await shelf(trusting).put(key(1), b"data")
        assert await shelf(trusting).get(key(1)) == b"data"
        await trusting.aclose()
        doubting = RedisLink(Secret(url), Hands(), timeout_s=PATIENT_S)
        assert await shelf(doubting).get(key(1)) is None
        assert doubting.counts.errors == 1
        await doubting.aclose()


async def test_nobody_there_and_a_wrong_password(caplog, server) -> None:
    gone = settings(f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0")
    wrong = settings(f"redis://:{PASSWORD}x@127.0.0.1:{server.port}/0")
    for each in (gone, wrong):
        cache = Cache(each, SECRET, clock=Hands())
        for _ in range(10):
            assert isinstance(await served(cache), Miss)
        assert cache.stats.shelf.errors == 6
        await cache.aclose()
    assert len(warnings(caplog)) == 4


async def test_a_full_one_still_answers_what_it_has(caplog) -> None:
    with redis_server("--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as full:
        link = RedisLink(Secret(full.url), Hands(), timeout_s=PATIENT_S)
        kept = shelf(link, most=1 << 20)
        assert await kept.put(key(0), b"first")
        results = [await kept.put(key(n), bytes(500_000)) for n in range(1, 20)]
        assert not all(results)
        assert await kept.get(key(0)) == b"first"
        assert kept.stats.errors == 3
        (said,) = warnings(caplog)
        assert "cannot be written (OutOfMemoryError)" in said
        await link.aclose()


@pytest.mark.parametrize(
    "url",
    ["", "http://x", f"redis://:{PASSWORD}@host:port", f"redis://:{PASSWORD}@h/0?socket_timeout=x"],
)
async def test_a_url_that_cannot_be_used(url) -> None:
    with pytest.raises(ConfigError) as caught:
        RedisLink(Secret(url), Hands())
    assert PASSWORD not in f"{caught.value!s}{caught.value!r}{caught.value.__cause__}"
    assert caught.value.where == "cache.redis_url"
    assert PASSWORD not in repr(settings(url))


def test_without_the_client_it_says_what_to_install() -> None:
    program = """
import sys
sys.modules["redis"] = None
from conduit.contracts.errors import MissingDependency
from conduit.models.caching.redis import RedisLink
from conduit.models.secret import Secret
try:
    RedisLink(Secret("redis://x"), lambda: 0.0)
except MissingDependency as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "hint: pip install 'conduit-os[redis]'" in done.stdout
