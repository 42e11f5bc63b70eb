"""Questions to AbletonOSC and its answers, over UDP.

It looks at its socket ten times a second, answers under the same address with the indices it was
asked for before the values, and says ``/live/error`` of what it cannot do. Datagrams get lost, so
a question is asked again; what changes something is not: whoever sends that looks afterwards.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Final

from conduit.contracts.errors import ConduitError, Conflict, InvalidInput, TimedOut, Unavailable
from conduit.surfaces.osc.datagrams import Datagrams
from conduit.surfaces.osc.door import Address
from conduit.surfaces.osc.wire import Argument, Message, Packet, decode, encode

PORT: Final = 11_000
REPLY_PORT: Final = 11_001
MOST_ERRORS: Final = 16
_GRACE: Final = 0.3
"""An error may be of somebody else's doing: for this share of the patience an answer may come."""
_LONGEST_SAID: Final = 300

_Key = tuple[str, tuple[Argument, ...]]


class LiveWire:
    """From ``open`` to ``close``, in one event loop. Each question waits ``patience_s``, three
    times."""

    def __init__(self, goal: Address, patience_s: float) -> None:
        self.errors: deque[str] = deque(maxlen=MOST_ERRORS)
        """What Live said of what it could not do, the newest last."""
        self._goal = goal
        self._patience = patience_s
        self._tries = 3
        self._waiting: dict[_Key, asyncio.Future[tuple[Argument, ...]]] = {}
        self._datagrams: Datagrams | None = None

    @classmethod
    async def open(
        cls,
        host: str = "127.0.0.1",
        port: int = PORT,
        reply_port: int = REPLY_PORT,
        *,
        patience_s: float = 1.0,
    ) -> LiveWire:
        """A wire to a Live that answers. Raises ``Unavailable``."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
        except (OSError, UnicodeError, OverflowError) as error:
            raise Unavailable(
                f"{host[:80]} cannot be found: {error}", hint="give an IPv4 address"
            ) from None
        goal = str(found[0][4][0]), port
        wire = cls(goal, patience_s)
        here = "127.0.0.1" if goal[0].startswith("127.") else "0.0.0.0"
        wire._datagrams = await Datagrams.open(here, reply_port, wire._came)
        try:
            await wire.query("/live/test")
        except ConduitError as error:
            wire.close()
            raise Unavailable(
                f"no Live answers at {host}:{port}: {error.message}",
                hint="in Live's settings, under Link, Tempo & MIDI, choose AbletonOSC as a control "
                f"surface; it answers at port {REPLY_PORT} of whoever asks",
            ) from None
        return wire

    def close(self) -> None:
        """Let go of the socket."""
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None

    def send(self, address: str, *arguments: Argument) -> None:
        """Say something that is not answered."""
        if self._datagrams is not None:
            self._datagrams.send(encode(Message(address, arguments)), self._goal)

    async def query(
        self,
        address: str,
        *arguments: Argument,
        echoed: int | None = None,
        tries: int | None = None,
    ) -> tuple[Argument, ...]:
        """The values of an answer, which begins with the first ``echoed`` arguments: all of them,
        unless it is said.

        Raises ``TimedOut``, ``InvalidInput`` with what Live says when it refuses, and ``Conflict``
        when the same is being asked already.
        """
        key = address, arguments if echoed is None else arguments[:echoed]
        if key in self._waiting:
            raise Conflict("this is being asked already", where=address)
        loop = asyncio.get_running_loop()
        for _ in range(tries or self._tries):
            answer: asyncio.Future[tuple[Argument, ...]] = loop.create_future()
            self._waiting[key] = answer
            try:
                self.send(address, *arguments)
                async with asyncio.timeout(self._patience):
                    return await answer
            except TimeoutError:
                continue
            finally:
                del self._waiting[key]
        raise TimedOut(
            f"Live did not answer within {self._patience:g} s",
            where=address,
            hint="is it busy, or a dialogue open? what was asked before may have been done",
        )

    def _came(self, data: bytes, source: Address) -> None:
        if source[0] != self._goal[0]:
            return
        try:
            packet = decode(data)
        except InvalidInput:
            return  # whoever sent it is no AbletonOSC
        self._heard(packet)

    def _heard(self, packet: Packet) -> None:
        if not isinstance(packet, Message):
            for element in packet.elements:
                self._heard(element)
            return
        if packet.address == "/live/error":
            self._failed(packet)
            return
        for (address, echo), answer in self._waiting.items():
            count = len(echo)
            same = address == packet.address and packet.arguments[:count] == echo
            if same and not answer.done():
                answer.set_result(packet.arguments[count:])
                return

    def _failed(self, packet: Message) -> None:
        first = packet.arguments[0] if packet.arguments else ""
        said = str(first)[:_LONGEST_SAID] if isinstance(first, str) else "an error"
        self.errors.append(said)
        loop = asyncio.get_running_loop()
        for (address, _), answer in self._waiting.items():
            loop.call_later(self._patience * _GRACE, _give_up, answer, address, said)


def _give_up(answer: asyncio.Future[tuple[Argument, ...]], address: str, said: str) -> None:
    if not answer.done():
        answer.set_exception(
            InvalidInput(
                f"Live refuses: {said}", where=address, hint="look at the set: has it changed?"
            )
        )
