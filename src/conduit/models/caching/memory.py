"""Kept answers in the memory of the process: bounded, fair between tenants, each step O(1).

Within a tenant the least recently used answer goes first. Between tenants the one that holds the
most gives way: what a tenant holds is its share of the bytes or of the entries, whichever is larger
(dominant resource fairness, Ghodsi et al., NSDI 2011). Tenants lie in buckets by the logarithm of
their share, so the one that gives is found at once, and holds at least half of what the largest
does. So a tenant alone has all of the room, and a busy one never pushes a small one out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from conduit.models.breaker import Clock
from conduit.models.caching.key import CacheKey
from conduit.models.caching.shelf import ShelfStats

OVERHEAD: Final = 560
"""Bytes that an entry takes beside its data, measured on CPython 3.11."""
TENANT: Final = 576
"""Bytes that a tenant takes beside its entries."""
_SCALE: Final = 1 << 40
_EXPIRE_AT_ONCE: Final = 8
"""Expired entries that one ``put`` removes at most."""


@dataclass(slots=True, eq=False)
class _Item:
    tenant: _Tenant
    digest: bytes
    data: bytes
    expires_at: float


@dataclass(slots=True, eq=False)
class _Tenant:
    org_id: str
    items: OrderedDict[bytes, _Item]
    bytes: int = 0
    bucket: int = -1


class MemoryShelf:
    """``most_bytes`` and ``most_entries`` bound all tenants together; ``clock`` is monotonic. Not
    for use from several threads."""

    def __init__(self, clock: Clock, *, ttl_s: float, most_bytes: int, most_entries: int) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._most_bytes = most_bytes
        self._most_entries = most_entries
        self._tenants: dict[str, _Tenant] = {}
        self._ages: OrderedDict[int, _Item] = OrderedDict()
        """All items, the oldest first: they all live equally long."""
        self._buckets: list[OrderedDict[str, _Tenant]] = [
            OrderedDict() for _ in range(_SCALE.bit_length() + 1)
        ]
        self._occupied = 0
        """Bit ``b`` is set when bucket ``b`` is not empty."""
        self._bytes = 0
        self._evicted = 0
        self._expired = 0

    @property
    def stats(self) -> ShelfStats:
        return ShelfStats(len(self._ages), self._bytes, self._evicted, self._expired)

    def peek(self, key: CacheKey) -> bytes | None:
        """``get`` without a coroutine: nothing here waits."""
        tenant = self._tenants.get(key.org_id)
        item = tenant.items.get(key.digest) if tenant else None
        if tenant is None or item is None:
            return None
        if item.expires_at <= self._clock():
            self._expired += 1
            self._remove(item)
            return None
        tenant.items.move_to_end(key.digest)
        return item.data

    async def get(self, key: CacheKey) -> bytes | None:
        """See ``Shelf.get``."""
        return self.peek(key)

    async def put(self, key: CacheKey, data: bytes) -> bool:
        """See ``Shelf.put``."""
        now = self._clock()
        self._expire(now)
        size = len(data) + OVERHEAD
        if size + TENANT > self._most_bytes or self._most_entries < 1:
            return False
        tenant = self._tenants.get(key.org_id)
        if tenant is None:
            tenant = self._tenants[key.org_id] = _Tenant(key.org_id, OrderedDict())
        elif (old := tenant.items.get(key.digest)) is not None:
            self._remove(old)
            # It may have been the last of its tenant, and the tenant forgotten with it.
            self._tenants[key.org_id] = tenant
        item = _Item(tenant, key.digest, data, now + self._ttl_s)
        size += 0 if tenant.items else TENANT
        tenant.items[key.digest] = item
        self._ages[id(item)] = item
        self._count(tenant, size)
        while self._bytes > self._most_bytes or len(self._ages) > self._most_entries:
            self._evict(tenant, item)
        return tenant.items.get(key.digest) is item

    async def clear(self, org_id: str) -> int:
        """See ``Shelf.clear``."""
        tenant = self._tenants.get(org_id)
        items = list(tenant.items.values()) if tenant else []
        for item in items:
            self._remove(item)
        return len(items)

    async def aclose(self) -> None:
        """Nothing to close."""

    def held_by(self, org_id: str) -> int:
        """Bytes that a tenant holds."""
        tenant = self._tenants.get(org_id)
        return tenant.bytes if tenant else 0

    def _expire(self, now: float) -> None:
        for _ in range(_EXPIRE_AT_ONCE):
            item = next(iter(self._ages.values()), None)
            if item is None or item.expires_at > now:
                return
            self._expired += 1
            self._remove(item)

    def _evict(self, writer: _Tenant, new: _Item) -> None:
        top = self._buckets[self._occupied.bit_length() - 1]
        # Among equals whoever writes gives; but an answer is not thrown away for itself.
        tenant = writer if writer.org_id in top else next(iter(top.values()))
        item = next(iter(tenant.items.values()))
        if item is new and len(top) > 1:
            tenant = next(other for other in top.values() if other is not writer)
            item = next(iter(tenant.items.values()))
        self._evicted += 1
        self._remove(item)

    def _remove(self, item: _Item) -> None:
        tenant = item.tenant
        del tenant.items[item.digest]
        del self._ages[id(item)]
        size = len(item.data) + OVERHEAD
        if not tenant.items:
            size += TENANT
            del self._tenants[tenant.org_id]
        self._count(tenant, -size)

    def _count(self, tenant: _Tenant, size: int) -> None:
        tenant.bytes += size
        self._bytes += size
        share = max(
            tenant.bytes * _SCALE // self._most_bytes,
            len(tenant.items) * _SCALE // self._most_entries,
        )
        bucket = min(share, _SCALE).bit_length() if tenant.items else -1
        if bucket == tenant.bucket:
            return
        if tenant.bucket >= 0:
            left = self._buckets[tenant.bucket]
            del left[tenant.org_id]
            if not left:
                self._occupied &= ~(1 << tenant.bucket)
        if bucket >= 0:
            self._buckets[bucket][tenant.org_id] = tenant
            self._occupied |= 1 << bucket
        tenant.bucket = bucket
