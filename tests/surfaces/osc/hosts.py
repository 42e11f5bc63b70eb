"""Hosts that speak OSC to the bridge: plain sockets, and packets by python-osc."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from conduit.intents.service import Service
from conduit.surfaces.osc.bridge import Bridge
from conduit.surfaces.osc.door import Door
from conduit.surfaces.osc.server import Addresses, OscServer
from conduit.surfaces.osc.settings import OscSettings
from tests.intents.fake_services import Services, services


def written(address: str, *arguments: Any) -> bytes:
    """A message, by python-osc."""
    builder = OscMessageBuilder(address)
    for each in arguments:
        builder.add_arg(each)
    return builder.build().dgram


def bundled(at_s: float, *messages: bytes) -> bytes:
    """A bundle at so many seconds since 1970; 0: immediately."""
    builder = OscBundleBuilder(at_s or 0)
    for each in messages:
        builder.add_content(OscMessage(each))
    return builder.build().dgram


class Patch:
    """A host over UDP."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.bridge = ("127.0.0.1", port)
        self.port = int(self._socket.getsockname()[1])
        self.heard: list[tuple[str, list[Any]]] = []
        self.sizes: list[int] = []

    def send(self, data: bytes) -> None:
        self._socket.sendto(data, self.bridge)

    def ask(self, address: str, *arguments: Any) -> None:
        self.send(written(address, *arguments))

    async def hear(self) -> tuple[str, list[Any]]:
        async with asyncio.timeout(20):
            data = await asyncio.get_running_loop().sock_recv(self._socket, 1 << 16)
        message = OscMessage(data)
        self.sizes.append(len(data))
        self.heard.append((message.address.removeprefix("/conduit/"), list(message)))
        return self.heard[-1]

    async def told(self, corr: str) -> list[tuple[str, list[Any]]]:
        """All that is said of a ``corr``, to its end; the parts of a result as one value."""
        found: list[tuple[str, list[Any]]] = []
        pieces: dict[int, str] = {}
        while True:
            kind, (of, *rest) = await self.hear()
            if of != corr:
                continue
            if kind == "result":
                piece, part, parts = rest
                pieces[part] = piece
                if len(pieces) < parts:
                    continue
                whole = "".join(pieces[number] for number in sorted(pieces))
                return [*found, (kind, [json.loads(whole)])]
            found.append((kind, rest))
            if kind == "error":
                return found

    def close(self) -> None:
        self._socket.close()


@asynccontextmanager
async def bridged(
    *, tcp: int | None = None, host: str = "127.0.0.1", **said: Any
) -> AsyncIterator[tuple[OscServer, Services]]:
    async with services() as behind:
        usual: dict[str, Any] = {"may": ("*",), "key": "ck-very-secret", "burst": 1000.0}
        settings = replace(OscSettings(behind.url), **(usual | said))
        numbers = iter(range(1, 1 << 30))
        bridge = Bridge(
            settings,
            Service(settings, time.monotonic),
            Door(settings, time.monotonic, b"secret"),
            time.time,
            lambda: f"made{next(numbers)}",
        )
        server = OscServer(bridge)
        await server.start(Addresses(host, 0, tcp))
        try:
            yield server, behind
        finally:
            await server.stop()


@asynccontextmanager
async def patched(**said: Any) -> AsyncIterator[tuple[Patch, Services]]:
    async with bridged(**said) as (server, behind):
        patch = Patch(server.udp_port)
        try:
            yield patch, behind
        finally:
            patch.close()


def kinds(told: Sequence[tuple[str, list[Any]]]) -> list[str]:
    return [kind for kind, _ in told]
