"""Sockets for the bridge: datagrams, and streams over TCP."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from dataclasses import dataclass
from typing import Final

from conduit.contracts.errors import ConduitError, Unavailable
from conduit.surfaces.osc.bridge import Bridge
from conduit.surfaces.osc.datagrams import Datagrams
from conduit.surfaces.osc.door import Address
from conduit.surfaces.osc.links import DatagramLink, StreamLink
from conduit.surfaces.osc.wire import FrameReader

MOST_STREAMS: Final = 64
MOST_STREAMS_OF_HOST: Final = 32
MOST_PACKET: Final = 1 << 18
"""Of one packet over TCP, in bytes."""
_AT_ONCE: Final = 1 << 16

log = logging.getLogger("conduit.osc")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where it listens; port 0 is any, None not at all."""

    host: str = "127.0.0.1"
    udp: int | None = 0
    tcp: int | None = None


class OscServer:
    """From ``start`` to ``stop``, in one event loop."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.udp_port = 0
        self.tcp_port = 0
        self._datagrams: Datagrams | None = None
        self._streams: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._hosts: Counter[str] = Counter()
        self._numbers = itertools.count(1)

    async def start(self, addresses: Addresses) -> None:
        """Listen. Raises ``Unavailable``; then it listens nowhere."""
        try:
            if addresses.udp is not None:
                self._datagrams = await Datagrams.open(addresses.host, addresses.udp, self._came)
                self.udp_port = self._datagrams.port
            if addresses.tcp is not None:
                await self._listen(addresses.host, addresses.tcp)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End what is worked on, and let go of the sockets."""
        if self._streams is not None:
            self._streams.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None
        await self.bridge.aclose()

    async def _listen(self, host: str, port: int) -> None:
        try:
            self._streams = await asyncio.start_server(self._connected, host, port)
        except (OSError, OverflowError) as error:
            raise Unavailable(
                f"cannot listen at {host} port {port}: {error}",
                hint="choose a free port, or 0 for any",
            ) from None
        self.tcp_port = int(self._streams.sockets[0].getsockname()[1])

    def _came(self, data: bytes, source: Address) -> None:
        datagrams, bridge = self._datagrams, self.bridge
        if datagrams is None or not bridge.door.lets_in(source[0]):
            return  # whoever is not let in is not answered either
        link = DatagramLink(source, bridge.settings, bridge.door, datagrams.send)
        bridge.door.came(link.place, len(data))
        bridge.hear(link, data)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        frames = FrameReader(MOST_PACKET)
        link = StreamLink(writer, frames, next(self._numbers))
        full = len(self._tasks) >= MOST_STREAMS or self._hosts[link.host] >= MOST_STREAMS_OF_HOST
        if full or task is None or not self.bridge.door.lets_in(link.host):
            writer.transport.abort()
            return
        self._tasks.add(task)
        self._hosts[link.host] += 1
        try:
            while data := await reader.read(_AT_ONCE):
                for packet in frames.feed(data):
                    self.bridge.hear(link, packet)
                    await asyncio.sleep(0)  # or one that floods would keep the others waiting
        except ConduitError as error:
            log.info("%s: %s", link.host, error.message)
        except OSError as error:
            log.info("%s: the connection broke off: %s", link.host, error)
        except asyncio.CancelledError:
            writer.transport.abort()  # asyncio's server would complain of what is cancelled
        finally:
            self._tasks.discard(task)
            self._hosts[link.host] -= 1
            self._hosts += Counter()  # forgets those that have none
            self.bridge.left(link)
            writer.close()
