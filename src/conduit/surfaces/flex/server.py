"""Everything a bridge listens to: Network MIDI 2.0 over UDP, TCP on this machine, one stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Protocol

from conduit.contracts.errors import ConduitError, MissingDependency, Unavailable
from conduit.midi.network import (
    Access,
    Advertisement,
    Client,
    Connection,
    Gap,
    Host,
    Overrun,
    Received,
    Restarted,
    UserPassword,
)
from conduit.midi.network import Identity as NetworkIdentity
from conduit.midi.ump import WordStream
from conduit.surfaces.flex.devices import Identity
from conduit.surfaces.flex.line import Line, Link
from conduit.surfaces.flex.links import NetworkLink, StreamLink, stream_identity
from conduit.surfaces.flex.ports import open_port
from conduit.surfaces.flex.settings import FlexSettings, Peer

MOST_STREAMS: Final = 64
_AT_ONCE: Final = 1 << 16
_FIRST_RETRY_S: Final = 1.0
_LONGEST_RETRY_S: Final = 30.0
NAME: Final = "Conduit"
_METHODS: Final = (b"GET ", b"HEAD", b"POST", b"PUT ", b"DELE", b"CONN", b"OPTI", b"TRAC", b"PATC")
_OF_HTTP: Final = frozenset(int.from_bytes(each, "big") for each in _METHODS)
"""First words of a request."""

log = logging.getLogger("conduit.flex")


class Ear(Protocol):
    """Whoever acts on what is heard: the bridge, or somebody who only watches."""

    @property
    def settings(self) -> FlexSettings: ...

    def line(self, link: Link) -> Line:
        """What reads a link from now on."""
        ...

    async def hear(self, line: Line, words: list[int]) -> None:
        """Act on what these words complete. Raises nothing but cancellation."""
        ...

    async def idle(self) -> None:
        """Wait until nothing is worked on."""
        ...

    async def aclose(self) -> None:
        """End what is worked on."""
        ...


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where it listens. ``port`` is of UDP, 0 any; None: not at all. ``announced`` under this
    name by multicast DNS, when it is not empty."""

    host: str = "127.0.0.1"
    port: int | None = 0
    tcp: int | None = None
    announced: str = ""


class FlexServer:
    """From ``start`` to ``stop``, in one event loop."""

    def __init__(self, ear: Ear, product: str, *, ended: Callable[[], None] | None = None) -> None:
        """``product`` is our product instance id; ``ended`` is called at the very end."""
        self.ear = ear
        self._product = product
        self._ended = ended
        self._tasks: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()
        self._streams = 0
        self.port = 0
        self.tcp_port = 0

    async def start(self, addresses: Addresses) -> None:
        """Listen. Raises ``Unavailable``; then it listens nowhere."""
        try:
            if addresses.port is not None:
                await self._start_network(addresses, addresses.port)
            for peer in self.ear.settings.connect:
                self._begin(self._join(peer))
            for name in self.ear.settings.ports:
                self._begin(self._plug(name))
            if addresses.tcp is not None:
                await self._start_tcp(addresses.tcp)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Say goodbye to all, and cancel what is worked on."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()
        await self.ear.aclose()
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()

    async def read(
        self, reader: asyncio.StreamReader, identity: Identity, writer: asyncio.StreamWriter | None
    ) -> None:
        """Serve one stream of big-endian words until its end. A connection that begins as a request
        of HTTP does is ended, since a web page can make a browser send any bytes behind that."""
        line = self.ear.line(StreamLink(identity, writer))
        stream = WordStream("big")
        if writer is not None:
            await line.greet()
        first = writer is not None
        while data := await reader.read(_AT_ONCE):
            words = stream.feed(data)
            if first and words:
                first = False
                if words[0] in _OF_HTTP:
                    log.warning("%s: a request of HTTP is no stream of MIDI", identity.key)
                    return
            await self.ear.hear(line, words)

    async def idle(self) -> None:
        """Wait until nothing is worked on or waits."""
        await self.ear.idle()

    async def _start_network(self, addresses: Addresses, port: int) -> None:
        secrets = {each.name: each.secret for each in self.ear.settings.devices if each.secret}
        host = await Host.open(
            NetworkIdentity(NAME, self._product),
            address=addresses.host,
            port=port,
            access=Access(users=secrets),
        )
        self._stack.push_async_callback(host.close)
        self.port = host.port
        if addresses.announced:
            found = await Advertisement.open(host, label=addresses.announced)
            self._stack.push_async_callback(found.close)
        self._begin(self._accept(host))

    async def _start_tcp(self, port: int) -> None:
        try:
            server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        except (OSError, OverflowError) as error:
            raise Unavailable(
                f"cannot listen at 127.0.0.1 port {port}: {error}",
                hint="choose a free port, or 0 for any",
            ) from None
        self._stack.callback(server.close)
        self.tcp_port = int(server.sockets[0].getsockname()[1])

    async def _accept(self, host: Host) -> None:
        while True:
            guest = await host.accept()
            self._begin(self._serve(guest, str(guest.address[0])))

    async def _join(self, peer: Peer) -> None:
        """Keep a session with a host that is configured, as long as the bridge runs."""
        wait = _FIRST_RETRY_S
        told = False
        while True:
            try:
                client = await Client.open(
                    peer.host,
                    peer.port,
                    NetworkIdentity(NAME, self._product),
                    credentials=UserPassword(peer.user, peer.secret) if peer.user else None,
                )
            except ConduitError as error:
                if not told:
                    log.warning("%s:%d: %s", peer.host, peer.port, error.message)
                told = True
            else:
                wait, told = _FIRST_RETRY_S, False
                try:
                    await self._serve(client, peer.host)
                finally:
                    await client.close()
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_RETRY_S)

    async def _plug(self, name: str) -> None:
        """Keep a port of this machine open, as long as the bridge runs."""
        wait = _FIRST_RETRY_S
        told = False
        while True:
            try:
                async with open_port(name) as port:
                    wait, told = _FIRST_RETRY_S, False
                    line = self.ear.line(port)
                    await line.greet()
                    while words := await port.words():
                        await self.ear.hear(line, words)
                log.info("%s was unplugged", name)
            except MissingDependency:
                raise
            except ConduitError as error:
                if not told:
                    log.warning("%s", error)
                told = True
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_RETRY_S)

    async def _serve(self, session: Connection, host: str) -> None:
        link = NetworkLink(session, host)
        line = self.ear.line(link)
        log.info("%s is here: %s", link.identity.endpoint or "a device", link.identity.key)
        async for event in session:
            match event:
                case Received(words):
                    await self.ear.hear(line, list(words))
                case Gap(count=count) | Overrun(count=count):
                    log.warning("%s: %d commands were lost", link.identity.key, count)
                    line = self.ear.line(link)  # what was begun can't be told from what follows
                case Restarted():
                    line = self.ear.line(link)
        log.info("%s left", link.identity.endpoint or "a device")

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if self._streams >= MOST_STREAMS or task is None:
            writer.transport.abort()
            return
        self._tasks.add(task)
        self._streams += 1
        try:
            await self.read(reader, stream_identity(writer), writer)
        except OSError as error:
            log.info("a connection broke off: %s", error)
        except asyncio.CancelledError:
            writer.transport.abort()  # asyncio's server would complain of what is cancelled
        finally:
            self._tasks.discard(task)
            self._streams -= 1
            writer.close()

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, ConduitError):
            log.error("%s", error)
        else:
            log.error("a link ended", exc_info=error)
