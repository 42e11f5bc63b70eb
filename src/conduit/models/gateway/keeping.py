"""Keeping the answer of a stream for the next who asks the same, while it passes."""

from __future__ import annotations

from conduit.models.caching.assemble import Assembly
from conduit.models.caching.cache import Cache, Found, Miss
from conduit.models.caching.entry import Raw
from conduit.models.exchange import ErrorInside, NotTheProtocol
from conduit.models.failover import Opened, Piece
from conduit.models.http_provider import HttpProvider


class Keeping:
    """One stream. What was passed on untranslated is understood only at its end."""

    def __init__(self, opened: Opened, cache: Cache, found: Found) -> None:
        self._opened = opened
        self._cache = cache
        self._miss = found if isinstance(found, Miss) and found.result == "miss" else None
        self._assembly = Assembly(cache.settings.entry_bytes)
        self._raw = bytearray()

    def take(self, piece: Piece) -> None:
        """The next piece."""
        if self._miss is None:
            return
        if not isinstance(piece, bytes):
            for chunk in piece:
                self._assembly.feed(chunk)
        elif len(self._raw) + len(piece) > self._cache.settings.entry_bytes:
            self._give_up(self._miss)
        else:
            self._raw += piece

    async def store(self) -> None:
        """The stream is complete."""
        if self._miss is None:
            return
        candidate = self._opened.live.candidate
        provider = candidate.entry.provider
        raw = bytes(self._raw)
        if raw and isinstance(provider, HttpProvider):
            try:
                for chunk in provider.understand(self._opened.asked.dialect, raw):
                    self._assembly.feed(chunk)
            except (NotTheProtocol, ErrorInside):  # good enough for its client, not for another
                self._give_up(self._miss)
                return
        response = self._assembly.whole()
        if response is None:
            self._give_up(self._miss)
        else:
            kept = Raw(raw, stream=True) if raw else None
            await self._cache.store(self._miss, response, kept)

    def _give_up(self, miss: Miss) -> None:
        """Nothing will be kept: whoever waits for this answer asks for itself, all at once."""
        miss.dissolve()
        self._miss = None
