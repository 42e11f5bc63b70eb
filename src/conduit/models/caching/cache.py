"""The answer cache of the gateway: ask it before a model, tell it afterwards.

::

    found = await cache.lookup(question)
    if isinstance(found, Hit):
        ...                                # found.entry is the answer
    else:
        with found:                        # whatever happens, nobody waits for us in vain
            ...                            # ask a model
            await cache.store(found, response)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Literal, TypeAlias

from conduit.contracts.chat import ChatResponse
from conduit.contracts.errors import ConfigError, NotFound
from conduit.models.asked import Asked
from conduit.models.breaker import Clock
from conduit.models.caching.entry import Entry, Raw, decode, encode
from conduit.models.caching.flight import Flights, Lead
from conduit.models.caching.key import CacheKey, Keys
from conduit.models.caching.likeness import Likeness, Place
from conduit.models.caching.memory import MemoryShelf
from conduit.models.caching.rules import HEADER, Mode, Why, cacheable, keepable
from conduit.models.caching.semantic import Embed, MemoryVectors, VectorIndex
from conduit.models.caching.settings import CacheSettings
from conduit.models.caching.shelf import Shelf, ShelfStats

Result = Literal["exact", "semantic", "miss", "off"]
"""For metrics, for ``cache`` in a usage record, and for the reply's ``x-conduit-cache``."""


@dataclass(frozen=True, slots=True)
class Question:
    """``route`` is the model or group that the client named."""

    org_id: str
    route: str
    asked: Asked
    mode: Mode = "on"


@dataclass(frozen=True, slots=True)
class Hit:
    """An answer that was kept, ``age_s`` seconds old. ``similarity`` is below 1 only when it was
    given to another question."""

    entry: Entry
    result: Literal["exact", "semantic"]
    age_s: float
    similarity: float = 1.0


class Miss:
    """Nobody answered this yet. Hand it to ``store`` with the answer; leaving the context without
    that, or ``release``, lets the next one who waits for the same ask instead.

    ``result`` is ``off`` when nothing will be kept, and ``why`` is the rule that says so, if any.
    """

    __slots__ = ("_key", "_lead", "_place", "epoch", "result", "why")

    def __init__(self, result: Literal["miss", "off"], why: Why = "", epoch: int = 0) -> None:
        self.result: Literal["miss", "off"] = result
        self.why = why
        self.epoch = epoch
        self._key: CacheKey | None = None
        self._lead: Lead[Entry] | None = None
        self._place: Place | None = None

    def release(self) -> None:
        """There will be no answer: it failed, or the client left."""
        if self._lead is not None:
            self._lead.hand_over()

    def dissolve(self) -> None:
        """There is an answer, and it is not for keeping: let all who wait ask at once. ``store``
        does so by itself."""
        if self._lead is not None:
            self._lead.dissolve()

    def __enter__(self) -> Miss:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


Found: TypeAlias = Hit | Miss


@dataclass(slots=True)
class CacheStats:
    """Since the start. ``joined`` are hits that waited for an equal request; they are counted in
    ``exact`` too. ``refused`` are answers that were not for keeping."""

    exact: int = 0
    semantic: int = 0
    miss: int = 0
    off: int = 0
    joined: int = 0
    stored: int = 0
    refused: int = 0
    embedding_errors: int = 0
    shelf: ShelfStats = field(default_factory=ShelfStats)


class Cache:
    """All caches of one installation. ``secret`` keys the names of answers; processes that share a
    Redis need the same one. ``embed`` places texts for the semantic cache. ``clock`` is monotonic
    seconds, ``now`` Unix seconds.

    Raises ``ConfigError`` and ``MissingDependency`` when ``settings`` cannot be fulfilled here.
    """

    def __init__(
        self,
        settings: CacheSettings,
        secret: bytes,
        *,
        embed: Embed | None = None,
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        if settings.semantic.enabled and embed is None:
            raise ConfigError(
                "the semantic cache has nothing to compare texts with",
                where="cache.semantic",
                hint="name an embedding model in cache.semantic.model",
            )
        self.settings = settings
        self._now = now
        self._keys = Keys(secret)
        self._epoch = 0
        self._stats = CacheStats()
        self._flights: Flights[Entry] = Flights(clock, settings.wait_s)
        self._memory: MemoryShelf | None = None
        self._shelf: Shelf
        self._likeness: Likeness | None = None
        vectors: VectorIndex
        exact, semantic = settings.exact, settings.semantic
        if settings.on and settings.backend == "redis":
            from conduit.models.caching.redis import RedisLink, RedisShelf
            from conduit.models.caching.redis_vectors import RedisVectors

            link = RedisLink(settings.redis_url, clock)
            self._shelf = RedisShelf(
                link, self._keys, ttl_s=exact.ttl_s, most_bytes=settings.entry_bytes
            )
            vectors = RedisVectors(link, self._keys, ttl_s=exact.ttl_s, now=now)
        else:
            self._memory = self._shelf = MemoryShelf(
                clock, ttl_s=exact.ttl_s, most_bytes=exact.bytes, most_entries=exact.entries
            )
            vectors = MemoryVectors(most=semantic.vectors, most_bytes=semantic.bytes)
        if semantic.enabled and embed is not None:
            self._likeness = Likeness(semantic, self._keys, embed, vectors, clock)

    @property
    def on(self) -> bool:
        """Anything is cached at all: when not, nobody needs to ask."""
        return self.settings.on

    @property
    def stats(self) -> CacheStats:
        """A copy."""
        errors = self._likeness.errors if self._likeness is not None else 0
        return replace(self._stats, embedding_errors=errors, shelf=self._shelf.stats)

    async def lookup(self, question: Question) -> Found:
        """The answer that was kept for a question, or the permission to ask a model. Waits for an
        equal question that is being asked, ``wait_s`` at most.

        Raises ``NotFound`` when the client takes a kept answer ``only``."""
        mode = question.mode
        if mode == "off" or not self.settings.on:
            return self._off("", question)
        if why := cacheable(question.asked, self.settings):
            return self._off(why, question)
        key = self._keys.exact(question.org_id, question.route, question.asked)
        if key is None:
            return self._off("not_canonical", question)
        like = self._likeness
        miss = Miss("miss", epoch=self._epoch)
        miss._key = key
        if mode == "refresh":
            self._stats.miss += 1
            if like is not None:
                miss._place = await like.place(question.org_id, question.route, question.asked)
            return miss
        if self.settings.exact.enabled:
            hit = await self._kept(key)
            if hit is not None:
                self._stats.exact += 1
                return hit
            if mode == "on" and self.settings.wait_s > 0:
                miss._lead = self._flights.lead(key)
                if miss._lead is None and (joined := await self._join(key, miss)) is not None:
                    return joined
        if like is not None:
            near = await self._similar(question, miss, like)
            if near is not None:
                return near
        self._stats.miss += 1
        if mode == "only":
            raise _nothing_kept("")
        return miss

    async def store(self, miss: Miss, response: ChatResponse, raw: Raw | None = None) -> bool:
        """Keep the answer to what was missed, if it is for keeping: whether it was. Never raises,
        and those who wait for the same are told in any case."""
        key, lead = miss._key, miss._lead
        if key is None:
            return False
        entry = data = None
        if keepable(response, self.settings) and miss.epoch == self._epoch:
            entry = Entry(replace(response, failures=()), int(self._now() * 1000), raw)
            data = _encoded(entry, self.settings.entry_bytes)
        if entry is None or data is None:
            self._stats.refused += 1
            miss.dissolve()
            return False
        try:  # kept first: who comes in between would find neither an answer nor somebody asking
            kept = await self._shelf.put(key, data)
        finally:
            if lead is not None:
                lead.land(entry)
        if not kept:
            self._stats.refused += 1
            return False
        self._stats.stored += 1
        if self._likeness is not None and miss._place is not None:
            await self._likeness.add(key, miss._place)
        return True

    async def clear(self, org_id: str) -> int:
        """Forget all of a tenant: how many answers. What this process is being answered at the
        moment is not kept either, whoever asked."""
        self._epoch += 1
        if self._likeness is not None:
            await self._likeness.clear(org_id)
        return await self._shelf.clear(org_id)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._shelf.aclose()

    def _off(self, why: Why, question: Question | None = None) -> Miss:
        self._stats.off += 1
        if question is not None and question.mode == "only":
            raise _nothing_kept(why)
        return Miss("off", why)

    async def _kept(self, key: CacheKey) -> Hit | None:
        memory = self._memory
        data = memory.peek(key) if memory is not None else await self._shelf.get(key)
        entry = decode(data) if data is not None else None
        return self._hit(entry, "exact") if entry is not None else None

    async def _join(self, key: CacheKey, miss: Miss) -> Hit | None:
        answer = await self._flights.join(key)
        if isinstance(answer, Entry):
            self._stats.exact += 1
            self._stats.joined += 1
            return self._hit(answer, "exact")
        miss._lead = answer
        return None

    async def _similar(self, question: Question, miss: Miss, like: Likeness) -> Hit | None:
        try:
            miss._place = await like.place(question.org_id, question.route, question.asked)
            near = await like.nearest(question.org_id, miss._place) if miss._place else None
            data = await self._shelf.get(near.key) if near else None
        except BaseException:  # the client has left: whoever waits for this asks
            miss.release()
            raise
        entry = decode(data) if data is not None else None
        if near is None or entry is None:
            return None
        self._stats.semantic += 1
        if miss._lead is not None:
            miss._lead.land(entry)
        return self._hit(entry, "semantic", near.similarity)

    def _hit(
        self, entry: Entry, result: Literal["exact", "semantic"], similarity: float = 1.0
    ) -> Hit:
        age_s = max(0.0, self._now() - entry.created_ms / 1000)
        return Hit(entry, result, age_s, similarity)


def _encoded(entry: Entry, most: int) -> bytes | None:
    raw = entry.raw
    if raw is not None and len(raw.body) > most:
        return None
    try:
        data = encode(entry)
    except (ValueError, TypeError, OverflowError, RecursionError):  # text that is no Unicode
        return None
    return data if len(data) <= most else None


def _nothing_kept(why: Why) -> NotFound:
    reason = f" ({why}: such requests are not cached)" if why else ""
    return NotFound(
        f"no answer is kept for this request{reason}",
        where=HEADER,
        hint="leave the header out, or say `on`, to ask a model",
    )
