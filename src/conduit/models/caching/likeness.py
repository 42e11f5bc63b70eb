"""Whether somebody has asked much the same before: places a question, and looks around there."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from conduit.contracts.errors import InvalidInput
from conduit.models.asked import Asked
from conduit.models.breaker import CircuitBreaker, Clock
from conduit.models.caching.key import CacheKey, Keys
from conduit.models.caching.rules import comparable
from conduit.models.caching.semantic import Embed, Near, VectorIndex, unit_vector
from conduit.models.caching.settings import SemanticSettings

if TYPE_CHECKING:
    from conduit.models.caching.semantic import Vector

EMBED_S: Final = 2.0
"""How long the embedding of a question may take."""
REST_S: Final = 10.0
"""How long the embedder is left alone after three failures in a row."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a question lies: a ``context`` of 32 bytes, and a vector of length 1 in it."""

    context: bytes
    vector: Vector


class Likeness:
    """Finds answers to questions that are like another. An embedder that fails finds nothing."""

    def __init__(
        self, settings: SemanticSettings, keys: Keys, embed: Embed, index: VectorIndex, clock: Clock
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._embed = embed
        self._index = index
        self._breaker = CircuitBreaker(clock, cooldown_s=REST_S)
        self.errors = 0
        """Texts that could not be embedded."""

    async def place(self, org_id: str, route: str, asked: Asked) -> Place | None:
        """None when the question is not to be compared, or cannot be."""
        try:
            chat = asked.chat
        except InvalidInput:  # the provider may know better, it is asked
            return None
        if not comparable(chat, self._settings.characters):
            return None
        context = self._keys.context(org_id, route, asked, self._settings.model)
        if context is None:
            return None
        vector = await self._vector(chat.messages[-1].content)
        return None if vector is None else Place(context, vector)

    async def nearest(self, org_id: str, place: Place) -> Near | None:
        """What is similar enough."""
        near = await self._index.nearest(org_id, place.context, place.vector)
        return near if near is not None and near.similarity >= self._settings.threshold else None

    async def add(self, key: CacheKey, place: Place) -> None:
        """There is an answer under ``key`` now."""
        await self._index.add(key, place.context, place.vector)

    async def clear(self, org_id: str) -> None:
        """Forget all of a tenant."""
        await self._index.clear(org_id)

    async def _vector(self, text: str) -> Vector | None:
        permit = self._breaker.acquire()
        if permit is None:
            return None
        try:
            async with asyncio.timeout(EMBED_S):
                vectors = await self._embed((text,))
            (given,) = vectors
            vector = unit_vector(given)
        except Exception as error:  # somebody else's code: whatever it does, the request goes on
            permit.fail()
            self.errors += 1
            if self._breaker.state != "closed":
                # Only the kind of error: its text may repeat a key.
                _LOG.warning("cache: questions cannot be compared (%s)", type(error).__name__)
            return None
        else:
            permit.succeed()
            self.errors += vector is None
            return vector
        finally:
            permit.release()
