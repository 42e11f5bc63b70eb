"""Where music goes: a host of Network MIDI 2.0, a device file, a port of this machine.

Unlike a link, an output waits: a note that is lost sounds on for ever, or not at all.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conduit.contracts.errors import MissingDependency, NotFound, Unavailable
from conduit.midi.network import Client, Identity, SharedSecret, UserPassword
from conduit.midi.ump import JrClock, JrTimestamp, bytes_of, decode, encode
from conduit.surfaces.flex.links import SLOWEST_READER_S, whole_messages
from conduit.surfaces.flex.ports import (
    SystemSink,
    device_files,
    holds_packets,
    midi1_bytes,
    opened,
    sink_names,
)

NAME: Final = "Conduit"
PRODUCT: Final = "conduit-play"


@dataclass(frozen=True, slots=True)
class Output:
    """Who is played to, and how words get there, in order and whole. ``send`` raises
    ``Unavailable``."""

    name: str
    send: Callable[[list[int]], Awaitable[None]]


@asynccontextmanager
async def host_output(
    host: str, port: int, *, user: str = "", secret: str = ""
) -> AsyncGenerator[Output, None]:
    """A host of Network MIDI 2.0. Raises as ``Client.open``."""
    shown = (UserPassword(user, secret) if user else SharedSecret(secret)) if secret else None
    client = await Client.open(host, port, Identity(NAME, PRODUCT), credentials=shown)

    async def send(words: list[int]) -> None:
        for each in whole_messages(words):
            client.send(each)
        await client.drain()

    try:
        yield Output(client.peer.name or f"{host}:{port}", send)
    finally:
        await client.close()


@asynccontextmanager
async def port_output(name: str) -> AsyncGenerator[Output, None]:
    """A device file, or a port by its name or a part of it. Raises ``NotFound``, ``Unavailable``
    and ``MissingDependency``."""
    if name.startswith("/"):
        device = _Device(Path(name))
        try:
            yield Output(name, device.send)
        finally:
            device.close()
        return
    sink = SystemSink.open(name)

    async def send(words: list[int]) -> None:
        for message in decode(words):
            if not isinstance(message, JrClock | JrTimestamp):  # the system has times of its own
                sink.send(list(encode(message)))

    try:
        yield Output(sink.name, send)
    finally:
        sink.close()


def outputs_here() -> list[str]:
    """Device files, and names of ports that can be played to."""
    found = device_files()
    with suppress(MissingDependency, NotFound):
        found += sink_names()
    return found


class _Device:
    """A device file that is written to."""

    def __init__(self, path: Path) -> None:
        self._file = opened(path, os.O_WRONLY)
        self._path = path
        self._packets = holds_packets(path)

    async def send(self, words: list[int]) -> None:
        """Write it all, however long the device takes, within reason."""
        data = bytes_of(words, "native") if self._packets else midi1_bytes(words)
        while data:
            try:
                data = data[os.write(self._file, data) :]
            except BlockingIOError:
                await self._ready()
            except OSError as error:
                raise self._gone(f"the device is gone: {error.strerror}") from None

    def close(self) -> None:
        os.close(self._file)

    async def _ready(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(self._file, ready.set)
        try:
            async with asyncio.timeout(SLOWEST_READER_S):
                await ready.wait()
        except TimeoutError:
            raise self._gone(f"the device took nothing for {SLOWEST_READER_S:g} s") from None
        finally:
            loop.remove_writer(self._file)

    def _gone(self, said: str) -> Unavailable:
        return Unavailable(said, where=str(self._path), hint="is it still plugged in?")
