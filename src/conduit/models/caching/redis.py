"""Kept answers in Redis, for all processes of an installation.

Redis is a convenience: when it is slow, away, full or wrong, there is a miss, a counted error, one
line in the log and a short circuit break, and every request is served. Each answer is sealed with
the installation's secret and its own place, so what somebody else wrote there, or moved there from
another tenant, is a miss.

Equal requests wait for each other within a process only (``flight``): two processes may ask the
same at one time, and the later answer stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from conduit.contracts.errors import ConfigError, MissingDependency
from conduit.models.breaker import CircuitBreaker, Clock
from conduit.models.caching.key import VERSION, CacheKey, Keys
from conduit.models.caching.shelf import ShelfStats
from conduit.models.secret import Secret

TIMEOUT_S: Final = 0.05
"""For one operation, waiting for a connection included."""
REST_S: Final = 5.0
"""How long Redis is left alone after three failures in a row."""
WHERE: Final = "cache.redis_url"
_CONNECTIONS: Final = 64
_SEAL: Final = 16
_PREFIX: Final = f"conduit:cache:{VERSION}"
_SCANNED: Final = 500
"""Keys that one step of ``clear`` looks at."""

T = TypeVar("T")
_LOG: Final = logging.getLogger(__name__)


class RedisCommands(Protocol):
    """The commands that are used here, as redis-py's asyncio client has them."""

    def getrange(self, key: bytes, start: int, end: int) -> Awaitable[object]: ...
    def set(self, name: bytes, value: bytes, *, px: int) -> Awaitable[Any]: ...
    def append(self, key: bytes, value: bytes) -> Awaitable[int]: ...
    def pexpire(self, name: bytes, time: int) -> Awaitable[Any]: ...
    def unlink(self, *names: bytes) -> Awaitable[int]: ...
    def scan(self, cursor: int, match: str, count: int) -> Awaitable[tuple[int, list[bytes]]]: ...
    def aclose(self) -> Awaitable[None]: ...


@dataclass(slots=True)
class _Counts:
    errors: int = 0
    damaged: int = 0


class RedisLink:
    """One Redis, with limits on the time it may take. ``url`` is ``redis://``, ``rediss://`` or
    ``unix://``. Nothing is connected before the first command.

    Raises ``ConfigError`` for a URL that cannot be used, ``MissingDependency`` without redis-py.
    """

    def __init__(self, url: Secret, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._client, self._address = _client(url, timeout_s)
        # A full Redis still answers what is read, so the two fail apart.
        self._reads = CircuitBreaker(clock, cooldown_s=REST_S)
        self._writes = CircuitBreaker(clock, cooldown_s=REST_S)
        self._down: set[str] = set()
        self.counts = _Counts()

    async def read(self, command: Callable[[RedisCommands], Awaitable[T]]) -> T | None:
        """What ``command`` answers; None when it did not, or is not asked just now."""
        return await self._try(command, self._reads, "read")

    async def write(self, command: Callable[[RedisCommands], Awaitable[T]]) -> T | None:
        """See ``read``."""
        return await self._try(command, self._writes, "written")

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _try(
        self,
        command: Callable[[RedisCommands], Awaitable[T]],
        breaker: CircuitBreaker,
        verb: str,
    ) -> T | None:
        from redis.exceptions import ResponseError

        permit = breaker.acquire()
        if permit is None:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await command(self._client)
        except ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                self.counts.damaged += 1
                permit.succeed()  # Redis is well; somebody else's value lies under our name
                return None
            permit.fail()
            self._failed(error, breaker, verb)
        # Not only RedisError: the client's parsers raise whatever strange bytes lead them to.
        except Exception as error:
            permit.fail()
            self._failed(error, breaker, verb)
        else:
            permit.succeed()
            if verb in self._down:
                self._down.discard(verb)
                _LOG.info("cache: %s can be %s again", self._address, verb)
            return answer
        finally:
            permit.release()
        return None

    def _failed(self, error: Exception, breaker: CircuitBreaker, verb: str) -> None:
        self.counts.errors += 1
        if breaker.state == "closed" or verb in self._down:
            return
        self._down.add(verb)
        # Only the kind of error: its text is Redis's own and may repeat what was sent.
        _LOG.warning(
            "cache: %s cannot be %s (%s); requests go on without it, it is tried every %g s",
            self._address,
            verb,
            type(error).__name__,
            REST_S,
        )


class RedisShelf:
    """Answers as strings that Redis itself lets expire, ``conduit:cache:<version>:{<tenant>}:…``.
    Tenants are named by a keyed hash. Entries above ``most_bytes`` are neither written nor read."""

    def __init__(self, link: RedisLink, keys: Keys, *, ttl_s: float, most_bytes: int) -> None:
        self._link = link
        self._keys = keys
        self._ttl_ms = max(1, int(ttl_s * 1000))
        self._most = most_bytes + _SEAL

    @property
    def stats(self) -> ShelfStats:
        counts = self._link.counts
        return ShelfStats(errors=counts.errors, damaged=counts.damaged)

    async def get(self, key: CacheKey) -> bytes | None:
        """See ``Shelf.get``."""
        place = self._place(key)
        # Not GET: whatever lies there, no more than this is sent.
        sealed = await self._link.read(lambda redis: redis.getrange(place, 0, self._most))
        if not sealed:
            return None
        if not isinstance(sealed, bytes):  # whatever answers there, it is no Redis
            self._link.counts.damaged += 1
            return None
        data = sealed[_SEAL:]
        if len(sealed) > self._most or not self._keys.sealed(place, data, sealed[:_SEAL]):
            self._link.counts.damaged += 1
            return None
        return data

    async def put(self, key: CacheKey, data: bytes) -> bool:
        """See ``Shelf.put``."""
        place = self._place(key)
        sealed = self._keys.seal(place, data) + data
        if len(sealed) > self._most:
            return False
        done = await self._link.write(lambda redis: redis.set(place, sealed, px=self._ttl_ms))
        return bool(done)

    async def clear(self, org_id: str) -> int:
        """See ``Shelf.clear``. Looks at every key of this Redis, a few at a time; an answer that
        another process is just waiting for may still be kept after it."""
        match = f"{prefix(self._keys, org_id)}:*"
        removed = cursor = 0
        while True:
            step = await self._scan(cursor, match)
            if step is None:
                return removed
            cursor, names = step
            if names:
                removed += await self._unlink(names) or 0
            if not cursor:
                return removed

    async def aclose(self) -> None:
        """Close all connections."""
        await self._link.aclose()

    async def _scan(self, cursor: int, match: str) -> tuple[int, list[bytes]] | None:
        return await self._link.read(lambda redis: redis.scan(cursor, match, _SCANNED))

    async def _unlink(self, names: list[bytes]) -> int | None:
        return await self._link.write(lambda redis: redis.unlink(*names))

    def _place(self, key: CacheKey) -> bytes:
        return f"{prefix(self._keys, key.org_id)}:{key.digest.hex()}".encode()


def prefix(keys: Keys, org_id: str) -> str:
    """What the names of all keys of a tenant begin with; in a Redis Cluster they lie together."""
    return f"{_PREFIX}:{{{keys.namespace(org_id)}}}"


def _client(url: Secret, timeout_s: float) -> tuple[RedisCommands, str]:
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ModuleNotFoundError:
        raise MissingDependency(
            "the Redis client is not installed", where=WHERE, hint="pip install 'conduit-os[redis]'"
        ) from None
    try:
        parts = urlsplit(url.reveal())
        address = f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
        pool = BlockingConnectionPool.from_url(
            url.reveal(),
            max_connections=_CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
    except (ValueError, TypeError):  # their messages may hold the password
        raise ConfigError(
            "it cannot be understood",
            where=WHERE,
            hint="redis://user:password@host:6379/0, rediss:// with TLS, or unix:///path",
        ) from None
    if parts.scheme == "unix":
        address = parts.path
    return cast(RedisCommands, Redis.from_pool(pool)), address
