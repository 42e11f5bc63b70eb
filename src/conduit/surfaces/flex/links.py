"""Links: a session of Network MIDI 2.0, or words as bytes over TCP, a pipe or standard input."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Final

from conduit.contracts.errors import Unavailable
from conduit.midi.network import Connection
from conduit.midi.ump import SIZES, bytes_of
from conduit.surfaces.flex.devices import Identity

log = logging.getLogger("conduit.flex")
SLOWEST_READER_S: Final = 5.0
_PER_COMMAND: Final = 64
"""Words of a command of Network MIDI at most: sixteen packets of Flex Data."""


class NetworkLink:
    """A session of Network MIDI, whoever invited."""

    def __init__(self, session: Connection, host: str) -> None:
        self._session = session
        self.identity = Identity(
            key=f"network {host}",
            endpoint=session.peer.name,
            product=session.peer.product_instance_id,
            address=host,
            secret=session.user,
            here=_is_here(host),
        )

    async def send(self, words: list[int]) -> None:
        """See ``Link.send``; what is sent again when it is lost is the session's matter. Waits for
        a peer that takes its time, and says goodbye to one that takes too long."""
        try:
            for each in whole_messages(words):
                self._session.send(each)
            async with asyncio.timeout(SLOWEST_READER_S):
                await self._session.drain()
        except Unavailable:  # the session is over, or more waits than may
            if self._session.closed is None:
                log.warning("%s takes nothing: its session is ended", self.identity.key)
                await self._session.close()
        except TimeoutError:
            log.warning("%s is too slow: its session is ended", self.identity.key)
            await self._session.close()


class StreamLink:
    """Big-endian words over a stream of bytes. Who does not read for a while is cut off."""

    def __init__(self, identity: Identity, writer: asyncio.StreamWriter | None) -> None:
        self.identity = identity
        self._writer = writer

    async def send(self, words: list[int]) -> None:
        """See ``Link.send``."""
        if self._writer is None or self._writer.is_closing():
            return
        self._writer.write(bytes_of(words, "big"))
        try:
            async with asyncio.timeout(SLOWEST_READER_S):
                await self._writer.drain()
        except (OSError, TimeoutError):
            self._writer.transport.abort()


def stream_identity(writer: asyncio.StreamWriter) -> Identity:
    """Who connected."""
    peer = writer.get_extra_info("peername")
    host = str(peer[0]) if peer else "?"
    return Identity(key=f"tcp {host}", address=host, here=_is_here(host))


def whole_messages(words: list[int], most: int = _PER_COMMAND) -> Iterator[list[int]]:
    """Words in portions of whole messages, each at most as long as a command of Network MIDI."""
    begin = end = 0
    while end < len(words):
        after = end + SIZES[words[end] >> 28]
        if after - begin > most:
            yield words[begin:end]
            begin = end
        end = after
    if begin < len(words):
        yield words[begin:]


def _is_here(host: str) -> bool:
    return host in ("::1", "localhost") or host.startswith(("127.", "::ffff:127."))
