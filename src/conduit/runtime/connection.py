"""The endpoint of one block: opened on first use in each process, closed with the block.

Everything here runs in the background loop. The endpoint is held by an async generator, because the
loop closes those that are collected, and those that are left when it ends.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from conduit.conduit_types import LmModelConfig
from conduit.runtime.background import keep_inherited
from conduit.runtime.endpoint import Endpoint, Place, ServedModel, open_endpoint


@dataclass(slots=True)
class _State:
    """What belongs to one process."""

    pid: int
    slots: dict[str, asyncio.Semaphore]
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    endpoint: Endpoint | None = None
    lease: AsyncGenerator[Endpoint, None] | None = None


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
                lease = _lease(self._place, self._environ)
                state.endpoint, state.lease = await anext(lease), lease
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
            if state is not None:
                keep_inherited(state)
            slots = {
                model_id: asyncio.Semaphore(model.max_model_concurrency)
                for model_id, model in self._models.items()
            }
            state = self._state = _State(os.getpid(), slots)
        return state


async def _lease(place: Place, environ: Mapping[str, str]) -> AsyncGenerator[Endpoint, None]:
    endpoint = await open_endpoint(place, environ)
    try:
        yield endpoint
    finally:
        await endpoint.aclose()
