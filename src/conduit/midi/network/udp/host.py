"""A host: one socket, many clients."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from types import TracebackType

from conduit.contracts.errors import Unavailable
from conduit.midi.network.codes import ByeReason
from conduit.midi.network.credentials import Access
from conduit.midi.network.events import Closed, Counters, Invited, Opened
from conduit.midi.network.hosting import Hosting
from conduit.midi.network.identity import Identity
from conduit.midi.network.settings import Settings
from conduit.midi.network.udp.connection import Connection
from conduit.midi.network.udp.wire import Wire, udp_socket
from conduit.midi.network.visitors import Address


class Guest(Connection):
    """A client's session with this host. ``address`` is where it comes from."""

    def __init__(self, wire: _HostWire, address: Address, opened: Opened) -> None:
        super().__init__()
        self._wire = wire
        self._counters = wire.machine.counters(address)
        self.address = address
        self.peer = opened.peer
        self.user = opened.user

    @property
    def counters(self) -> Counters:
        return self._counters

    def send(self, words: Sequence[int]) -> None:
        if self.closed is not None:
            raise Unavailable("the session is closed", hint=str(self.closed))
        self._wire.send(self, words)

    def restart(self) -> None:
        """Have both sides count from 0 again."""
        if self.closed is None:
            self._wire.restart(self.address)

    def _waiting(self) -> int:
        return self._wire.machine.waiting(self.address)

    def _say_goodbye(self, reason: ByeReason, text: str) -> None:
        self._wire.close(self.address, reason, text)


class Knock:
    """A client that asks to be let in by a person. ``peer`` and ``user`` are who it says it is."""

    def __init__(self, wire: _HostWire, address: Address, invited: Invited) -> None:
        self._wire = wire
        self.address = address
        self.peer = invited.peer
        self.user = invited.user

    def accept(self) -> None:
        """Let it in. Raises ``NotFound`` when it has left."""
        self._wire.answer(self.address, yes=True)

    def refuse(self) -> None:
        """Send it away. Raises ``NotFound`` when it has left."""
        self._wire.answer(self.address, yes=False)


class Host:
    """Takes sessions of clients, from ``Host.open`` to ``close``; or ``async with await
    Host.open(…) as host:``."""

    def __init__(self, wire: _HostWire, identity: Identity, address: str, port: int) -> None:
        self._wire = wire
        self.identity = identity
        self.address = address
        self.port = port

    @classmethod
    async def open(
        cls,
        identity: Identity,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        access: Access | None = None,
        settings: Settings | None = None,
    ) -> Host:
        """Listen at an address of this machine, by default for its own programs only; ``0.0.0.0``
        is for everybody who can reach it. Port 0 takes a free one, ``port`` then says which.

        Raises ``Unavailable`` when the port is taken, ``InvalidInput`` for a name that does not
        fit.
        """
        loop = asyncio.get_running_loop()
        machine = Hosting(identity, access or Access(), settings or Settings(), os.urandom)
        wire = _HostWire(loop, machine)
        try:
            opened = await udp_socket(address, port, connect=False)
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"cannot listen at {address!r} port {port}: {error}",
                hint="choose a free port, or 0 for any",
            ) from error
        wire.start(opened)
        here, number = opened.getsockname()[:2]
        return cls(wire, identity, str(here), int(number))

    @property
    def guests(self) -> tuple[Guest, ...]:
        """The sessions that are open."""
        return tuple(self._wire.guests.values())

    async def accept(self) -> Guest:
        """The next client that has come in."""
        return await self._wire.next_guest()

    async def knock(self) -> Knock:
        """The next client that waits for a yes, where ``Access`` has ``approval``."""
        return await self._wire.next_knock()

    async def close(self) -> None:
        """Say goodbye to all, and let go of the port."""
        self._wire.machine.leave()
        await asyncio.gather(*(guest.close(ByeReason.POWER_DOWN) for guest in self.guests))
        self._wire.end()

    async def __aenter__(self) -> Host:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class _HostWire(Wire):
    def __init__(self, loop: asyncio.AbstractEventLoop, machine: Hosting) -> None:
        super().__init__(loop)
        self.machine = machine
        self.guests: dict[Address, Guest] = {}
        self._new: dict[Address, Guest] = {}
        self._knocks: dict[Address, Knock] = {}
        self._behind: set[Guest] = set()
        self._changed = asyncio.Event()

    def send(self, guest: Guest, words: Sequence[int]) -> None:
        self.machine.send(guest.address, words, self._loop.time())
        if self.machine.waiting(guest.address):
            self._behind.add(guest)
        self._settle()

    def close(self, address: Address, reason: ByeReason, text: str) -> None:
        self.machine.close(address, self._loop.time(), reason, text)
        self._settle()

    def restart(self, address: Address) -> None:
        self.machine.restart(address, self._loop.time())
        self._settle()

    def answer(self, address: Address, *, yes: bool) -> None:
        self._knocks.pop(address, None)
        decide = self.machine.accept if yes else self.machine.refuse
        decide(address, self._loop.time())
        self._settle()

    async def next_guest(self) -> Guest:
        while not self._new:
            self._changed.clear()
            await self._changed.wait()
        return self._new.pop(next(iter(self._new)))

    async def next_knock(self) -> Knock:
        while not self._knocks:
            self._changed.clear()
            await self._changed.wait()
        return self._knocks.pop(next(iter(self._knocks)))

    def _feed(self, data: bytes, source: Address, now: float) -> None:
        self.machine.receive(data, source, now)

    def _due(self, now: float) -> None:
        self.machine.tick(now)

    def _deadline(self) -> float | None:
        return self.machine.deadline()

    def _flush(self) -> None:
        for goal, datagram in self.machine.outbox:
            self._send(datagram, goal)
        self.machine.outbox.clear()
        for address, event in self.machine.events:
            match event:
                case Opened():
                    guest = Guest(self, address, event)
                    self.guests[address] = self._new[address] = guest
                    self._changed.set()
                case Invited():
                    self._knocks[address] = Knock(self, address, event)
                    self._changed.set()
                case Closed():
                    self._knocks.pop(address, None)
                    self._new.pop(address, None)
                    if (gone := self.guests.pop(address, None)) is not None:
                        gone._arrived(event)
                case _:
                    self.guests[address]._arrived(event)
        self.machine.events.clear()
        for guest in [each for each in self._behind if not each._waiting()]:
            self._behind.discard(guest)
            guest._sent.set()
