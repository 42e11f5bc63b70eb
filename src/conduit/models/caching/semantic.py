"""Requests that are like earlier ones: their vectors, in memory.

Two requests are compared only within a tenant and a *context*, which is everything but the text of
the last turn: system prompt, earlier turns, model, parameters; and of that text the numbers. The
search is exact: the cosine with each vector of the context, in float32. NumPy is imported when the
first vector comes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from conduit.models.caching.key import CacheKey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector: TypeAlias = NDArray[np.float32]

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
"""Places texts in a vector space: one vector for each, all of one dimension."""

MOST_DIMENSIONS: Final = 8192
_FIRST_ROWS: Final = 64


@dataclass(frozen=True, slots=True)
class Near:
    """The most similar request, with the cosine of the angle to it."""

    key: CacheKey
    similarity: float


class VectorIndex(Protocol):
    """Keeps the vectors of requests, and the keys of their answers. Nothing here raises."""

    async def nearest(self, org_id: str, context: bytes, vector: Vector) -> Near | None: ...

    async def add(self, key: CacheKey, context: bytes, vector: Vector) -> None: ...

    async def clear(self, org_id: str) -> None: ...


def unit_vector(values: Sequence[float]) -> Vector | None:
    """``values`` in float32 with length 1; None when that cannot be: no number, infinite, zero, too
    many."""
    import numpy as np

    if not 0 < len(values) <= MOST_DIMENSIONS:
        return None
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    # Divided by the largest first, so that the squares can be neither infinite nor all zero.
    largest = np.abs(vector).max() if vector.ndim == 1 else 0.0
    if not np.isfinite(largest) or largest == 0:
        return None
    vector = vector / largest
    return (vector / np.sqrt(vector @ vector)).astype(np.float32)


class _Ring:
    """The vectors of one tenant; the oldest gives its place to a new one when all are taken."""

    def __init__(self, dimensions: int, most: int) -> None:
        import numpy as np

        self.dimensions = dimensions
        self._most = most
        self._next = 0
        self._vectors = np.zeros((min(most, _FIRST_ROWS), dimensions), dtype=np.float32)
        self._tags = np.zeros(len(self._vectors), dtype=np.int64)
        self._rows: list[tuple[bytes, CacheKey]] = []
        self._place: dict[tuple[bytes, bytes], int] = {}

    @property
    def size(self) -> int:
        return int(self._vectors.nbytes + self._tags.nbytes) + 256 * len(self._rows)

    def add(self, key: CacheKey, context: bytes, vector: Vector) -> None:
        known = self._place.get((context, key.digest))
        if known is not None:
            self._vectors[known] = vector
            return
        at = self._next
        self._next = (at + 1) % self._most
        if at == len(self._vectors):
            self._grow()
        if at < len(self._rows):
            old_context, old_key = self._rows[at]
            del self._place[old_context, old_key.digest]
            self._rows[at] = (context, key)
        else:
            self._rows.append((context, key))
        self._place[context, key.digest] = at
        self._vectors[at] = vector
        self._tags[at] = _tag(context)

    def nearest(self, context: bytes, vector: Vector) -> Near | None:
        import numpy as np

        filled = len(self._rows)
        same = np.flatnonzero(self._tags[:filled] == _tag(context))
        if not len(same):
            return None
        vectors = self._vectors[:filled]
        # Not ``@``: that may be shared out to threads, and waiting for one that gets no processor
        # has been seen to take 8 ms instead of 0.01. This is one thread, at half of its best speed.
        similarities = np.vecdot(vectors if len(same) == filled else vectors[same], vector)
        best = int(similarities.argmax())
        found, key = self._rows[int(same[best])]
        if found != context:  # two contexts with one tag
            return None
        return Near(key, float(similarities[best]))

    def _grow(self) -> None:
        import numpy as np

        rows = min(self._most, 2 * len(self._vectors))
        vectors = np.zeros((rows, self.dimensions), dtype=np.float32)
        vectors[: len(self._vectors)] = self._vectors
        tags = np.zeros(rows, dtype=np.int64)
        tags[: len(self._tags)] = self._tags
        self._vectors, self._tags = vectors, tags


class MemoryVectors:
    """``most`` vectors for each tenant. When all tenants together take more than ``most_bytes``,
    the one that has not asked for longest is forgotten."""

    def __init__(self, *, most: int, most_bytes: int) -> None:
        self._most = max(1, most)
        self._most_bytes = most_bytes
        self._rings: OrderedDict[str, _Ring] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """Bytes that all vectors take."""
        return self._bytes

    async def nearest(self, org_id: str, context: bytes, vector: Vector) -> Near | None:
        """See ``VectorIndex.nearest``."""
        ring = self._rings.get(org_id)
        if ring is None or ring.dimensions != len(vector):
            return None
        self._rings.move_to_end(org_id)
        return ring.nearest(context, vector)

    async def add(self, key: CacheKey, context: bytes, vector: Vector) -> None:
        """See ``VectorIndex.add``. Another dimension than before begins anew: another model."""
        ring = self._rings.get(key.org_id)
        if ring is None or ring.dimensions != len(vector):
            self._forget(key.org_id)
            ring = self._rings[key.org_id] = _Ring(len(vector), self._most)
            self._bytes += ring.size
        before = ring.size
        ring.add(key, context, vector)
        self._bytes += ring.size - before
        self._rings.move_to_end(key.org_id)
        while self._bytes > self._most_bytes:
            self._forget(next(iter(self._rings)))

    async def clear(self, org_id: str) -> None:
        """See ``VectorIndex.clear``."""
        self._forget(org_id)

    def _forget(self, org_id: str) -> None:
        ring = self._rings.pop(org_id, None)
        if ring is not None:
            self._bytes -= ring.size


def _tag(context: bytes) -> int:
    return int.from_bytes(context[:8], "little", signed=True)
