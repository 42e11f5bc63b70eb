"""Where a packet came from, and where its replies go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from conduit.surfaces.osc.door import Address, Door
from conduit.surfaces.osc.settings import OscSettings
from conduit.surfaces.osc.wire import FrameReader, Message, encode

_BURST: Final = 8
_BETWEEN_BURSTS_S: Final = 0.002
"""Many datagrams at once overrun the other end, which reads at its own pace."""
MOST_OVER_TCP: Final = 8 << 20
_PART_OVER_TCP: Final = 1 << 16
MOST_UNREAD: Final = 1 << 18
"""Bytes that may wait to be read by the other end when something short is said."""
_SLOW_S: Final = 10.0

log = logging.getLogger("conduit.osc")


class Link(Protocol):
    """One end of a conversation."""

    @property
    def host(self) -> str:
        """The address that rates are counted for."""
        ...

    @property
    def key(self) -> str:
        """Tells one sender's calls from another's."""
        ...

    @property
    def most(self) -> int:
        """Bytes of one message at most."""
        ...

    @property
    def in_all(self) -> int:
        """Bytes of one value at most."""
        ...

    async def send(self, messages: Sequence[Message]) -> None:
        """Send them, as far as that may be. Raises nothing."""
        ...

    def say(self, message: Message) -> bool:
        """Send a short one without waiting. False when that cannot be."""
        ...


class DatagramLink:
    """A sender of datagrams, and the place its replies go to."""

    def __init__(
        self,
        sender: Address,
        settings: OscSettings,
        door: Door,
        send: Callable[[bytes, Address], None],
    ) -> None:
        host, port = sender
        self.host = host
        self.place = settings.reply_to or (host, settings.reply_port or port)
        self.key = f"udp {host} {port}"
        self.most = settings.datagram
        self.in_all = settings.most_reply
        self._door = door
        self._send = send

    async def send(self, messages: Sequence[Message]) -> None:
        """Send them a few at a time. What has no proven place to go to is left unsaid."""
        for number, message in enumerate(messages, 1):
            if not self.say(message):
                return
            if number % _BURST == 0:
                await asyncio.sleep(_BETWEEN_BURSTS_S)

    def say(self, message: Message) -> bool:
        """Send one now. False when it may not be sent."""
        data = encode(message)
        if not self._door.may_send(self.place, len(data)):
            log.info("%s: a reply was left unsaid: nobody there has said hello", self.host)
            return False
        self._send(data, self.place)
        return True


class StreamLink:
    """A connection over TCP, whose sender is where it says."""

    most = _PART_OVER_TCP
    in_all = MOST_OVER_TCP

    def __init__(self, writer: asyncio.StreamWriter, frames: FrameReader, number: int) -> None:
        name = writer.get_extra_info("peername")
        self.host = str(name[0]) if name else ""
        self.key = f"tcp {self.host} {number}"
        self._writer = writer
        self._frames = frames

    def say(self, message: Message) -> bool:
        """Send a short one now. False when it is closed, or does not read what it is sent."""
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > MOST_UNREAD:
            return False
        self._writer.write(self._frames.framed(encode(message)))
        return True

    async def send(self, messages: Sequence[Message]) -> None:
        """Send them. A connection whose other end does not read is given up after ten seconds."""
        try:
            for message in messages:
                if self._writer.is_closing():
                    return
                self._writer.write(self._frames.framed(encode(message)))
                async with asyncio.timeout(_SLOW_S):
                    await self._writer.drain()
        except TimeoutError:
            log.info("%s does not read what it is sent", self.host)
            self._writer.transport.abort()
        except OSError as error:
            log.info("%s: the connection broke off: %s", self.host, error)
