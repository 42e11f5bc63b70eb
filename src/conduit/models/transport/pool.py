"""The connections of one transport, in one event loop."""

from __future__ import annotations

import asyncio
import ssl

from conduit.models.transport.connection import Connection
from conduit.models.transport.dialing import Dialer, tls_context
from conduit.models.transport.failures import Failures
from conduit.models.transport.request_head import Origin


class Pool:
    """Keeps what is idle, the last used on top, so that those in excess grow old and close."""

    def __init__(
        self,
        failures: Failures,
        loop: asyncio.AbstractEventLoop,
        tls: ssl.SSLContext | None,
        most_idle: int,
        idle_s: float,
    ) -> None:
        self.loop = loop
        self._failures = failures
        self._most_idle = most_idle
        self._idle_s = idle_s
        self._dialer = Dialer()
        self._tls = tls
        self._open: dict[Connection, Origin] = {}
        self._idle: dict[Origin, list[Connection]] = {}
        self._closed = False
        self._emptied: asyncio.Future[None] | None = None

    def idle(self, origin: Origin) -> Connection | None:
        """One that waits for a request, or None."""
        waiting = self._idle.get(origin)
        while waiting:
            connection = waiting.pop()
            if connection.alive:
                return connection
        return None

    async def connect(self, origin: Origin) -> Connection:
        """A new one. Raises ``ProviderTimeout`` and ``ProviderUnreachable``."""
        try:
            async with asyncio.timeout(self._failures.limits.connect_s):
                connection = await self._connect(origin)
        except TimeoutError:
            raise self._failures.no_connection() from None
        except OSError as error:
            raise self._failures.cannot_connect(error) from None
        except ValueError:  # a name that the resolver cannot even be asked for
            raise self._failures.no_address() from None
        if self._closed:
            connection.abort()
            raise self._failures.dropped("it was closed here")
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep it for another request. It is ``reusable``."""
        origin = self._open.get(connection)
        if origin is None:
            return
        waiting = self._idle.setdefault(origin, [])
        if len(waiting) >= self._most_idle:
            connection.abort()
            return
        connection.rest()
        waiting.append(connection)

    async def aclose(self) -> None:
        """Close all, those in use too."""
        self._closed = True
        if self.loop.is_closed():
            return
        if self.loop is not asyncio.get_running_loop():
            self.loop.call_soon_threadsafe(self._abort)
            return
        self._abort()
        if self._open:
            self._emptied = self.loop.create_future()
            await self._emptied

    def _abort(self) -> None:
        for connection in tuple(self._open):
            connection.abort()

    async def _connect(self, origin: Origin) -> Connection:
        tls: ssl.SSLContext | None = None
        if origin.secure:
            if self._tls is None:
                self._tls = await asyncio.to_thread(tls_context)
            tls = self._tls
        connected = await self._dialer.dial(origin)
        # Nothing may be awaited in between: from here on the event loop owns the socket.
        _, connection = await self.loop.create_connection(
            lambda: Connection(self._failures, self._idle_s, self._lost),
            sock=connected,
            ssl=tls,
            server_hostname=origin.host.rstrip(".") if tls is not None else None,
        )
        self._open[connection] = origin
        if connection.alive:
            return connection
        del self._open[connection]
        raise ConnectionResetError("it was closed at once")

    def _lost(self, connection: Connection) -> None:
        origin = self._open.pop(connection, None)
        if origin is None:
            return
        waiting = self._idle.get(origin)
        if waiting is not None and connection in waiting:
            waiting.remove(connection)
            if not waiting:
                del self._idle[origin]
        if self._emptied is not None and not self._open and not self._emptied.done():
            self._emptied.set_result(None)
