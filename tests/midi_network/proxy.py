"""Bad weather between two real sockets: what a host and a client send goes through here."""

from __future__ import annotations

import asyncio
from random import Random
from typing import cast

from tests.midi_network.simulated import Weather


class Proxy(asyncio.DatagramProtocol):
    """Listens for one client at ``port`` and passes on to a host, and back, with the weather's
    faults; the sequence of faults is the seed's."""

    def __init__(self, host_port: int, weather: Weather, seed: int) -> None:
        self._host_port = host_port
        self._weather = weather
        self._random = Random(seed)
        self._client: tuple[str, int] | None = None
        self.dropped = self.passed = 0

    async def open(self) -> int:
        self._loop = asyncio.get_running_loop()
        here = ("127.0.0.1", 0)
        inside, _ = await self._loop.create_datagram_endpoint(lambda: self, local_addr=here)
        outside, _ = await self._loop.create_datagram_endpoint(
            lambda: _Back(self), remote_addr=("127.0.0.1", self._host_port)
        )
        self._inside = cast(asyncio.DatagramTransport, inside)
        self._outside = cast(asyncio.DatagramTransport, outside)
        return int(self._inside.get_extra_info("sockname")[1])

    def close(self) -> None:
        self._inside.close()
        self._outside.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._client = addr
        self.carry(data, to_host=True)

    def carry(self, data: bytes, *, to_host: bool) -> None:
        weather, random = self._weather, self._random
        if random.random() < weather.loss:
            self.dropped += 1
            return
        for _ in range(2 if random.random() < weather.duplication else 1):
            late = weather.late_s * random.random() if random.random() < weather.reorder else 0.0
            self._loop.call_later(late, self._pass_on, data, to_host)

    def _pass_on(self, data: bytes, to_host: bool) -> None:
        self.passed += 1
        if to_host and not self._outside.is_closing():
            self._outside.sendto(data)
        elif not to_host and not self._inside.is_closing():
            self._inside.sendto(data, self._client)


class _Back(asyncio.DatagramProtocol):
    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._proxy.carry(data, to_host=False)
