"""Vectors of requests in Redis, beside the answers.

A context is one string of records of equal size, the newest at its end: ``APPEND`` adds one in one
step, and ``GETRANGE`` reads the newest and never more than that, whatever somebody has put there. A
hash, the other way, can be read only whole and keeps no order to tell what is old.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from conduit.models.caching.key import CacheKey, Keys
from conduit.models.caching.redis import RedisCommands, RedisLink, prefix
from conduit.models.caching.semantic import Near

if TYPE_CHECKING:
    from conduit.models.caching.semantic import Vector

MOST: Final = 256
"""Vectors of one context that are compared. With 1536 dimensions they are 1.6 MB."""
_SEAL: Final = 16
_DIGEST: Final = 32
_TIME: Final = 8
_HEAD: Final = _SEAL + _DIGEST + _TIME


class RedisVectors:
    """``ttl_s`` after its last new vector a context is forgotten; single vectors after as long."""

    def __init__(
        self,
        link: RedisLink,
        keys: Keys,
        *,
        ttl_s: float,
        now: Callable[[], float] = time.time,
        most: int = MOST,
    ) -> None:
        self._link = link
        self._keys = keys
        self._ttl_ms = max(1, int(ttl_s * 1000))
        self._now = now
        self._most = most

    async def nearest(self, org_id: str, context: bytes, vector: Vector) -> Near | None:
        """See ``VectorIndex.nearest``."""
        import numpy as np

        place = self._place(org_id, context, len(vector))
        data = await self._newest(place, len(vector))
        size = _HEAD + 4 * len(vector)
        if not isinstance(data, bytes) or not data or len(data) % size:
            return None
        rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
        born = rows[:, _SEAL + _DIGEST : _HEAD].copy().view("<i8")[:, 0]
        vectors = rows[:, _HEAD:].copy().view("<f4")
        with np.errstate(all="ignore"):  # of bytes that are no vector of ours
            similarities = np.nan_to_num(
                np.vecdot(vectors, vector), nan=-1.0, posinf=-1.0, neginf=-1.0
            )
        similarities[born < self._now() * 1000 - self._ttl_ms] = -1.0
        best = int(similarities.argmax())
        record = data[best * size : (best + 1) * size]
        similarity = float(similarities[best])
        if similarity < 0 or not self._keys.sealed(place, record[_SEAL:], record[:_SEAL]):
            return None
        return Near(CacheKey(org_id, record[_SEAL : _SEAL + _DIGEST]), similarity)

    async def add(self, key: CacheKey, context: bytes, vector: Vector) -> None:
        """See ``VectorIndex.add``."""
        place = self._place(key.org_id, context, len(vector))
        born = int(self._now() * 1000).to_bytes(_TIME, "little", signed=True)
        body = key.digest + born + vector.astype("<f4").tobytes()
        record = self._keys.seal(place, body) + body

        async def append(redis: RedisCommands) -> int:
            length = int(await redis.append(place, record))
            await redis.pexpire(place, self._ttl_ms)
            return length

        length = await self._link.write(append)
        if length is not None and length >= 2 * self._most * len(record):
            await self._shorten(place, len(vector))
        elif length is not None and length % len(record):
            await self._link.write(lambda redis: redis.unlink(place))  # somebody else's

    async def clear(self, org_id: str) -> None:
        """Nothing to do: ``RedisShelf.clear`` forgets all that begins with the tenant's name."""

    async def _newest(self, place: bytes, dimensions: int) -> object:
        most = self._most * (_HEAD + 4 * dimensions)
        return await self._link.read(lambda redis: redis.getrange(place, -most, -1))

    async def _shorten(self, place: bytes, dimensions: int) -> None:
        # A vector that another process appends meanwhile is lost: its request is asked once more.
        newest = await self._newest(place, dimensions)
        if isinstance(newest, bytes) and newest:
            await self._link.write(lambda redis: redis.set(place, newest, px=self._ttl_ms))

    def _place(self, org_id: str, context: bytes, dimensions: int) -> bytes:
        name = f"{prefix(self._keys, org_id)}:near:{dimensions}:{context.hex()}"
        return name.encode()
