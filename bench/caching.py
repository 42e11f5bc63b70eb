"""What the answer caches cost: the exact one on each request, the semantic one by its vectors.

Everything in one process, without a network. Each figure is the best of several runs, as whatever
disturbs a machine only ever makes it slower. With --redis the same is measured over a Redis that
runs somewhere, and this tenant's answers there are forgotten at the end.

    python bench/caching.py [--redis redis://localhost:6379/0] [--most 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable

import numpy as np

from conduit.contracts.chat import ChatRequest, ChatResponse, Message, Usage
from conduit.models.asked import Asked
from conduit.models.caching.assemble import Assembly, replay
from conduit.models.caching.cache import Cache, Miss, Question
from conduit.models.caching.key import CacheKey, Keys
from conduit.models.caching.lexical import embed
from conduit.models.caching.memory import MemoryShelf
from conduit.models.caching.semantic import MemoryVectors, unit_vector
from conduit.models.caching.settings import CacheSettings, ExactSettings
from conduit.models.secret import Secret

_ORG = "bench"
_ANSWER = ChatResponse("an answer of some length " * 40, usage=Usage(200, 250), provider="p")
_DATA = bytes(1000)
_WORDS = "the quick brown fox jumps over the lazy dog "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--redis", default="")
    parser.add_argument("--most", type=int, default=100_000, help="vectors to search at most")
    given = parser.parse_args()
    _keys()
    _streams()
    _lexical()
    asyncio.run(_exact())
    asyncio.run(_full())
    asyncio.run(_semantic(given.most))
    if given.redis:
        asyncio.run(_redis(given.redis))


def _keys() -> None:
    keys = Keys(b"a secret")
    for size in (1 << 10, 10 << 10, 100 << 10):
        body, chat = _asked(size)
        _say(f"key of {size >> 10} kB, passed on", _best(lambda a=body: keys.exact(_ORG, "m", a)))
        _say(f"key of {size >> 10} kB, translated", _best(lambda a=chat: keys.exact(_ORG, "m", a)))


def _streams() -> None:
    chunks = list(replay(_ANSWER))

    def assemble() -> None:
        assembly = Assembly(1 << 20)
        for chunk in chunks:
            assembly.feed(chunk)
        assembly.whole()

    _say(f"replay of {len(chunks)} chunks", _best(lambda: list(replay(_ANSWER))))
    _say(f"assembling {len(chunks)} chunks", _best(assemble))


def _lexical() -> None:
    for size in (100, 1000, 10_000):
        text = "".join(f"{_WORDS}{number} " for number in range(size // len(_WORDS) + 1))[:size]
        _say(f"lexical embedding of {size} characters", _best(lambda t=text: embed(t), 50))


async def _exact() -> None:
    off = Cache(CacheSettings(), b"a secret")
    cache = Cache(CacheSettings(exact=ExactSettings(enabled=True)), b"a secret")
    body, chat = _asked(1 << 10)
    _say("lookup, off", await _best_of(lambda: off.lookup(Question(_ORG, "m", body))))
    for name, asked in (("passed on", body), ("translated", chat)):
        question = Question(_ORG, "m", asked)

        async def miss(question: Question = question) -> None:
            found = await cache.lookup(question)
            assert isinstance(found, Miss)
            found.release()

        async def store(question: Question = question) -> None:
            found = await cache.lookup(question)
            if isinstance(found, Miss):
                await cache.store(found, _ANSWER)

        _say(f"lookup of 1 kB, a miss, {name}", await _best_of(miss))
        await store()
        _say(f"lookup of 1 kB, a hit, {name}", await _best_of(store))
        refresh = Question(_ORG, "m", asked, "refresh")
        both = await _best_of(lambda q=refresh: store(q))
        _say(f"lookup and store of 1 kB, {name}", both)


async def _full() -> None:
    """Every put into a full shelf pushes one out, with many tenants."""
    for tenants in (1, 1000):
        shelf = MemoryShelf(time.monotonic, ttl_s=3600, most_bytes=32 << 20, most_entries=20_000)
        count = 0

        async def put(shelf: MemoryShelf = shelf, tenants: int = tenants) -> None:
            nonlocal count
            count += 1
            key = CacheKey(f"tenant {count % tenants}", count.to_bytes(32, "little"))
            await shelf.put(key, _DATA)

        for _ in range(30_000):
            await put()
        _say(f"put into a full memory, {tenants} tenants", await _best_of(put))


async def _semantic(most: int) -> None:
    chance = np.random.default_rng(1)
    for dimensions in (512, 1536):
        for count in (1000, 2048, 10_000, 100_000):
            if count > most:
                continue
            index = MemoryVectors(most=count, most_bytes=4 << 30)
            for number in range(count):
                vector = unit_vector(chance.normal(size=dimensions))  # type: ignore[arg-type]  # an array is as good as a list
                assert vector is not None
                await index.add(CacheKey(_ORG, number.to_bytes(32, "little")), b"c" * 32, vector)
            search = await _best_of(lambda i=index, v=vector: i.nearest(_ORG, b"c" * 32, v), 5)
            _say(f"search in {count} × {dimensions}, {index.size >> 20} MB", search)


async def _redis(url: str) -> None:
    settings = CacheSettings(
        exact=ExactSettings(enabled=True), backend="redis", redis_url=Secret(url)
    )
    cache = Cache(settings, b"a secret")
    body, _ = _asked(1 << 10)
    question = Question(_ORG, "m", body)
    for _ in range(10):  # the first connection may take longer than an operation may
        found = await cache.lookup(question)
        if isinstance(found, Miss):
            await cache.store(found, _ANSWER)
    _say("lookup of 1 kB in Redis, a hit", await _best_of(lambda: cache.lookup(question), 200))
    await cache.clear(_ORG)
    assert not cache.stats.shelf.errors, cache.stats
    await cache.aclose()


def _asked(size: int) -> tuple[Asked, Asked]:
    """One request as it is passed on, and as it is translated."""
    text = (_WORDS * (size // len(_WORDS) + 1))[:size]
    turns = [{"role": "system", "content": text[:200]}, {"role": "user", "content": text[200:]}]
    body = {"model": "m", "messages": turns, "temperature": 0.0, "stream": True, "max_tokens": 99}
    chat = ChatRequest(
        (Message("system", text[:200]), Message("user", text[200:])), temperature=0.0, max_tokens=99
    )
    return (
        Asked("openai_chat", body, lambda body: chat, stream=True),
        Asked.of(chat, stream=True),
    )


def _best(work: Callable[[], object], times: int = 2000) -> float:
    best = float("inf")
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, (time.perf_counter() - began) / times)
    return best


async def _best_of(work: Callable[[], Awaitable[object]], times: int = 2000) -> float:
    best = float("inf")
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(times):
            await work()
        best = min(best, (time.perf_counter() - began) / times)
    return best


def _say(what: str, seconds: float) -> None:
    print(f"{what:<48} {seconds * 1e6:12.2f} µs")


if __name__ == "__main__":
    main()
