"""Indexing what has just been stored, so that nobody waits for it at the first search."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from conduit.contracts.errors import ConduitError
from conduit.corpora.retrieval import Retrieval
from conduit.store.segments import Source

_log = logging.getLogger("conduit.corpora")

WAIT_S: Final = 5.0
"""For so long whoever stores something waits for it: enough for a megabyte or two."""
_MOST_AT_ONCE: Final = 4


class CatchingUp:
    """Indexes what was stored, as whoever stored it.

    What takes longer than ``wait_s`` goes on behind the reply. Whatever is left undone, because the
    process ends, a model does not answer or much is going on already, is done by whoever searches
    next: it goes in steps that are each stored.
    """

    def __init__(self, retrieval: Retrieval, wait_s: float = WAIT_S) -> None:
        self._retrieval = retrieval
        self._wait_s = wait_s
        self._going: set[asyncio.Task[None]] = set()

    async def after(self, org_id: str, corpus_id: str, source: Source) -> None:
        """Something was stored. Raises nothing: that it is stored does not hang on its index."""
        if len(self._going) >= _MOST_AT_ONCE:
            return
        task = asyncio.create_task(self._catch_up(org_id, corpus_id, source))
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        await asyncio.wait({task}, timeout=self._wait_s)

    async def _catch_up(self, org_id: str, corpus_id: str, source: Source) -> None:
        try:
            await self._retrieval.catch_up(org_id, corpus_id, source)
        except ConduitError as error:
            _log.info("%s is indexed when it is searched: %s", corpus_id, error)
