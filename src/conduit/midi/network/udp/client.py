"""A client: one socket, one host."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from types import TracebackType

from conduit.contracts.errors import (
    ConduitError,
    Forbidden,
    Overloaded,
    TimedOut,
    Unauthenticated,
    Unavailable,
)
from conduit.midi.network.codes import ByeReason
from conduit.midi.network.credentials import Credentials
from conduit.midi.network.events import Closed, Counters, Opened
from conduit.midi.network.identity import Identity
from conduit.midi.network.joining import Joining
from conduit.midi.network.settings import Settings
from conduit.midi.network.udp.connection import Connection
from conduit.midi.network.udp.wire import Wire, udp_socket
from conduit.midi.network.visitors import Address


class Client(Connection):
    """A session with a host, from ``Client.open`` to ``close``; or ``async with await
    Client.open(…) as client:``."""

    def __init__(self, wire: _ClientWire) -> None:
        super().__init__()
        self._wire = wire

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        identity: Identity,
        *,
        credentials: Credentials | None = None,
        settings: Settings | None = None,
    ) -> Client:
        """Invite a host and wait until it accepts.

        Raises ``TimedOut`` when nobody answers, ``Unauthenticated`` when it asks for credentials
        that were not given or are wrong, ``Forbidden`` when its user refuses, ``Overloaded`` when
        it is full, ``Unavailable`` for another reason, ``InvalidInput`` for a name that does not
        fit.
        """
        loop = asyncio.get_running_loop()
        chosen = settings or Settings()
        machine = Joining(identity, chosen, os.urandom, loop.time(), credentials=credentials)
        wire = _ClientWire(loop, machine)
        client = cls(wire)
        wire.client = client
        try:
            wire.start(await udp_socket(host, port, connect=True))
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"{host!r} port {port} cannot be reached: {error}",
                hint="check the host's name and its port; discovery shows both",
            ) from error
        try:
            await wire.opened.wait()
        except asyncio.CancelledError:
            machine.close(loop.time(), ByeReason.CANCELLED)
            wire.end()
            raise
        if client.closed is not None:
            raise _why_not(client.closed, f"{host} port {port}")
        return client

    @property
    def counters(self) -> Counters:
        return self._wire.machine.counters

    def send(self, words: Sequence[int]) -> None:
        self._wire.send(words)

    def _waiting(self) -> int:
        return self._wire.machine.waiting

    def _say_goodbye(self, reason: ByeReason, text: str) -> None:
        self._wire.close(reason, text)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class _ClientWire(Wire):
    client: Client

    def __init__(self, loop: asyncio.AbstractEventLoop, machine: Joining) -> None:
        super().__init__(loop)
        self.machine = machine
        self.opened = asyncio.Event()

    def send(self, words: Sequence[int]) -> None:
        self.machine.send(words, self._loop.time())
        self._settle()

    def close(self, reason: ByeReason, text: str) -> None:
        self.machine.close(self._loop.time(), reason, text)
        self._settle()

    def _feed(self, data: bytes, source: Address, now: float) -> None:
        self.machine.receive(data, now)  # a connected socket takes nothing from anybody else

    def _due(self, now: float) -> None:
        self.machine.tick(now)

    def _deadline(self) -> float | None:
        return self.machine.deadline()

    def _flush(self) -> None:
        machine = self.machine
        for datagram in machine.outbox:
            self._send(datagram)
        machine.outbox.clear()
        if not machine.waiting:
            self.client._sent.set()
        for event in machine.events:
            if isinstance(event, Opened):
                self.client.peer = event.peer
                self.opened.set()
            self.client._arrived(event)
        machine.events.clear()
        if machine.closed:
            self.opened.set()
            self._shut()


def _why_not(closed: Closed, where: str) -> ConduitError:
    said = f"no session with it: {closed}"
    match closed.reason:
        case ByeReason.TIMEOUT:
            return TimedOut(
                "it does not answer", where=where, hint="is it on, and is this its address?"
            )
        case (
            ByeReason.LOGIN_FAILED
            | ByeReason.UNKNOWN_USER
            | ByeReason.NO_COMMON_LOGIN
            | ByeReason.LOGIN_WITHOUT_INVITATION
        ):
            return Unauthenticated(
                said, where=where, hint="pass the credentials that this host asks for"
            )
        case ByeReason.REFUSED:
            return Forbidden(said, where=where, hint="ask whoever is at the host")
        case ByeReason.TOO_MANY_SESSIONS:
            return Overloaded(said, retry_after_s=10.0, where=where, hint="close another session")
        case _:
            return Unavailable(said, where=where, hint="look at what the host says of it")
