"""A UDP socket and the machine behind it: what comes in is handed over, what is due is done."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod

from conduit.contracts.errors import InvalidInput
from conduit.midi.network.commands import READ_BYTES
from conduit.midi.network.visitors import Address

_AT_ONCE = 64
"""How many datagrams are read before others have their turn."""
_RECEIVE_BYTES = 1 << 20
"""What we ask the system to hold until we read; it may give less."""


class Wire(ABC):
    """Times are those of the event loop. One timer is enough: it is moved forward only, and looks
    again when it fires, because most deadlines move back with every datagram.

    The socket is read and written here, not by a transport of asyncio, which would read one
    datagram in each turn of the loop and keep what it cannot send.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @abstractmethod
    def _feed(self, data: bytes, source: Address, now: float) -> None: ...

    @abstractmethod
    def _due(self, now: float) -> None: ...

    @abstractmethod
    def _deadline(self) -> float | None: ...

    @abstractmethod
    def _flush(self) -> None:
        """Send what is to be sent, tell what has happened."""

    def start(self, opened: socket.socket) -> None:
        """Own a socket, which must not block, from now on."""
        self._socket = opened
        self._loop.add_reader(opened, self._readable)
        self._settle()

    def end(self) -> None:
        """Send what is left, and let go of the socket."""
        self._flush()
        self._shut()

    def _readable(self) -> None:
        now = self._loop.time()
        for _ in range(_AT_ONCE):
            if self._socket is None:
                return
            try:
                data, source = self._socket.recvfrom(READ_BYTES + 1)
            except BlockingIOError:
                break
            except OSError:
                # the network says that a datagram of ours did not arrive: it may be wrong, and
                # anybody can say so; what decides is silence
                continue
            self._feed(data, source, now)
        self._settle()

    def _send(self, data: bytes, goal: Address | None = None) -> None:
        if self._socket is None:
            return
        try:
            if goal is None:
                self._socket.send(data)
            else:
                self._socket.sendto(data, goal)
        except OSError:
            return  # a full socket, or no network: lost, as any datagram may be

    def _settle(self) -> None:
        self._flush()
        deadline = self._deadline()
        if deadline is None or self._socket is None:
            return
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer, self._timer_at = self._loop.call_at(deadline, self._fire), deadline

    def _fire(self) -> None:
        self._timer = None
        self._due(self._loop.time())
        self._settle()

    def _shut(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None


async def udp_socket(address: str, port: int, *, connect: bool) -> socket.socket:
    """A socket that speaks with one host only, or listens at an address of this machine.

    Raises ``OSError`` when that is not possible, ``ValueError`` for a name that cannot be, and
    ``InvalidInput`` for such a port.
    """
    if not connect <= port <= 65_535:
        raise InvalidInput(f"there is no port {port}", hint="use 1 to 65535")
    loop = asyncio.get_running_loop()
    flags = 0 if connect else socket.AI_PASSIVE
    places = await loop.getaddrinfo(address, port, type=socket.SOCK_DGRAM, flags=flags)
    failed: OSError = OSError(f"{address} has no address")
    for family, kind, protocol, _, place in places:
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            if connect:
                opened.connect(place)
            else:
                opened.bind(place)
        except OSError as error:
            opened.close()
            failed = error
        else:
            return opened
    raise failed
