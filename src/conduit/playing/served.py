"""The session that a server is in, and those who listen to what happens in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from conduit.contracts.errors import NotFound, Overloaded
from conduit.playing.session import Reading, Session

MOST_LISTENERS: Final = 64
AT_LEAST_EVERY_S: Final = 1.0
_USUAL_BPM: Final = 120.0
_LOOK_S: Final = 0.02
_JUMP_BEATS: Final = 0.01
"""Beats that are further from where they were expected have been moved."""


class Closable(Session, Protocol):
    """A session that can be left."""

    def close(self) -> None: ...


class ServedLink:
    """None until it is opened, which is what ``conduit up --link`` does."""

    def __init__(self, join: Callable[[float], Closable]) -> None:
        """``join`` opens a session with a tempo for when nobody else is there."""
        self._join = join
        self._session: Closable | None = None
        self._listeners = 0
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    @property
    def on(self) -> bool:
        return self._session is not None

    def open(self, bpm: float = _USUAL_BPM) -> None:
        """Join. Raises as ``LinkSession.open``."""
        self._session = self._session or self._join(bpm)

    def close(self) -> None:
        """Leave. Whoever listens hears no more."""
        if self._session is not None:
            self._session.close()
            self._session = None
            self._changed.set()

    def read(self, quantum: float) -> Reading:
        """How it is now. Raises ``NotFound`` where there is no session."""
        return self._there().read(quantum)

    def set_tempo(self, bpm: float) -> None:
        """For everybody. Raises ``NotFound``, and ``InvalidInput`` as the session does."""
        self._there().set_tempo(bpm)

    async def readings(self, quantum: float, seconds: float) -> AsyncGenerator[Reading, None]:
        """How it is now, then at each change and at least every second, for so long or until it is
        closed. Raises ``NotFound``, and ``Overloaded`` where too many listen."""
        self._there()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        with self._listening():
            while self.on:
                yield self.read(quantum)
                changed = self._changed
                if (left := min(end - loop.time(), AT_LEAST_EVERY_S)) <= 0:
                    return
                try:
                    async with asyncio.timeout(left):
                        await changed.wait()
                except TimeoutError:
                    pass  # nothing has changed, and that is worth saying too

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """One task looks for all of them, as long as there are any."""
        if self._listeners >= MOST_LISTENERS:
            raise Overloaded(
                f"{self._listeners} listen to Link already",
                retry_after_s=AT_LEAST_EVERY_S,
                where="link",
                hint="close one that is not needed any more",
            )
        self._listeners += 1
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(self.read(1.0)))
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    async def _watch(self, before: Reading) -> None:
        while self._session is not None:
            now = self._session.read(1.0)
            if _differs(before, now):
                self._changed, changed = asyncio.Event(), self._changed
                changed.set()
            before = now
            await asyncio.sleep(_LOOK_S)

    def _there(self) -> Closable:
        if self._session is None:
            raise NotFound(
                "this server is in no Link session",
                where="link",
                hint="start it with `conduit up --link`, or CONDUIT_LINK=1",
            )
        return self._session


def _differs(before: Reading, now: Reading) -> bool:
    """Whether something happened that could not be expected."""
    return (
        before.tempo != now.tempo
        or before.peers != now.peers
        or before.playing != now.playing
        or abs(now.beat - before.at(now.at_s)) > _JUMP_BEATS
    )
