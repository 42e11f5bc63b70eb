"""A UDP socket, read a few datagrams at a time; what the system cannot take at once is lost, as any
datagram may be."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from conduit.contracts.errors import ConduitError, Unavailable
from conduit.midi.network.udp.wire import udp_socket
from conduit.surfaces.osc.door import Address

MOST_BYTES: Final = 65_507
_AT_ONCE: Final = 32


class Datagrams:
    """From ``open`` to ``close``. ``came`` must not raise."""

    def __init__(self, opened: socket.socket, came: Callable[[bytes, Address], None]) -> None:
        self._socket = opened
        self._came = came
        self._loop = asyncio.get_running_loop()
        self.port = int(opened.getsockname()[1])
        self._loop.add_reader(opened, self._readable)

    @classmethod
    async def open(cls, host: str, port: int, came: Callable[[bytes, Address], None]) -> Datagrams:
        """Listen at an address of this machine; port 0 is any. Raises ``Unavailable``."""
        try:
            return cls(await udp_socket(host, port, connect=False), came)
        except (OSError, ValueError, ConduitError) as error:
            why = error.message if isinstance(error, ConduitError) else error
            raise Unavailable(
                f"cannot listen at {host} port {port}: {why}",
                hint="is somebody else there? choose a free port, or 0 for any",
            ) from None

    def send(self, data: bytes, goal: Address) -> None:
        """Send it, or lose it."""
        try:
            self._socket.sendto(data, goal)
        except OSError:
            return  # a full socket, or no network: lost

    def close(self) -> None:
        """Let go of the socket."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            if self._socket.fileno() < 0:
                return
            try:
                data, source = self._socket.recvfrom(MOST_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # the network says that a datagram of ours did not arrive
            self._came(data, (str(source[0]), int(source[1])))
