"""The endpoint of one block: opened on first use in each process, closed with the block.

Everything here runs in the background loop, which keeps the endpoint: it could not be closed any
more once it is garbage itself.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from conduit.conduit_types import LmModelConfig
from conduit.runtime.background import background
from conduit.runtime.endpoint import Endpoint, Place, ServedModel, open_endpoint


@dataclass(slots=True)
class _State:
    """What belongs to one process."""

    pid: int
    slots: dict[str, asyncio.Semaphore]
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    endpoint: Endpoint | None = None


class Connection:
    """The models of one block at their endpoint, each for a bounded number of calls at a time."""

    def __init__(
        self, place: Place, models: Mapping[str, LmModelConfig], environ: Mapping[str, str]
    ) -> None:
        self._place = place
        self._models = models
        self._environ = environ
        self._state: _State | None = None

    async def model(self, model_id: str) -> ServedModel:
        """Where a model is. What goes wrong in opening the endpoint is tried again next time.

        Raises as ``open_endpoint`` and ``Endpoint.model`` do.
        """
        state = self._here()
        async with state.opening:
            if state.endpoint is None:
                endpoint = await open_endpoint(self._place, self._environ)
                weakref.finalize(self, background().keep(endpoint)).atexit = False
                state.endpoint = endpoint
        return state.endpoint.model(model_id)

    @asynccontextmanager
    async def use(self, model_id: str) -> AsyncIterator[ServedModel]:
        """The same, while no more than ``max_model_concurrency`` others use it."""
        model = await self.model(model_id)
        async with self._here().slots[model_id]:
            yield model

    def _here(self) -> _State:
        """The state of this process. A forked child gets its own, and leaves its parent's alone."""
        state = self._state
        if state is None or state.pid != os.getpid():
            slots = {
                model_id: asyncio.Semaphore(model.max_model_concurrency)
                for model_id, model in self._models.items()
            }
            state = self._state = _State(os.getpid(), slots)
        return state
