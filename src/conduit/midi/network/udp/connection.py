"""An open session, as a program uses it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Sequence

from conduit.midi.network.codes import ByeReason
from conduit.midi.network.events import Closed, Counters, Event, Gap, Overrun, Received, Restarted
from conduit.midi.network.identity import Identity

_EVENTS = 8192

Arrival = Received | Gap | Restarted | Overrun


class Connection(ABC):
    """Send words, and read what comes, in order: ``async for event in connection`` ends when the
    session does, and ``closed`` then says why.

    At most 8,192 events wait to be read. Then the oldest are thrown away, and an ``Overrun`` says
    how many.
    """

    peer: Identity
    user: str = ""
    closed: Closed | None = None

    def __init__(self) -> None:
        self._events: deque[Arrival] = deque()
        self._overrun = 0
        self._something = asyncio.Event()
        self._over = asyncio.Event()
        self._sent = asyncio.Event()

    @abstractmethod
    def send(self, words: Sequence[int]) -> None:
        """Send whole UMP messages at once, or a few milliseconds later when there are very many.
        Raises ``InvalidInput`` for words that are not whole messages, ``Unavailable`` when the
        session is over, ``Overloaded`` when more than 65,536 words wait: then ``drain``."""

    @abstractmethod
    def _waiting(self) -> int:
        """How many words have not been sent yet."""

    @property
    @abstractmethod
    def counters(self) -> Counters:
        """What this session has counted."""

    @abstractmethod
    def _say_goodbye(self, reason: ByeReason, text: str) -> None: ...

    async def receive(self) -> Arrival | None:
        """The next event, or nothing when the session is over."""
        while not self._events and not self._overrun:
            if self.closed is not None:
                return None
            self._something.clear()
            await self._something.wait()
        if self._overrun:
            count, self._overrun = self._overrun, 0
            return Overrun(count)
        return self._events.popleft()

    def __aiter__(self) -> AsyncIterator[Arrival]:
        return self._all()

    async def _all(self) -> AsyncIterator[Arrival]:
        while (event := await self.receive()) is not None:
            yield event

    async def drain(self) -> None:
        """Wait until nothing waits to be sent, or the session is over."""
        while self._waiting():
            self._sent.clear()
            await self._sent.wait()

    async def close(self, reason: ByeReason = ByeReason.USER, text: str = "") -> None:
        """Say goodbye and wait until it was heard, or until nobody has answered for 1.5 s."""
        if self.closed is None:
            self._say_goodbye(reason, text)
            await self._over.wait()

    def _arrived(self, event: Event) -> None:
        match event:
            case Closed():
                self.closed = event
                self._over.set()
                self._sent.set()
            case Received() | Gap() | Restarted() | Overrun():
                if len(self._events) >= _EVENTS:
                    self._events.popleft()
                    self._overrun += 1
                self._events.append(event)
            case _:
                return
        self._something.set()
