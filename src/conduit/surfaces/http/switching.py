"""The edge, for connections that go on in another protocol after an ``Upgrade`` (RFC 9110, 7.8).

They begin as requests, so that all a request passes lies in front of them too: ``Host``,
``Origin``, the key, the bounds of a head. What comes after the head is given to whoever took over.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from conduit.surfaces.http.edge import EdgeProtocol


class Successor(Protocol):
    """Whoever takes a connection over. None of it may wait or raise."""

    def received(self, data: bytes) -> None:
        """More bytes."""

    def lost(self) -> None:
        """The connection is gone."""

    def going_away(self) -> None:
        """The server ends; the connection is closed right after this."""


class SwitchingEdge(EdgeProtocol):
    """One connection, which may become one of another protocol."""

    _successor: Successor | None = None

    def switch(self, scope: object, lines: bytes, successor: Successor) -> bool:
        """Answer with 101 and hand the connection over: whether it could be. ``lines`` are headers,
        written out. A client that did not wait for the answer cannot be understood any more."""
        cycle = self.cycle
        if cycle.scope is not scope or cycle.response_started or cycle.disconnected:
            return False
        if not self._deaf or self._fed or self.transport.is_closing():
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self._successor = successor
        self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % lines)
        self.transport.set_protocol(_Handed(self, successor))
        self.flow.resume_reading()
        return True

    async def pass_on(self, data: bytes) -> None:
        """Send, as fast as the client takes it; for whoever took over."""
        if self.flow.write_paused and not self.left:
            await self.flow.drain()
        self.pass_on_now(data)

    def pass_on_now(self, data: bytes) -> None:
        """Send, however much is waiting to be sent."""
        if not self.left:
            self.transport.write(data)

    def hold(self, held: bool) -> None:
        """Read no more for now, or go on reading."""
        if held:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    def leave(self) -> None:
        """Close, once everything is sent."""
        self.transport.close()

    def shutdown(self) -> None:
        if self._successor is not None:
            self._successor.going_away()
        super().shutdown()


class _Handed(asyncio.Protocol):
    """What the event loop calls afterwards. The edge still counts the connection, and ends it for
    a client that takes nothing."""

    def __init__(self, edge: SwitchingEdge, successor: Successor) -> None:
        self._edge = edge
        self._successor = successor

    def data_received(self, data: bytes) -> None:
        self._successor.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.connection_lost(exc)
        self._successor.lost()

    def pause_writing(self) -> None:
        self._edge.pause_writing()

    def resume_writing(self) -> None:
        self._edge.resume_writing()
