"""What a device is told while work goes on: pieces of text gathered, events as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from conduit.contracts.json import Json
from conduit.intents.codes import Trouble

TOLD: Final = frozenset({"ack", "progress", "result", "error"})
"""Intents of replies."""
CANCEL: Final = "cancel"
"""The one intent that the bridge answers itself; its body has the ``corr`` of what is to end."""
CANCELLED: Final = Trouble("cancelled", 499, "it was cancelled")
INTERRUPTED: Final = Trouble(
    "interrupted",
    500,
    "the bridge ended while this was worked on, so that it may have been done",
    "look before you ask again",
)
GATHER_S: Final = 0.1
GATHER_BYTES: Final = 512

Tell = Callable[[Json], Awaitable[None]]


class Teller:
    """Tells of one call, one thing after the other. Pieces of text are gathered for a moment,
    because each message costs the wire a third more than its text."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._pieces: list[str] = []
        self._size = 0
        self._later: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def hear(self, event: Json) -> None:
        """An event of a block: ``{"text": …}`` alone is a piece of an answer."""
        match event:
            case {"text": str(piece)} if isinstance(event, dict) and len(event) == 1:
                self._pieces.append(piece)
                self._size += len(piece)
                if self._size >= GATHER_BYTES:
                    await self.flush()
                elif self._later is None or self._later.done():
                    self._later = asyncio.create_task(self._wait())
            case _:
                await self.flush()
                await self._tell({"event": event})

    async def flush(self) -> None:
        """Tell what has been gathered. What is being told already is told first."""
        async with self._turn:
            if self._pieces:
                text = "".join(self._pieces)
                self._pieces.clear()
                self._size = 0
                await self._tell({"text": text})

    async def aclose(self) -> None:
        """Tell nothing more."""
        later, self._later = self._later, None
        if later is not None:
            later.cancel()
            await asyncio.gather(later, return_exceptions=True)

    async def _wait(self) -> None:
        while self._pieces:
            await asyncio.sleep(GATHER_S)
            await self.flush()
