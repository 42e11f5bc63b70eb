"""Indexing what has just been stored, so that nobody waits for it at the first search."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final

from conduit.contracts.errors import ConduitError
from conduit.corpora.retrieval import Retrieval
from conduit.store.segments import Source

_log = logging.getLogger("conduit.corpora")

WAIT_S: Final = 5.0
"""For so long whoever stores something waits for it: enough for a megabyte or two."""
_MOST_AT_ONCE: Final = 8


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
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                while len(going := self._in_this_loop()) >= _MOST_AT_ONCE:
                    await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
                task = asyncio.create_task(self._catch_up(org_id, corpus_id, source))
                self._going.add(task)
                task.add_done_callback(self._going.discard)
                await asyncio.wait({task})

    def _in_this_loop(self) -> list[asyncio.Task[None]]:
        """What is going on. Threads that call blocks have a loop each, which may be gone."""
        loop = asyncio.get_running_loop()
        self._going.difference_update([each for each in tuple(self._going) if each.done()])
        return [each for each in tuple(self._going) if each.get_loop() is loop]

    async def _catch_up(self, org_id: str, corpus_id: str, source: Source) -> None:
        try:
            await self._retrieval.catch_up(org_id, corpus_id, source)
        except ConduitError as error:
            _log.info("%s is indexed when it is searched: %s", corpus_id, error)
