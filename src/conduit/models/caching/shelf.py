"""Where kept answers lie: the one face of the memory and of Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from conduit.models.caching.key import CacheKey


@dataclass(frozen=True, slots=True)
class ShelfStats:
    """``entries`` and ``bytes`` are None where others share the place. ``evicted`` made room for
    others, ``expired`` were too old, ``errors`` are operations that failed, ``damaged`` were not
    ours."""

    entries: int | None = None
    bytes: int | None = None
    evicted: int = 0
    expired: int = 0
    errors: int = 0
    damaged: int = 0


class Shelf(Protocol):
    """Keeps bytes under keys for a while. Nothing here raises: what fails is a miss."""

    async def get(self, key: CacheKey) -> bytes | None: ...

    async def put(self, key: CacheKey, data: bytes) -> bool:
        """Whether it is kept now."""
        ...

    async def clear(self, org_id: str) -> int:
        """Forget all of a tenant: how many there were."""
        ...

    @property
    def stats(self) -> ShelfStats: ...

    async def aclose(self) -> None: ...
