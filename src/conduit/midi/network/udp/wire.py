"""A UDP socket and the machine behind it: what comes in is handed over, what is due is done."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import cast

from conduit.midi.network.hosting import Address


class Wire(asyncio.DatagramProtocol):
    """Times are those of the event loop. One timer is enough: it is moved forward only, and looks
    again when it fires, because most deadlines move back with every datagram."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = 0.0
        """Kept here, because uvloop's timers that are due at once do not tell."""
        self._full = False

    @abstractmethod
    def _feed(self, data: bytes, source: Address, now: float) -> None: ...

    @abstractmethod
    def _due(self, now: float) -> None: ...

    @abstractmethod
    def _deadline(self) -> float | None: ...

    @abstractmethod
    def _flush(self) -> None:
        """Send what is to be sent, tell what has happened."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self._feed(data, addr, self._loop.time())
        self._settle()

    def error_received(self, exc: Exception) -> None:
        """The network says that a datagram did not arrive. It may be wrong, and anybody can say so:
        what decides is silence."""

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False

    def _send(self, data: bytes, goal: Address | None = None) -> None:
        """A full socket loses datagrams as a full network does; nothing piles up."""
        if self._transport is not None and not self._full:
            self._transport.sendto(data, goal)

    def _settle(self) -> None:
        self._flush()
        deadline = self._deadline()
        if deadline is None:
            return
        if self._timer is not None:
            if self._fires_at <= deadline:
                return
            self._timer.cancel()
        self._fires_at = deadline
        self._timer = self._loop.call_at(deadline, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._due(self._loop.time())
        self._settle()

    def _shut(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None
