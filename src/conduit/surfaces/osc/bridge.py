"""The bridge: messages of other hosts in, calls of services out, and back what comes of them.

Every call is answered: with an ``error``, or with an ``ack``, perhaps ``progress``, and a
``result`` or an ``error``, all with its ``corr``. A sender whose queue is full delays no other.
"""

from __future__ import annotations

import asyncio
import fnmatch
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from conduit.contracts.errors import (
    ConduitError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Overloaded,
    RateLimited,
    TooLarge,
)
from conduit.contracts.json import Json
from conduit.intents.codes import Trouble
from conduit.intents.service import Progress, Result, Service
from conduit.intents.telling import CANCEL, CANCELLED, Teller
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

log = logging.getLogger("conduit.osc")


@dataclass(frozen=True, slots=True)
class _Later:
    """A bundle that waits for its time: whose, how many messages, and bytes."""

    key: str
    count: int
    size: int


@dataclass(slots=True)
class _Desk:
    """What one sender has going on."""

    host: str
    turns: asyncio.Semaphore
    calls: dict[str, asyncio.Task[None]] = field(default_factory=dict)


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
        self._service = service
        self._now = now
        self._new_id = new_id
        self._methods = Methods(settings.may)
        self._desks: dict[str, _Desk] = {}
        self._later: dict[asyncio.TimerHandle, _Later] = {}
        self._saying: set[asyncio.Task[None]] = set()
        self._closed = False

    def hear(self, link: Link, data: bytes) -> None:
        """Act on one packet of somebody who was let in. Raises nothing."""
        try:
            packet = decode(data, left_out=lambda error: self._grumble(link, error))
            messages = list(_all(packet))
            if any(each.address in REPLIES for each in messages):
                return  # somebody's reply, perhaps our own: to answer it would never end
            self.door.paced(link.host, max(1, len(messages)))
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
        desk = self._desks.get(link.key)
        for task in tuple(desk.calls.values()) if desk else ():
            task.cancel()

    async def idle(self) -> None:
        """Wait until nothing is worked on."""
        while tasks := [task for desk in self._desks.values() for task in desk.calls.values()]:
            await asyncio.wait(tasks)

    async def aclose(self) -> None:
        """End everything, and close the connections."""
        self._closed = True
        for handle in self._later:
            handle.cancel()
        self._later.clear()
        tasks = [task for desk in self._desks.values() for task in desk.calls.values()]
        tasks += self._saying
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._service.aclose()

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
        count = max(1, sum(1 for _ in _all(packet)))
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
            self._say(link, [ack("hello", 200)])
            return
        given = message.arguments[0] if message.arguments else ""
        if isinstance(given, str) and self.door.proves(link.place, given):
            link.say(ack("hello", 200))
        else:
            link.say(token_of(self.door.token(link.place)))

    def _one(self, link: Link, asked: Asked, corr: str) -> None:
        if asked.intent == CANCEL:
            self._cancel(link, corr)
            return
        if not any(fnmatch.fnmatchcase(asked.intent, each) for each in self.settings.may):
            raise Forbidden(
                f"nobody may ask for {asked.intent} over OSC",
                where="--may",
                hint="the operator allows it: conduit osc serve --may …",
            )
        new = _Desk(link.host, asyncio.Semaphore(self.settings.at_once))
        desk = self._desks.setdefault(link.key, new)
        if corr in desk.calls:
            raise Conflict("this corr is going on already", where=corr, hint="take another one")
        most = self.settings.at_once + self.settings.queue
        in_all = sum(len(each.calls) for each in self._desks.values())
        of_host = sum(len(each.calls) for each in self._desks.values() if each.host == link.host)
        if len(desk.calls) >= most or of_host >= MOST_OF_HOST or in_all >= MOST_CALLS:
            self._tidy(link.key, desk)
            raise Overloaded(
                f"{len(desk.calls)} calls of yours go on, {in_all} in all",
                retry_after_s=1.0,
                hint="wait for a result before the next, or a little",
            )
        task = asyncio.create_task(self._work(link, desk, asked, corr), name=f"osc {corr}")
        desk.calls[corr] = task
        task.add_done_callback(partial(self._over, link, desk, corr))

    def _over(self, link: Link, desk: _Desk, corr: str, task: asyncio.Task[None]) -> None:
        desk.calls.pop(corr, None)
        self._tidy(link.key, desk)
        if task.cancelled() and not self._closed:  # before it had begun
            self._refuse(link, corr, CANCELLED)

    def _tidy(self, key: str, desk: _Desk) -> None:
        if not desk.calls and self._desks.get(key) is desk:
            del self._desks[key]

    async def _work(self, link: Link, desk: _Desk, asked: Asked, corr: str) -> None:
        async def tell(body: Json) -> None:
            await self._part(link, "progress", corr, body)

        teller = Teller(tell)
        try:
            await link.send([ack(corr)])
            async with desk.turns:
                value: Json = None
                calls = self._service.call(asked.intent, asked.body, self._new_id())
                async with aclosing(calls) as items:
                    async for item in items:
                        if isinstance(item, Progress):
                            await teller.hear(item.event)
                        elif isinstance(item, Result):
                            value = item.value
                await teller.flush()
                await self._part(link, "result", corr, value)
        except ConduitError as error:
            await teller.flush()
            await link.send([refusal(corr, error, link.most)])
        except asyncio.CancelledError:
            if self._closed:
                raise
            await link.send([refusal(corr, CANCELLED, link.most)])
        except Exception:
            log.exception("the call %s failed", corr)
            await link.send([refusal(corr, ConduitError("it failed"), link.most)])
        finally:
            await teller.aclose()

    async def _part(
        self, link: Link, kind: Literal["progress", "result"], corr: str, value: Json
    ) -> None:
        try:
            messages = parts(kind, corr, value, most=link.most, in_all=link.in_all)
        except TooLarge as error:
            messages = [refusal(corr, error, link.most)] if kind == "result" else []
        await link.send(messages)

    def _cancel(self, link: Link, corr: str) -> None:
        desk = self._desks.get(link.key)
        task = desk.calls.get(corr) if desk is not None else None
        if task is None:
            raise NotFound(
                "nothing with this corr is going on", where=CANCEL, hint="it may be over"
            )
        task.cancel()

    def _grumble(self, link: Link, error: ConduitError) -> None:
        """Refuse what may come by the thousand: no more than once a second."""
        if self.door.worth_telling(link.host):
            self._refuse(link, "-", error)

    def _refuse(self, link: Link, corr: str, error: ConduitError | Trouble) -> None:
        self._say(link, [refusal(corr, error, link.most)])

    def _say(self, link: Link, messages: Sequence[Message]) -> None:
        """Send without waiting; over UDP that is at once."""
        if isinstance(link, DatagramLink):
            for each in messages:
                link.say(each)
            return
        if len(self._saying) < MOST_CALLS and not self._closed:
            task = asyncio.create_task(link.send(messages))
            self._saying.add(task)
            task.add_done_callback(self._saying.discard)


def _all(packet: Packet) -> Iterator[Message]:
    if isinstance(packet, Message):
        yield packet
    else:
        for element in packet.elements:
            yield from _all(element)


def _corr_in(message: Message) -> str:
    """What is most likely the corr of a message that could not be read."""
    last = message.arguments[-1] if len(message.arguments) > 1 else "-"
    fits = isinstance(last, str) and 0 < len(last) <= 64 and last.isascii() and last.isprintable()
    return str(last) if fits else "-"
