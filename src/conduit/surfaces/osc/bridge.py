"""The bridge: messages of other hosts in, calls of services out, and back what comes of them.

Every call is answered: with an ``error``, or with an ``ack``, perhaps ``progress``, and a
``result`` or an ``error``, all with its ``corr``. A sender whose queue is full delays no other.
"""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from conduit.contracts.errors import (
    ConduitError,
    Forbidden,
    InvalidInput,
    Overloaded,
    RateLimited,
    TooLarge,
)
from conduit.contracts.json import Json
from conduit.intents.codes import Trouble
from conduit.intents.queues import Call, CallQueues, Kind, Limits, Sender
from conduit.intents.service import Service
from conduit.intents.telling import CANCEL
from conduit.surfaces.osc.asked import HELLO, ROOT, Asked, Methods
from conduit.surfaces.osc.door import Door
from conduit.surfaces.osc.links import DatagramLink, Link
from conduit.surfaces.osc.replies import REPLIES, ack, parts, refusal, token_of
from conduit.surfaces.osc.settings import OscSettings
from conduit.surfaces.osc.wire import IMMEDIATELY, Bundle, Message, Packet, decode

MOST_CALLS: Final = 256
"""Worked on or waiting, of all senders together."""
MOST_OF_HOST: Final = 64
"""Of these, by one address: ports are free."""
MOST_LATER: Final = 256
"""Messages in bundles whose time has not come."""
MOST_LATER_BYTES: Final = 4 << 20
LONGEST_LATER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Later:
    """A bundle that waits for its time: whose, how many messages, and bytes."""

    key: str
    count: int
    size: int


class Bridge:
    """For use in one event loop. ``now`` is in seconds since 1970, for time tags."""

    def __init__(
        self,
        settings: OscSettings,
        service: Service,
        door: Door,
        now: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self.settings = settings
        self.door = door
        self._queues = CallQueues(
            service,
            Limits(settings.at_once, settings.queue, MOST_OF_HOST, MOST_CALLS, MOST_CALLS),
        )
        self._now = now
        self._new_id = new_id
        self._methods = Methods(settings.may)
        self._later: dict[asyncio.TimerHandle, _Later] = {}

    def hear(self, link: Link, data: bytes) -> None:
        """Act on one packet of somebody who was let in. Raises nothing."""
        try:
            packet = decode(data, left_out=lambda error: self._grumble(link, error))
            elements = list(_all(packet))
            if any(isinstance(each, Message) and each.address in REPLIES for each in elements):
                return  # somebody's reply, perhaps our own: to answer it would never end
            self.door.paced(link.host, max(1, len(elements)))
        except (InvalidInput, RateLimited) as error:
            self._grumble(link, error)
            return
        self._take(link, packet, len(data))

    def left(self, link: Link) -> None:
        """It is gone: end what it asked for."""
        for handle, later in tuple(self._later.items()):
            if later.key == link.key:
                handle.cancel()
                del self._later[handle]
        self._queues.leave(link.key)

    async def idle(self) -> None:
        """Wait until nothing is worked on."""
        await self._queues.idle()

    async def aclose(self) -> None:
        """End everything, and close the connections."""
        for handle in self._later:
            handle.cancel()
        self._later.clear()
        await self._queues.aclose()

    def _take(self, link: Link, packet: Packet, size: int) -> None:
        """Do it now, or at its time. Messages of one bundle begin in their order, and nothing
        comes between."""
        if isinstance(packet, Message):
            self._begin(link, packet)
            return
        wait = 0.0 if packet.at == IMMEDIATELY else packet.at.unix_s - self._now()
        if wait <= 0:
            for element in packet.elements:
                self._take(link, element, size)
            return
        count = max(1, len(list(_all(packet))))
        waiting = sum(each.count for each in self._later.values())
        kept = sum(each.size for each in self._later.values())
        if wait > LONGEST_LATER_S:
            error: ConduitError = InvalidInput(
                f"the bundle's time is {wait:,.0f} s from now; {LONGEST_LATER_S:g} s are kept",
                where="#bundle",
                hint="set the clocks by NTP, or send it later",
            )
        elif waiting + count > MOST_LATER or kept + size > MOST_LATER_BYTES:
            error = Overloaded(
                f"{waiting} messages wait for their time already", retry_after_s=wait
            )
        else:
            handle: asyncio.TimerHandle = asyncio.get_running_loop().call_later(
                wait, lambda: self._due(handle, link, packet)
            )
            self._later[handle] = _Later(link.key, count, size)
            return
        self._refuse(link, "-", error)

    def _due(self, handle: asyncio.TimerHandle, link: Link, bundle: Bundle) -> None:
        size = self._later.pop(handle).size
        self._take(link, Bundle(bundle.elements, IMMEDIATELY), size)

    def _begin(self, link: Link, message: Message) -> None:
        if message.address == HELLO:
            self._hello(link, message)
            return
        try:
            calls = self._methods.read(message)
        except ConduitError as error:
            if message.address.startswith(ROOT):
                self._refuse(link, _corr_in(message), error)
            else:
                self._grumble(link, error)
            return
        for asked in calls:
            corr = asked.corr or self._new_id()
            try:
                self._one(link, asked, corr)
            except ConduitError as error:
                self._refuse(link, corr, error)

    def _hello(self, link: Link, message: Message) -> None:
        """A token is given, to be said back; over TCP there is nothing to prove."""
        if not isinstance(link, DatagramLink):
            link.say(ack("hello", 200))
            return
        given = message.arguments[0] if message.arguments else ""
        if isinstance(given, str) and self.door.proves(link.place, given):
            link.say(ack("hello", 200))
        else:
            link.say(token_of(self.door.token(link.place)))

    def _one(self, link: Link, asked: Asked, corr: str) -> None:
        if asked.intent == CANCEL:
            self._queues.cancel(link.key, corr)
            return
        if not any(fnmatch.fnmatchcase(asked.intent, each) for each in self.settings.may):
            raise Forbidden(
                f"nobody may ask for {asked.intent} over OSC",
                where="--may",
                hint="the operator allows it: conduit osc serve --may …, or CONDUIT_OSC_MAY",
            )
        call = Call(asked.intent, asked.body, corr, self._new_id())
        self._queues.put(Sender(link.key, link.host), call, partial(self._told, link, corr))

    async def _told(self, link: Link, corr: str, kind: Kind, body: Json | Trouble) -> None:
        if kind == "ack":
            messages = [ack(corr)]
        elif isinstance(body, Trouble):
            messages = [refusal(corr, body, link.most)]
        else:
            messages = _parts(link, "progress" if kind == "progress" else "result", corr, body)
        await link.send(messages)

    def _grumble(self, link: Link, error: ConduitError) -> None:
        """Refuse what may come by the thousand: no more than once a second."""
        if self.door.worth_telling(link.host):
            self._refuse(link, "-", error)

    def _refuse(self, link: Link, corr: str, error: ConduitError | Trouble) -> None:
        link.say(refusal(corr, error, link.most))


def _all(packet: Packet) -> Iterator[Packet]:
    """The message, or all that is in the bundle, the bundles too: each may have to be refused."""
    if isinstance(packet, Message):
        yield packet
        return
    for element in packet.elements:
        if isinstance(element, Bundle):
            yield element
        yield from _all(element)


def _parts(
    link: Link, kind: Literal["progress", "result"], corr: str, value: Json
) -> list[Message]:
    """A value that has no place here is a refusal; on the way to a result it is left out."""
    try:
        return parts(kind, corr, value, most=link.most, in_all=link.in_all)
    except TooLarge as error:
        return [refusal(corr, error, link.most)] if kind == "result" else []


def _corr_in(message: Message) -> str:
    """What is most likely the corr of a message that could not be read."""
    last = message.arguments[-1] if len(message.arguments) > 1 else "-"
    fits = isinstance(last, str) and 0 < len(last) <= 64 and last.isascii() and last.isprintable()
    return str(last) if fits else "-"
