"""Discovery over real multicast: an announcer or a browser at 224.0.0.251 port 5353."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

from conduit.contracts.errors import Unavailable
from conduit.midi.network.discovery import Announcer, Browser, Service
from conduit.midi.network.udp.host import Host
from conduit.midi.network.udp.wire import Wire
from conduit.midi.network.visitors import Address

GROUP = "224.0.0.251"
PORT = 5353


class Advertisement:
    """Makes a host findable until ``close``. ``instance`` is the name under which it is found."""

    def __init__(self, wire: _MulticastWire, announcer: Announcer) -> None:
        self._wire = wire
        self._announcer = announcer

    @classmethod
    async def open(
        cls, host: Host, *, label: str = "", interface: str = "", port: int = PORT
    ) -> Advertisement:
        """Announce a host under ``label``, or its name, on the network of the interface with this
        IPv4 address, or of the one that the system prefers.

        Raises ``Unavailable`` when this machine has no multicast, ``InvalidInput`` for a label of
        more than 63 bytes.
        """
        loop = asyncio.get_running_loop()
        sock, own = _open_socket(interface, port)
        anywhere = host.address in ("0.0.0.0", "::", "")
        try:
            announcer = Announcer(
                label or host.identity.name,
                host.identity,
                host.port,
                (own,) if anywhere else (host.address,),
                f"conduit-{os.urandom(4).hex()}",
                loop.time(),
            )
        except BaseException:
            sock.close()
            raise
        wire = _MulticastWire(loop, announcer, port)
        wire.start(sock)
        return cls(wire, announcer)

    @property
    def instance(self) -> str:
        return self._announcer.instance

    @property
    def settled(self) -> bool:
        """Whether the name was found to be free, and has been announced."""
        return self._announcer.settled

    async def close(self) -> None:
        """Have others forget the host."""
        self._announcer.leave()
        self._wire.end()


async def find(
    seconds: float = 3.0, *, interface: str = "", port: int = PORT, enough: int = 0
) -> tuple[Service, ...]:
    """The hosts that answer within so many seconds; or sooner, when ``enough`` have.

    What they say of themselves, their addresses too, is what somebody on this network said: invite
    whom you know.
    """
    loop = asyncio.get_running_loop()
    sock, _ = _open_socket(interface, port)
    browser = Browser(loop.time())
    wire = _MulticastWire(loop, browser, port)
    wire.start(sock)
    until = loop.time() + seconds
    try:
        while (left := until - loop.time()) > 0:
            found = browser.services(loop.time())
            if enough and len(found) >= enough:
                break
            wire.heard.clear()
            try:
                # Not ``wait_for``: in Python 3.11 it loses a Ctrl-C that comes with an answer.
                async with asyncio.timeout(left):
                    await wire.heard.wait()
            except TimeoutError:
                break
        return browser.services(loop.time())
    finally:
        wire.end()


class _MulticastWire(Wire):
    def __init__(
        self, loop: asyncio.AbstractEventLoop, machine: Announcer | Browser, port: int
    ) -> None:
        super().__init__(loop)
        self._machine = machine
        self._port = port
        self.heard = asyncio.Event()

    def _feed(self, data: bytes, source: Address, now: float) -> None:
        # whoever speaks multicast DNS in full speaks from its port (RFC 6762, 11); others would
        # have to be answered at an address that they may have invented
        if source[1] == self._port:
            self._machine.receive(data, now)
            self.heard.set()

    def _due(self, now: float) -> None:
        self._machine.tick(now)

    def _deadline(self) -> float | None:
        return self._machine.deadline()

    def _flush(self) -> None:
        for datagram in self._machine.outbox:
            self._send(datagram, (GROUP, self._port))
        self._machine.outbox.clear()


def _open_socket(interface: str, port: int) -> tuple[socket.socket, str]:
    """A socket in the group, beside those of other programs; and the address it speaks from."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("", port))
        own = interface or _preferred()
        inside = socket.inet_aton(own)
        membership = struct.pack("4s4s", socket.inet_aton(GROUP), inside)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, inside)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    except (OSError, OverflowError, ValueError) as error:
        sock.close()
        raise Unavailable(
            f"no multicast on this machine: {error}",
            hint="name the IPv4 address of the network card that leads to the devices",
        ) from error
    return sock, own


def _preferred() -> str:
    """The address from which this machine would speak to the group. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((GROUP, PORT))
        return str(probe.getsockname()[0])
